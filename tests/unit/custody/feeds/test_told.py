"""Whatever changes is in the feed, in its order, with the state that it is in now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, dismiss_alarm, raise_alarm
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.feed_tables import EventRow
from custody.db.gas_tables import GasRuleRow, GasTopUpRow
from custody.db.move_tables import VaultMoveRow, VaultMoveStepRow
from custody.db.pause_tables import PauseRow
from custody.db.quarantine_tables import QuarantineRuleRow
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.session import Database
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.db.tables import AlarmRow, DepositRow, VaultFreezeRow, VaultRow
from custody.db.transfer_tables import ApprovalRow, TransactionRow, TransferRow
from custody.events import Kind
from custody.feeds import repository
from custody.feeds.repository import Cursor
from custody.vaults.freezes import freeze, lift, open_freezes, unfreeze
from tests.support.custody import World
from tests.support.feeds import number_all
from tests.support.networks import find_network
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import FUNDS
from tests.unit.custody.transfers.test_approvals import ask_people, decide

CODE = AlarmCode.REORG_TOO_DEEP
BEGUN: dict[Kind, type[Any]] = {
    Kind.REFILL: RefillRow,
    Kind.SWEEP: SweepRow,
    Kind.COIN_MOVE: CoinMoveRow,
    Kind.GAS_TOP_UP: GasTopUpRow,
    Kind.VAULT_MOVE_STEP: VaultMoveStepRow,
}
RULES: dict[Kind, type[Any]] = {
    Kind.REFILL_RULE: RefillRuleRow,
    Kind.SWEEP_RULE: SweepRuleRow,
    Kind.COIN_RULE: CoinRuleRow,
    Kind.GAS_RULE: GasRuleRow,
    Kind.VAULT_MOVE: VaultMoveRow,
}
Told = dict[Kind, dict[str, list[tuple[str, str, str | None]]]]


async def feed(database: Database, client: str | None) -> Told:
    """By kind and subject: event, state and detail, in the feed's order."""
    await number_all(database)
    async with database.read() as session:
        page = await repository.events_after(session, client, Cursor(), 1_000)
    told: Told = defaultdict(lambda: defaultdict(list))
    for _, row in page:
        told[Kind(row.kind)][row.subject].append((row.event, row.state, row.detail))
    return told


async def check_all_is_told(database: Database, told: Told) -> None:
    """Every row of every kind is there, and the last word about it is what it says itself."""
    states: dict[Kind, tuple[Any, Callable[[Any], str]]] = {
        Kind.TRANSFER: (TransferRow, lambda row: row.state),
        Kind.TRANSACTION: (TransactionRow, lambda row: row.state),
        Kind.DEPOSIT: (DepositRow, lambda row: row.state),
        Kind.APPROVAL: (ApprovalRow, lambda row: row.verdict),
        Kind.FREEZE: (VaultFreezeRow, lambda row: "ended" if row.ended_at else "open"),
        Kind.PAUSE: (PauseRow, lambda row: "ended" if row.ended_at else "open"),
        Kind.ALARM: (AlarmRow, lambda row: "cleared" if row.cleared_at else "open"),
        Kind.QUARANTINE_RULE: (QuarantineRuleRow, lambda row: "ended" if row.ended_at else "open"),
    }
    states |= {kind: (table, lambda row: row.state) for kind, table in BEGUN.items()}
    states |= {
        kind: (table, lambda row: "open" if row.key_id else "ended")
        for kind, table in RULES.items()
    }
    assert states.keys() == set(Kind)
    async with database.read() as session:
        for kind, (table, state) in states.items():
            rows = await session.all(select(table))
            found = {subject: events[-1][1] for subject, events in told[kind].items()}
            key = [column.name for column in table.__table__.primary_key]
            subjects = {" ".join(str(getattr(row, each)) for each in key): row for row in rows}
            assert found == {name: state(row) for name, row in subjects.items()}, kind


