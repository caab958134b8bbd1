"""Lets a frozen vault go on: compares first, says what still differs, and keeps who decided what.

A difference does not forbid it, because the person may know what custody can't see. But it has to
be said in so many words, and only the shortage that was there then is accepted: if it grows, the
vault is frozen again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import VaultFreezeRow
from custody.errors import Conflict
from custody.ledger.service import Ledger
from custody.reasons import checked_reason
from custody.reconcile import repository
from custody.reconcile.report import Cause, Line, Report, Verdict, in_words
from custody.reconcile.service import Reconciliation
from custody.vaults import repository as vaults
from custody.vaults.debts import cover_and_tell
from custody.vaults.freezes import not_frozen, open_freezes, unfreeze

_SHOWN: Final = 20
"""Differences in one message."""


@dataclass(frozen=True, slots=True)
class Unfrozen:
    """`ended`: the freezes that were lifted. `lines`: how ledger and chain compared just before."""

    ended: Sequence[VaultFreezeRow]
    lines: Sequence[Line]


class Unfreezing:
    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        reconciliation: Reconciliation,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._reconciliation = reconciliation
        self._clock = clock

    async def unfreeze(
        self, vault: str, reason: str, *, by: str, despite_difference: bool, only: str | None = None
    ) -> Unfrozen:
        """Let the vault pay what it owes, compare it on every network that is served, then end the
        freezes that stood before that, and what the comparison itself found.

        Raises Conflict: vault_not_frozen; books_broken (no person can answer for sums that are
        wrong); vault_still_differs, unless `despite_difference`. Also NotFound(vault_not_found)
        and Invalid(reason_invalid).
        """
        reason = checked_reason(reason)
        async with self._database.read() as session:
            await vaults.vault(session, vault, only=only)
            seen = {row.id for row in await open_freezes(session, vault)}
        if not seen:
            raise not_frozen()
        owed = await cover_and_tell(self._database, self._ledger, vault, self._clock())
        report = await self._reconciliation.run(vault=vault, cause=Cause.UNFREEZING, by=by)
        _check_books(report, vault)
        differing = [line for line in report.lines if line.verdict is not Verdict.EQUAL]
        words = [owed] if owed else []
        difference = "; ".join([*words, *map(in_words, differing[:_SHOWN])]) or None
        if difference is not None and not despite_difference:
            raise Conflict("vault_still_differs", f"The vault still differs: {difference}")
        async with self._database.read() as session:  # the comparison itself may have added one
            seen |= {
                row.id
                for row in await open_freezes(session, vault)
                if row.reason == AlarmCode.SHORTAGE
            }
        now = self._clock()
        async with self._database.write() as session:
            ended = await unfreeze(
                session, vault, reason, now, by=by, seen=seen, difference=difference
            )
            short = {
                line.asset: max(0, -line.surplus)
                for line in differing
                if line.verdict is Verdict.SHORTAGE
            }
            await repository.accept_shortages(session, vault, short)
        return Unfrozen(ended, report.lines)


def _check_books(report: Report, vault: str) -> None:
    faults = [fault for fault in report.faults if fault.vault in (None, vault)]
    if faults:
        raise Conflict("books_broken", f"The books do not add up: {faults[0].message}")
