"""Queries on the running sums of what leaves vaults. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, literal_column, select, tuple_, union_all
from sqlalchemy.orm import aliased

from custody.db.session import ReadSession, WriteSession
from custody.db.spend_tables import SpendRow
from custody.policies.running import Entry
from signer.policy import NOTHING, Usage

_COLUMNS: Final = tuple(SpendRow.__table__.columns)
_SIZES: Final = (2, 4, 16, 64)
"""How many accounts or edges a statement asks for; the last is repeated where there are fewer."""
PART: Final = 16
"""So many accounts at a time: to compile a long statement takes longer than to run short ones."""


async def newest_entries(session: ReadSession, accounts: Sequence[str]) -> dict[str, Entry]:
    """The last entry of each account that has one. The caller has locked the vaults."""
    found: dict[str, Entry] = {}
    for start in range(0, len(accounts), PART):
        part, _ = await newest_and_edges(session, accounts[start : start + PART], {})
        found |= part
    return found


async def newest_and_edges(
    session: ReadSession, accounts: Sequence[str], edges: Mapping[tuple[str, datetime], object]
) -> tuple[dict[str, Entry], dict[tuple[str, datetime], Usage]]:
    """The last entry of each account; and for each (account, time) of `edges` what had been taken
    in all up to that time. One statement, so that the two are of the same moment."""
    wanted = tuple(edges)
    statement, sizes = _sums(_size(len(accounts)), _size(len(wanted)))
    parameters: dict[str, Any] = {}
    for at in range(sizes[0]):
        parameters[f"account_{at}"] = accounts[min(at, len(accounts) - 1)]
    for at in range(sizes[1]):
        account, after = wanted[min(at, len(wanted) - 1)]
        parameters[f"edge_account_{at}"], parameters[f"after_{at}"] = account, after
    newest: dict[str, Entry] = {}
    taken: dict[tuple[str, datetime], Usage] = {}
    for number, *columns in await session.quick_rows(statement, parameters):
        entry = _entry(columns)
        if number < sizes[0]:
            newest[entry.account] = entry
        else:
            at = min(number - sizes[0], len(wanted) - 1)
            taken[wanted[at]] = entry.all_taken
    return newest, {edge: taken.get(edge, NOTHING) for edge in wanted}


async def entries_of(
    session: ReadSession, transfers: Collection[str]
) -> dict[tuple[str, str], Entry]:
    """Each transfer's last entry on each account that it touches, by transfer and account."""
    mine = (
        select(SpendRow.account, func.max(SpendRow.place))
        .where(SpendRow.transfer_id.in_(transfers))
        .group_by(SpendRow.transfer_id, SpendRow.account)
    )
    last = select(*_COLUMNS).where(tuple_(SpendRow.account, SpendRow.place).in_(mine))
    found = map(_entry, await session.rows(last))
    return {(entry.transfer, entry.account): entry for entry in found}


async def replaced_after(session: ReadSession, account: str, after: datetime) -> list[Usage]:
    """What was taken after a time, and counts no longer, because another signature took as much or
    more for the same transfer later."""
    later = aliased(SpendRow)
    rows = await session.rows(
        select(SpendRow.taken_amount, SpendRow.taken_count)
        .join(later, (later.account == SpendRow.account) & (later.replaces == SpendRow.place))
        .where(SpendRow.account == account, SpendRow.taken_at > after)
    )
    return [Usage(amount, count) for amount, count in rows]


async def append(session: WriteSession, entries: Sequence[Entry]) -> None:
    """IntegrityError if somebody took one of the places meanwhile, who did not lock the vault."""
    await session.insert(SpendRow, [_fields(entry) for entry in entries])


@cache
def _sums(accounts: int, edges: int) -> tuple[Select[*tuple[Any, ...]], tuple[int, int]]:
    """Each part is one look-up in an index."""
    parts = [
        select(literal_column(str(at)).label("number"), *_COLUMNS)
        .where(SpendRow.account == bindparam(f"account_{at}"))
        .order_by(SpendRow.place.desc())
        for at in range(accounts)
    ] + [
        select(literal_column(str(accounts + at)).label("number"), *_COLUMNS)
        .where(
            SpendRow.account == bindparam(f"edge_account_{at}"),
            SpendRow.newest_at <= bindparam(f"after_{at}"),
        )
        .order_by(SpendRow.newest_at.desc(), SpendRow.place.desc())
        for at in range(edges)
    ]
    looked_up = [part.limit(literal_column("1")).subquery() for part in parts]
    return select(union_all(*map(select, looked_up)).subquery()), (accounts, edges)


def _size(number: int) -> int:
    return number and next((size for size in _SIZES if size >= number), number)


def _entry(columns: Sequence[Any]) -> Entry:
    row = dict(zip((column.name for column in _COLUMNS), columns, strict=True))
    return Entry(
        account=row["account"],
        place=row["place"],
        transfer=row["transfer_id"],
        ahead=Usage(row["ahead_amount"], row["ahead_count"]),
        taken=Usage(row["taken_amount"], row["taken_count"]),
        taken_at=row["taken_at"],
        replaces=row["replaces"],
        all_ahead=Usage(row["all_ahead_amount"], row["all_ahead_count"]),
        all_taken=Usage(row["all_taken_amount"], row["all_taken_count"]),
        newest_at=row["newest_at"],
        replacements=row["replacements"],
    )


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "account": entry.account,
        "place": entry.place,
        "transfer_id": entry.transfer,
        "ahead_amount": entry.ahead.amount,
        "ahead_count": entry.ahead.count,
        "taken_amount": entry.taken.amount,
        "taken_count": entry.taken.count,
        "taken_at": entry.taken_at,
        "replaces": entry.replaces,
        "all_ahead_amount": entry.all_ahead.amount,
        "all_ahead_count": entry.all_ahead.count,
        "all_taken_amount": entry.all_taken.amount,
        "all_taken_count": entry.all_taken.count,
        "newest_at": entry.newest_at,
        "replacements": entry.replacements,
    }
