"""A desk on each kind of account chain, and on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from custody.db.session import Database
from tests.unit.custody.sweeps.house import Sweeping


@pytest_asyncio.fixture(
    params=[
        pytest.param("ethereum-local postgresql", marks=pytest.mark.postgres),
        "tron-local sqlite",
        "solana-local sqlite",
    ]
)
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Sweeping]:
    alias, kind = request.param.split()
    url = request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url")
    database = Database(url)
    yield Sweeping(database, alias)
    await database.close()
