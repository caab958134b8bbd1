"""ERC-20 and BEP-20 on a real EVM, with contracts that real money is in and one with bad habits.

The oracle is the contract's own balanceOf, asked past the adapter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import Block, Reading
from chains.catalogue import built_in
from chains.costs import CostKind, withheld_in
from chains.devnet.evm import AnvilNode
from chains.effects import Pay
from chains.errors import (
    BalanceFrozen,
    BlockUnreadable,
    BuildError,
    InsufficientFunds,
    InsufficientGas,
    NetworkInvalid,
    NodeMisbehaved,
    PayeeFrozen,
    TokenPaused,
)
from chains.evm import build, erc20, transfers
from chains.evm.adapter import EvmAdapter
from chains.evm.proxies import SLOTS
from chains.model import Address, AddressType, OwnedAddress, SignedTx
from chains.transaction import TransferIntent, TxState
from custody.cli.rows import read_rows
from tests.support.cli import done, refused
from tests.support.evm import World
from tests.support.evm_tokens import (
    Token,
    call,
    devnet,
    habits,
    openzeppelin,
    outside,
    proxied,
    usdc,
)
from tests.support.networks import find_network
from tests.support.single import one

pytestmark = pytest.mark.engine

PAYEE = Address("0x3535353535353535353535353535353535353535")
MAKERS = {"devnet": devnet, "habits": habits, "openzeppelin": openzeppelin, "usdc": usdc}


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def plain(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path)
    await node.start()
    world = at(node, EvmAdapter(network, node.url))
    try:
        yield world
    finally:
        await world.adapter.close()
        await node.stop()


def at(node: AnvilNode, adapter: EvmAdapter) -> World:
    key = PrivateKey()
    public_key = key.public_key.format()
    mine = adapter.codec.derive_address(public_key, AddressType.EVM)
    owner = OwnedAddress(mine, AddressType.EVM, "m/44'/60'/0'/0/0", public_key)
    return World(adapter.codec.network, node, adapter, key, owner)


@pytest_asyncio.fixture
async def opened(plain: World) -> AsyncIterator[Callable[..., Awaitable[tuple[World, Token]]]]:
    """A key of its own on a new chain, with a coin, and a token that is listed."""
    adapters = []

    async def open_(name: str, *, coins: int = 10**18, traces: bool = True) -> tuple[World, Token]:
        token = await MAKERS[name](plain)
        network = token.listed_on
        if not traces:
            parameters = {k: v for k, v in network.parameters.items() if k != "traces"}
            network = replace(network, parameters=MappingProxyType(parameters))
        adapter = EvmAdapter(network, plain.node.url)
        adapters.append(adapter)
        await adapter.check()
        world = at(plain.node, adapter)
        if coins:
            await world.deposit(coins)
        return world, token

    yield open_
    plain.node.heal()
    for each in adapters:
        await each.close()


Opened = Callable[..., Awaitable[tuple[World, Token]]]


def intent(world: World, token: Token, units: int, to: Address = PAYEE) -> TransferIntent:
    return world.intent(to, 1, effects=(Pay(to, token.asset.id, units),))


async def signed(world: World, token: Token, units: int, to: Address = PAYEE) -> SignedTx:
    wanted = intent(world, token, units, to)
    wanted = replace(wanted, claim=await one(world.adapter.claim, wanted))
    return world.sign(await one(world.adapter.prepare, wanted))


async def tip_block(world: World) -> Block:
    return await world.adapter.block((await world.adapter.tip()).height)


async def sent(world: World, tx: SignedTx) -> Block:
    await one(world.adapter.broadcast, tx)
    await world.node.mine()
    return await tip_block(world)


def moved(block: Block, token: Token) -> list[tuple[str, str, int]]:
    return [
        (each.place, each.address, each.units)
        for each in block.movements
        if each.asset == token.asset.id
    ]


def failure(block: Block, tx: SignedTx) -> str | None:
    (found,) = [each.failure for each in block.included if each.txid == tx.txid]
    return found


async def fund(world: World, token: Token, units: int) -> Block:
    await token.give(world.owner.address, units)
    return await tip_block(world)


@pytest.mark.parametrize("name", MAKERS)
async def test_receive_and_send(opened: Opened, name: str) -> None:
    world, token = await opened(name)
    me = world.owner.address
    assert await world.adapter.balance(me, token.asset.id) == 0
    before = await world.adapter.tip()
    block = await fund(world, token, 5_000)
    assert [each for each in moved(block, token) if each[1] == me] == [("transfer:0", me, 5_000)]
    assert await world.adapter.balance(me, token.asset.id) == 5_000 == await token.has(me)
    assert await world.adapter.balance(me, token.asset.id, before) == 0

    tx = await signed(world, token, 1_200)
    block = await sent(world, tx)
    assert moved(block, token) == [("transfer:0", me, -1_200), ("transfer:0", PAYEE, 1_200)]
    assert failure(block, tx) is None
    status = await one(world.adapter.statuses, tx.txid)
    assert (status.state, status.block) == (TxState.INCLUDED, block.ref)
    assert set(status.costs) == {(world.network.native.id, CostKind.FEE)}
    assert await token.has(me) == 3_800 and await token.has(PAYEE) == 1_200


async def test_the_demos_token_is_one(plain: World) -> None:
    """Nobody pays more than he has, or himself into more; what else is called fails."""
    token, node = await devnet(plain), plain.node
    mine = await outside(plain)
    has = await token.has(mine)
    await token.give(mine, has)
    assert await token.has(mine) == has
    for data in (call("transfer(address,uint256)", PAYEE, has + 1), call("name()"), b""):
        txid = await node.send(token.contract, 0, data, 300_000)
        await node.mine()
        assert (await node.ask("eth_getTransactionReceipt", txid))["status"] == "0x0", data
    assert (await token.has(mine), await token.has(PAYEE)) == (has, 0)
    await token.give(PAYEE, has)
    assert (await token.has(mine), await token.has(PAYEE)) == (0, has)


async def test_send_all_leaves_nothing_of_the_token(opened: Opened) -> None:
    world, token = await opened("usdc")
    await fund(world, token, 777)
    whole = replace(intent(world, token, 1), empties=True)
    assert await world.adapter.quote(whole) == whole.costs_max, "costs are paid in another asset"
    wanted = replace(intent(world, token, 777), empties=True)
    wanted = replace(wanted, claim=await one(world.adapter.claim, wanted))
    tx = world.sign(await one(world.adapter.prepare, wanted))
    await sent(world, tx)
    assert await token.has(world.owner.address) == 0
    fee = (await one(world.adapter.statuses, tx.txid)).costs[world.network.native.id, CostKind.FEE]
    assert fee < whole.costs_max[world.network.native.id, CostKind.FEE], "no more than is needed"


async def test_what_is_missing_is_named(opened: Opened) -> None:
    world, token = await opened("usdc", coins=0)
    await fund(world, token, 100)
    with pytest.raises(InsufficientGas, match="for gas"):
        await one(world.adapter.claim, intent(world, token, 100))
    with pytest.raises(InsufficientFunds, match="the balance is 100, not 101") as caught:
        await one(world.adapter.claim, intent(world, token, 101))
    assert not isinstance(caught.value, InsufficientGas)


async def test_a_payment_that_reverts_costs_its_fee_and_moves_nothing(opened: Opened) -> None:
    """Paused after it was signed."""
    world, token = await opened("usdc")
    await fund(world, token, 100)
    tx = await signed(world, token, 100)
    await token.do("pause()")
    block = await sent(world, tx)
    assert moved(block, token) == []
    assert failure(block, tx)
    status = await one(world.adapter.statuses, tx.txid)
    assert status.state is TxState.REVERTED
    assert status.costs[world.network.native.id, CostKind.FEE] > 0
    assert await token.has(world.owner.address) == 100
    await token.do("unpause()")


@pytest.mark.parametrize(
    ("who", "error"), [("payer", BalanceFrozen), ("payee", PayeeFrozen), ("all", TokenPaused)]
)
async def test_what_the_issuer_stops_is_not_built(
    opened: Opened, who: str, error: type[BuildError]
) -> None:
    """And is called by its name, also where nothing could be estimated."""
    world, token = await opened("usdc")
    await fund(world, token, 100)
    payee = await world.node.outside_address()
    stopped = payee if who == "payee" else world.owner.address
    if who == "all":
        await token.do("pause()")
    else:
        await token.do("blacklist(address)", stopped)
    with pytest.raises(error, match="USDX"):
        await signed(world, token, 100, payee)


async def test_a_contract_that_does_not_say_what_was_listed_is_not_paid(opened: Opened) -> None:
    """Unknown is not no."""
    world, token = await opened("openzeppelin")
    await fund(world, token, 100)
    for trait in ("blacklist", "black-list"):
        token.traits = (trait,)
        adapter = EvmAdapter(token.listed_on, world.node.url)
        try:
            with pytest.raises(BuildError, match="does not say who may pay"):
                await signed(replace(world, adapter=adapter), token, 100)
        finally:
            await adapter.close()


async def test_what_changes_by_itself_is_not_listed(plain: World) -> None:
    """It answers whatever is asked, also how many shares somebody has."""
    contract = await plain.deploy(bytes.fromhex("600160005260206000f3"))
    with pytest.raises(NetworkInvalid, match="no books can follow"):
        await plain.adapter.describe(contract)


async def test_a_fee_on_transfer_arrives_less_and_leaves_whole(opened: Opened) -> None:
    world, token = await opened("habits")
    me = world.owner.address
    await token.do("set(uint8,uint16,uint8)", 0, 500, 6)
    block = await fund(world, token, 1_000)
    assert [each for each in moved(block, token) if each[1] == me] == [("transfer:1", me, 950)]
    tx = await signed(world, token, 900)
    block = await sent(world, tx)
    assert failure(block, tx) is None
    assert [each for each in moved(block, token) if each[1] == me] == [
        ("cost:withheld:1", me, -45),
        ("transfer:1", me, -855),
    ]
    assert ("transfer:1", PAYEE, 855) in moved(block, token)
    status = await one(world.adapter.statuses, tx.txid)
    assert withheld_in(status.costs) == {token.asset.id: 45}
    assert await token.has(me) == 50


RETURNS = {"nothing": (1, None), "false": (2, None), "true, and does nothing": (3, "moved nothing")}


@pytest.mark.parametrize(("mode", "why"), RETURNS.values(), ids=RETURNS)
async def test_a_payment_is_judged_by_its_effect(
    opened: Opened, mode: int, why: str | None
) -> None:
    """And not by what the call returns."""
    world, token = await opened("habits")
    await fund(world, token, 1_000)
    await token.do("set(uint8,uint16,uint8)", mode, 0, 6)
    tx = await signed(world, token, 400)
    block = await sent(world, tx)
    status = await one(world.adapter.statuses, tx.txid)
    left = 600 if why is None else 1_000
    assert await token.has(world.owner.address) == left
    if why is None:
        assert (failure(block, tx), status.state) == (None, TxState.INCLUDED)
    else:
        assert why in (failure(block, tx) or "") and why in status.reason
        assert status.state is TxState.REVERTED
        assert status.costs and moved(block, token) == []


async def test_a_log_without_a_payment_shows_in_the_balance(opened: Opened) -> None:
    """Why tokens are listed by people: a log is a contract's word. What it says that we have, and
    what the contract itself counts, reconciliation compares."""
    world, token = await opened("habits")
    await token.do("lie(address,address,uint256)", PAYEE, world.owner.address, 10**9)
    block = await tip_block(world)
    assert ("transfer:0", world.owner.address, 10**9) in moved(block, token)
    assert await world.adapter.balance(world.owner.address, token.asset.id, block.ref) == 0


async def test_a_token_whose_decimals_change_is_not_paid(opened: Opened) -> None:
    world, token = await opened("habits")
    await fund(world, token, 1_000)
    await token.do("set(uint8,uint16,uint8)", 0, 0, 18)
    with pytest.raises(BuildError, match="says 18 decimals, the list 6"):
        await signed(world, token, 1)


async def test_where_no_contract_is_nothing_is_paid(opened: Opened, plain: World) -> None:
    world, token = await opened("habits")
    nowhere = Token(plain, Address("0x1111111111111111111111111111111111111111"))
    adapter = EvmAdapter(nowhere.listed_on, plain.node.url)
    try:
        with pytest.raises(NodeMisbehaved):
            await adapter.balance(world.owner.address, nowhere.asset.id)
        with pytest.raises(BuildError, match="no contract"):
            await one(adapter.claim, intent(world, nowhere, 1))
    finally:
        await adapter.close()
    assert nowhere.contract != token.contract


async def test_what_pays_nothing_or_oneself_moves_nothing(opened: Opened) -> None:
    """Of a payment of nothing both ends are told, with nothing."""
    world, token = await opened("habits")
    me = world.owner.address
    for payer, payee, units in ((me, PAYEE, 0), (PAYEE, me, 0), (me, me, 5)):
        await token.do("lie(address,address,uint256)", payer, payee, units)
        ends = [] if units else [("transfer:0", payer, 0), ("transfer:0", payee, 0)]
        assert moved(await tip_block(world), token) == ends


async def test_several_in_a_block_and_the_same_without_traces(opened: Opened, plain: World) -> None:
    world, token = await opened("openzeppelin")
    untraced = replace(
        world.network,
        parameters=MappingProxyType(
            {k: v for k, v in world.network.parameters.items() if k != "traces"}
        ),
    )
    other = EvmAdapter(untraced, plain.node.url)
    for units in (1, 2, 3):
        await token.give(world.owner.address, units, mine=False)
    await world.node.mine()
    block = await tip_block(world)
    mine = [each for each in moved(block, token) if each[1] == world.owner.address]
    assert [units for _, _, units in mine] == [1, 2, 3]
    bare = await other.block(block.ref.height)
    await other.close()
    assert bare.reading is Reading.WITHOUT_INTERNAL
    assert moved(bare, token) == moved(block, token)


async def test_a_reorg_takes_tokens_back(opened: Opened) -> None:
    world, token = await opened("openzeppelin")
    block = await fund(world, token, 9)
    await world.node.reorg(1)
    again = await world.adapter.block(block.ref.height)
    assert again.ref != block.ref and moved(again, token) == []
    assert await world.adapter.balance(world.owner.address, token.asset.id) == 0
    block = await fund(world, token, 9)
    mine = [each for each in moved(block, token) if each[1] == world.owner.address]
    assert mine == [("transfer:0", world.owner.address, 9)]


def keeps_back(world: World, *methods: str) -> None:
    """The node shows no logs."""

    async def refusal(body: bytes) -> bytes | None:
        request = json.loads(body)
        if not isinstance(request, dict) or request["method"] not in methods:
            return None
        result: Any = []
        if request["method"] == "eth_getBlockReceipts":
            told = await world.node.ask(request["method"], *request["params"])
            result = [each | {"logs": []} for each in told]
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()

    world.node._faults.refuse(refusal)


async def test_that_there_are_no_logs_is_not_believed(opened: Opened) -> None:
    """The header's filter knows better. Receipts may still tell."""
    world, token = await opened("usdc")
    block = await fund(world, token, 50)
    keeps_back(world, "eth_getLogs")
    assert await world.adapter.block(block.ref.height) == block
    keeps_back(world, "eth_getLogs", "eth_getBlockReceipts")
    with pytest.raises(BlockUnreadable, match="keeps logs"):
        await world.adapter.block(block.ref.height)
    world.node.heal()
    assert await world.adapter.block(block.ref.height) == block


