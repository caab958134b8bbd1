"""Reports: what does not match is named, what was found is kept, and what is asked for is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from chains.block import Block, Movement
from chains.errors import NodeUnavailable
from chains.model import TxId
from chains.networks import Network
from custody.db.leases import Leases
from custody.db.reconcile_tables import (
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    ReconciliationRow,
)
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.ledger.model import Post, Reason, chain_account, vault_account
from custody.reconcile import report_repository as reports
from custody.reconcile.keeping import ask
from custody.reconcile.report import Cause, Mismatch, Wanted
from custody.reconcile.service import Reconciliation
from custody.workers.reconciling import ReconcileWorker
from tests.support.custody import World
from tests.support.fakes import FakeAdapter
from tests.unit.custody.reconcile.scene import ALL, COINS, HISTORIC, confirmed, funded, transfer


async def found(world: World) -> Sequence[Mismatch]:
    (line,) = (await confirmed(world)).differences
    assert line.traced_from is not None
    return line.mismatches


async def kinds(world: World) -> list[tuple[str, str]]:
    return [(each.kind.value, each.name) for each in await found(world)]


def service(world: World) -> Reconciliation:
    return Reconciliation(
        world.database,
        world.ledger,
        {world.network.id: world.network},
        {world.network.id: world.adapter},
        world.clock,
        patience_s=1.0,
    )


async def rows(database: Database) -> Sequence[ReconciliationRow]:
    async with database.read() as session:
        return await session.all(select(ReconciliationRow).order_by(ReconciliationRow.serial))


def showing(world: World, change: Callable[[Movement], Movement | None]) -> None:
    """From now on the node tells blocks with other movements."""
    read = FakeAdapter.block

    async def block(height: int) -> Block | None:
        found = await read(world.adapter, height)
        if found is None:
            return None
        movements = [after for each in found.movements if (after := change(each)) is not None]
        return replace(found, movements=tuple(movements))

    world.adapter.block = block  # type: ignore[method-assign]


async def paid(world: World, vault: VaultRow, amount: int) -> TxId:
    world.clock.forward(seconds=1)
    (address, *_) = await world.addresses(vault)
    txid = await world.pay(address, amount)
    await world.node.mine()
    await world.follow()
    return txid


@pytest.mark.parametrize("alias", ALL)
async def test_what_the_follower_was_not_told_is_named(database: Database, alias: str):
    world, vault = await funded(database, alias)
    assert (await confirmed(world)).is_clean
    showing(world, lambda each: None)
    txid = await paid(world, vault, 7)
    showing(world, lambda each: each)
    assert await kinds(world) == [("not_in_books", txid)]


async def test_what_the_node_tells_no_more_is_named_with_its_entry(database: Database):
    """And an entry that never stood for anything."""
    world, vault = await funded(database, HISTORIC)
    assert (await confirmed(world)).is_clean
    txid = await paid(world, vault, 7)
    native = world.native
    stray = Post(
        chain_account(native), vault_account(vault.id, native), 5, "nothing", Reason.DEPOSIT
    )
    async with database.write() as session:
        await world.ledger.post(session, stray)
    showing(world, lambda each: None)
    deposit, *entries = await found(world)
    assert (deposit.kind, deposit.name, deposit.units) == ("not_on_chain", txid, 7)
    assert [(each.kind, each.units) for each in entries] == [("entry", 7), ("entry", 5)]


@pytest.mark.parametrize("alias", ALL)
async def test_what_matches_is_not_named(database: Database, alias: str):
    """A payment, its change and a deposit are in blocks and in the books; seven units are not."""
    world, vault = await funded(database, alias)
    assert (await confirmed(world)).is_clean
    world.clock.forward(seconds=1)
    await transfer(world, vault, 30_000, 5_000)
    (address, *_) = await world.addresses(vault)
    await world.pay(address, 11)
    await world.node.mine()
    await world.follow()
    world.node.state.give(address.address, world.native, 7)
    assert await kinds(world) == []


async def test_a_deposit_of_another_amount_is_named(database: Database):
    world, vault = await funded(database, HISTORIC)
    assert (await confirmed(world)).is_clean
    showing(world, lambda each: each._replace(units=6) if each.units == 7 else each)
    txid = await paid(world, vault, 7)
    showing(world, lambda each: each)
    assert await kinds(world) == [("otherwise_in_books", txid)]


async def test_blocks_that_can_not_be_read_are_said_to_be_unknown(database: Database):
    world, vault = await funded(database, COINS)
    assert (await confirmed(world)).is_clean
    await world.node.mine()
    await world.follow()
    (address, *_) = await world.addresses(vault)
    world.node.state.give(address.address, world.native, 7)

    async def fails(height: int) -> Block | None:
        raise NodeUnavailable("gone")

    world.adapter.block = fails  # type: ignore[method-assign]
    assert [kind for kind, _ in await kinds(world)] == ["unknown"]


async def test_reports_are_kept_for_ever_and_whole_if_somebody_asked(database: Database):
    world, vault = await funded(database, COINS)
    _, lines = await service(world).check_network(world.network)
    report, _ = await service(world).check_network(
        world.network, Wanted(Cause.ASKED, "olivia", vault.id)
    )
    first, second = await rows(database)
    assert (first.cause, first.asked_by, first.vault_id) == ("interval", None, None)
    assert (first.equal, first.shortage, first.surplus, first.inconclusive) == (1, 0, 0, 0)
    assert (second.id, second.cause, second.asked_by) == (report, "asked", "olivia")
    async with database.read() as session:
        assert await reports.lines_of(session, first.id) == []
        (line,) = await reports.lines_of(session, report)
        assert list(await reports.newest(session, [world.network.id])) == [world.network.id]
    assert (line.ledger, line.chain, line.verdict) == (100_000, 100_000, "equal")
    assert (line.height, line.block_hash) == (lines[0].height, lines[0].block_hash)
    assert line.block_hash == (await world.adapter.tip()).hash
    for change in (
        update(ReconciliationRow).values(surplus=1),
        delete(ReconciliationRow),
        update(ReconciliationLineRow).values(chain=1),
        delete(ReconciliationLineRow),
    ):
        with pytest.raises(DBAPIError):
            async with database.write() as session:
                await session.execute(change)


async def test_a_difference_is_traced_once_and_again_for_who_asks(database: Database):
    world, vault = await funded(database, HISTORIC)
    await service(world).check_network(world.network)
    (address, *_) = await world.addresses(vault)
    world.node.state.give(address.address, world.native, -7)
    traced = []
    for why in (
        Wanted(Cause.INTERVAL),
        Wanted(Cause.INTERVAL),
        Wanted(Cause.ASKED, "olivia"),
    ):
        _, (line,) = await service(world).check_network(world.network, why)
        traced.append(line.traced_from is not None)
    assert traced == [True, False, True]
    async with database.read() as session:
        assert len(await session.all(select(ReconciliationLineRow.report_id))) == 3
        assert await session.all(select(ReconciliationMismatchRow.name)) == []


async def test_a_vault_is_frozen_before_blocks_are_read_again(database: Database):
    """Naming what does not match takes time; the alarm must not wait for it."""
    world, vault = await funded(database, HISTORIC)
    (address, *_) = await world.addresses(vault)
    world.node.state.give(address.address, world.native, -7)
    read, frozen = world.adapter.block, []

    async def block(height: int) -> object:
        frozen.append(await world.frozen(vault))
        return await read(height)

    world.adapter.block = block  # type: ignore[method-assign, assignment]
    await service(world).check_network(world.network)
    assert frozen[:2] == [None, None]  # two looks make sure that it differs
    assert set(frozen[2:]) == {"chain_below_ledger"}


async def test_what_is_asked_for_is_one_report_until_it_is_made(database: Database):
    world, vault = await funded(database, COINS)
    network, now = world.network.id, world.clock()
    async with database.write() as session:
        first = (await ask(session, network, vault.id, now, by="olivia")).id
    async with database.write() as session:
        assert (await ask(session, network, vault.id, now, by="bob")).id == first
        other = (await ask(session, network, None, now, by="bob")).id
    worker = ReconcileWorker(database, Leases(database), service(world), world.network, 300)
    await worker.make_asked()
    async with database.read() as read:
        assert (await reports.report(read, first)).equal == 1
        assert (await reports.report(read, other)).ended_at is None
    async with database.write() as session:
        again = (await ask(session, network, vault.id, now, by="bob")).id
    assert again != first
    for _ in range(3):
        await worker.make_asked()
    assert [(row.id, row.open_key, row.equal) for row in await rows(database)] == [
        (first, None, 1),
        (other, None, 1),
        (again, None, 1),
    ]


async def test_who_died_over_a_report_leaves_it_to_be_made(database: Database):
    """And two that make it keep it once."""
    world, _ = await funded(database, COINS)
    async with database.write() as writing:
        report = (await ask(writing, world.network.id, None, world.clock(), by="olivia")).id
    balances = world.adapter.balances

    async def dies(*_question: object) -> object:
        raise KeyError("the process ends here")

    worker = ReconcileWorker(database, Leases(database), service(world), world.network, 300)
    world.adapter.balances = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyError):
        await worker.make_asked()
    world.adapter.balances = balances  # type: ignore[method-assign]
    why = Wanted(Cause.ASKED, "olivia", None, report)
    await service(world).check_network(world.network, why)
    await service(world).check_network(world.network, why)
    async with database.read() as session:
        (line,) = await reports.lines_of(session, report)
    assert (line.verdict, [row.equal for row in await rows(database)]) == ("equal", [1])


async def test_a_report_that_can_not_be_made_does_not_put_off_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    world, _ = await funded(database, COINS)
    async with database.write() as writing:
        await ask(writing, world.network.id, None, world.clock(), by="olivia")
    reconciliation = service(world)
    check, asked = reconciliation.check_network, 0

    async def broken(network: Network, why: Wanted) -> object:
        nonlocal asked
        if why.cause is Cause.ASKED:
            asked += 1
            raise KeyError("it can't be made")
        return await check(network, why)

    monkeypatch.setattr(reconciliation, "check_network", broken)
    worker = ReconcileWorker(database, Leases(database), reconciliation, world.network, 0.0)
    for _ in range(2):
        with pytest.raises(KeyError):
            await worker.run()
    causes = [row.cause for row in await rows(database) if row.ended_at is not None]
    assert (asked, causes) == (2, [Cause.INTERVAL, Cause.INTERVAL])
