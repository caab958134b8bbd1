"""Queries on the outbox. Decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
    values,
)

from chains.model import NetworkId
from custody.db.clock import stands
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import OutboxRow
from custody.db.types import UtcTime
from custody.outbox import Work
from custody.workers.lanes import HELD_BACK, Barred


@dataclass(frozen=True, slots=True)
class Hold:
    """Whose rows are for how long, by the database's clock."""

    claim: str
    since: datetime
    until: datetime


_SOME: Final = select(OutboxRow.seq).where(OutboxRow.network == bindparam("network"))
_ANY: Final = _SOME.limit(literal_column("1"))


async def has_work(session: Quick, network: NetworkId) -> bool:
    """Whether there is anything to do on a network, now or later."""
    return bool(await session.quick_rows(_ANY, {"network": network}))


def _of(kind: Work) -> ColumnElement[bool]:
    mine = OutboxRow.network == bindparam("network")
    return mine & (OutboxRow.kind == literal_column(f"'{kind}'")) & _NEW


_NEW: Final = OutboxRow.attempts == literal_column("0")
_TRIED: Final = OutboxRow.attempts > literal_column("0")
_KINDS: Final = tuple(Work)
_WAITING: Final = select(
    exists(_SOME.where(_TRIED)),
    *(exists(select(OutboxRow.seq).where(_of(each))) for each in _KINDS),
)


async def waiting(session: Quick, network: NetworkId) -> frozenset[Work | None]:
    """The kinds of which there is anything on a network that was not tried yet, held or not; None:
    there is something that was. One question in place of several about each kind that is not there.
    """
    (found,) = await session.quick_rows(_WAITING, {"network": network})
    kinds: tuple[Work | None, ...] = (None, *_KINDS)
    return frozenset(kind for kind, is_there in zip(kinds, found, strict=True) if is_there)


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
    kind: str | None = None,
    after: str | None = None,
    barred: Barred = Barred(),  # noqa: B008 - immutable
    *,
    within: Sequence[str] | None = None,
    ranked: bool = False,
) -> list[OutboxRow]:
    """Up to `limit` rows of a network that nothing holds, held from now on: of a `kind` those that
    were not tried yet, without one those that were. In the order in which they came free, new ones
    in the order in which they were made; or, with `after`, the first one of each vault, by vault,
    those after that one. With `ranked`, those of the first rank before others; of all vaults, or
    those `within`. Skips what others are taking right now, and what is `barred`."""
    if limit < 1 or kind in barred.kinds(network) or (within is not None and not within):
        return []
    wanted, goes_on = _wanted(network, kind), _goes_on(network, kind, barred)
    free = select(OutboxRow.seq).where(wanted, goes_on, not_(_is_held(hold.since)))
    order = _order(kind, ranked=ranked)
    if after is not None:
        if within is None:
            vaults = _turns(wanted, _over(network, kind, barred), limit, after)
        else:
            vaults = _named(within[:limit])
        first = free.where(OutboxRow.seq.in_(_first_of_each(vaults, wanted, goes_on, order)))
    else:
        if within is not None:
            free = free.where(OutboxRow.vault_id.in_(within))
        first = free.order_by(*order).limit(limit)
    # A common table expression, because PostgreSQL may run a plain subquery again for each row, and
    # then the limit and the locks mean nothing.
    chosen = first.with_for_update(skip_locked=True).cte("chosen")
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


async def places(
    session: ReadSession,
    network: NetworkId,
    now: datetime,
    limit: int,
    kind: str | None,
    barred: Barred,
    within: Sequence[str] | None = None,
) -> Counter[str]:
    """How many of the first `limit` free rows are each vault's, whatever their rank; of all vaults,
    or those `within`."""
    if limit < 1 or kind in barred.kinds(network) or (within is not None and not within):
        return Counter()
    wanted, goes_on = _wanted(network, kind), _goes_on(network, kind, barred)
    free = select(OutboxRow.vault_id).where(wanted, goes_on, not_(_is_held(now)))
    if within is not None:
        free = free.where(OutboxRow.vault_id.in_(within))
    first = free.order_by(*_order(kind, ranked=False)).limit(limit)
    return Counter(await session.all(first))


async def busy(session: ReadSession, network: NetworkId, now: datetime) -> frozenset[str]:
    """Vaults of which a worker's claim holds something that is to be signed."""
    claimed = select(OutboxRow.vault_id).where(
        OutboxRow.network == network,
        OutboxRow.kind == Work.SIGN,
        OutboxRow.claim.is_not(None),
        _is_held(now),
    )
    return frozenset(await session.all(claimed.distinct()))


