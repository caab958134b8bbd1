"""Transfers that were approved one by one share a transaction, and none holds the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import InvalidAddress, TooManyCoins
from chains.model import Address, AssetId, NetworkId
from custody.db.session import Database
from custody.transactions.building import Builder
from custody.transactions.collecting import collected
from custody.transactions.planners.plan import Waiting
from signer.wire import RefusalCode
from tests.unit.custody.transactions.test_batches import fees_of
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import COINS, FUNDS, Crash, crash_on, lease_over

WINDOW = timedelta(seconds=30)
COUNT = 4


@pytest_asyncio.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.database),
        pytest.param("postgresql", marks=[pytest.mark.database, pytest.mark.postgres]),
    ]
)
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    kind = "postgres_url" if request.param == "postgresql" else "sqlite_url"
    database = Database(request.getfixturevalue(kind))
    yield collecting(Desk(database, COINS))
    await database.close()


def builder_of(desk: Desk) -> Builder:
    return desk.worker._driver._builder


def collecting(desk: Desk) -> Desk:
    """The operator has set a window. A restart of the desk forgets it, so it is set again then."""
    builder_of(desk)._windows = {desk.network.id: WINDOW}
    return desk


async def sent(desk: Desk, bounds: Sequence[int] = (5_000,) * COUNT) -> list[str]:
    vault = await desk.open_funded(*[FUNDS // 8] * 8)
    desk.node.fee = 1_000
    return [await desk.send(vault, 1_000 + n, fee_max=most) for n, most in enumerate(bounds)]


async def time_is_up(desk: Desk) -> None:
    desk.clock.forward(seconds=30)
    for _ in range(3):
        await desk.run_outbox()


async def carriers(desk: Desk, ids: Sequence[str]) -> list[list[int]]:
    """For each transaction that was signed the places in `ids` of those that it pays."""
    found: dict[str, list[int]] = {}
    for at, each in enumerate(ids):
        for row in await desk.transactions(each):
            if row.raw is not None:
                found.setdefault(row.id, []).append(at)
    return sorted(found.values())


async def all_final(desk: Desk, ids: Sequence[str]) -> None:
    for each in ids:
        row = await desk.settle(each)
        assert row.state == "final", (row.state, row.waiting, row.reason)
        assert await desk.received(each) == row.amount
        assert len([tx for tx in await desk.transactions(each) if tx.raw]) == 1
    assert await desk.claims() == [] and await desk.outbox() == []
    assert (await desk.reconcile()).is_clean


async def test_what_was_approved_one_by_one_is_paid_by_one_transaction(desk: Desk):
    ids = await sent(desk)
    await desk.run_outbox()
    assert {(await desk.transfer(each)).waiting for each in ids} == {"collecting"}
    assert await desk.claims() == []
    await time_is_up(desk)
    assert await carriers(desk, ids) == [[0, 1, 2, 3]]
    await all_final(desk, ids)
    cost = total((await desk.newest(ids[0])).costs)
    assert sum([await fees_of(desk, each) for each in ids]) == cost == 1_000


async def test_it_waits_no_longer_than_the_window_for_others(desk: Desk):
    ids = await sent(desk)
    await desk.run_outbox()
    desk.clock.forward(seconds=29)
    await desk.run_outbox()
    assert await carriers(desk, ids) == []
    later = await desk.send(await vault_of(desk, ids[0]), 9_000, fee_max=5_000)
    desk.clock.forward(seconds=1)
    await desk.run_outbox()
    assert await carriers(desk, [*ids, later]) == [[0, 1, 2, 3, 4]]


async def vault_of(desk: Desk, transfer_id: str):
    from custody.db.tables import VaultRow

    row = await desk.transfer(transfer_id)
    async with desk.database.read() as session:
        vault = await session.get(VaultRow, row.vault_id)
    assert vault is not None
    return vault


async def test_without_a_window_each_goes_alone(desk: Desk):
    builder_of(desk)._windows = {}
    ids = await sent(desk)
    await desk.run_outbox()
    assert await carriers(desk, ids) == [[0], [1], [2], [3]]


async def test_vaults_share_nothing(desk: Desk):
    ids = await sent(desk, (5_000, 5_000)) + await sent(desk, (5_000, 5_000))
    await time_is_up(desk)
    assert await carriers(desk, ids) == [[0, 1], [2, 3]]
    await all_final(desk, ids)


async def test_a_bound_too_low_for_its_share_is_left_out(desk: Desk):
    """250 each are wanted; without it 334."""
    ids = await sent(desk, (5_000, 200, 5_000, 5_000))
    await time_is_up(desk)
    assert await carriers(desk, ids) == [[0, 2, 3]]
    left = await desk.transfer(ids[1])
    assert (left.state, left.waiting) == ("approved", "fee_above_maximum")
    desk.node.fee = 150
    await desk.run_outbox()
    await all_final(desk, ids)


async def test_many_bounds_that_are_too_low_one_after_the_other(desk: Desk):
    """Each that is left out raises the shares of the others, until nobody can go with anybody."""
    ids = await sent(desk, (100, 150, 180, 220, 300, 450, 900))
    await time_is_up(desk)
    assert await carriers(desk, ids) == []
    assert {(await desk.transfer(each)).waiting for each in ids} == {"fee_above_maximum"}
    desk.node.fee = 90
    await desk.run_outbox()
    await all_final(desk, ids)


@pytest.mark.parametrize("code", [RefusalCode.DENIED, RefusalCode.EXPIRED])
async def test_who_is_refused_is_taken_out_and_the_rest_goes_together(desk: Desk, code):
    ids = await sent(desk)
    desk.signer.refuse = [(code, "because")]  # it names the first of the request
    await time_is_up(desk)
    gone = [each for each in ids if await desk.state(each) in ("denied", "expired")]
    assert len(gone) == 1
    rest = [each for each in ids if each not in gone]
    assert await carriers(desk, rest) == [[0, 1, 2]]
    await all_final(desk, rest)
    assert await desk.received(gone[0]) == 0


async def test_who_has_to_wait_for_the_signer_holds_nobody(desk: Desk):
    ids = await sent(desk)
    held = sorted(ids)[1]
    real = desk.signer._sign

    def not_yet(request):
        from signer.wire import Refusal

        if held in request.transfers:
            return Refusal(held, RefusalCode.NOT_YET, "hours", "later")
        return real(request)

    desk.signer._sign = not_yet  # type: ignore[method-assign]
    await time_is_up(desk)
    assert await desk.state(held) == "approved"
    others = [each for each in ids if each != held]
    assert {await desk.state(each) for each in others} == {"in_flight"}
    desk.signer._sign = real  # type: ignore[method-assign]
    await all_final(desk, ids)


async def test_what_somebody_else_had_signed_holds_nobody(desk: Desk):
    ids = await sent(desk)
    held = sorted(ids)[1]
    real = desk.signer._sign

    def conflict(request):
        from signer.wire import Refusal

        if held in request.transfers:
            return Refusal(held, RefusalCode.CONFLICT, "both-could-confirm", "signed before")
        return real(request)

    desk.signer._sign = conflict  # type: ignore[method-assign]
    await time_is_up(desk)
    others = [each for each in ids if each != held]
    assert sorted([await desk.state(each) for each in others]) == ["in_flight"] * 3
    assert all([await carriers(desk, [each]) for each in others])
    assert await carriers(desk, [held]) == []
    assert await desk.open_alarms() != []


async def test_who_is_called_off_or_expires_meanwhile_is_left_out(desk: Desk):
    ids = await sent(desk)
    desk.services.transfers._lifetime = WINDOW
    short = await desk.send(await vault_of(desk, ids[0]), 9_000, fee_max=5_000)
    await desk.run_outbox()
    await desk.services.transfers.cancel(ids[0], ANYONE)
    await time_is_up(desk)
    ids[1:1] = [short]
    assert await carriers(desk, ids) == [[2, 3, 4]]
    await all_final(desk, ids[2:])
    await desk.work()
    assert [await desk.state(each) for each in ids[:2]] == ["cancelled", "expired"]


@pytest.mark.parametrize("error", [InvalidAddress("bad"), TooManyCoins("too many")])
async def test_what_can_not_be_built_together_is_built_alone(desk: Desk, error: Exception):
    """A payee that only a node refuses ends; the others are paid."""
    ids = await sent(desk)
    bad = await desk.transfer(ids[2])
    real = desk.adapter.claim

    async def claim(intents):
        return [
            error if any(effect.address == bad.destination for effect in intent.effects) else answer
            for intent, answer in zip(intents, await real(intents), strict=True)
        ]

    desk.adapter.claim = claim  # type: ignore[method-assign]
    await time_is_up(desk)
    assert await carriers(desk, ids) == [[0], [1], [3]]
    if isinstance(error, InvalidAddress):
        assert await desk.state(ids[2]) == "denied"
    else:
        assert (await desk.transfer(ids[2])).waiting == "too_many_coins"


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast"])
async def test_a_crash_anywhere_pays_each_once(desk: Desk, call: str):
    ids = await sent(desk)
    await desk.run_outbox()
    desk.clock.forward(seconds=30)
    desk.adapter.before = crash_on(call)
    with pytest.raises(Crash):
        await desk.run_outbox()
    desk.adapter.before = lambda name: None
    desk.restart()
    collecting(desk)
    await lease_over(desk)
    await all_final(desk, ids)
    assert await carriers(desk, ids) == [[0, 1, 2, 3]]


async def test_who_joins_after_a_crash_is_paid_with_all(desk: Desk):
    """What was claimed was for others than what is planned now: it is let go, not reused."""
    ids = await sent(desk)
    desk.clock.forward(seconds=30)
    desk.adapter.before = crash_on("prepare")
    with pytest.raises(Crash):
        await desk.run_outbox()
    assert await desk.claims() != []
    desk.adapter.before = lambda name: None
    desk.restart()
    collecting(desk)
    late = await desk.send(await vault_of(desk, ids[0]), 9_000, fee_max=5_000)
    await lease_over(desk)
    await desk.run_outbox()
    assert await carriers(desk, [*ids, late]) == [[0, 1, 2, 3, 4]]
    await all_final(desk, [*ids, late])


async def test_two_workers_build_it_once(desk: Desk):
    """Each has the work of some; whoever comes second finds it done."""
    import asyncio

    ids = await sent(desk)
    desk.clock.forward(seconds=30)
    driver = desk.worker._driver
    await asyncio.gather(driver.sign(ids[:2]), driver.sign(ids[2:]))
    await desk.run_outbox()
    assert await carriers(desk, ids) == [[0, 1, 2, 3]]
    await all_final(desk, ids)


async def test_bytes_for_keys_that_were_let_go_are_not_stored(desk: Desk):
    """A worker that stood still finds its claim let go and taken anew."""
    ids = await sent(desk, (5_000,))
    desk.clock.forward(seconds=30)
    builder = builder_of(desk)
    real = builder._store

    async def late(built):
        for job, _ in built:
            await builder._claimer.abandon({job.transaction_id: "slow"})
            again = await builder._claimer.intents([job.plan], [None])
            await builder._claimer.claim([job.plan], again)
        builder._store = real  # type: ignore[method-assign]
        return await real(built)

    builder._store = late  # type: ignore[method-assign]
    progress = await desk.worker._driver.sign(ids)
    assert progress[ids[0]].code == "busy"  # type: ignore[union-attr]
    await all_final(desk, ids)


def test_what_a_token_keeps_is_not_shared():
    """By size one would pay with another's bound. So who pays such a token goes alone."""
    network = NetworkId("solana:local")
    native, token = AssetId(f"{network}/slip44:501"), AssetId(f"{network}/token:mint")
    now, window = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=9)
    costs = {(native, CostKind.FEE): 5}
    plain = Waiting(
        transfer="t1",
        version=1,
        network=network,
        vault="v",
        account=0,
        source_path="m",
        source_address=Address("A"),
        effects=(Pay(Address("B"), token, 100),),
        costs_max=costs,
        expires_at=now + window,
        frozen=False,
        not_yet=None,
        size=1,
        since=now,
    )
    assert collected(plain, {network: window}, ()).collects_until == now + window
    keeps = replace(plain, costs_max={**costs, (token, CostKind.WITHHELD): 3})
    assert collected(keeps, {network: window}, ()).collects_until is None
