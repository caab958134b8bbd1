"""Rolling sums over what the journal says was signed, exact and without a scan per transfer.

A sum is read from the journal once, when a rule first asks for it, and kept up to date in memory;
it can be forgotten at any time. What was dropped from it as too old comes back when the clock turns
out to have been wrong. Order is the journal's, whatever times its records carry. A transfer counts
once, with what its newest record says: `Guard` makes a replacement's record say the most that any
of the transfer's transactions takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chains.model import AssetId
from signer.chain import Record
from signer.policy import NOTHING, Payee, Spend, Usage, Window, taken_of

_SUMS_MAX: Final = 4096

SignedSince = Callable[[str, datetime], Iterator[tuple[Record, datetime]]]
"""(vault, time) to the vault's `signed` records after it, in the journal's order, and when each was
made on the clock of today."""


_EVER: Final = datetime.min.replace(tzinfo=UTC)


class _Sum:
    """One window's content: what each transfer takes of it, and since when, so that it is known
    when that grows too old. `floor`: what is older has been dropped."""

    def __init__(self) -> None:
        self.floor = _EVER
        self._shares: dict[str, tuple[datetime, Usage]] = {}
        self._order: deque[tuple[datetime, str]] = deque()
        self._held = NOTHING

    def put(self, transfer: str, at: datetime, taking: Usage) -> None:
        """Count `taking` in place of what the transfer counted before. Later in the journal is
        never earlier in the window."""
        since = max(at, self._order[-1][0]) if self._order else at
        _, before = self._shares.pop(transfer, (since, NOTHING))
        self._shares[transfer] = since, taking
        self._order.append((since, transfer))
        self._held = _less(self._held, before, taking)

    def usage(self, after: datetime, without: Collection[str]) -> Usage:
        """What is younger than `after`, which is not before `floor`, except the shares of some
        transfers."""
        self.floor = after
        while self._order and self._order[0][0] <= after:
            at, transfer = self._order.popleft()
            since, taking = self._shares.get(transfer, (None, NOTHING))
            if since == at:
                del self._shares[transfer]
                self._held = _less(self._held, taking)
        held = self._held
        for transfer in set(without):
            held = _less(held, self._shares.get(transfer, (None, NOTHING))[1])
        return held


def _less(held: Usage, gone: Usage, come: Usage = NOTHING) -> Usage:
    return Usage(held.amount - gone.amount + come.amount, held.count - gone.count + come.count)


class RollingSums:
    """The sums in use, each loaded when first asked for."""

    def __init__(self, signed_since: SignedSince) -> None:
        self._signed_since = signed_since
        self._sums: dict[Window, _Sum] = {}
        self._by_asset: dict[tuple[str, AssetId], set[Window]] = {}

    def usage(self, window: Window, now: datetime, without: Collection[str]) -> Usage:
        """What `window` holds at `now`, except what the transfers `without` take. Of an earlier
        `now` than before too: what was dropped is read again."""
        after = now - timedelta(seconds=window.seconds)
        found = self._sums.get(window)
        if found is None or after < found.floor:
            found = self._load(window, after)
        return found.usage(after, without)

    def put(self, spends: Sequence[Spend]) -> None:
        """All that one transfer takes, in place of what it took before."""
        for account in {(spend.vault, spend.asset) for spend in spends}:
            for window in self._by_asset.get(account, ()):
                _put(self._sums[window], window, spends)

    def forget(self) -> None:
        """Load everything again when next asked for."""
        self._sums.clear()
        self._by_asset.clear()

    def _load(self, window: Window, after: datetime) -> _Sum:
        if len(self._sums) >= _SUMS_MAX:
            self.forget()
        loaded = self._sums[window] = _Sum()
        for record, at in self._signed_since(window.vault, after):
            _put(loaded, window, spends_in(record, at))
        self._by_asset.setdefault((window.vault, window.asset), set()).add(window)
        return loaded


def spends_in(record: Record, at: datetime) -> list[Spend]:
    """What a `signed` record, made `at`, takes from the windows."""
    body = record.body
    return [
        Spend(body["transfer"], body["vault"], asset, to and Payee(*to), int(amount), at)
        for asset, to, amount in body["spends"]
    ]


def spend_row(spend: Spend) -> list[Any]:
    """As `spends_in` reads it."""
    return [spend.asset, spend.destination and list(spend.destination), str(spend.amount)]


def most_of(spends: Iterable[Spend], earlier: Iterable[Spend], at: datetime) -> tuple[Spend, ...]:
    """Thing by thing, the most that the new transaction, signed at `at`, or any before it takes:
    one of them will confirm, and nobody knows which. A new one that takes nothing frees nothing."""
    most: dict[tuple[AssetId, Payee | None], Spend] = {}
    for spend in (*spends, *earlier):
        key = spend.asset, spend.destination
        if key not in most or spend.amount > most[key].amount:
            most[key] = spend._replace(at=at)
    return tuple(most.values())


def _put(target: _Sum, window: Window, spends: Sequence[Spend]) -> None:
    taking = taken_of(spends, window)
    if taking != NOTHING:
        target.put(spends[0].transfer, spends[0].at, taking)
