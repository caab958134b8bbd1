"""What may go wrong with the database that is nobody's request's fault and may be over soon.

    OperationalError   the disk is full, the server is away, another writer took too long
    InterfaceError     the connection was lost
    InternalError      the server takes reads only, as many do whose disk is full, or a transaction
                       goes on that an earlier failure has ended
    PendingRollback    the same, said by SQLAlchemy
    TimeoutError       all connections are in use

Nothing of the transaction was committed, or nobody can know: the caller repeats it with the same
retry key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

import psycopg
from sqlalchemy import exc

TROUBLE: Final[tuple[type[Exception], ...]] = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.PendingRollbackError,
    exc.TimeoutError,
)

STORAGE_FULL: Final = "storage_full"
UNAVAILABLE: Final = "database_unavailable"


def code_of(error: BaseException) -> str:
    """`storage_full` or `database_unavailable`."""
    return STORAGE_FULL if any(_is_full(each) for each in _causes(error)) else UNAVAILABLE


def _is_full(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF == sqlite3.SQLITE_FULL
    return isinstance(error, psycopg.errors.DiskFull)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Also what failed before: after a full disk SQLite has no transaction left to go on with."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, exc.DBAPIError):
            waiting.append(each.orig)
