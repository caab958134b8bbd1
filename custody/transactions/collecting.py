"""Who waits for others, to be paid by one transaction with them, and who goes alone.

The window is the operator's, and begins when a transfer was agreed to, so it ends at the same time
for every process and after every restart. Whoever's time has come takes along all of the vault that
wait, whichever worker holds their work: their rows are locked before anything is built, as ever.

Nobody holds the others. Who can't go with them goes alone, or waits alone: those whose own bound is
too low for their share, and all of a set that can't be built or was refused by the signer without
ending one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chains.costs import CostKind, withheld_in
from chains.errors import BuildError, ChainError, ClaimUnusable, FeeAboveMaximum, InvalidInput
from chains.model import AssetId, NetworkId
from chains.shares import shares
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow
from custody.transactions import repository
from custody.transactions.planners.plan import Plan, Waiting
from custody.transactions.state import State
from custody.transfers.state import State as TransferState
from signer.wire import RefusalCode

_ABOUT_NOBODY: Final = frozenset({RefusalCode.LOCKED.value, RefusalCode.STOPPED.value})
_REFUSALS: Final = frozenset(code.value for code in RefusalCode) - _ABOUT_NOBODY

Windows = Mapping[NetworkId, timedelta]
"""How long a transfer waits for others after it was agreed to. A network that isn't named collects
nothing."""


def collected(each: Waiting, windows: Windows, apart: Collection[str]) -> Waiting:
    """Until when it waits, unless it goes alone. What empties a vault leaves nothing for others,
    and what a token keeps of a payment is no cost to be shared by size."""
    window = windows.get(each.network)
    own = each.empties or each.coins_first is not None
    kept = bool(withheld_in(each.costs_max))
    alone = each.apart or own or kept or each.transfer in apart or each.replaces is not None
    return each if window is None or alone else replace(each, collects_until=each.since + window)


def due(waiting: Collection[Waiting], now: datetime) -> set[tuple[NetworkId, str]]:
    """Networks and vaults of which the first one's time has come."""
    return {
        (each.network, each.vault)
        for each in waiting
        if each.collects_until is not None and each.collects_until <= now
    }


def left_out(plan: Plan, error: ChainError, native: AssetId) -> set[str]:
    """Of a transaction for several that can't be built: who goes alone, so that the rest may go
    together. Empty if the trouble is nobody's, or if what is replaced has to be replaced whole."""
    if len(plan.transfers) == 1 or plan.replaces is not None or isinstance(error, ClaimUnusable):
        return set()
    if isinstance(error, FeeAboveMaximum) and error.needed is not None:
        parts = shares(error.needed, [each.size for each in plan.transfers])
        tight = {
            each.transfer
            for each, part in zip(plan.transfers, parts, strict=True)
            if part > each.costs_max.get((native, CostKind.FEE), 0)
        }
        if tight:
            return tight
    every = {each.transfer for each in plan.transfers}
    return every if isinstance(error, BuildError | InvalidInput) else set()


async def refused_together(
    session: ReadSession, contests: Mapping[str, Sequence[TransactionRow]]
) -> set[str]:
    """Transfers whose newest bytes the signer refused without ending one that they were for: in
    their next transaction each is alone, so that the one in the way is in nobody's."""
    newest = {
        each: built[-1]
        for each, contest in contests.items()
        if (built := [row for row in contest if row.payload is not None])
    }
    refused = {
        each: row.id
        for each, row in newest.items()
        if row.state == State.ABANDONED and row.refusal in _REFUSALS
    }
    if not refused:
        return set()
    named: dict[str, list[str]] = {}
    for part in await repository.carried(session, set(refused.values())):
        named.setdefault(part.transaction_id, []).append(part.transfer_id)
    carried = await repository.transfers_of(session, set(refused.values()))
    waiting = {row.id for row in carried if row.state == TransferState.APPROVED}
    return {each for each, row in refused.items() if waiting.issuperset(named[row])}
