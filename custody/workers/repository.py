"""Queries on the outbox. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, literal, not_, select, update

from chains.model import NetworkId
from custody.db.clock import stands
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import OutboxRow
from custody.db.types import UtcTime


@dataclass(frozen=True, slots=True)
class Hold:
    """Whose rows are for how long, by the database's clock."""

    claim: str
    since: datetime
    until: datetime


async def backlog(session: ReadSession) -> Mapping[str, tuple[int, datetime]]:
    """Of each network with work to do: how much, and since when the oldest waits."""
    rows = await session.rows(
        select(OutboxRow.network, func.count(), func.min(OutboxRow.created_at)).group_by(
            OutboxRow.network
        )
    )
    return {network: (number, oldest) for network, number, oldest in rows}


async def take(
    session: WriteSession,
    network: NetworkId,
    hold: Hold,
    limit: int,
    *,
    tried: bool,
    kinds: Collection[str],
) -> list[OutboxRow]:
    """Up to `limit` rows of a network and of some kinds that nothing holds, held from now on: those
    that were tried before, or those that were not. In the order in which they came free, new ones
    in the order in which they were made. Skips what others are taking right now."""
    if limit < 1:
        return []
    attempts = OutboxRow.attempts > 0 if tried else OutboxRow.attempts == 0
    wanted = (OutboxRow.network == network) & OutboxRow.kind.in_(kinds) & attempts
    free = wanted & not_(_is_held(hold.since))
    first = select(OutboxRow.seq).where(free).order_by(OutboxRow.held_until, OutboxRow.seq)
    # A common table expression, because PostgreSQL may run a plain subquery again for each row, and
    # then the limit and the locks mean nothing.
    chosen = first.limit(limit).with_for_update(skip_locked=True).cte("chosen")
    rows = await session.returning(
        update(OutboxRow)
        .where(OutboxRow.seq.in_(select(chosen.c.seq)))
        .values(
            claim=hold.claim,
            held_since=hold.since,
            held_until=hold.until,
            attempts=OutboxRow.attempts + 1,
        )
        .returning(OutboxRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(rows, key=lambda row: row.seq)


async def renew(
    session: WriteSession,
    seqs: Collection[int],
    claims: Collection[str],
    since: datetime,
    until: datetime,
) -> None:
    """Those of the rows that one of the claims still holds."""
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.seq.in_(seqs), OutboxRow.claim.in_(claims))
        .values(held_since=since, held_until=until)
    )


async def first_free_at(session: ReadSession, network: NetworkId, now: datetime) -> datetime | None:
    """When the first row of a network may be taken: `now`, or later. None without rows."""
    free_at = case((_is_held(now), OutboxRow.held_until), else_=literal(now, UtcTime()))
    mine = select(free_at).where(OutboxRow.network == network)
    return await session.first(mine.order_by(free_at).limit(1))


async def remove(session: WriteSession, seqs: Collection[int], claims: Collection[str]) -> None:
    """They are done. Changes none but those that one of the claims still holds."""
    await session.execute(
        delete(OutboxRow).where(OutboxRow.seq.in_(seqs), OutboxRow.claim.in_(claims))
    )


async def put_back(session: WriteSession, seq: int, hold: Hold, code: str) -> None:
    """Nobody takes it before `hold.until`; `code`: why. Changes nothing unless `hold.claim` still
    holds it."""
    await session.execute(
        update(OutboxRow)
        .where(*_ours(seq, hold.claim))
        .values(claim=None, held_since=hold.since, held_until=hold.until, last_error=code)
    )


def _ours(seq: int, claim: str) -> tuple[ColumnElement[bool], ...]:
    return OutboxRow.seq == seq, OutboxRow.claim == claim


def _is_held(now: datetime) -> ColumnElement[bool]:
    """By a worker's claim, or until it is time to try again."""
    return stands(OutboxRow.held_since, OutboxRow.held_until, now)
