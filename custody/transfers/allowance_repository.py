"""Queries on transfers that allow somebody to take a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from chains.messages.model import TYPED
from custody.db.message_tables import MessageRow
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.transactions.state import State
from custody.transfers.kinds import Kind
from custody.transfers.state import State as TransferState
from signer.agreement import Purpose


async def allowing(session: ReadSession, vault: str) -> Sequence[Any]:
    """(transfer, address that allowed) of those that a block has, the oldest block first."""
    return await session.rows(
        select(TransferRow, TransactionRow.source)
        .join(TransactionTransferRow, TransactionTransferRow.transfer_id == TransferRow.id)
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(
            TransferRow.vault_id == vault,
            TransferRow.kind == Kind.ALLOWANCE,
            TransactionRow.purpose == Purpose.PAY,
            TransactionRow.state.in_((State.INCLUDED.value, State.FINAL.value)),
        )
        .order_by(TransactionRow.block_height, TransactionRow.id)
    )


async def signed_typed(session: ReadSession, vault: str) -> Sequence[Any]:
    """(transfer, address that signed) of messages that may give something away: those of typed
    data that were signed, in the order in which they were asked for."""
    return await session.rows(
        select(TransferRow, MessageRow.signer)
        .join(MessageRow, MessageRow.transfer_id == TransferRow.id)
        .where(
            TransferRow.vault_id == vault,
            TransferRow.kind == Kind.MESSAGE,
            TransferRow.state == TransferState.FINAL,
            MessageRow.kind.in_(sorted(TYPED)),
        )
        .order_by(TransferRow.serial)
    )
