"""The query behind a list of transfers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, select

from custody.db.listing import Window, find
from custody.db.session import ReadSession
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.transfers.filters import TransferFilter


async def page_of_transfers(
    session: ReadSession, wanted: TransferFilter, window: Window
) -> Sequence[TransferRow]:
    conditions, states = list(_conditions(wanted)), [state.value for state in wanted.states]
    return await find(session, TransferRow, conditions, states, window, few=wanted.leaves_few)


def _conditions(wanted: TransferFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (TransferRow.client_id, wanted.client_id),
        (TransferRow.vault_id, wanted.vault_id),
        (TransferRow.network, wanted.network),
        (TransferRow.asset, wanted.asset),
        (TransferRow.external_id, wanted.external_id),
    ):
        if value is not None:
            yield column == value
    if wanted.destinations is not None:
        yield TransferRow.destination.in_(wanted.destinations)
    if wanted.txid is not None:
        carried = (
            select(TransactionTransferRow.transfer_id)
            .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
            .where(TransactionRow.txid == wanted.txid)
        )
        yield TransferRow.id.in_(carried)
    yield from wanted.created.bounds(TransferRow.requested_at)
    yield from wanted.updated.bounds(TransferRow.updated_at)
