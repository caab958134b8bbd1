"""What a node does not show takes nothing back and gives nothing back; people hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select

from chains.answers import Answers
from chains.errors import DeathUnproven, NodeUnavailable
from chains.model import TxId
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, ended_well


async def test_an_included_transfer_that_the_node_forgot_stays_included(every: Desk):
    """A backend that lags, or an index that forgets, after custody has seen the block."""
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "included"
    shown = desk.adapter.statuses

    async def forgets(txids: Sequence[TxId]) -> Answers[TxStatus]:
        return [TxStatus(TxState.UNKNOWN) for _ in txids]

    desk.adapter.statuses = forgets  # type: ignore[method-assign]
    await desk.node.finalize()
    before = desk.adapter.calls.get("proven_dead", 0)
    await desk.work(2)
    assert await desk.phase(transfer_id) == "included"
    assert desk.adapter.calls.get("proven_dead", 0) == before
    assert await desk.alarms() == []

    desk.clock.forward(minutes=11)
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "included"
    assert await desk.alarms() == [AlarmCode.OUTCOME_UNPROVEN]

    desk.adapter.statuses = shown  # type: ignore[method-assign]
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)
    assert await open_alarms(desk) == []


async def test_what_can_not_be_proven_dead_keeps_everything_and_calls_a_person(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    row = await desk.newest(transfer_id)
    desk.node.drop(TxId(row.txid or ""))

    def unproven(name: str) -> None:
        if name == "proven_dead":
            raise DeathUnproven("nonce 0 is used, and the node can't show by which transaction")

    desk.adapter.before = unproven
    claims, held = await desk.claims(), (await desk.balance(vault)).reserved
    await desk.track()
    assert await desk.alarms() == []
    assert await desk.outbox() == [("broadcast", row.id)]
    desk.clock.forward(minutes=11)
    await desk.track()
    await desk.track()
    assert await desk.alarms() == [AlarmCode.OUTCOME_UNPROVEN]
    assert await desk.phase(transfer_id) == "broadcast"
    assert await desk.claims() == claims != []
    assert (await desk.balance(vault)).reserved == held

    desk.adapter.before = lambda name: None
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)
    assert await open_alarms(desk) == []


async def test_a_restart_clears_an_alarm_whose_cause_is_gone(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    desk.node.drop(TxId((await desk.newest(transfer_id)).txid or ""))

    def unproven(name: str) -> None:
        if name == "proven_dead":
            raise DeathUnproven("nonce 0 is used")

    desk.adapter.before = unproven
    await desk.track()
    desk.clock.forward(minutes=11)
    await desk.track()
    assert await open_alarms(desk) == [AlarmCode.OUTCOME_UNPROVEN]
    desk.restart()
    desk.adapter.before = lambda name: None
    await desk.settle(transfer_id)
    assert await open_alarms(desk) == []


async def test_a_node_that_is_away_neither_begins_nor_ends_a_doubt(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    desk.node.drop(TxId((await desk.newest(transfer_id)).txid or ""))
    error: Exception = DeathUnproven("nonce 0 is used")

    def hook(name: str) -> None:
        if name == "proven_dead":
            raise error

    desk.adapter.before = hook
    await desk.track()
    desk.clock.forward(minutes=6)
    error = NodeUnavailable("away")
    with suppress(NodeUnavailable):
        await desk.track()
    desk.clock.forward(minutes=6)
    error = DeathUnproven("nonce 0 is used")
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
