"""The only door to the database: read sessions that can't write, and write sessions that commit.

    async with database.read() as session:  ...   # one consistent snapshot
    async with database.write() as session: ...   # one transaction, committed at the end of the
                                                  # block, rolled back if it raises
    async with database.look() as session: ...    # short questions without a transaction

Nobody else calls commit. A function that writes asks for a `WriteSession`; type-checking refuses to
give it a read session. Everywhere, rows are locked in this order: leases, followers, transfers,
vaults, ledger accounts. Within one table they are locked by primary key.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, TypeVar, TypeVarTuple

import psycopg
from sqlalchemy import (
    CursorResult,
    Delete,
    Dialect,
    Insert,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from custody.db.engines import open_engines
from custody.db.grouping import Group
from custody.db.look import Look, driver_of, looked
from custody.db.prepared import Driver, Prepared, explained, prepared
from custody.db.tables import Row as Table
from custody.db.trouble import STORAGE_FULL, code_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
S = TypeVar("S", bound=Select[*tuple[Any, ...]])
E = TypeVar("E", bound=Table)

_FRESH = {"populate_existing": True}
"""In a write session a query shows every row as it is now, even one that was loaded before."""


class ReadSession:
    """Queries. All are answered from the same moment."""

    __slots__ = ("_opened",)

    def __init__(self, session: AsyncSession | None) -> None:
        self._opened = session

    @property
    def _session(self) -> AsyncSession:
        assert self._opened is not None
        return self._opened

    @property
    def is_sqlite(self) -> bool:
        return self._session.get_bind().dialect.name == "sqlite"

    async def get(self, entity: type[E], key: object) -> E | None:
        """By primary key; a composite key is a tuple."""
        return await self._session.get(entity, key)

    async def one(self, statement: Select[T]) -> T:
        """The only value. Raises sqlalchemy.exc.NoResultFound or MultipleResultsFound."""
        return (await self._session.scalars(statement)).one()

    async def one_or_none(self, statement: Select[T]) -> T | None:
        return (await self._session.scalars(statement)).one_or_none()

    async def first(self, statement: Select[T]) -> T | None:
        return (await self._session.scalars(statement)).first()

    async def all(
        self, statement: Select[T], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[T]:
        """`parameters`: of a statement that is a constant, which is built once and not each time
        it is asked."""
        return (await self._session.scalars(statement, parameters)).all()

    async def rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[tuple[*Ts]]:
        """For statements that select several columns."""
        return (await self._session.execute(statement, parameters)).all()

    async def quick_rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any]
    ) -> Sequence[tuple[*Ts]]:
        """As `rows`, for few rows of plain columns and a statement that is a constant."""
        return await looked(await self._session.connection(), statement, parameters)

    async def chunks(self, statement: Select[*Ts], size: int) -> AsyncIterator[Sequence[Row[*Ts]]]:
        """The rows in lists of at most `size`, so that memory never holds all of them. For columns,
        not for whole entities."""
        connection = await self._session.connection()
        stream = await connection.stream(statement.execution_options(yield_per=size))
        async for chunk in stream.partitions(size):
            yield chunk


class WriteSession(ReadSession):
    """One transaction that will be committed.

    SQLAlchemy's session remembers rows and their changes. It is made when it is first needed: the
    shortest transactions never need it.
    """

    __slots__ = ("_connection", "_dialect", "_driver")

    def __init__(self, connection: AsyncConnection, driver: Driver) -> None:
        super().__init__(None)
        self._connection = connection
        self._dialect = connection.dialect
        self._driver = driver

    @property
    def _session(self) -> AsyncSession:
        if self._opened is None:
            pooled = self._connection.sync_connection
            assert pooled is not None
            if not pooled.in_transaction():
                pooled.begin()  # so that the session joins and doesn't end what it didn't begin
            self._opened = AsyncSession(
                self._connection,
                expire_on_commit=False,
                join_transaction_mode="rollback_only",
                execution_options=_FRESH,
            )
        return self._opened

    @property
    def is_sqlite(self) -> bool:
        return self._dialect.name == "sqlite"

    def add(self, *rows: Table) -> None:
        """Insert with the next query or at the end of the block."""
        self._session.add_all(rows)

    async def flush(self) -> None:
        """Send what `add` collected, and the changes of loaded rows."""
        session = self._opened
        if session is None:
            return
        if not session.is_active:
            raise PendingRollbackError("an earlier statement failed: nothing is left of the rest")
        if session.new or session.dirty or session.deleted:
            await session.flush()

    async def commit(self) -> None:
        """For `Database` only."""
        await self.flush()
        try:
            await self._driver.finish()
        except (sqlite3.Error, psycopg.Error) as error:
            raise explained(error, self._dialect) from error

    async def begin_part(self) -> None:
        """For `grouping` only."""
        await self._mark("SAVEPOINT part")

    async def end_part(self, *, keep: bool) -> None:
        """For `grouping` only. What SQLAlchemy's session remembers ends with the part."""
        await self.close()
        self._opened = None
        if not keep:
            await self._mark("ROLLBACK TO SAVEPOINT part")
        await self._mark("RELEASE SAVEPOINT part")

    async def _mark(self, statement: str) -> None:
        try:
            await self._driver.run(statement, ())
        except (sqlite3.Error, psycopg.Error) as error:
            raise explained(error, self._dialect) from error

    async def close(self) -> None:
        """Rows stay usable, the connection open."""
        if self._opened is not None:
            await self._opened.close()

    async def get(self, entity: type[E], key: object) -> E | None:
        """By primary key, as it is now."""
        return await self._session.get(entity, key, populate_existing=True)

    async def insert(self, entity: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Many rows with one statement, by column name; nothing for an empty list."""
        if not rows:
            return
        await self.flush()
        if len(rows) <= _FEW:
            ready = _insert_few(entity, tuple(rows[0]), len(rows), self._dialect)
            values = {f"{name}_{at}": row[name] for at, row in enumerate(rows) for name in row}
            await ready.run(self._driver, values)
        else:
            await self._connection.execute(_insert(entity), list(rows))

    async def insert_missing(self, entity: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert those rows whose primary or unique key does not exist yet."""
        if rows:
            await self.flush()
            await self._connection.execute(_insert_missing(entity, self.is_sqlite), list(rows))

    async def update_each(
        self, entity: type[Table], keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Change many rows with one statement. In each mapping the columns `keys` name the row; all
        other columns get new values. All mappings have the same columns."""
        if not rows:
            return
        await self.flush()
        statement = _update(entity, tuple(keys), tuple(rows[0]))
        values = [{f"to_{name}": row[name] for name in rows[0]} for row in rows]
        if len(values) == 1:
            await prepared(statement, self._dialect).run(self._driver, values[0])
        else:
            await self._connection.execute(statement, values)

    async def execute(
        self, statement: Insert | Update | Delete, parameters: Mapping[str, Any] | None = None
    ) -> int:
        """Run one change. Returns how many rows it changed. `parameters`: as for `all`."""
        result = await self._session.execute(statement, parameters)
        assert isinstance(result, CursorResult)
        return result.rowcount

    async def returning(self, statement: ReturningInsert[T] | ReturningUpdate[T]) -> Sequence[T]:
        """Run a change and return what its RETURNING clause names."""
        return (await self._session.scalars(statement)).all()

    async def quick_change(
        self, statement: Update, parameters: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        """`returning` of a statement that is a constant and is compiled once. Rows that were loaded
        before are not told of it."""
        await self.flush()
        return await prepared(statement, self._dialect).run(self._driver, parameters)

    async def for_update(
        self, statement: Select[T], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[T]:
        """Lock the rows until the transaction ends. Returns them as they are now, even if this
        session loaded them before.

        The statement must order by primary key: then two transactions can't wait for each other.
        The lock is FOR NO KEY UPDATE: others may still insert rows that refer to these. On SQLite
        the transaction already keeps every other writer out.
        """
        if parameters is None:
            locked = statement.with_for_update(key_share=True)
        else:
            locked = _locking(statement)
        return (await self._session.scalars(locked, parameters)).all()

    async def quick_rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any]
    ) -> Sequence[tuple[*Ts]]:
        """As `rows`. The statement is compiled once."""
        await self.flush()
        rows: Any = await prepared(statement, self._dialect).run(self._driver, parameters)
        return rows  # type: ignore[no-any-return]

    async def locked_rows(
        self, statement: Select[*Ts], parameters: Mapping[str, Any]
    ) -> Sequence[tuple[*Ts]]:
        """`quick_rows`, locked as `for_update` does."""
        return await self.quick_rows(_locking(statement), parameters)

    async def serialize(self, name: str) -> None:
        """Wait until every other transaction that called this with the same name has ended.

        So what they write becomes visible in the order in which they numbered it.
        """
        if not self.is_sqlite:
            await self._session.execute(select(func.pg_advisory_xact_lock(lock_key(name))))

    async def alone(self, name: str) -> bool:
        """`serialize` for who would rather come again than wait: whether no other transaction has
        called either with the same name and goes on. If so, none does until this one ends. What it
        reads after this is as those before it left it."""
        if self.is_sqlite:
            return True
        return await self.one(select(func.pg_try_advisory_xact_lock(lock_key(name))))


# Statements are built once: building one costs more than SQLite takes to run it. The sizes bound
# what is kept; each result follows from its arguments, which never change.

_FEW = 4
"""Up to so many rows are inserted by one short statement."""


@lru_cache(128)
def _insert_few(
    entity: type[Table], names: tuple[str, ...], number: int, dialect: Dialect
) -> Prepared:
    column = entity.__table__.c
    rows = [
        {name: bindparam(f"{name}_{at}", type_=column[name].type) for name in names}
        for at in range(number)
    ]
    return Prepared(insert(entity).values(rows), dialect)


@lru_cache(128)
def _locking(statement: S) -> S:
    return statement.with_for_update(key_share=True)


@cache
def _insert(entity: type[Table]) -> Insert:
    return insert(entity)


@cache
def _insert_missing(entity: type[Table], is_sqlite: bool) -> Insert:
    dialect = sqlite if is_sqlite else postgresql
    statement: Insert = dialect.insert(entity).on_conflict_do_nothing()
    return statement


@cache
def _update(entity: type[Table], keys: tuple[str, ...], names: tuple[str, ...]) -> Update:
    column = entity.__table__.c
    changed: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names if name not in keys}
    named = and_(*(column[key] == bindparam(f"to_{key}") for key in keys))
    return update(entity).where(named).values(changed)


def lock_key(name: str) -> int:
    """The 64-bit key of PostgreSQL's advisory lock of that name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


class Database:
    """One per process and event loop."""

    def __init__(self, url: str) -> None:
        """Raises ValueError if the URL is not one of ours. Connects lazily."""
        self._engines = open_engines(url)
        self.lacks_space = False
        """Whether a write of this process found the disk full (see `space`)."""
        self._write_lock = asyncio.Lock()
        self._short = Group(self._write_alone)

    @property
    def is_sqlite(self) -> bool:
        return self._engines.is_sqlite

    async def close(self) -> None:
        """Waits until every transaction has ended: one that stayed open would keep other processes
        from writing for as long as this one lives."""
        await self._short.close()
        async with self._write_lock:
            await self._engines.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A snapshot. Rows may be read after the block. Changing them changes nothing."""
        async with AsyncSession(
            self._engines.read, expire_on_commit=False, autoflush=False
        ) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Look]:
        """Without a transaction: each statement sees a moment of its own."""
        await asyncio.sleep(0)  # on SQLite nothing else here waits, and others have their turn too
        connection = await self._engines.look.connect()
        try:
            yield Look(connection)
        except BaseException as error:
            await asyncio.shield(_undo(connection, error))
            raise
        await connection.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """A transaction: committed at the end of the block, rolled back if it raises.

        On SQLite writers of this process queue here, in order, instead of polling the file lock.
        """
        if self._engines.is_sqlite:
            async with self._write_alone() as session:
                yield session
        else:
            async with self._transaction() as session:
                yield session

    @asynccontextmanager
    async def write_short(self) -> AsyncIterator[WriteSession]:
        """As `write`, for a block that takes milliseconds and waits for nothing but the database.

        On SQLite the blocks that queue share one transaction and its commit (see `grouping`). A
        change of a loaded row must not fail in the database: it would undo all these blocks.
        """
        if self._engines.is_sqlite:
            async with self._short.part() as session:
                yield session
        else:
            async with self._transaction() as session:
                yield session

    @asynccontextmanager
    async def _write_alone(self) -> AsyncIterator[WriteSession]:
        async with self._write_lock, self._transaction() as session:
            yield session

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[WriteSession]:
        connection = await self._engines.write.connect()
        try:
            session = await _begin(connection)
            try:
                yield session
                await session.commit()
            finally:
                await session.close()
        except BaseException as error:
            self.lacks_space = self.lacks_space or code_of(error) == STORAGE_FULL
            # Shielded, so that a second cancellation can't keep the connection from going back.
            await asyncio.shield(_undo(connection, error))
            raise
        await connection.close()


async def _begin(connection: AsyncConnection) -> WriteSession:
    """The driver begins it. What SQLAlchemy does on the connection joins it."""
    driver = driver_of(connection)
    try:
        await driver.begin()
    except sqlite3.Error as error:
        raise explained(error, connection.dialect) from error
    return WriteSession(connection, driver)


async def _undo(connection: AsyncConnection, error: BaseException) -> None:
    """Roll back and give the connection to the pool. If `error` cancelled a statement, throw the
    connection away: nobody knows how far the statement got."""
    if not isinstance(error, Exception):
        await connection.invalidate(error)
    await connection.close()
