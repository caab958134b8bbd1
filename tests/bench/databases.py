"""Empty databases to measure on: SQLite, and PostgreSQL where its binaries are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.database import Unavailable, run_postgres

_AS_OPERATED = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
}
"""What tests switch off, and no operator does."""


@contextmanager
def databases(
    folder: Path, say: Callable[[str], None]
) -> Iterator[Mapping[str, Callable[[str], str]]]:
    """By kind, what makes a database of a name and says its URL."""
    found: dict[str, Callable[[str], str]] = {
        "SQLite": lambda name: f"sqlite+aiosqlite:///{folder / name}.sqlite3"
    }
    with ExitStack() as stack:
        try:
            server = stack.enter_context(run_postgres(**_AS_OPERATED))
        except Unavailable as reason:
            say(f"nothing on PostgreSQL: {reason}")
        else:

            def create(name: str) -> str:
                server.run(f"CREATE DATABASE {name}")
                return server.url(name)

            found["PostgreSQL"] = create
        yield found
