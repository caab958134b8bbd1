"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from custody.db.session import Database
from tests.unit.api.counter import Counter, opened


@pytest_asyncio.fixture
async def counter(sqlite_url: str) -> AsyncIterator[Counter]:
    """On SQLite: what the API does with requests is the same on every database."""
    database = Database(sqlite_url)
    async with opened(database) as made:
        yield made
    await database.close()
