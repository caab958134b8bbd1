"""Short questions to the database, without a transaction around them.

One statement sees one moment by itself. For loops that ask many times a second and find nothing,
that is one round trip to PostgreSQL in place of three, and on SQLite no trip to another thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVarTuple

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from custody.db.prepared import Driver, prepared

Ts = TypeVarTuple("Ts")


class Quick(Protocol):
    """What answers short statements that are constants: a session, or a `Look`."""

    @property
    def is_sqlite(self) -> bool: ...

    async def quick_rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any]
    ) -> Sequence[tuple[*Ts]]:
        """Few rows of plain columns. The statement is compiled once."""
        ...


class Look:
    """Each question is answered from a moment of its own (`Database.look`)."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def is_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    async def quick_rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any]
    ) -> Sequence[tuple[*Ts]]:
        return await looked(self._connection, statement, parameters)


async def looked(
    connection: AsyncConnection, statement: Select[*Ts], parameters: Mapping[str, Any]
) -> Sequence[tuple[*Ts]]:
    """On a connection that does nothing else meanwhile."""
    ready = prepared(statement, connection.dialect)
    rows: Any = await ready.look(driver_of(connection), parameters)
    return rows  # type: ignore[no-any-return]


def driver_of(connection: AsyncConnection) -> Driver:
    """What SQLAlchemy's connection stands on."""
    pooled = connection.sync_connection
    assert pooled is not None
    driver: Any = pooled.connection.driver_connection
    return driver  # type: ignore[no-any-return]
