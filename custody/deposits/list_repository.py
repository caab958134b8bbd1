"""The query behind a list of deposits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement

from custody.db.listing import Window, find
from custody.db.session import ReadSession
from custody.db.tables import DepositRow
from custody.deposits.filters import DepositFilter


async def page_of_deposits(
    session: ReadSession, wanted: DepositFilter, window: Window
) -> Sequence[DepositRow]:
    conditions, states = list(_conditions(wanted)), [state.value for state in wanted.states]
    return await find(session, DepositRow, conditions, states, window, few=wanted.leaves_few)


def _conditions(wanted: DepositFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (DepositRow.client_id, wanted.client_id),
        (DepositRow.vault_id, wanted.vault_id),
        (DepositRow.network, wanted.network),
        (DepositRow.asset, wanted.asset),
        (DepositRow.txid, wanted.txid),
        (DepositRow.transfer_id, wanted.transfer_id),
    ):
        if value is not None:
            yield column == value
    if wanted.addresses is not None:
        yield DepositRow.address_id.in_(wanted.addresses)
    yield from wanted.created.bounds(DepositRow.created_at)
    yield from wanted.updated.bounds(DepositRow.updated_at)