async def lanes(
    session: ReadSession, network: NetworkId, limit: int, after: str, barred: Barred
) -> list[str]:
    """Up to `limit` vaults for which something is to be signed that was not tried yet: by vault,
    those after that one first."""
    if Work.SIGN in barred.kinds(network):
        return []
    wanted, over = _wanted(network, Work.SIGN), _over(network, Work.SIGN, barred)
    found: list[str] = []
    for start in dict.fromkeys((after, "")):
        turns = _turns(wanted, over, limit - len(found), start)
        met = await session.all(select(turns.c.vault).where(turns.c.vault.is_not(None)))
        found += [each for each in sorted(met) if each not in over and each not in found]
        if len(found) >= limit:
            break
    return found[:limit]


async def waits(session: ReadSession, network: NetworkId, vaults: Sequence[str], limit: int) -> int:
    """How much is to be signed for the vaults that was not tried yet; `limit` if it is more."""
    some = select(OutboxRow.seq).where(_wanted(network, Work.SIGN), OutboxRow.vault_id.in_(vaults))
    return await session.one(select(func.count()).select_from(some.limit(limit).subquery()))


async def has_priorities(session: ReadSession, network: NetworkId) -> bool:
    """Whether anything is to be signed there that is not as urgent as usual."""
    some = select(OutboxRow.seq).where(
        OutboxRow.network == network,
        OutboxRow.kind == literal_column("'sign'"),
        OutboxRow.rank != literal_column("1"),
    )
    return await session.first(some.limit(1)) is not None


def _order(kind: str | None, *, ranked: bool) -> tuple[ColumnElement[Any], ...]:
    """What comes first; of what was never tried, nothing was ever held."""
    if not ranked:
        return OutboxRow.held_until.expression, OutboxRow.seq.expression
    if kind is not None:
        return OutboxRow.rank.expression, OutboxRow.seq.expression
    return OutboxRow.rank.expression, OutboxRow.held_until.expression, OutboxRow.seq.expression


def _wanted(network: NetworkId, kind: str | None) -> ColumnElement[bool]:
    """In the words of the two partial indexes: a bound value would hide from the planner which."""
    mine = OutboxRow.network == network
    if kind is None:
        return mine & _TRIED
    return mine & (OutboxRow.kind == kind) & _NEW


def _goes_on(network: NetworkId, kind: str | None, barred: Barred) -> ColumnElement[bool]:
    """What is not barred; of a `kind`, or, without one, of what was tried before."""
    if kind is not None:
        over = _over(network, kind, barred)
        return OutboxRow.vault_id.not_in(over) if over else true()
    parts = [OutboxRow.kind != each for each in barred.kinds(network)]
    for each in HELD_BACK:
        over = _over(network, each, barred)
        if over:
            parts.append(or_(OutboxRow.kind != each, OutboxRow.vault_id.not_in(over)))
    return and_(true(), *parts)


def _over(network: NetworkId, kind: str | None, barred: Barred) -> frozenset[str]:
    """Vaults that are stepped over and take no turn."""
    return frozenset() if kind is None else barred.vaults(network, kind)


def _turns(wanted: ColumnElement[bool], over: Collection[str], limit: int, after: str) -> CTE:
    """The next `limit` vaults that have any, beside those in `over`: one step in the index for
    each, however many rows a vault has. The last may be none."""
    least = select(func.min(OutboxRow.vault_id).label("vault"), literal(0).label("number"))
    turns = least.where(wanted, OutboxRow.vault_id > after).cte("turns", recursive=True)
    following = select(func.min(OutboxRow.vault_id)).where(
        wanted, OutboxRow.vault_id > turns.c.vault
    )
    taken = turns.c.number + (case((turns.c.vault.in_(over), 0), else_=1) if over else 1)
    return turns.union_all(
        select(following.scalar_subquery(), taken).where(turns.c.vault.is_not(None), taken < limit)
    )


def _named(vaults: Sequence[str]) -> CTE:
    """These vaults, as `_turns` gives those that it finds."""
    rows = values(column("vault", String), name="turns").data([(each,) for each in vaults])
    return rows.cte("turns")


def _first_of_each(
    vaults: CTE,
    wanted: ColumnElement[bool],
    goes_on: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]],
) -> Select[tuple[int | None]]:
    """The row of each of the vaults that comes first in the order."""
    first = (
        select(OutboxRow.seq)
        .where(wanted, goes_on, OutboxRow.vault_id == vaults.c.vault)
        .order_by(*order)
        .limit(1)
    )
    return select(first.scalar_subquery()).select_from(vaults)


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


async def first_free_at(
    session: ReadSession, network: NetworkId, now: datetime, barred: Barred
) -> datetime | None:
    """When the first row of a network may be taken: `now`, or later. None without rows that are
    not barred. What a claim holds may be taken when that lapses, also where a lane is busy."""
    is_held = _is_held(now)
    free_at = case((is_held, OutboxRow.held_until), else_=literal(now, UtcTime()))
    paused = _goes_on(network, None, Barred(barred.paused))
    lapses = and_(OutboxRow.claim.is_not(None), is_held)
    mine = select(free_at).where(
        OutboxRow.network == network, paused, or_(lapses, _goes_on(network, None, barred))
    )
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
