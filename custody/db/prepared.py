"""Statements that are constants, made ready for the driver once.

SQLAlchemy takes a quarter of a millisecond to carry out a statement that SQLite runs in a tenth of
that, and accepting a transfer is ten statements. Here it only translates: each statement to its
text, each parameter and column by the types in `tables`, as it would itself. What is left for each
execution is a loop over the values and one call of the driver.

For short statements only: SQLite runs them in the caller's thread (see `sqlite_driver`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVarTuple

import psycopg
from sqlalchemy import BindParameter, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

Ts = TypeVarTuple("Ts")
Statement = Select[*tuple[Any, ...]] | Insert | Update
Convert = Callable[[Any], Any]
Describe = Callable[[], Sequence[Any]]
"""The columns of a result as the driver describes them. For psycopg that takes as long as to read
the rows, and it is wanted once for each statement: so it is not made unless asked for."""
Send = Callable[[str, Any], Awaitable[tuple[Describe, list[Any]]]]


class Driver(Protocol):
    """A connection in the middle of a transaction (`sqlite_driver`, `postgres_driver`)."""

    async def begin(self) -> None: ...

    async def run(self, operation: str, parameters: Any) -> tuple[Describe, list[Any]]:
        """What describes its columns, and rows of one statement."""
        ...

    async def look(self, operation: str, parameters: Any) -> tuple[Describe, list[Any]]:
        """As `run`, also outside of a transaction. For statements that only read."""
        ...

    async def finish(self) -> None:
        """Commit. An error if a statement failed and took the transaction with it."""
        ...


class Prepared:
    """One statement for one database. `columns`: which of them an INSERT fills."""

    __slots__ = ("_converts", "_dialect", "_parameters", "_positional", "_types", "text")

    def __init__(
        self, statement: Statement, dialect: Dialect, columns: Sequence[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        assert not compiled.post_compile_params, "the text must not depend on the values"
        self.text = compiled.string
        self._dialect = dialect
        self._positional = compiled.positional
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        names = compiled.positiontup if compiled.positional else list(binds)
        assert names is not None
        self._parameters = [_parameter(name, binds[name], dialect) for name in names]
        told = () if isinstance(statement, Insert) else statement.exported_columns
        self._types: list[TypeEngine[Any]] = [column.type for column in told]
        self._converts: list[tuple[int, Convert]] | None = None

    async def run(self, driver: Driver, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows that it selects or returns. Raises what SQLAlchemy does, without the values."""
        return await self._send(driver.run, parameters)

    async def look(self, driver: Driver, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """As `run`, also outside of a transaction. For a SELECT."""
        return await self._send(driver.look, parameters)

    async def _send(self, send: Send, parameters: Mapping[str, Any]) -> Sequence[Any]:
        values = self._values(parameters)
        try:
            describe, rows = await send(self.text, values)
        except (sqlite3.Error, psycopg.Error) as error:
            raise explained(error, self._dialect, self.text) from error
        return self._converted(describe, rows) if rows else rows

    def _values(self, given: Mapping[str, Any]) -> Any:
        values = []
        for name, fixed, convert in self._parameters:
            value = given[name] if fixed is None else fixed
            values.append(value if convert is None else convert(value))
        if self._positional:
            return values
        return {
            parameter[0]: value for parameter, value in zip(self._parameters, values, strict=True)
        }

    def _converted(
        self, describe: Describe, rows: Sequence[tuple[Any, ...]]
    ) -> Sequence[tuple[Any, ...]]:
        if self._converts is None:
            # PostgreSQL's converters depend on what the server says it sends.
            found = (
                (at, kind.dialect_impl(self._dialect).result_processor(self._dialect, column[1]))
                for at, (kind, column) in enumerate(zip(self._types, describe(), strict=True))
            )
            self._converts = [(at, convert) for at, convert in found if convert is not None]
        if not self._converts:
            return rows
        return [self._convert(list(row), self._converts) for row in rows]

    @staticmethod
    def _convert(row: list[Any], converts: Sequence[tuple[int, Convert]]) -> tuple[Any, ...]:
        for at, convert in converts:
            row[at] = convert(row[at])
        return tuple(row)


@lru_cache(128)
def prepared(statement: Select[*Ts] | Update, dialect: Dialect) -> Prepared:
    """Of a statement that is a constant: made ready once."""
    return Prepared(statement, dialect)


def explained(
    error: sqlite3.Error | psycopg.Error, dialect: Dialect, text: str | None = None
) -> Exception:
    """As SQLAlchemy would raise it, e.g. as its IntegrityError."""
    base = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
    return DBAPIError.instance(text, None, error, base, hide_parameters=True, dialect=dialect)


def _parameter(
    name: str, bind: BindParameter[Any], dialect: Dialect
) -> tuple[str, Any, Convert | None]:
    """Its name, its value if that is part of the statement, and how a value is sent."""
    convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return name, None if bind.required else bind.effective_value, convert
