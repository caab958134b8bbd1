"""What was sent and waits: paid more for, or called off, by a transaction that takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from chains.costs import CostKind
from chains.errors import BroadcastRejected, NodeUnavailable
from chains.model import TxId
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.db.transfer_tables import TransactionRow
from custody.errors import Conflict
from signer.wire import Notice, RefusalCode
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FUNDS, TRON, ended_well

FEE_MAX = 50_000


@pytest_asyncio.fixture(
    params=[
        pytest.param(COINS, marks=pytest.mark.database),
        pytest.param(f"{ACCOUNT} sqlite", marks=pytest.mark.database),
        pytest.param(f"{ACCOUNT} postgresql", marks=[pytest.mark.database, pytest.mark.postgres]),
    ]
)
async def bound(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """The chains whose keys bind."""
    alias, _, kind = request.param.partition(" ")
    url = request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url")
    database = Database(url)
    yield Desk(database, alias)
    await database.close()


async def sent(desk: Desk, amount: int = 1_000) -> tuple[VaultRow, str]:
    """The vault, and a transfer whose transaction waits in the pool."""
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, amount, fee_max=FEE_MAX)
    await desk.work()
    assert await desk.phase(transfer_id) == "broadcast"
    return vault, transfer_id


async def speed_up(desk: Desk, transfer_id: str) -> None:
    newest = await desk.newest(transfer_id)
    await desk.services.transfers.speed_up(transfer_id, ANYONE, TxId(newest.txid or ""))


async def cancel(desk: Desk, transfer_id: str) -> None:
    await desk.services.transfers.cancel(transfer_id, ANYONE)


async def ended(desk: Desk, transfer_id: str) -> str:
    """Its state, once it has ended and nothing of it is open."""
    for _ in range(12):
        await desk.work(2)
        open_ = [each.state for each in await desk.transactions(transfer_id)]
        if not {"built", "signed", "broadcast", "included"}.intersection(open_):
            break
        await desk.node.mine()
        await desk.node.finalize()
    await desk.run_outbox()
    assert await desk.claims() == []
    assert await desk.outbox() == []
    return await desk.state(transfer_id)


def states(found: Sequence[TransactionRow]) -> list[tuple[str, str]]:
    return [(each.purpose, each.state) for each in found]


async def test_a_speed_up_takes_its_place_and_the_payment_is_made_once(bound: Desk):
    desk = bound
    vault, transfer_id = await sent(desk)
    await speed_up(desk, transfer_id)
    await desk.work()
    first, second = await desk.transactions(transfer_id)
    assert states([first, second]) == [("pay", "broadcast"), ("pay", "broadcast")]
    assert second.replaces == first.id
    assert list(desk.node.pool) == [second.txid]
    assert "ask_speed_up" in await desk.events(transfer_id)
    assert await ended(desk, transfer_id) == "final"
    assert states(await desk.transactions(transfer_id)) == [("pay", "dead"), ("pay", "final")]
    await ended_well(desk, vault, transfer_id, 1_000, signed=2)


async def test_again_and_again_while_the_terms_allow(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    for _ in range(2):
        await speed_up(desk, transfer_id)
        await desk.work()
    assert len(await desk.transactions(transfer_id)) == 3
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000
    left = [each.state for each in await desk.transactions(transfer_id)]
    assert left == ["dead", "dead", "final"]


async def test_a_repeated_request_pays_once(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    first = TxId((await desk.newest(transfer_id)).txid or "")
    for _ in range(3):
        await desk.services.transfers.speed_up(transfer_id, ANYONE, first)
    assert len(await desk.outbox()) == 1
    await desk.work()
    await desk.services.transfers.speed_up(transfer_id, ANYONE, first)
    assert await desk.outbox() == []
    assert len(await desk.transactions(transfer_id)) == 2


async def test_a_cancel_pays_nobody_and_costs_its_fee(bound: Desk):
    desk = bound
    vault, transfer_id = await sent(desk)
    await cancel(desk, transfer_id)
    await cancel(desk, transfer_id)
    await desk.work()
    await cancel(desk, transfer_id)
    assert await ended(desk, transfer_id) == "cancelled"
    found = await desk.transactions(transfer_id)
    assert states(found) == [("pay", "dead"), ("cancel", "final")]
    assert await desk.received(transfer_id) == 0
    after = await desk.balance(vault)
    cost = sum((found[1].costs or {}).values())
    assert cost > 0
    assert (after.available, after.reserved) == (FUNDS - cost, 0)


async def test_a_cancel_that_comes_too_late_changes_nothing(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    (paying,) = await desk.transactions(transfer_id)
    await cancel(desk, transfer_id)
    await desk.node.mine()
    await desk.track()
    await desk.run_outbox()
    assert await ended(desk, transfer_id) == "final"
    assert [each.id for each in await desk.transactions(transfer_id)] == [paying.id]
    assert await desk.received(transfer_id) == 1_000
    with pytest.raises(Conflict) as refused:
        await cancel(desk, transfer_id)
    assert refused.value.code == "transfer_not_cancellable"


async def test_what_replaces_is_forgotten_once_the_first_is_final(bound: Desk):
    """Built and not signed, because the signer was away; then the first one came in after all."""
    desk = bound
    _, transfer_id = await sent(desk)
    await speed_up(desk, transfer_id)
    desk.signer.refuse = [(RefusalCode.UNAVAILABLE, "journal")]
    await desk.run_outbox()
    assert states(await desk.transactions(transfer_id))[1] == ("pay", "built")
    await desk.node.mine()
    await desk.node.finalize()
    await desk.track()
    found = states(await desk.transactions(transfer_id))
    assert found == [("pay", "final"), ("pay", "abandoned")]
    desk.signer.refuse = []
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000


async def test_a_cancel_can_be_sped_up_and_never_turned_back(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    await cancel(desk, transfer_id)
    await desk.work()
    await speed_up(desk, transfer_id)
    await desk.work()
    purposes = [each.purpose for each in await desk.transactions(transfer_id)]
    assert purposes == ["pay", "cancel", "cancel"]
    assert await ended(desk, transfer_id) == "cancelled"
    assert await desk.received(transfer_id) == 0


async def test_it_waits_until_the_terms_allow_as_much(bound: Desk):
    """Nothing is built that the network would not take; the terms are raised, and it goes."""
    desk = bound
    _, transfer_id = await sent(desk)
    desk.node.fee = FEE_MAX + 1
    await speed_up(desk, transfer_id)
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "fee_above_maximum"
    assert len(await desk.transactions(transfer_id)) == 1
    await desk.services.versions.raise_costs(transfer_id, ANYONE, {CostKind.FEE: 4 * FEE_MAX})
    await desk.work()
    assert len(await desk.transactions(transfer_id)) == 2
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000


async def test_what_was_replaced_is_not_sent_again(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    await speed_up(desk, transfer_id)
    await desk.work()
    first, second = await desk.transactions(transfer_id)
    await desk.track()
    assert await desk.outbox() == []
    desk.node.drop(TxId(second.txid or ""))
    await desk.track()
    assert await desk.outbox() == [("broadcast", second.id)]
    await desk.work()
    assert list(desk.node.pool) == [second.txid]
    assert first.txid not in desk.node.pool


async def test_what_no_node_took_is_not_tried_again_once_it_was_replaced(desk: Desk):
    """A node that has the one in its place would refuse it for ever."""
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=FEE_MAX)

    def hook(name: str) -> None:
        if name == "broadcast":
            raise BroadcastRejected("mempool full")

    desk.adapter.before = hook
    await desk.run_outbox()
    await speed_up(desk, transfer_id)
    await desk.run_outbox()
    desk.adapter.before = lambda name: None
    await desk.run_outbox()
    found = await desk.transactions(transfer_id)
    assert states(found) == [("pay", "signed"), ("pay", "broadcast")]
    assert await desk.outbox() == []
    assert list(desk.node.pool) == [found[1].txid]


async def test_two_workers_replace_it_once(bound: Desk):
    desk = bound
    _, transfer_id = await sent(desk)
    driver = desk.worker._driver
    await asyncio.gather(*(driver.speed_up([transfer_id]) for _ in range(3)))
    found = await desk.transactions(transfer_id)
    assert len({each.replaces for each in found}) == len(found), "no two in one's place"
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000


async def test_a_node_that_refuses_it_frees_nothing(bound: Desk):
    desk = bound
    vault, transfer_id = await sent(desk)
    before = await desk.balance(vault)
    await speed_up(desk, transfer_id)

    def hook(name: str) -> None:
        if name == "broadcast":
            raise BroadcastRejected("insufficient fee, rejecting replacement")

    desk.adapter.before = hook
    await desk.run_outbox()
    found = await desk.transactions(transfer_id)
    assert states(found) == [("pay", "broadcast"), ("pay", "signed")]
    assert await desk.balance(vault) == before
    desk.adapter.before = lambda name: None
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast"])
@pytest.mark.parametrize("asked", [speed_up, cancel])
async def test_whatever_fails_on_the_way_it_goes_on(desk: Desk, call: str, asked: object):
    _, transfer_id = await sent(desk)
    await asked(desk, transfer_id)  # type: ignore[operator]
    failures = 1

    def hook(name: str) -> None:
        nonlocal failures
        if name == call and failures:
            failures -= 1
            raise NodeUnavailable("gone for a moment")

    desk.adapter.before = hook
    await desk.worker.run_due()
    desk.restart()
    assert await ended(desk, transfer_id) == ("final" if asked is speed_up else "cancelled")
    assert not failures
    assert await desk.received(transfer_id) == (1_000 if asked is speed_up else 0)


async def test_a_reorg_after_which_the_first_one_is_included(bound: Desk):
    """The second was in a block that a reorg took; then the first is, and decides."""
    desk = bound
    _, transfer_id = await sent(desk)
    await speed_up(desk, transfer_id)
    await desk.work()
    first, second = await desk.transactions(transfer_id)
    await desk.node.mine()
    await desk.work()
    assert (await desk.newest(transfer_id)).state == "included"
    await desk.node.reorg(1)
    desk.node.drop(TxId(second.txid or ""))
    assert first.raw is not None
    desk.node.pool[TxId(first.txid or "")] = desk.adapter.codec.open_raw(first.raw)
    await desk.node.mine(2)
    await desk.node.finalize()
    assert await ended(desk, transfer_id) == "final"
    found = [each.state for each in await desk.transactions(transfer_id)]
    assert found == ["final", "dead"]
    assert await desk.received(transfer_id) == 1_000


async def test_where_no_key_binds_nothing_is_replaced(sqlite: Database):
    desk = Desk(sqlite, TRON)
    _, transfer_id = await sent(desk)
    before = await desk.counts()
    with pytest.raises(Conflict) as slow:
        await speed_up(desk, transfer_id)
    with pytest.raises(Conflict) as late:
        await cancel(desk, transfer_id)
    codes = (slow.value.code, late.value.code)
    assert codes == ("transfer_not_replaceable", "transfer_not_cancellable")
    assert await desk.counts() == before


async def test_only_what_waits_is_outbid(desk: Desk):
    _, transfer_id = await sent(desk)
    with pytest.raises(Conflict, match="no transaction of it"):
        await desk.services.transfers.speed_up(transfer_id, ANYONE, TxId("ab" * 32))
    await desk.node.mine()
    await desk.work()
    with pytest.raises(Conflict, match="in a block"):
        await speed_up(desk, transfer_id)
    assert await desk.outbox() == []


# While an administrator has stopped the signer

STOPPED = (Notice("stopped", "stopped by adm-1: a laptop was stolen"),)


async def test_while_it_is_stopped_payments_wait_and_what_was_sent_is_called_off(bound: Desk):
    """Nothing is built that would grow stale, nothing is given up, and nothing is asked of the
    signer but the cancel. When the stop has ended, what waits goes on by itself."""
    desk = bound
    other = await desk.open_funded(FUNDS)
    _, wrong = await sent(desk)
    desk.signer.warnings = STOPPED
    waiting = await desk.send(other, 2_000, fee_max=FEE_MAX)
    asked = desk.signer.calls["sign"]
    await desk.work(3)
    row = await desk.transfer(waiting)
    assert (row.state, row.waiting) == ("approved", "signer_stopped")
    assert await desk.transactions(waiting) == []
    await speed_up(desk, wrong)
    await desk.work()
    assert (await desk.transfer(wrong)).waiting == "signer_stopped"
    assert desk.signer.calls["sign"] == asked
    await cancel(desk, wrong)
    await desk.work(2)
    assert [each.purpose for each in await desk.transactions(wrong)] == ["pay", "cancel"]
    desk.signer.warnings = ()
    await desk.settle(waiting)
    assert [await ended(desk, each) for each in (wrong, waiting)] == ["cancelled", "final"]
    assert await desk.received(waiting) == 2_000


async def test_a_signer_stopped_between_two_questions_refuses_and_nothing_is_lost(bound: Desk):
    desk = bound
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=FEE_MAX)
    desk.signer.refuse = [(RefusalCode.STOPPED, "emergency-stop")]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "signer_stopped")
    assert await ended(desk, transfer_id) == "final"


# The operator's rule


async def mine_empty(desk: Desk, blocks: int) -> None:
    """Whoever makes them takes none of what waits."""
    waiting, desk.node.pool = desk.node.pool, {}
    await desk.node.mine(blocks)
    desk.node.pool = waiting


async def test_what_waits_for_long_is_paid_more_for_by_rule(bound: Desk):
    """After as many blocks as the operator says, and again after as many more; never sooner, and
    once for each transaction."""
    desk = bound
    _, transfer_id = await sent(desk)
    tracker = desk.worker._tracker
    tracker._speed_up_after = {desk.network.id: 3}
    for blocks, made in ((2, 1), (1, 2), (2, 2), (1, 3)):
        await mine_empty(desk, blocks)
        await desk.work(2)
        assert len(await desk.transactions(transfer_id)) == made
    assert (await desk.events(transfer_id)).count("ask_speed_up") == 2
    tracker._speed_up_after = {}
    assert await ended(desk, transfer_id) == "final"
    assert await desk.received(transfer_id) == 1_000


async def test_a_rule_asks_nothing_where_nothing_can_be_replaced(sqlite: Database):
    desk = Desk(sqlite, TRON)
    _, transfer_id = await sent(desk)
    desk.worker._tracker._speed_up_after = {desk.network.id: 1}
    await mine_empty(desk, 2)
    await desk.track()
    assert await desk.outbox() == []
    assert "ask_speed_up" not in await desk.events(transfer_id)