async def test_a_transfers_whole_life(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    await desk.settle(transfer_id)
    told = await feed(desk.database, vault.client_id)
    assert [state for _, state, _ in told[Kind.TRANSFER][transfer_id]] == [
        "approved", "in_flight", "final"
    ]  # fmt: skip
    (sent,) = told[Kind.TRANSACTION].values()
    assert [state for _, state, _ in sent] == [
        "built", "signed", "broadcast", "included", "final"
    ]  # fmt: skip
    (deposit,) = told[Kind.DEPOSIT].values()
    assert deposit[-1] == ("change", "credited", None) or deposit == [("create", "credited", None)]
    await check_all_is_told(desk.database, told)


async def test_verdicts(database: Database):
    desk = Desk(database)
    ask_people(desk)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    for who in ("alice", "bob", "carol"):
        if who != "alice":  # who operates the machine that asked
            await decide(desk, transfer_id, who)
    told = await feed(database, vault.client_id)
    assert list(told[Kind.APPROVAL].values()) == [
        [("create", "approve", "bob")],
        [("create", "approve", "carol")],
    ]
    assert [event for event, _, _ in told[Kind.TRANSFER][transfer_id]] == ["ask", "accept"]
    await check_all_is_told(database, told)


async def test_deposits_that_come_and_go(database: Database):
    world = World(database)
    vault = await world.new_vault()
    await world.pay(await world.new_address(vault), 6_000)
    await world.node.mine()
    await world.follow()
    ours = list(world.node.chain)
    await world.node.reorg(1)
    world.node.pool.clear()
    await world.follow()
    world.node.chain = ours
    await world.node.mine(1)
    await world.follow()
    await world.node.mine(3)
    await world.follow()
    told = await feed(database, vault.client_id)
    assert list(told[Kind.DEPOSIT].values()) == [
        [
            ("create", "pending", None),
            ("change", "reversed", None),
            ("change", "pending", None),
            ("change", "credited", None),
        ]
    ]
    await check_all_is_told(database, told)


async def test_times_are_those_of_the_rows(database: Database):
    world = World(database)
    vault = await world.new_vault()
    await world.pay(await world.new_address(vault), 6_000)
    for _ in range(3):
        world.clock.forward(hours=1)
        await world.node.mine()
        await world.follow()
    async with database.read() as session:
        (deposit,) = await session.all(select(DepositRow))
        seen, credited = await session.all(select(EventRow).order_by(EventRow.seq))
    assert deposit.decided_at == credited.created_at == world.clock()
    assert seen.created_at == deposit.created_at < credited.created_at


async def test_freezes_and_alarms(database: Database):
    world = World(database)
    vault = await world.new_vault()
    network, now = find_network("bitcoin-regtest").id, world.clock()
    async with database.write() as session:
        await freeze(session, [vault.id], "why", now)
        await freeze(session, [vault.id], "for itself", now)
        await raise_alarm(session, CODE, "1 lost", now, network=network, vault=vault.id)
        await raise_alarm(session, CODE, "of the house", now, network=network)
    async with database.write() as session:
        await freeze(session, [vault.id], "why", now)  # changes nothing
        await raise_alarm(session, CODE, "1 lost", now, network=network, vault=vault.id)
        await raise_alarm(session, CODE, "2 lost", now, network=network, vault=vault.id)
        await lift(session, vault.id, "for itself", now)
    async with database.write() as session:
        seen = {row.id for row in await open_freezes(session, vault.id)}
        await unfreeze(session, vault.id, "looked", now, by="ada", seen=seen)
        await clear_alarm(session, CODE, now, network=network, vault=vault.id)
    async with database.read() as session:
        (mine,) = await session.all(select(AlarmRow.id).where(AlarmRow.vault_id.is_(None)))
    async with database.write() as session:
        await dismiss_alarm(session, mine, "known", now, by="ada")

    told = await feed(database, vault.client_id)
    assert list(told[Kind.FREEZE].values()) == [
        [("create", "open", "why"), ("change", "ended", "looked")],
        [("create", "open", "for itself"), ("change", "ended", "its cause is gone")],
    ]
    assert list(told[Kind.ALARM].values()) == [
        [
            ("create", "open", "1 lost"),
            ("change", "open", "2 lost"),
            ("change", "cleared", "its cause is gone"),
        ]
    ]
    everything = await feed(database, None)
    assert everything[Kind.ALARM][mine] == [
        ("create", "open", "of the house"),
        ("change", "cleared", "known"),
    ]
    await check_all_is_told(database, everything)


async def test_what_is_undone_is_not_told(database: Database):
    world = World(database)
    vault = await world.new_vault()
    with suppress(RuntimeError):
        async with database.write() as session:
            await freeze(session, [vault.id], "why", world.clock())
            raise RuntimeError
    assert await feed(database, vault.client_id) == {}
    async with database.read() as session:
        assert (await session.one(select(VaultRow.frozen_reason))) is None
