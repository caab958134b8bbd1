"""What our blocks don't show takes nothing back and gives nothing back; people hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select

from chains.answers import Answers
from chains.errors import NodeUnavailable
from chains.model import TxId
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.transactions import repository
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, ended_well


async def test_a_transfer_that_the_node_forgot_is_what_our_blocks_say(every: Desk):
    """A backend that lags, or an index that forgets: no node is asked about what we saw."""
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()

    async def forgets(txids: Sequence[TxId]) -> Answers[TxStatus]:
        return [TxStatus(TxState.UNKNOWN) for _ in txids]

    desk.adapter.statuses = forgets  # type: ignore[method-assign]
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "included"
    await desk.node.finalize()
    await desk.work(2)
    await ended_well(desk, vault, transfer_id, 1_000)
    assert await desk.alarms() == []


async def _unread(desk: Desk, transfer_id: str) -> None:
    """As after a recovery without a backup: custody can't tell which blocks might have it."""
    row = await desk.newest(transfer_id)
    desk.node.drop(TxId(row.txid or ""))
    async with desk.database.write() as session:
        await repository.forget_made(session, desk.network.id)


async def test_what_was_not_read_proves_nothing_and_calls_a_person(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await _unread(desk, transfer_id)
    claims, held = await desk.claims(), (await desk.balance(vault)).reserved
    await desk.track()
    assert await desk.alarms() == []
    assert await desk.outbox() == [("broadcast", (await desk.newest(transfer_id)).id)]
    desk.clock.forward(minutes=11)
    await desk.track()
    await desk.track()
    assert await desk.alarms() == [AlarmCode.OUTCOME_UNPROVEN]
    assert await desk.phase(transfer_id) == "broadcast"
    assert await desk.claims() == claims != []
    assert (await desk.balance(vault)).reserved == held

    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)
    assert await open_alarms(desk) == []


async def test_a_restart_clears_an_alarm_whose_cause_is_gone(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await _unread(desk, transfer_id)
    await desk.track()
    desk.clock.forward(minutes=11)
    await desk.track()
    assert await open_alarms(desk) == [AlarmCode.OUTCOME_UNPROVEN]
    desk.restart()
    await desk.settle(transfer_id)
    assert await open_alarms(desk) == []


async def test_a_node_that_is_away_neither_begins_nor_ends_a_doubt(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await _unread(desk, transfer_id)
    error: Exception | None = None

    def hook(name: str) -> None:
        if name == "statuses" and error is not None:
            raise error

    desk.adapter.before = hook
    await desk.track()
    desk.clock.forward(minutes=6)
    error = NodeUnavailable("away")
    with suppress(NodeUnavailable):
        await desk.track()
    desk.clock.forward(minutes=6)
    error = None
    await desk.track()
    assert await open_alarms(desk) == [AlarmCode.OUTCOME_UNPROVEN]
    error = NodeUnavailable("away")
    with suppress(NodeUnavailable):
        await desk.track()
    assert await open_alarms(desk) == [AlarmCode.OUTCOME_UNPROVEN]


async def open_alarms(desk: Desk) -> list[str]:
    async with desk.database.read() as session:
        opened = select(AlarmRow.code).where(AlarmRow.cleared_at.is_(None))
        return list(await session.all(opened.order_by(AlarmRow.id)))
