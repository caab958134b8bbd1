"""Fixtures of the API's tests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio

from custody.db.session import Database
from tests.unit.api.counter import Counter, Furniture, opened


@pytest.fixture(scope="session")
def furnished(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Furniture]:
    """A database with a client, a funded vault and keys, made once and copied for each test."""
    path = tmp_path_factory.mktemp("api") / "furnished.sqlite3"
    shutil.copy(sqlite_template, path)

    async def furnish() -> Furniture:
        database = Database(f"sqlite+aiosqlite:///{path}")
        async with opened(database) as counter:
            furniture = counter.furniture
        await database.close()
        return furniture

    # In a thread of its own: a test's event loop may be running in this one.
    with ThreadPoolExecutor(1) as pool:
        return path, pool.submit(asyncio.run, furnish()).result()


@pytest_asyncio.fixture
async def counter(furnished: tuple[Path, Furniture], tmp_path: Path) -> AsyncIterator[Counter]:
    """On SQLite: what the API does with requests is the same on every database."""
    template, furniture = furnished
    path = tmp_path / "counter.sqlite3"
    shutil.copy(template, path)
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with opened(database, furniture) as made:
        yield made
    await database.close()


@pytest_asyncio.fixture
async def either(database: Database) -> AsyncIterator[Counter]:
    """On each kind of database: for what is asked in SQL of its own."""
    async with opened(database) as made:
        yield made
