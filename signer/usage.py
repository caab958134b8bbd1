"""Rolling sums over what the journal says was signed, exact and without a scan per transfer.

A sum is read from the journal once, when a rule first asks for it, and kept up to date in memory;
it can be forgotten at any time. A transfer that was signed more than once (a replacement) counts
with the most that any of its transactions takes, since only one can confirm.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from chains.model import Address, AssetId
from signer.journal import Record
from signer.policy import Spend, Usage, Window
from signer.wire import format_time, parse_time

_SUMS_MAX: Final = 4096

SignedSince = Callable[[str, str], Iterator[Record]]
"""(vault, RFC 3339 time) to the vault's `signed` records after it."""


class _Part(NamedTuple):
    at: datetime
    transfer: str
    amount: int
    pays: bool


class _Sum:
    """One window's content: parts in order of time, their total, and how often each transfer
    pays. A clock that was set back makes parts stay longer, never shorter."""

    def __init__(self) -> None:
        self._parts: deque[_Part] = deque()
        self._amount = 0
        self._paying: Counter[str] = Counter()

    def add(self, spend: Spend) -> None:
        pays = spend.destination is not None
        self._parts.append(_Part(spend.at, spend.transfer, spend.amount, pays))
        self._amount += spend.amount
        if pays:
            self._paying[spend.transfer] += 1

    def usage(self, after: datetime) -> Usage:
        while self._parts and self._parts[0].at <= after:
            part = self._parts.popleft()
            self._amount -= part.amount
            if part.pays:
                self._paying[part.transfer] -= 1
                if not self._paying[part.transfer]:
                    del self._paying[part.transfer]
        return self.content()

    def content(self) -> Usage:
        return Usage(self._amount, len(self._paying))


class RollingSums:
    """The sums in use, each loaded when first asked for."""

    def __init__(self, signed_since: SignedSince) -> None:
        self._signed_since = signed_since
        self._sums: dict[Window, _Sum] = {}
        self._by_asset: dict[tuple[str, AssetId], list[Window]] = {}

    def usage(self, window: Window, now: datetime) -> Usage:
        after = now - timedelta(seconds=window.seconds)
        found = self._sums.get(window)
        if found is None:
            found = self._load(window, after)
        return found.usage(after)

    def add(self, spends: Iterable[Spend]) -> None:
        """A transfer that was signed for the first time."""
        for spend in spends:
            for window in self._by_asset.get((spend.vault, spend.asset), ()):
                if window.destination in (None, spend.destination):
                    self._sums[window].add(spend)

    def forget(self, vault: str | None = None) -> None:
        """Load again what concerns `vault`, or everything, when next asked for."""
        gone = [window for window in self._sums if vault in (None, window.vault)]
        for window in gone:
            del self._sums[window]
        for key in [key for key in self._by_asset if vault in (None, key[0])]:
            del self._by_asset[key]

    def _load(self, window: Window, after: datetime) -> _Sum:
        if len(self._sums) >= _SUMS_MAX:
            self.forget()
        loaded = _Sum()
        for spend in merged_spends(self._signed_since(window.vault, format_time(after))):
            if spend.fits(window):
                loaded.add(spend)
        self._sums[window] = loaded
        self._by_asset.setdefault((window.vault, window.asset), []).append(window)
        return loaded


def merged_spends(records: Iterable[Record]) -> list[Spend]:
    """The spends of `signed` records in order of time, each transfer once: with the time of its
    last transaction and, for each thing it pays, the most that one of its transactions takes."""
    most: dict[str, dict[tuple[AssetId, Address | None], int]] = {}
    last: dict[str, tuple[datetime, str]] = {}
    for record in records:
        body = record.body
        transfer = body["transfer"]
        taken = most.setdefault(transfer, {})
        last.pop(transfer, None)
        last[transfer] = parse_time(body["at"]), body["vault"]
        for asset, destination, amount in body["spends"]:
            key = asset, destination
            taken[key] = max(taken.get(key, 0), int(amount))
    return [
        Spend(transfer, vault, asset, destination, amount, at)
        for transfer, (at, vault) in last.items()
        for (asset, destination), amount in most[transfer].items()
    ]


def merged_usage(records: Iterable[Record], window: Window, *, without: str) -> Usage:
    """What `window` holds besides the transfer `without`; `records` are those young enough."""
    total = _Sum()
    for spend in merged_spends(records):
        if spend.transfer != without and spend.fits(window):
            total.add(spend)
    return total.content()
