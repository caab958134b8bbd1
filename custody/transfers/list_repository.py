"""The query behind a list of transfers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, select, union_all
from sqlalchemy.orm import aliased

from custody.db.listing import Window, find
from custody.db.session import ReadSession
from custody.db.transfer_tables import (
    TransactionRow,
    TransactionTransferRow,
    TransferOutputRow,
    TransferRow,
)
from custody.transfers.filters import TransferFilter

_ALONE = aliased(TransferRow)


async def page_of_transfers(
    session: ReadSession, wanted: TransferFilter, window: Window
) -> Sequence[TransferRow]:
    to = wanted.destinations
    beside = to is not None and await session.first(_outputs_to(to).limit(1)) is not None
    conditions = list(_conditions(wanted, beside=beside))
    states = [state.value for state in wanted.states]
    return await find(session, TransferRow, conditions, states, window, few=wanted.leaves_few)


def _outputs_to(destinations: Sequence[str]) -> Select[str]:
    return select(TransferOutputRow.transfer_id).where(
        TransferOutputRow.destination.in_(destinations)
    )


def _pays(destinations: Sequence[str], *, beside: bool) -> ColumnElement[bool]:
    """`beside`: also of those that pay several, where there is one. Each table is then read by its
    own index, which no database does for "one or the other"."""
    if not beside:
        return TransferRow.destination.in_(destinations)
    alone = select(_ALONE.id).where(_ALONE.destination.in_(destinations))
    return TransferRow.id.in_(union_all(alone, _outputs_to(destinations)))


def _conditions(wanted: TransferFilter, *, beside: bool) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (TransferRow.client_id, wanted.client_id),
        (TransferRow.vault_id, wanted.vault_id),
        (TransferRow.network, wanted.network),
        (TransferRow.asset, wanted.asset),
        (TransferRow.external_id, wanted.external_id),
        (TransferRow.priority, wanted.priority),
        (TransferRow.kind, wanted.kind),
        (TransferRow.payout_file, wanted.payout_file),
    ):
        if value is not None:
            yield column == value
    if wanted.destinations is not None:
        yield _pays(wanted.destinations, beside=beside)
    if wanted.txid is not None:
        carried = (
            select(TransactionTransferRow.transfer_id)
            .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
            .where(TransactionRow.txid == wanted.txid)
        )
        yield TransferRow.id.in_(carried)
    yield from wanted.created.bounds(TransferRow.requested_at)
    yield from wanted.updated.bounds(TransferRow.updated_at)
