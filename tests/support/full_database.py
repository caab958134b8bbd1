"""A SQLite database without space: SQLite's own limit of a file's pages, which gives the same error
at the same places as a full disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import event, text

from custody.db.session import Database

ENOUGH: Final = 2**30


@asynccontextmanager
async def filled(database: Database, free: int = 0) -> AsyncIterator[None]:
    """`free`: pages left. The limit is a connection's, and the pool may make another one: that one
    has it too."""
    engine = database._engines.write
    async with engine.connect() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        assert pages is not None
        limit = f"PRAGMA max_page_count = {pages + free}"
        await connection.execute(text(limit))

    def remain_full(driver: Any, _record: object) -> None:
        driver.cursor().execute(limit)

    event.listen(engine.sync_engine, "connect", remain_full)
    yield
    event.remove(engine.sync_engine, "connect", remain_full)
    await make_space(database)


async def make_space(database: Database) -> None:
    async with database._engines.write.connect() as connection:
        await connection.execute(text(f"PRAGMA max_page_count = {ENOUGH}"))
