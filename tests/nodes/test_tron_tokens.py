"""TRC-20 on contracts that run: one with the habits of the dollar that TRON moves most, and the
plain one of the demo. The oracle is the contract's own balanceOf, asked past the adapter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.adapter import DescribesTokens
from chains.block import Block
from chains.catalogue import built_in
from chains.costs import CostKind, withheld_in
from chains.devnet.tron import TronNode
from chains.effects import Pay
from chains.errors import (
    BalanceFrozen,
    BuildError,
    ChainError,
    InsufficientFunds,
    InsufficientGas,
    NetworkInvalid,
    NodeMisbehaved,
    PayeeFrozen,
    TokenPaused,
)
from chains.model import Address, OwnedAddress, SignedTx
from chains.networks import Network
from chains.transaction import TransferIntent, TxState, TxStatus
from chains.tron import parse
from chains.tron.adapter import TronAdapter
from custody.cli.rows import read_rows
from tests.support.cli import done, refused
from tests.support.single import one
from tests.support.tron import LOCAL, owned, sign
from tests.support.tron_tokens import Token, call, devnet, dollar

pytestmark = pytest.mark.engine

TRX = 10**6
PRICE = 100
"""Sun for a unit of energy on the local chain."""
ENERGY = (LOCAL.native.id, CostKind.ENERGY)
FEE = (LOCAL.native.id, CostKind.FEE)
MAKERS = {"devnet": devnet, "dollar": dollar}


@dataclass
class World:
    """An adapter that lists the token, and a key of ours with some TRX."""

    network: Network
    node: TronNode
    adapter: TronAdapter
    key: PrivateKey
    owner: OwnedAddress

    async def coins(self) -> int:
        return await self.node.balance(self.owner.address)


Opened = Callable[..., Awaitable[tuple[World, Token]]]


@dataclass
class Plain:
    network: Network
    node: TronNode


@pytest_asyncio.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Plain]:
    node = TronNode(LOCAL, tmp_path / "node")
    await node.start()
    try:
        yield Plain(LOCAL, node)
    finally:
        await node.stop()


@pytest_asyncio.fixture
async def opened(plain: Plain) -> AsyncIterator[Opened]:
    adapters = []

    async def open_(name: str, *, coins: int = 100 * TRX) -> tuple[World, Token]:
        token = await MAKERS[name](plain)
        adapter = TronAdapter(token.listed_on, plain.node.url, timeout_s=60.0)
        adapters.append(adapter)
        await adapter.check()
        key = PrivateKey()
        world = World(token.listed_on, plain.node, adapter, key, owned(key))
        if coins:
            await plain.node.fund(world.owner.address, coins)
            await plain.node.mine()
        return world, token

    yield open_
    for each in adapters:
        await each.close()


def intent(world: World, token: Token, units: int, payee: Address) -> TransferIntent:
    return TransferIntent(
        LOCAL.id,
        (Pay(payee, token.asset.id, units),),
        LOCAL.bounds(asset=token.asset.id),
        source=world.owner,
    )


async def signed(world: World, token: Token, units: int, payee: Address) -> SignedTx:
    tx = await one(world.adapter.prepare, intent(world, token, units, payee))
    return sign(world.adapter.codec, tx, world.key)


async def sent(world: World, tx: SignedTx) -> tuple[Block, TxStatus]:
    """In a block."""
    await one(world.adapter.broadcast, tx)
    await world.node.mine()
    return await tip_block(world), await one(world.adapter.statuses, tx.txid)


async def tip_block(world: World) -> Block:
    return await world.adapter.block((await world.adapter.tip()).height)


def moved(block: Block, token: Token) -> list[tuple[str, str, int]]:
    return [
        (each.place, each.address, each.units)
        for each in block.movements
        if each.asset == token.asset.id
    ]


def limit(tx: SignedTx) -> int:
    return parse.raw_data(parse.signed_transaction(tx.raw).raw_data).fee_limit


@pytest.mark.parametrize("name", MAKERS)
async def test_receive_and_send(opened: Opened, name: str) -> None:
    """To a new holder and again: what is burned is what was estimated, and the limit a quarter
    more."""
    world, token = await opened(name)
    me, payee = world.owner.address, await world.node.outside_address()
    assert await world.adapter.balance(me, token.asset.id) == 0
    await token.give(me, 5_000)
    assert (await world.adapter.balance(me, token.asset.id)) == 5_000 == await token.has(me)
    came = await tip_block(world)
    assert [each for each in moved(came, token) if each[1] == me] == [("transfer:0", me, 5_000)]

    burned = []
    for units in (1_200, 800):
        before = await world.coins()
        tx = await signed(world, token, units, payee)
        block, status = await sent(world, tx)
        assert (status.state, status.block) == (TxState.INCLUDED, block.ref)
        assert moved(block, token) == [("transfer:0", me, -units), ("transfer:0", payee, units)]
        energy = status.costs[ENERGY] // PRICE
        assert limit(tx) == (energy + energy // 4) * PRICE
        assert await world.coins() == before - sum(status.costs.values())
        assert await world.node.received(tx.txid, payee, token.asset.id) == units
        burned.append(energy)
    assert burned[0] - burned[1] == 15_000, "storage where nothing was"
    assert (await token.has(me), await token.has(payee)) == (3_000, 2_000)


async def test_the_demos_token_is_one(plain: Plain) -> None:
    """Nobody pays more than he has, or himself into more; what else is called fails."""
    token, node = await devnet(plain), plain.node
    payee = await node.outside_address()
    await token.give(payee, 10**15)
    assert await token.has(payee) == 10**15
    for data in (call("transfer(address,uint256)", payee, 1), call("name()"), b""):
        txid = await node.call(token.contract, data)
        await node.mine()
        assert (await node.info(txid))["receipt"]["result"] == "REVERT", data
    assert await token.has(payee) == 10**15


async def test_send_all_leaves_nothing_of_the_token(opened: Opened) -> None:
    world, token = await opened("dollar")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 777)
    whole = replace(intent(world, token, 777, payee), empties=True)
    assert await world.adapter.quote(whole) == whole.costs_max
    tx = sign(world.adapter.codec, await one(world.adapter.prepare, whole), world.key)
    _, status = await sent(world, tx)
    assert status.state is TxState.INCLUDED
    assert (await token.has(world.owner.address), await token.has(payee)) == (0, 777)


async def test_what_is_missing_is_named(opened: Opened) -> None:
    world, token = await opened("dollar", coins=1)
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    with pytest.raises(InsufficientGas, match="for energy"):
        await signed(world, token, 100, payee)
    with pytest.raises(InsufficientFunds, match="the balance is 100, not 101") as caught:
        await signed(world, token, 101, payee)
    assert not isinstance(caught.value, InsufficientGas)


async def test_energy_of_others_pays_and_costs_nothing(opened: Opened) -> None:
    """Delegated, as who rents energy has it."""
    world, token = await opened("dollar", coins=1)
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    await world.node.delegate(world.owner.address, 4_000 * TRX)
    tx = await signed(world, token, 100, payee)
    _, status = await sent(world, tx)
    assert (status.state, dict(status.costs)) == (TxState.INCLUDED, {})
    assert await world.coins() == 1 and await token.has(payee) == 100
    again = await world.node.info(tx.txid)
    assert again["receipt"]["energy_usage"] == again["receipt"]["energy_usage_total"]


async def test_a_busy_contract_is_estimated_with_its_factor(opened: Opened) -> None:
    world, token = await opened("dollar")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    plain_limit = limit(await signed(world, token, 1, payee))
    await world.node.make_busy(token.contract, 12_000)
    tx = await signed(world, token, 1, payee)
    assert limit(tx) > plain_limit * 1.19
    # A fifth more in the next hours still fits into what was signed before.
    await world.node.make_busy(token.contract, 14_400)
    _, status = await sent(world, tx)
    assert status.state is TxState.INCLUDED
    assert status.costs[ENERGY] <= limit(tx)


async def test_out_of_energy_is_a_failure_with_its_cost(opened: Opened) -> None:
    """The contract became busier than the limit allows. What is lost is the limit, and no more."""
    world, token = await opened("dollar")
    me, payee = world.owner.address, await world.node.outside_address()
    await token.give(me, 100)
    before = await world.coins()
    tx = await signed(world, token, 100, payee)
    await world.node.make_busy(token.contract, 20_000)
    block, status = await sent(world, tx)
    assert (status.state, status.reason) == (TxState.REVERTED, "OUT_OF_ENERGY")
    assert status.costs[ENERGY] == limit(tx)
    assert await world.coins() == before - sum(status.costs.values())
    assert moved(block, token) == [] and await token.has(me) == 100
    (found,) = [each.failure for each in block.included if each.txid == tx.txid]
    assert found == "OUT_OF_ENERGY"


async def test_a_payment_that_reverts_costs_its_energy_and_moves_nothing(opened: Opened) -> None:
    """Paused after it was signed."""
    world, token = await opened("dollar")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    tx = await signed(world, token, 100, payee)
    await token.pause()
    block, status = await sent(world, tx)
    assert (status.state, status.reason) == (TxState.REVERTED, "REVERT")
    assert 0 < status.costs[ENERGY] < limit(tx)
    assert moved(block, token) == [] and await token.has(world.owner.address) == 100


@pytest.mark.parametrize(
    ("who", "error"), [("payer", BalanceFrozen), ("payee", PayeeFrozen), ("all", TokenPaused)]
)
async def test_what_the_issuer_stops_is_not_built(
    opened: Opened, who: str, error: type[BuildError]
) -> None:
    """And is called by its name: this contract itself would let a frozen payee be paid."""
    world, token = await opened("dollar")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    if who == "all":
        await token.pause()
    else:
        await token.freeze(payee if who == "payee" else world.owner.address)
    with pytest.raises(error, match="USDX"):
        await signed(world, token, 100, payee)


async def test_a_contract_that_does_not_say_what_was_listed_is_not_paid(opened: Opened) -> None:
    """Unknown is not no."""
    world, token = await opened("devnet")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    for trait in ("blacklist", "black-list", "pausable"):
        token.traits = (trait,)
        adapter = TronAdapter(token.listed_on, world.node.url)
        try:
            with pytest.raises(BuildError, match="does not say who may pay"):
                await signed(replace(world, adapter=adapter), token, 100, payee)
        finally:
            await adapter.close()


async def test_a_payment_is_judged_by_its_effect(opened: Opened) -> None:
    """And not by what the call returns: this one says no when it has paid, and yes when it has
    not."""
    world, token = await opened("dollar")
    me, payee = world.owner.address, await world.node.outside_address()
    await token.give(me, 1_000)
    tx = await signed(world, token, 400, payee)
    block, status = await sent(world, tx)
    assert (await world.node.info(tx.txid))["contractResult"] == ["00" * 32]
    assert status.state is TxState.INCLUDED and await token.has(payee) == 400

    tx = await signed(world, token, 400, payee)
    await token.do("setLazy(bool)", True)
    block, status = await sent(world, tx)
    assert (await world.node.info(tx.txid))["contractResult"] == ["00" * 31 + "01"]
    assert (status.state, status.reason) == (TxState.REVERTED, "the token moved nothing")
    assert status.costs[ENERGY] > 0 and moved(block, token) == []
    assert await token.has(payee) == 400


async def test_a_fee_on_transfer_arrives_less_and_leaves_whole(opened: Opened) -> None:
    world, token = await opened("dollar")
    me, payee = world.owner.address, await world.node.outside_address()
    await token.do("setParams(uint256,uint256)", 10, 49)
    await token.give(me, 10_000)
    assert await token.has(me) == 9_990
    came = [each for each in moved(await tip_block(world), token) if each[1] == me]
    assert came == [("transfer:1", me, 9_990)]
    block, status = await sent(world, await signed(world, token, 9_000, payee))
    assert status.state is TxState.INCLUDED
    assert sum(units for _, who, units in moved(block, token) if who == me) == -9_000
    assert ("cost:withheld:1", me, -9) in moved(block, token)
    assert withheld_in(status.costs) == {token.asset.id: 9}
    assert ("transfer:1", payee, 8_991) in moved(block, token)


async def test_a_token_whose_decimals_change_is_not_paid(opened: Opened) -> None:
    world, token = await opened("dollar")
    await token.give(world.owner.address, 1_000)
    await token.do("setDecimals(uint256)", 18)
    with pytest.raises(BuildError, match="says 18 decimals, the list 6"):
        await signed(world, token, 1, await world.node.outside_address())


async def test_a_reorg_takes_tokens_back(opened: Opened) -> None:
    """What its block held waits again, as with java-tron: a later block brings it back."""
    world, token = await opened("dollar")
    me = world.owner.address
    await token.give(me, 9)
    block = await tip_block(world)
    await world.node.reorg(1)
    again = await world.adapter.block(block.ref.height)
    assert again.ref != block.ref and moved(again, token) == []
    assert await world.adapter.balance(me, token.asset.id) == 0 == await token.has(me)
    await world.node.mine()
    assert [each for each in moved(await tip_block(world), token) if each[1] == me] == [
        ("transfer:0", me, 9)
    ]
    assert await world.adapter.balance(me, token.asset.id) == 9


async def test_a_payment_of_ours_that_a_reorg_took_is_paid_once(opened: Opened) -> None:
    world, token = await opened("dollar")
    payee = await world.node.outside_address()
    await token.give(world.owner.address, 100)
    tx = await signed(world, token, 60, payee)
    await sent(world, tx)
    await world.node.reorg(1)
    assert (await one(world.adapter.statuses, tx.txid)).state is TxState.PENDING
    await world.node.mine()
    status = await one(world.adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED
    assert (await token.has(world.owner.address), await token.has(payee)) == (40, 60)


async def test_what_was_never_listed_is_told_and_not_paid(opened: Opened, plain: Plain) -> None:
    world, token = await opened("dollar")
    stranger = await dollar(plain)
    me = world.owner.address
    await stranger.give(me, 50)
    assert [each for each in moved(await tip_block(world), stranger) if each[1] == me] == [
        ("transfer:0", me, 50)
    ]
    with pytest.raises(ChainError):
        await signed(world, stranger, 1, await world.node.outside_address())
    assert await token.has(me) == 0


async def test_where_no_contract_is_nothing_is_paid(opened: Opened, plain: Plain) -> None:
    world, _ = await opened("dollar")
    nowhere = Token(plain, await plain.node.outside_address())
    adapter = TronAdapter(nowhere.listed_on, plain.node.url)
    try:
        with pytest.raises(NodeMisbehaved):
            await adapter.balance(world.owner.address, nowhere.asset.id)
        payee = await plain.node.outside_address()
        with pytest.raises(NodeMisbehaved):
            await signed(replace(world, adapter=adapter), nowhere, 1, payee)
    finally:
        await adapter.close()


async def test_several_in_a_block_and_one_that_fails_among_them(opened: Opened) -> None:
    world, token = await opened("dollar")
    me = world.owner.address
    for units in (1, 2, 10**15):
        await token.give(me, units, mine=False)
    await world.node.mine()
    mine = [each for each in moved(await tip_block(world), token) if each[1] == me]
    assert [units for _, _, units in mine] == [1, 2]
    assert await token.has(me) == 3


async def test_what_changes_by_itself_is_not_listed(plain: Plain) -> None:
    """It answers whatever is asked, also how many shares somebody has."""
    code = bytes.fromhex("600160005260206000f3")
    start = b"\x60" + bytes([len(code)]) + b"\x80\x60\x0b\x60\0\x39\x60\0\xf3"
    contract = await plain.node.deploy(start.ljust(11, b"\0") + code)
    adapter = TronAdapter(LOCAL, plain.node.url)
    assert isinstance(adapter, DescribesTokens)
    try:
        with pytest.raises(NetworkInvalid, match="no books can follow"):
            await adapter.describe(contract)
    finally:
        await adapter.close()


async def test_a_contract_becomes_a_row(opened: Opened, plain: Plain, tmp_path: Path) -> None:
    """By the command that an operator types, up to the file that administrators sign."""
    _, token = await opened("dollar")
    file, alias = tmp_path / "rows.toml", plain.network.alias
    env = {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}",
        "CUSTODY_NODES": json.dumps({alias: plain.node.url}),
    }
    await asyncio.to_thread(done, "migrate", env=env)
    add = ("asset", "add", alias, token.contract, "--file", file)
    told = await asyncio.to_thread(done, *add, env=env)
    assert "USDX" in told and "black-list, pausable" in told
    networks, assets = read_rows(file)
    listed = built_in().with_rows(networks, assets).find_asset(token.asset.id)
    assert (listed.symbol, listed.name, listed.decimals) == ("USDX", "Dollar", 6)
    assert listed.traits == {"black-list", "pausable"}

    nowhere = ("asset", "add", alias, await plain.node.outside_address(), "--file", file)
    assert "no contract" in await asyncio.to_thread(refused, 1, *nowhere, env=env)
    assert read_rows(file) == (networks, assets)
