"""What accepting a transfer asks of the database. Statements are most of what it costs: one that
SQLAlchemy builds anew takes as long as five that are ready."""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from custody.db.prepared import Prepared
from custody.db.session import Database
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FUNDS

STATEMENTS = {COINS: 16, ACCOUNT: 15}


@pytest.fixture(params=STATEMENTS)
def desk(database: Database, request: pytest.FixtureRequest) -> Desk:
    return Desk(database, request.param)


async def test_a_payment_is_accepted_with_few_statements_that_are_all_ready(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    vault = await desk.open_funded(FUNDS)
    await desk.send(vault, 1_000)  # what the first one finds out is known to all others
    ready, built = [], []
    send = Prepared._send

    async def counted(self, *arguments):
        ready.append(self.text)
        return await send(self, *arguments)

    def note(connection, cursor, text, *_):
        built.append(text)

    monkeypatch.setattr(Prepared, "_send", counted)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await desk.send(vault, 2_000)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert built == []
    assert len(ready) == STATEMENTS[desk.network.alias], ready
