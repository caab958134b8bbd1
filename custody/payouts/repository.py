"""Queries on files of payments and their lines. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update

from custody.db.listing import Window, page
from custody.db.look import Quick
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.db.session import ReadSession, WriteSession
from custody.db.sums import exact_sum
from custody.db.tables import ApiKeyRow
from custody.db.transfer_tables import TransferRow
from custody.errors import NotFound
from custody.payouts.model import FileState, LineState


async def lock_file(session: WriteSession, file_id: str) -> PayoutFileRow | None:
    mine = select(PayoutFileRow).where(PayoutFileRow.id == file_id).order_by(PayoutFileRow.id)
    return next(iter(await session.for_update(mine)), None)


async def file(session: ReadSession, file_id: str, only: str | None) -> PayoutFileRow:
    """`only`: of this client. Raises NotFound payout_file_not_found."""
    row = await session.get(PayoutFileRow, file_id)
    if row is None or only not in (None, row.client_id):
        raise NotFound("payout_file_not_found", "There is no such payout file.")
    return row


async def with_reference(session: ReadSession, client: str, reference: str) -> str | None:
    """The file that has this reference."""
    return await session.first(
        select(PayoutFileRow.id)
        .where(PayoutFileRow.reference == reference, PayoutFileRow.client_id == client)
        .order_by(PayoutFileRow.id)
    )


async def files(
    session: ReadSession,
    window: Window,
    *,
    client: str | None,
    state: str | None = None,
    reference: str | None = None,
) -> Sequence[PayoutFileRow]:
    wanted = select(PayoutFileRow)
    for column, value in (
        (PayoutFileRow.client_id, client),
        (PayoutFileRow.state, state),
        (PayoutFileRow.reference, reference),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    return await session.all(page(wanted, PayoutFileRow, window))


_TO_PAY: Final = (
    select(PayoutFileRow)
    .where(PayoutFileRow.state == FileState.PROCESSING.value)
    .order_by(PayoutFileRow.serial)
)
_ANY_TO_PAY: Final = select(_TO_PAY.exists().label("any_to_pay"))


async def to_pay(session: ReadSession, most: int) -> Sequence[PayoutFileRow]:
    """Files with lines that wait, the oldest first."""
    return await session.all(_TO_PAY.limit(most))


async def is_any_to_pay(session: Quick) -> bool:
    """Whether `to_pay` has any."""
    ((found,),) = await session.quick_rows(_ANY_TO_PAY, {})
    return bool(found)


async def revoked(session: ReadSession, keys: Collection[str]) -> set[str]:
    """Those of the API keys that may not call any more."""
    if not keys:
        return set()
    wanted = select(ApiKeyRow.id).where(ApiKeyRow.id.in_(keys), ApiKeyRow.revoked_at.is_not(None))
    return set(await session.all(wanted.order_by(ApiKeyRow.id)))


async def stored(session: ReadSession, file_id: str) -> int:
    """How many lines of it are here: all up to that number."""
    newest = select(func.max(PayoutLineRow.number)).where(PayoutLineRow.file_id == file_id)
    return await session.one(newest) or 0


async def pending(session: ReadSession, file_id: str, most: int) -> Sequence[PayoutLineRow]:
    return await session.all(
        select(PayoutLineRow)
        .where(PayoutLineRow.file_id == file_id, PayoutLineRow.state == LineState.PENDING)
        .order_by(PayoutLineRow.number)
        .limit(most)
    )


async def lock_lines(
    session: WriteSession, file_id: str, numbers: Collection[int]
) -> Sequence[PayoutLineRow]:
    return await session.for_update(
        select(PayoutLineRow)
        .where(PayoutLineRow.file_id == file_id, PayoutLineRow.number.in_(numbers))
        .order_by(PayoutLineRow.number)
    )


async def claim_transfers(session: WriteSession, file_id: str, transfers: Collection[str]) -> None:
    """Transfers that were brought back from the signer's journal know their file again."""
    await session.execute(
        update(TransferRow)
        .where(TransferRow.id.in_(transfers), TransferRow.payout_file.is_(None))
        .values(payout_file=file_id)
    )


async def finish(session: WriteSession, file_id: str, now: datetime) -> bool:
    """Whether nothing of it waits any more; then it is done. The file is locked."""
    if await pending(session, file_id, 1):
        return False
    await session.execute(
        update(PayoutFileRow)
        .where(PayoutFileRow.id == file_id, PayoutFileRow.state == FileState.PROCESSING)
        .values(state=FileState.DONE, done_at=now)
    )
    return True


async def lines_after(
    session: ReadSession, file_id: str, after: int, most: int, state: str | None = None
) -> Sequence[tuple[PayoutLineRow, str | None]]:
    """In the file's order, each with the state of its transfer."""
    wanted = (
        select(PayoutLineRow, TransferRow.state)
        .outerjoin(TransferRow, TransferRow.id == PayoutLineRow.transfer_id)
        .where(PayoutLineRow.file_id == file_id, PayoutLineRow.number > after)
    )
    if state is not None:
        wanted = wanted.where(PayoutLineRow.state == state)
    return await session.rows(wanted.order_by(PayoutLineRow.number).limit(most))


async def counts(session: ReadSession, file_id: str) -> Mapping[str, int]:
    """Of its lines, by state."""
    rows: Sequence[Any] = await session.rows(
        select(PayoutLineRow.state, func.count())
        .where(PayoutLineRow.file_id == file_id)
        .group_by(PayoutLineRow.state)
    )
    return dict(rows)


async def transfer_counts(session: ReadSession, file_id: str) -> Mapping[str, int]:
    """Of its transfers, by their state."""
    rows: Sequence[Any] = await session.rows(
        select(TransferRow.state, func.count())
        .where(TransferRow.payout_file == file_id)
        .group_by(TransferRow.state)
    )
    return dict(rows)


async def totals(session: ReadSession, file_id: str) -> Sequence[tuple[str, str, int, int]]:
    """Asset, state of lines, how many, and how much in base units."""
    found: Sequence[Any] = await session.rows(
        select(
            PayoutLineRow.asset,
            PayoutLineRow.state,
            func.count(),
            exact_sum(PayoutLineRow.amount),
        )
        .where(PayoutLineRow.file_id == file_id, PayoutLineRow.asset.is_not(None))
        .group_by(PayoutLineRow.asset, PayoutLineRow.state)
        .order_by(PayoutLineRow.asset, PayoutLineRow.state)
    )
    return [tuple(row) for row in found]


async def repeats(session: ReadSession, file_id: str) -> int:
    """Lines that pay what an earlier one pays."""
    same = select(func.count()).where(
        PayoutLineRow.file_id == file_id, PayoutLineRow.same_as.is_not(None)
    )
    return await session.one(same)
