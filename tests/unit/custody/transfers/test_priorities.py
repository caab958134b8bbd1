"""A transfer's priority decides before anything is claimed for it: the next number is for what is
urgent, whatever was asked for first."""

from __future__ import annotations

from sqlalchemy import select

from custody.db.session import Database
from custody.db.tables import OutboxRow
from custody.transfers.priority import Priority
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS
from tests.unit.custody.transfers.test_in_order import numbers


async def test_the_first_number_is_for_what_is_urgent(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    low = await desk.send(vault, 1_000, priority=Priority.LOW)
    normal = await desk.send(vault, 1_001)
    high = await desk.send(vault, 1_002, priority=Priority.HIGH)
    await desk.worker.run_due()
    assert [await numbers(desk, each) for each in (high, normal, low)] == [[0], [1], [2]]
    for each in (low, normal, high):
        assert (await desk.settle(each)).state == "final"


async def test_what_the_signer_gave_bytes_for_is_sent_without_regard_to_it(sqlite: Database):
    """What is signed holds a number or a coin that others may wait for."""
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    await desk.send(vault, 1_000, priority=Priority.LOW)
    await desk.worker.run_due()
    await desk.send(vault, 1_001, priority=Priority.HIGH)
    async with sqlite.read() as session:
        waiting = select(OutboxRow.kind, OutboxRow.rank).order_by(OutboxRow.seq)
        assert await session.rows(waiting) == [("broadcast", 0), ("sign", 0)]
