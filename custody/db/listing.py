"""Pages of lists, in the order in which their rows came (`serials`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select

from custody.db.serials import Numbered, settled
from custody.db.session import Database, ReadSession

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


def page(statement: S, row: type[Numbered], window: Window) -> S:
    """The statement narrowed to one page and ordered."""
    serial = row.serial
    if window.settled is not None:
        statement = statement.where(serial <= window.settled)
    if window.after is not None:
        beyond = serial < window.after if window.descending else serial > window.after
        statement = statement.where(beyond)
    order = serial.desc() if window.descending else serial.asc()
    return statement.order_by(order).limit(window.limit)
