"""Fixtures of the tests that send money."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from custody.db.session import Database


@pytest_asyncio.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """For tests in which the kind of database makes no difference."""
    database = Database(sqlite_url)
    yield database
    await database.close()
