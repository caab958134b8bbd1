"""All that custody has about one transfer, as rows: what was asked, agreed, signed and booked.

Gathered in one snapshot. Nothing is interpreted here, so a row that makes no sense any more is
still shown to who has to find out why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chains.effects import Pay, Told
from chains.model import ConflictKey
from custody.apikeys.model import Caller
from custody.audit import repository
from custody.audit.repository import Booked
from custody.db.feed_tables import EventRow
from custody.db.session import ReadSession
from custody.db.tables import AlarmRow, PolicyVersionRow, VaultFreezeRow
from custody.db.transfer_tables import (
    ApprovalRow,
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.errors import NotFound
from custody.transactions import repository as transactions
from custody.transfers import repository as transfers
from custody.transfers.mandates import told_of
from custody.transfers.state import State

TOUCHING_MAX: Final = 200
"""Of alarms and of freezes, the newest."""
_OPEN: Final = (State.AWAITING_APPROVAL, State.APPROVED, State.IN_FLIGHT)


@dataclass(frozen=True, slots=True)
class Built:
    """A transaction with what it takes for itself and every transfer that it carries."""

    row: TransactionRow
    keys: tuple[ConflictKey, ...]
    carries: tuple[TransactionTransferRow, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """`approvals`: by the digest of what they are about. `policies`: those in force from the
    request to the last signature, or to the end where nothing was signed. `alarms`, `freezes`:
    those that stood while it was under way, the newest `TOUCHING_MAX`."""

    transfer: TransferRow
    payments: tuple[Pay, ...]
    told: Told | None
    mandates: Sequence[MandateRow]
    approvals: Mapping[bytes, Sequence[ApprovalRow]]
    transactions: Sequence[Built]
    events: Sequence[EventRow]
    entries: Sequence[Booked]
    policies: Sequence[PolicyVersionRow]
    alarms: Sequence[AlarmRow]
    freezes: Sequence[VaultFreezeRow]


async def gather(session: ReadSession, transfer_id: str, caller: Caller, now: datetime) -> Evidence:
    """Raises NotFound transfer_not_found, also for another client's."""
    row = await transfers.find_transfer(session, transfer_id, caller.client_id)
    if row is None:
        raise NotFound("transfer_not_found", "no such transfer")
    mandates = await transfers.mandates_of(session, row.id)
    approvals = await transfers.verdicts_by_mandate(session, mandates)
    built = await _built(session, row.id)
    subjects = [row.id, *(each.row.id for each in built)]
    subjects += [each.id for given in approvals.values() for each in given]
    until = now if row.state in _OPEN else row.updated_at
    whole = caller.client_id is None
    return Evidence(
        transfer=row,
        payments=(await transfers.payments_of(session, [row]))[row.id],
        told=told_of(row, mandates),
        mandates=mandates,
        approvals=approvals,
        transactions=built,
        events=await repository.events_about(session, subjects),
        entries=await repository.entries_about(session, row.id, row.client_id),
        policies=await repository.policies_between(session, row.requested_at, _judged(row, built)),
        alarms=await repository.alarms_touching(session, row, until, TOUCHING_MAX, whole=whole),
        freezes=await repository.freezes_touching(session, row, until, TOUCHING_MAX),
    )


async def _built(session: ReadSession, transfer_id: str) -> list[Built]:
    """Every transaction that names the transfer, oldest first."""
    rows = await transactions.contest(session, transfer_id)
    ids = [row.id for row in rows]
    keys = await transactions.keys_by_transaction(session, ids)
    carried: dict[str, list[TransactionTransferRow]] = {each: [] for each in ids}
    for each in await transactions.carried(session, ids):
        carried[each.transaction_id].append(each)
    return [Built(row, keys[row.id], tuple(carried[row.id])) for row in rows]


def _judged(row: TransferRow, built: Sequence[Built]) -> datetime:
    """When a policy last had a say."""
    signed = [each.row.signed_at for each in built if each.row.signed_at is not None]
    return max(signed, default=row.updated_at)
