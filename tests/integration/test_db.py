import pytest
from sqlalchemy import select

from custody.db.tables import ClientRow
from custody.db.session import Database
from datetime import UTC, datetime

NOW = datetime(2026, 1, 1, tzinfo=UTC)

async def test_x(database: Database):
    async with database.write() as s:
        s.add(ClientRow(id="a", name="b", created_at=NOW))
    async with database.read() as s:
        assert (await s.get(ClientRow, "a")).created_at == NOW
