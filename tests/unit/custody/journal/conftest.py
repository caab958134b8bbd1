from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from custody.db.session import Database
from tests.unit.custody.journal.lost import Safe
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import COINS

KINDS = [
    pytest.param("sqlite", marks=pytest.mark.database),
    pytest.param("postgresql", marks=[pytest.mark.database, pytest.mark.postgres]),
]


@pytest.fixture(params=KINDS)
def safe(request: pytest.FixtureRequest) -> Safe:
    if request.param == "sqlite":
        return Safe(request.getfixturevalue("sqlite_url"), None)
    url = request.getfixturevalue("postgres_url")
    return Safe(url, request.getfixturevalue("postgres_server"))


@pytest_asyncio.fixture
async def desk(request: pytest.FixtureRequest, safe: Safe) -> AsyncIterator[Desk]:
    made = Desk(Database(safe.url), getattr(request, "param", COINS))
    yield made
    await made.database.close()
