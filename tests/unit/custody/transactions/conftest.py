"""A database for tests in which its kind makes no difference."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from custody.db.session import Database


@pytest_asyncio.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    yield database
    await database.close()
