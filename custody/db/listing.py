"""Pages of lists, in the order in which their rows came (`serials`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.functions import FunctionElement

from custody.db.serials import Numbered, settled
from custody.db.session import Database, ReadSession
from custody.db.tables import DepositRow, ForeignDebitRow
from custody.db.transfer_tables import TransferRow
from custody.db.types import Ordinal

E = TypeVar("E", DepositRow, TransferRow, ForeignDebitRow)
S = TypeVar("S", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Window:
    """Which page. `after`: the serial of the last row of the page before. `settled`: where the list
    ends for now, because older rows may still come; None if it does not."""

    after: int | None = None
    limit: int = 100
    descending: bool = False
    settled: int | None = None


FIRST: Final = Window()


@asynccontextmanager
async def open_list(
    database: Database, row: type[Numbered]
) -> AsyncIterator[tuple[ReadSession, int | None]]:
    """A snapshot, and where a list of such rows ends in it."""
    end = await settled(database, row)
    async with database.read() as session:
        yield session, end


def page(statement: S, row: type[Numbered], window: Window, *, sort: bool = False) -> S:
    """The statement narrowed to one page and ordered: by sorting what it finds, or in the order of
    an index."""
    serial: Any = _sorted(row.serial) if sort else row.serial
    if window.settled is not None:
        statement = statement.where(serial <= window.settled)
    if window.after is not None:
        beyond = serial < window.after if window.descending else serial > window.after
        statement = statement.where(beyond)
    order = serial.desc() if window.descending else serial.asc()
    return statement.order_by(order).limit(window.limit)


@dataclass(frozen=True, slots=True)
class Times:
    """From a moment on, and before another one; None does not bound."""

    first: datetime | None = None
    before: datetime | None = None

    def bounds(self, column: InstrumentedAttribute[Any]) -> Iterator[ColumnElement[bool]]:
        if self.first is not None:
            yield column >= self.first
        if self.before is not None:
            yield column < self.before


ALWAYS: Final = Times()


async def find(
    session: ReadSession,
    row: type[E],
    conditions: Sequence[ColumnElement[bool]],
    states: Sequence[str],
    window: Window,
    *,
    few: bool,
) -> Sequence[E]:
    """One page of the rows that meet all conditions and are in one of the states, if any is named.

    `few`: the conditions leave few rows. These are found by their own index and then sorted.
    Otherwise the page is read in the order of an index that ends with the serial; so each state has
    a query of its own, because no index has the rows of two states in order.
    """
    wanted = select(row).where(*conditions)
    if few or len(states) < 2:
        inside = wanted.where(row.state.in_(states)) if states else wanted
        return await session.all(page(inside, row, window, sort=few))
    parts = (page(wanted.where(row.state == each), row, window).subquery() for each in states)
    together = aliased(row, union_all(*(select(part) for part in parts)).subquery())
    return await session.all(page(select(together), together, window))


class _sorted(FunctionElement[int]):  # noqa: N801 - looks like what it compiles to
    """A column whose index SQLite is not to use. It has no figures to see by that another one
    leaves fewer rows."""

    name = "sorted"
    type = Ordinal
    inherit_cache = True


@compiles(_sorted)
def _as_it_is(element: _sorted, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(_sorted, "sqlite")
def _without_its_index(element: _sorted, compiler: Any, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"
