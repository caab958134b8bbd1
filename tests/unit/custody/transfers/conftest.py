"""Fixtures of the tests that send money."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from custody.db.session import Database
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, TRON


@pytest_asyncio.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """For tests in which the kind of database makes no difference."""
    database = Database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
def desk(sqlite: Database) -> Desk:
    return Desk(sqlite, COINS)


@pytest_asyncio.fixture(
    params=[
        pytest.param(f"{COINS} sqlite", marks=pytest.mark.database),
        pytest.param(f"{ACCOUNT} postgresql", marks=[pytest.mark.database, pytest.mark.postgres]),
        pytest.param(f"{TRON} sqlite", marks=pytest.mark.database),
    ]
)
async def every(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Each kind of chain and each kind of database, but not each with each."""
    alias, kind = request.param.split()
    url = request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url")
    database = Database(url)
    yield Desk(database, alias)
    await database.close()
