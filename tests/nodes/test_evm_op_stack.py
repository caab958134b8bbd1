"""The EVM adapter on an EVM of the OP stack: charges beside gas, and deposits that mint."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import Reading
from chains.costs import CostKind
from chains.devnet.op_stack import OpStackNode
from chains.errors import FeeAboveMaximum, InsufficientFunds
from chains.evm import parse
from chains.evm.adapter import EvmAdapter
from chains.model import AddressType, OwnedAddress
from chains.transaction import TxState, TxStatus
from tests.support.costs import left
from tests.support.evm import ACCEPTS_ONCE, ETHER, REVERTS, STOPS, World, pays
from tests.support.evm_networks import OP_STACK
from tests.support.single import one

pytestmark = pytest.mark.engine

NATIVE = OP_STACK.native.id
DATA = (NATIVE, CostKind.L1_DATA)


class Rollup(World):
    """`node` makes deposits and sets L1's prices."""

    node: OpStackNode


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[Rollup]:
    node = OpStackNode(OP_STACK, tmp_path / "node")
    await node.start()
    adapter = EvmAdapter(OP_STACK, node.url, timeout_s=60.0)
    key = PrivateKey()
    public_key = key.public_key.format()
    ours = adapter.codec.derive_address(public_key, AddressType.EVM)
    path = adapter.codec.address_path(AddressType.EVM, 0, 0)
    try:
        await adapter.check()
        owner = OwnedAddress(ours, AddressType.EVM, path, public_key)
        yield Rollup(OP_STACK, node, adapter, key, owner)
    finally:
        await adapter.close()
        await node.stop()


async def paid(world: Rollup, amount: int = 1) -> TxStatus:
    """What became of one payment, after its costs were compared with the chain's own books."""
    before = await world.node.balance(world.owner.address)
    signed = world.sign(await world.build(await world.node.outside_address(), amount))
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    status = await one(world.adapter.statuses, signed.txid)
    assert status.state is TxState.INCLUDED
    assert await world.node.balance(world.owner.address) == before - amount - left(status)
    return status


async def test_what_left_is_the_fee_and_the_charge_beside_it(world: Rollup) -> None:
    """The engine took it by its own reading of L1's prices; ours is the receipt's."""
    await world.deposit(ETHER)
    status = await paid(world)
    operator = 21_000 * 10**8 // 10**6 + 1000
    # A plain payment counts as 100 bytes, the least (Fjord).
    scaled = 16 * 20 * 10**9 * 2269 + 3 * 10**9 * 1_055_762
    assert status.costs[DATA] == 100 * scaled // 10**6 + operator
    await world.node.set_l1_prices(base_fee=10**9, blob_base_fee=1)
    cheaper = await paid(world)
    assert operator < cheaper.costs[DATA] < status.costs[DATA]


async def test_what_failed_is_charged_for_its_bytes_too(world: Rollup) -> None:
    await world.deposit(ETHER)
    fickle = await world.deploy(ACCEPTS_ONCE)
    signed = world.sign(await world.build(fickle, 100))
    await world.call(fickle, 1)
    before = await world.node.balance(world.owner.address)
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    status = await one(world.adapter.statuses, signed.txid)
    assert (status.state, status.costs[DATA] > 0) == (TxState.REVERTED, True)
    assert await world.node.balance(world.owner.address) == before - left(status)


async def test_nothing_is_built_that_its_bounds_do_not_cover(world: Rollup) -> None:
    await world.deposit(ETHER)
    to = await world.node.outside_address()
    status = await paid(world)
    least = status.costs[DATA]
    tight = {**OP_STACK.costs_max, DATA: least}
    with pytest.raises(FeeAboveMaximum, match="beside gas"):
        await world.build(to, 1, costs_max=tight)
    roomy = {**OP_STACK.costs_max, DATA: 3 * least}
    await world.build(to, 1, costs_max=roomy)
    await world.node.set_l1_prices(base_fee=2 * 10**11, blob_base_fee=3 * 10**9)
    with pytest.raises(FeeAboveMaximum, match="beside gas"):
        await world.build(to, 1, costs_max=roomy)
    await world.build(to, 1)


async def test_what_is_paid_beside_gas_is_kept_back_from_the_amount(world: Rollup) -> None:
    await world.deposit(ETHER)
    to = await world.node.outside_address()
    tip = parse.unsigned((await world.build(to, 1)).payload).priority_fee
    history = await world.node.ask("eth_feeHistory", "0x1", "latest", [])
    base_fee = int(history["baseFeePerGas"][-1], 16)
    whole = ETHER - 21_000 * (base_fee + -(-base_fee // 8) + tip)
    with pytest.raises(InsufficientFunds):
        await world.build(to, whole - 10**10)
    await paid(world, whole - 10**13)


async def test_what_l1_sends_arrives_and_is_told(world: Rollup) -> None:
    """The oracle is the state itself: who only receives owns the sum of the movements."""
    alias, ours = await world.node.outside_address(), world.owner.address
    sink = await world.node.outside_address()
    through = await world.deploy(pays(ours, 5) + STOPS)
    first = await world.node.deposit(alias, ours, mint=100, value=30)
    second = await world.node.deposit(ours, sink, mint=50, value=20)
    third = await world.node.deposit(alias, through, mint=9, value=7)
    await world.node.mine()
    block = await world.adapter.block((await world.adapter.tip()).height)
    told = Counter[tuple[str, str, str]]()
    for each in block.movements:
        told[each.txid, each.place, each.address] += each.units
    assert told == {
        (first, "mint", alias): 100,
        (first, "call:", alias): -30,
        (first, "call:", ours): 30,
        (second, "mint", ours): 50,
        (second, "call:", ours): -20,
        (second, "call:", sink): 20,
        (third, "mint", alias): 9,
        (third, "call:", alias): -7,
        (third, "call:", through): 7,
        (third, "call:0", through): -5,
        (third, "call:0", ours): 5,
    }
    for account in (alias, ours, sink, through):
        gained = sum(each.units for each in block.movements if each.address == account)
        assert await world.node.balance(account) == gained
    assert block.reading is Reading.COMPLETE


async def test_a_deposit_that_fails_keeps_what_it_minted(world: Rollup) -> None:
    refusing = await world.deploy(REVERTS)
    txid = await world.node.deposit(world.owner.address, refusing, mint=100, value=30)
    await world.node.mine()
    block = await world.adapter.block((await world.adapter.tip()).height)
    assert [(each.place, each.address, each.units) for each in block.movements] == [
        ("mint", world.owner.address, 100)
    ]
    assert [(each.txid, bool(each.failure)) for each in block.included] == [(txid, True)]
    assert await world.node.balance(world.owner.address) == 100


async def test_every_charge_of_a_block_is_told(world: Rollup) -> None:
    await world.deposit(ETHER)
    before = await world.node.balance(world.owner.address)
    signed = world.sign(await world.build(await world.node.outside_address(), 5))
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    block = await world.adapter.block((await world.adapter.tip()).height)
    ours = [each for each in block.movements if each.address == world.owner.address]
    assert {each.place for each in ours} == {"call:", "cost:fee", "cost:l1-data"}
    assert await world.node.balance(world.owner.address) == before + sum(e.units for e in ours)
