"""What a game reads in the database: what is committed, past custody's own queries, which are among
what is tested. Amounts are text in SQLite and numbers in PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Protocol


class Books(Protocol):
    """`begin` and `end`: all that is read in between is of one moment. `column`: the first one."""

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]: ...

    def column(self, query: str, *values: object) -> list[Any]: ...

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class Reader:
    """Of a SQLite file. Open it again after a restore."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def end(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def column(self, query: str, *values: object) -> list[Any]:
        return [row[0] for row in self.rows(query, *values)]


def sent_for(books: Books, transfer: str) -> list[str]:
    """The txids of all that was signed for it, the oldest first."""
    return books.column(
        "SELECT t.txid FROM transactions t JOIN transaction_transfers x ON x.transaction_id = t.id"
        " WHERE x.transfer_id = ? AND t.txid IS NOT NULL ORDER BY t.id",
        transfer,
    )


def addresses_of(books: Books, vault: str, *, change: bool | None = None) -> list[str]:
    rows = books.rows(
        "SELECT address, change FROM addresses WHERE vault_id = ? ORDER BY seq", vault
    )
    return [address for address, is_change in rows if change in (None, bool(is_change))]
