"""From approved to broadcast: the order of effects, and what a crash or a lost reply does to it.
The oracle is the fake chain itself: what arrived outside, how often."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from chains.errors import NodeUnavailable
from chains.model import ConflictKey
from custody.db.session import Database
from custody.errors import Conflict
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import (
    ACCOUNT,
    COINS,
    FAMILIES,
    FUNDS,
    Crash,
    crash_on,
    ended_well,
    lease_over,
    mandate_of,
)


@pytest.mark.parametrize("alias", FAMILIES)
async def test_a_whole_life(sqlite: Database, alias: str):
    desk = Desk(sqlite, alias)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    await desk.work()
    row, sent = await desk.transfer(transfer_id), await desk.newest(transfer_id)
    assert (row.state, sent.state) == ("in_flight", "broadcast")
    assert sent.txid in desk.node.pool
    await desk.node.mine()
    await desk.work()
    sent = await desk.newest(transfer_id)
    assert (sent.state, sent.block_hash) == ("included", desk.node.tip.hash)
    assert (await desk.balance(vault)).reserved == 300_000 + row.costs_max
    await desk.node.finalize()
    await desk.node.mine()
    await desk.work()
    await ended_well(desk, vault, transfer_id, 300_000)
    assert await desk.events(transfer_id) == ["accept", "launch", "land"]
    events = ["build", "sign", "publish", "include", "finalize"]
    assert await desk.transaction_events(transfer_id) == events


async def test_rent_moves_to_the_locked_balance(sqlite: Database):
    desk = Desk(sqlite, "solana-local")
    vault = await desk.open_funded(FUNDS)
    desk.node.rent = 1_447_680
    transfer_id = await desk.send(vault, 300_000)
    await desk.settle(transfer_id)
    sent = await desk.newest(transfer_id)
    assert (total(sent.costs), total(sent.held)) == (1000, 1_447_680)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_several_at_once_are_signed_in_one_request(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS // 2, FUNDS // 2)
    ids = [await desk.send(vault, 1_000 * (n + 1)) for n in range(2)]
    await desk.work()
    assert desk.signer.calls["sign"] == 1
    for transfer_id in ids:
        assert (await desk.settle(transfer_id)).state == "final"
    assert [await desk.received(each) for each in ids] == [1_000, 2_000]
    assert (await desk.reconcile()).is_clean


# Crashes and lost replies


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast", "statuses"])
async def test_a_crash_before_a_question_to_the_node(every: Desk, call: str):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    desk.adapter.before = crash_on(call)
    with pytest.raises(Crash):
        await desk.work()
    desk.restart()
    await lease_over(desk)
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast", "statuses"])
async def test_a_lost_reply_of_the_node(every: Desk, call: str):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    lost = [1]

    def lose(name: str) -> None:
        if name == call and lost:
            lost.pop()
            desk.node.drop_reply()

    desk.adapter.before = lose
    for _ in range(3):
        try:
            await desk.work()
        except NodeUnavailable:
            assert call == "statuses"
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)
    assert not lost


async def test_a_lost_reply_of_the_signer_is_asked_for_again_with_the_same_bytes(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)

    async def lose_one(requests, follows=()):
        desk.signer.lose_replies = 1
        desk.signer.sign = sign  # type: ignore[method-assign]
        return await sign(requests, follows)

    sign = desk.signer.sign
    desk.signer.sign = lose_one  # type: ignore[method-assign]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("in_flight", "signer_unavailable")
    (built,) = await desk.transactions(transfer_id)
    with pytest.raises(Conflict, match="may have signed"):
        await desk.services.transfers.cancel(transfer_id, ANYONE)
    await desk.settle(transfer_id)
    (signed,) = await desk.transactions(transfer_id)
    assert (signed.id, signed.payload) == (built.id, built.payload)
    assert len(desk.signer.receipts[transfer_id]) == 1
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_two_workers_with_one_transfer_make_one_transaction(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    driver, broadcaster = desk.worker._driver, desk.worker._broadcaster
    await asyncio.gather(*(driver.sign([transfer_id]) for _ in range(4)))
    await driver.sign([transfer_id])
    sent = await desk.newest(transfer_id)
    await asyncio.gather(*(broadcaster.broadcast([sent.id]) for _ in range(4)))
    assert len(await desk.transactions(transfer_id)) == 1
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_transfers_at_once_never_claim_the_same_thing(sqlite: Database):
    desk = Desk(sqlite, COINS)
    vault = await desk.open_funded(*[FUNDS // 4] * 4)
    ids = [await desk.send(vault, 1_000) for _ in range(4)]
    driver = desk.worker._driver
    while "approved" in [await desk.state(each) for each in ids]:
        await asyncio.gather(*(driver.sign([each]) for each in ids))
    spent: Counter[ConflictKey] = Counter()
    for each in ids:
        (tx,) = await desk.transactions(each)
        spent.update(desk.adapter.codec.conflict_keys(desk.adapter.codec.open_raw(tx.raw or b"")))
    assert set(spent.values()) == {1}


# Nodes and the signer away


async def test_while_the_node_is_away_transfers_wait_and_nothing_is_lost(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    desk.node.go_away()
    transfer_id = await desk.send(vault, 300_000)
    await desk.run_outbox()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "node_unavailable")
    desk.node.heal()
    await desk.run_outbox()
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_while_the_signer_is_away_nothing_is_built(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    desk.signer.away = True
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "signer_unavailable"
    assert await desk.transactions(transfer_id) == []
    desk.signer.away = False
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_a_fee_above_the_maximum_waits_and_holds_no_claim(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000, fee_max=1_500)
    desk.node.fee = 1_501
    await desk.run_outbox()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "fee_above_maximum")
    assert await desk.claims() == []
    desk.node.fee = 1_500
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_a_claim_that_the_chain_consumed_is_given_up_and_made_again(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    (sender,) = {row.core.source_address for row in [await mandate_of(desk, transfer_id)]}
    desk.adapter.before = crash_on("prepare")
    with pytest.raises(Crash):
        await desk.work()
    (held,) = await desk.claims()
    desk.node.state.nonces[sender or ""] = 1
    desk.restart()
    await lease_over(desk)
    await desk.run_outbox()
    (now,) = await desk.claims()
    assert (held[-2:], now[-2:]) == (":0", ":1")
