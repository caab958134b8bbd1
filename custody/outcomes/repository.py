"""Rows of outcomes and of stopped contracts. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from chains.model import Address, BlockRef, NetworkId
from custody.db.look import Quick
from custody.db.outcome_tables import CallOutcomeRow, ContractStopRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import VaultRow
from custody.db.transfer_tables import (
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.errors import NotFound
from custody.outcomes.model import After, Before, Bounded
from custody.transactions.state import State as TransactionState
from custody.transfers.kinds import Kind
from custody.transfers.state import State
from signer.agreement import Purpose


def stop_key(vault: str, network: NetworkId, contract: Address) -> str:
    return f"{vault} {network} {contract}"


async def standing(
    session: ReadSession, vault: str, network: NetworkId, contract: Address
) -> ContractStopRow | None:
    """What keeps the vault from calling it."""
    key = stop_key(vault, network, contract)
    return await session.one_or_none(select(ContractStopRow).where(ContractStopRow.open_key == key))


async def stops(
    session: ReadSession, *, only: str | None = None, open_only: bool = True
) -> Sequence[ContractStopRow]:
    """The oldest first. `only`: of a client's vaults."""
    wanted = select(ContractStopRow)
    if open_only:
        wanted = wanted.where(ContractStopRow.open_key.is_not(None))
    if only is not None:
        mine = select(VaultRow.id).where(VaultRow.client_id == only)
        wanted = wanted.where(ContractStopRow.vault_id.in_(mine))
    return await session.all(wanted.order_by(ContractStopRow.id))


async def lock_stop(session: WriteSession, stop_id: str) -> ContractStopRow:
    """Raises NotFound contract_stop_not_found."""
    mine = select(ContractStopRow).where(ContractStopRow.id == stop_id)
    for row in await session.for_update(mine.order_by(ContractStopRow.id)):
        return row
    raise NotFound("contract_stop_not_found", "There is no such stop.")


async def outcome_of(session: ReadSession, transfer_id: str) -> CallOutcomeRow | None:
    return await session.get(CallOutcomeRow, transfer_id)


async def note_before(
    session: WriteSession,
    wanted: Bounded,
    found: Before,
    said: str,
    block: BlockRef | None,
    now: datetime,
) -> None:
    row = await _locked(session, wanted)
    row.checked, row.checked_words, row.checked_at = found, said or None, now
    row.checked_height = None if block is None else block.height
    row.checked_hash = None if block is None else block.hash


async def note_after(
    session: WriteSession, wanted: Bounded, found: After, said: str, now: datetime
) -> bool:
    """False, and nothing written, if somebody was first."""
    row = await _locked(session, wanted)
    if row.settled is not None:
        return False
    row.settled, row.settled_words, row.settled_at = found, said or None, now
    return True


async def _locked(session: WriteSession, wanted: Bounded) -> CallOutcomeRow:
    mine = select(CallOutcomeRow).where(CallOutcomeRow.transfer_id == wanted.transfer)
    mine = mine.order_by(CallOutcomeRow.transfer_id)
    found = await session.for_update(mine)
    if not found:
        names = CallOutcomeRow.__table__.columns.keys()
        new = dict.fromkeys(names) | {
            "transfer_id": wanted.transfer,
            "vault_id": wanted.vault,
            "network": wanted.network,
            "contract": wanted.call.contract,
        }
        await session.insert_missing(CallOutcomeRow, [new])
        found = await session.for_update(mine)
    (row,) = found
    return row


_UNSETTLED: Final = (
    select(MandateRow, TransactionRow)
    .join(TransactionTransferRow, TransactionTransferRow.transfer_id == MandateRow.transfer_id)
    .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
    .join(TransferRow, TransferRow.id == MandateRow.transfer_id)
    .outerjoin(CallOutcomeRow, CallOutcomeRow.transfer_id == TransferRow.id)
    .where(
        TransferRow.kind == Kind.CALL.value,
        TransferRow.network == bindparam("network"),
        TransferRow.state == State.FINAL.value,
        TransactionTransferRow.mandate_version == MandateRow.version,
        TransactionRow.state == TransactionState.FINAL.value,
        TransactionRow.purpose == Purpose.PAY.value,
        CallOutcomeRow.settled.is_(None),
    )
    .order_by(TransferRow.serial)
)
_ANY_UNSETTLED: Final = select(_UNSETTLED.exists().label("any_unsettled"))


async def unsettled(
    session: ReadSession, network: NetworkId, most: int
) -> Sequence[tuple[MandateRow, TransactionRow]]:
    """Calls that are final and were not compared yet: the terms that were signed, and the
    transaction."""
    rows = await session.rows(_UNSETTLED.limit(most), {"network": network})
    return [(mandate, row) for mandate, row in rows]


async def is_any_unsettled(session: Quick, network: NetworkId) -> bool:
    """Whether `unsettled` has any."""
    ((found,),) = await session.quick_rows(_ANY_UNSETTLED, {"network": network})
    return bool(found)
