"""A sweep moves the vault's own money: nobody's deposit, and only the costs are gone."""

from __future__ import annotations

import asyncio

import pytest

from chains.errors import NodeUnavailable
from chains.model import Address, TxId
from custody.db.session import Database
from custody.errors import CustodyError
from tests.unit.custody.sweeps.house import Sweeping
from tests.unit.custody.transfers.desk import ANYONE, bound_to, total


async def test_it_brings_all_of_it_and_is_no_deposit(house: Sweeping) -> None:
    vault, (one, other) = await house.paid_late(700_000, 300_000)
    assert await house.has(vault) == (0, 1_000_000, 0)
    transfer = await house.swept(vault, one)
    row = await house.transfer(transfer)
    assert (row.kind, row.amount) == ("sweep", 700_000 - house.node.fee)
    assert (await house.settle(transfer)).state == "final"
    cost = total((await house.newest(transfer)).costs)
    assert await house.has(vault) == (700_000 - cost, 300_000, 0)
    assert sorted(await house.deposit_states()) == [(300_000, "credited"), (700_000, "credited")]
    assert (await house.reconcile()).is_clean
    assert await house.node.balance(Address(one.address)) == 0
    assert await house.node.balance(Address(other.address)) == 300_000


async def test_the_books_equal_the_chain_at_every_step(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    await house.swept(vault, one)
    for step in (house.run_outbox, house.node.mine, house.follow, house.track, house.node.finalize):
        await step()
        assert not (await house.reconcile()).differences, step
        assert await house.frozen(vault) is None
    assert (await house.reconcile()).is_clean


async def test_what_it_brought_can_be_paid(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    await house.settle(await house.swept(vault, one))
    transfer = await house.send(vault, None)
    assert (await house.settle(transfer)).state == "final"
    assert await house.has(vault) == (0, 0, 0)
    assert (await house.reconcile()).is_clean


async def test_an_address_that_is_paid_again_is_swept_again(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    await house.settle(await house.swept(vault, one))
    await house.pay(one, 500_000)
    await house.settled()
    await house.settle(await house.swept(vault, one))
    assert await house.has(vault) == (1_200_000 - 2 * house.node.fee, 0, 0)
    assert len(await house.all_deposits()) == 2


async def test_one_address_is_swept_once_at_a_time(house: Sweeping) -> None:
    """The other address's money covers a second reservation, and must not."""
    vault, (one, _) = await house.paid_late(700_000, 900_000)
    answers = await asyncio.gather(*(house.sweep(vault, one) for _ in range(3)))
    bodies = sorted(answer.body[:15] for answer in answers if answer.status == 422)
    assert bodies == [b"sweep_under_way"] * 2
    again = await house.sweep(vault, one, key="k")
    assert again.body == b"sweep_under_way"


async def test_what_may_be_undone_is_not_swept(house: Sweeping) -> None:
    vault, (one, _) = await house.paid_late(700_000, 900_000)
    await house.pay(one, 400_000)
    await house.node.mine()
    await house.follow()
    assert (await house.has(vault))[2] == 400_000
    row = await house.transfer(await house.swept(vault, one))
    assert row.amount == 700_000 - house.node.fee


async def test_a_reverted_sweep_costs_its_fee(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    transfer = await house.swept(vault, one)
    await house.run_outbox()
    txid = (await house.newest(transfer)).txid
    assert txid is not None
    house.node.revert(TxId(txid))
    assert (await house.settle(transfer)).state == "failed"
    assert await house.has(vault) == (0, 700_000 - house.node.fee, 0)
    assert (await house.reconcile()).is_clean


async def test_a_block_that_goes_takes_nothing_twice(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    transfer = await house.swept(vault, one)
    await house.run_outbox()
    await house.node.mine()
    await house.work()
    await house.node.reorg(1, replay=True)
    await house.work()
    assert (await house.settle(transfer)).state == "final"
    assert await house.has(vault) == (700_000 - house.node.fee, 0, 0)
    assert len(await house.all_deposits()) == 1
    assert (await house.reconcile()).is_clean


async def test_too_small_or_too_dear(house: Sweeping) -> None:
    vault, (one, dust) = await house.paid_late(700_000, house.node.fee)
    assert (await house.sweep(vault, dust)).body == b"amount_above_balance"
    dear = await house.sweep(vault, one, fee_max=house.node.fee - 1)
    assert dear.body == b"fee_above_maximum"
    assert await house.has(vault) == (0, 700_000 + house.node.fee, 0)


async def test_where_it_makes_no_sense(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    first = (await house.addresses(vault))[0]
    other, (foreign,) = await house.paid_late(1_000_000)
    elsewhere = {"to": await house.outside()}
    for address, caller, more, code in (
        (first, ANYONE, {}, "not_swept_here"),
        (foreign, ANYONE, {}, "address_not_found"),
        (one, bound_to(other.client_id), {}, "vault_not_found"),
        (one, ANYONE, elsewhere, "sweep_elsewhere"),
    ):
        with pytest.raises(CustodyError) as raised:
            await house.sweep(vault, address, caller=caller, **more)
        assert raised.value.code == code
    with pytest.raises(CustodyError) as raised:
        await house.ask(vault, 5, to=first.address, source=one.address)
    assert raised.value.code == "source_not_whole"


async def test_coins_need_no_sweep(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    house = Sweeping(database, "bitcoin-regtest")
    vault, (one,) = await house.paid_late(700_000)
    with pytest.raises(CustodyError) as raised:
        await house.sweep(vault, one)
    assert raised.value.code == "not_swept_here"
    await database.close()


async def test_without_its_node_nothing_is_made(house: Sweeping) -> None:
    vault, (one,) = await house.paid_late(700_000)
    before = await house.counts()

    def away(call: str) -> None:
        if call in ("quote", "balance"):
            raise NodeUnavailable("away")

    house.adapter.before = away
    with pytest.raises(CustodyError) as raised:
        await house.sweep(vault, one)
    assert raised.value.code == "node_unavailable"
    assert await house.counts() == before


async def test_the_policy_decides(house: Sweeping) -> None:
    """Whoever asks, the destination must be allowed to them."""
    vault, (one,) = await house.paid_late(700_000)
    house.use_policy(machines=[{"id": "other", "operators": []}])
    answer = await house.sweep(vault, one)
    assert answer.status == 422 and answer.body.startswith(b"policy_denied")
    assert await house.has(vault) == (0, 700_000, 0)
