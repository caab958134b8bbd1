"""How long to wait before a node is asked again, as pure functions. Times are monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Final

DELAY_MAX_S: Final = 300
"""No node keeps itself from being asked for longer, whatever it says."""
BACKOFF_FIRST_S: Final = 1
BACKOFF_MAX_S: Final = 60


def retry_after_delay(value: str | None, date: str | None) -> int | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); None without a
    readable one. A date counts from the answer's own Date, so our clock does not matter."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), DELAY_MAX_S)
    try:
        until, sent = parsedate_to_datetime(text), parsedate_to_datetime(date or "")
        wanted = int((until - sent).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wanted, 0), DELAY_MAX_S)


def backoff_delay(failures: int, delay_share: float) -> float:
    """Seconds to wait after so many failures in a row. Doubles up to a bound; `delay_share`, a
    random number of 0 to 1, takes up to half away, so that many processes don't come back at
    once."""
    doubled = BACKOFF_FIRST_S << min(max(failures - 1, 0), 16)
    longest = min(doubled, BACKOFF_MAX_S)
    return longest * (1 + delay_share) / 2


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit of `per_second` requests, of which as many may come at once. `level_delay`: seconds
    of the limit that are used up at `clock_s`."""

    per_second: int
    level_delay: float = 0.0
    clock_s: float = 0.0

    def delay_of_next(self, now_clock: float) -> tuple[Bucket, float]:
        """The bucket after one more request, and the seconds that this one has to wait."""
        drained = max(0.0, self.level_delay - max(0.0, now_clock - self.clock_s))
        used = drained + 1 / self.per_second
        return replace(self, level_delay=used, clock_s=now_clock), max(0.0, used - 1)
