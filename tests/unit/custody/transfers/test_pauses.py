"""What is paused waits and is not lost: nothing new is built, signed or sent, everything else goes
on, and each reason is kept with who gave it and who ended it."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from chains.model import Address, NetworkId
from custody.alarms.codes import AlarmCode
from custody.db.feed_tables import EventRow
from custody.db.pause_tables import PauseRow
from custody.db.session import Database
from custody.db.tables import AlarmRow, OutboxRow
from custody.errors import Conflict, Forbidden, Invalid, NotFound
from custody.outbox import Work
from custody.pauses import repository
from custody.pauses.scope import Paused
from custody.pauses.service import pause, resume
from custody.workers.lanes import Barred
from custody.workers.repository import Hold, take
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, ended_well
from tests.unit.custody.transfers.test_replacements import ended, sent

NETWORK, OTHER = NetworkId("eip155:1"), NetworkId("eip155:2")


async def hold_back(
    desk: Desk, *, vault: str | None = None, network: NetworkId | None = None, why: str = "upgrade"
) -> PauseRow:
    async with desk.database.write() as session:
        return await pause(session, network, vault, why, desk.clock(), by="olivia")


async def let_go(desk: Desk, row: PauseRow, *, only: str | None = None) -> None:
    async with desk.database.write() as session:
        await resume(session, row.id, "it went well", desk.clock(), by="oscar", only=only)


async def waiting(desk: Desk, transfer_id: str) -> bool:
    async with desk.database.read() as session:
        found, _ = await desk.services.transfers.get(session, transfer_id, ANYONE)
    return found.held_back


def test_a_pause_covers_a_network_a_vault_or_a_vault_on_a_network():
    for pairs, covered in (
        ([], []),
        ([(NETWORK, None)], [(NETWORK, "a"), (NETWORK, "b")]),
        ([(None, "a")], [(NETWORK, "a"), (OTHER, "a")]),
        ([(NETWORK, "a")], [(NETWORK, "a")]),
    ):
        paused = Paused.of(pairs)
        every = [(network, vault) for network in (NETWORK, OTHER) for vault in ("a", "b")]
        assert [each for each in every if paused.covers(*each)] == covered
    paused = Paused.of([(None, "a"), (NETWORK, "b"), (OTHER, "c"), (OTHER, None)])
    assert paused.vaults(NETWORK) == {"a", "b"}
    assert (paused.whole(NETWORK), paused.whole(OTHER)) == (False, True)


@pytest.mark.parametrize("what", ["network", "vault", "both"])
async def test_what_is_asked_for_is_accepted_waits_and_goes_on_afterwards(every: Desk, what: str):
    desk = every
    vault = await desk.open_funded(FUNDS)
    row = await hold_back(
        desk,
        network=None if what == "vault" else desk.network.id,
        vault=None if what == "network" else vault.id,
    )
    transfer_id = await desk.send(vault, 1_000)
    signed = desk.signer.calls.get("sign", 0)
    await desk.work(3)
    assert await desk.transactions(transfer_id) == []
    assert await desk.claims() == []
    assert desk.signer.calls.get("sign", 0) == signed
    assert await desk.state(transfer_id) == "approved"
    assert await waiting(desk, transfer_id)
    assert await desk.worker._outbox.delay_s(desk.network.id, 60) == 60, "nobody spins"
    async with desk.database.read() as session:
        (work,) = await session.all(select(OutboxRow).order_by(OutboxRow.seq))
    assert (work.kind, work.attempts) == (Work.SIGN, 0), "it was not touched"
    await let_go(desk, row)
    assert not await waiting(desk, transfer_id)
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_other_vaults_and_other_networks_go_on(every: Desk):
    desk = every
    held, free = [await desk.open_funded(FUNDS) for _ in range(2)]
    await hold_back(desk, vault=held.id)
    await hold_back(desk, network=OTHER)
    waits = [await desk.send(held, 1_000 + n) for n in range(3)]
    goes = await desk.send(free, 2_000)
    await desk.settle(goes)
    assert {await desk.state(each) for each in waits} == {"approved"}


async def test_what_a_worker_has_in_hand_is_not_built_and_what_is_built_is_not_signed(
    every: Desk,
):
    """A pause that comes after the claim of the work, and one that comes after the bytes."""
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    row = await hold_back(desk, vault=vault.id)
    await desk.worker._driver.sign([transfer_id])
    assert await desk.transactions(transfer_id) == []
    assert (await desk.transfer(transfer_id)).waiting == "paused"
    await let_go(desk, row)
    await desk.worker._driver._builder.build([transfer_id])
    assert await desk.phase(transfer_id) == "built"
    row = await hold_back(desk, vault=vault.id)
    await desk.worker._driver.sign([transfer_id])
    assert await desk.phase(transfer_id) == "built"
    await let_go(desk, row)
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_what_is_signed_and_was_never_sent_waits(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.worker._driver.sign([transfer_id])
    assert await desk.phase(transfer_id) == "signed"
    row = await hold_back(desk, network=desk.network.id)
    await desk.run_outbox()
    assert await desk.phase(transfer_id) == "signed"
    assert desk.node.pool == {}
    assert await waiting(desk, transfer_id)
    await let_go(desk, row)
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_what_was_sent_is_sent_again_and_settled_and_deposits_arrive(every: Desk):
    desk = every
    vault, transfer_id = await sent(desk)
    await hold_back(desk, vault=vault.id)
    await hold_back(desk, network=desk.network.id)
    assert not await waiting(desk, transfer_id)
    desk.node.pool.clear()
    await desk.work(2)
    assert len(desk.node.pool) == 1, "sent again"
    address = await desk.new_address(vault)
    await desk.node.fund(Address(address.address), 700)
    before = (await desk.balance(vault)).available
    await desk.settle(transfer_id)
    await desk.work()
    assert (await desk.balance(vault)).available > before


async def test_a_cancel_passes_before_and_after_it_was_sent_and_a_speed_up_waits(
    sqlite: Database,
):
    desk = Desk(sqlite, ACCOUNT)
    vault, transfer_id = await sent(desk)
    row = await hold_back(desk, vault=vault.id)
    early = await desk.send(vault, 1_000)
    await desk.services.transfers.cancel(early, ANYONE)
    assert await desk.state(early) == "cancelled"
    newest = await desk.newest(transfer_id)
    assert newest.txid is not None
    await desk.services.transfers.speed_up(transfer_id, ANYONE, newest.txid)  # type: ignore[arg-type]
    await desk.work()
    await desk.worker._driver.speed_up([transfer_id])
    assert len(await desk.transactions(transfer_id)) == 1
    await desk.services.transfers.cancel(transfer_id, ANYONE)
    await desk.work()
    assert [each.purpose for each in await desk.transactions(transfer_id)] == ["pay", "cancel"]
    assert await desk.phase(transfer_id) == "broadcast", "a node has the cancel"
    await let_go(desk, row)
    assert await ended(desk, transfer_id) == "cancelled"


async def test_each_reason_stands_by_itself_and_is_told(database: Database):
    desk = Desk(database, ACCOUNT)
    vault = await desk.new_vault()
    first = await hold_back(desk, vault=vault.id)
    assert (await hold_back(desk, vault=vault.id)).id == first.id
    second = await hold_back(desk, vault=vault.id, why="audit")
    await let_go(desk, first)
    async with database.read() as session:
        assert (await repository.paused(session)).covers(NETWORK, vault.id)
        (alarm,) = await session.all(select(AlarmRow).order_by(AlarmRow.id))
    assert (alarm.code, alarm.message) == (AlarmCode.PAUSED, "paused by olivia: audit")
    assert alarm.open_key is not None
    with pytest.raises(Conflict, match="ended before"):
        await let_go(desk, first)
    await let_go(desk, second)
    async with database.read() as session:
        assert await repository.paused(session) == Paused()
        (alarm,) = await session.all(select(AlarmRow).order_by(AlarmRow.id))
        told = await session.rows(
            select(EventRow.event, EventRow.state, EventRow.detail)
            .where(EventRow.subject == first.id)
            .order_by(EventRow.seq)
        )
        kept = await repository.pauses(session, open_only=False)
    assert alarm.cleared_at is not None
    assert [tuple(each) for each in told] == [
        ("create", "open", "upgrade"),
        ("change", "ended", "it went well"),
    ]
    assert [(row.reason, row.paused_by, row.ended_by) for row in kept] == [
        ("upgrade", "olivia", "oscar"),
        ("audit", "olivia", "oscar"),
    ]


async def test_what_can_not_be_meant_is_refused(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.new_vault()
    with pytest.raises(Invalid, match="name a network"):
        await hold_back(desk)
    with pytest.raises(Invalid, match="printable"):
        await hold_back(desk, vault=vault.id, why=" ")
    with pytest.raises(NotFound):
        await hold_back(desk, vault="vlt_0")
    whole, mine = await hold_back(desk, network=NETWORK), await hold_back(desk, vault=vault.id)
    with pytest.raises(Forbidden):
        await let_go(desk, whole, only=vault.client_id)
    with pytest.raises(NotFound):
        await let_go(desk, mine, only="cli_other")
    await let_go(desk, mine, only=vault.client_id)


async def test_a_paused_vaults_backlog_takes_no_turn(database: Database):
    """However many paused vaults stand before another one in the order of turns."""
    desk = Desk(database, ACCOUNT)
    now, held = desk.clock(), [f"vlt_{n:02}" for n in range(29)]
    async with database.write() as session:
        session.add(*(_sign(desk, vault, now) for vault in [*held, "vlt_29"]))
    paused = Paused.of([(None, vault) for vault in held])
    async with database.write() as session:
        turns = (Hold("c", now, now), 4, Work.SIGN, "", Barred(paused))
        rows = await take(session, desk.network.id, *turns)
    assert [row.vault_id for row in rows] == ["vlt_29"]


def _sign(desk: Desk, vault: str, now: datetime) -> OutboxRow:
    return OutboxRow(
        kind=Work.SIGN, subject=f"tfr of {vault}", network=desk.network.id, vault_id=vault,
        claim=None, held_since=None, held_until=None, attempts=0, last_error=None, created_at=now,
    )  # fmt: skip