async def test_the_filter_of_a_block_is_that_of_its_receipts(opened: Opened) -> None:
    """To the last bit, as another's code made it."""
    world, token = await opened("openzeppelin")
    block = await fund(world, token, 50)
    header = await world.node.ask("eth_getBlockByHash", block.ref.hash, False)
    receipts = await world.node.ask("eth_getBlockReceipts", block.ref.hash)
    assert transfers.shown(receipts) == header["logsBloom"]
    assert transfers.may_be_in(header["logsBloom"])


async def test_the_bytes_are_a_call_of_the_contract(opened: Opened) -> None:
    world, token = await opened("usdc")
    await fund(world, token, 50)
    wanted = intent(world, token, 50)
    wanted = replace(wanted, claim=await one(world.adapter.claim, wanted))
    tx = await one(world.adapter.prepare, wanted)
    summary = world.adapter.codec.summarize(tx)
    assert summary.effects == wanted.effects and summary.unexplained == ()
    assert erc20.transfer(PAYEE, 50) in tx.payload
    assert build.parse_nonce_key(world.network.id, world.owner.address, wanted.claim[0]) == 0


async def test_a_contract_becomes_a_row(opened: Opened, plain: World, tmp_path: Path) -> None:
    """By the command that an operator types, up to the file that administrators sign."""
    _, token = await opened("usdc")
    file, alias = tmp_path / "rows.toml", plain.network.alias
    env = {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}",
        "CUSTODY_NODES": json.dumps({alias: plain.node.url}),
    }
    await asyncio.to_thread(done, "migrate", env=env)
    add = ("asset", "add", alias, token.contract.lower(), "--file", file)
    told = await asyncio.to_thread(done, *add, env=env)
    assert "USDC" in told and "Compare its address" in told
    assert "blacklist, eip-2612, eip-3009, pausable" in told
    assert "USD Coin version 2" in told
    networks, assets = read_rows(file)
    listed = built_in().with_rows(networks, assets).find_asset(token.asset.id)
    assert (listed.symbol, listed.name, listed.decimals) == ("USDC", "USD Coin", 6)
    assert listed.traits == {"blacklist", "eip-2612", "eip-3009", "pausable"}
    assert listed.domain == ("USD Coin", "2")

    _, silent = await opened("habits")
    add = ("asset", "add", alias, silent.contract, "--file", file)
    assert "use --symbol" in await asyncio.to_thread(refused, 2, *add, env=env)
    nowhere = ("asset", "add", alias, PAYEE, "--file", file)
    assert "no contract" in await asyncio.to_thread(refused, 1, *nowhere, env=env)
    assert read_rows(file) == (networks, assets)


@pytest.mark.parametrize("slot", [*SLOTS[:1], *SLOTS[2:]], ids=["EIP-1967", "ZeppelinOS"])
async def test_code_that_can_be_replaced_is_a_trait(plain: World, slot: str) -> None:
    """And what the code behind it says counts as well."""
    token = await proxied(plain, int(slot, 16))
    _, said = await plain.adapter.describe(token.contract)
    assert {"upgradeable", "blacklist", "pausable"} <= said.traits
    assert (said.symbol, said.decimals) == ("USDC", 6)


async def test_a_beacon_names_the_code_too(opened: Opened) -> None:
    world, token = await opened("openzeppelin")
    _, before = await world.adapter.describe(token.contract)
    assert "upgradeable" not in before.traits
    beacon = "0x" + PAYEE[2:].lower().rjust(64, "0")
    await world.node.ask("anvil_setStorageAt", token.contract, SLOTS[1], beacon)
    _, said = await world.adapter.describe(token.contract)
    assert said.traits == before.traits | {"upgradeable"}
