"""What blocks of a real EVM moved: to the last wei, the same by every means, and never renamed.

The oracle is the state itself: over each block, every account's balance changes by the sum of its
movements.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import BLOCK_FEE, Block, Movement, Reading
from chains.devnet.evm import AnvilNode
from chains.evm import build
from chains.evm.adapter import EvmAdapter
from chains.evm.codec import transaction_id
from chains.model import Address, AddressType, OwnedAddress, TxId
from tests.support.evm import (
    ETHER,
    REVERTS,
    STOPS,
    World,
    borrows,
    creates,
    destructs,
    pays,
    pays_created,
)
from tests.support.evm_typed import Sender
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

ITSELF = b"\x30\xff"
"""Code: end, and leave all to oneself."""
POP = b"\x50"
TRACER = {"tracer": "callTracer"}


@dataclass
class Scene(World):
    """`untraced`: the same node, read as one that does not trace. `senders`: keys with money, ours
    among them."""

    untraced: EvmAdapter
    senders: list[Sender]

    async def send(self, raw: bytes) -> TxId:
        sent = TxId(await self.node.ask("eth_sendRawTransaction", "0x" + raw.hex()))
        return sent

    async def mined(self, *raws: bytes) -> Block:
        """The block that has them, and nothing else."""
        for raw in raws:
            await self.send(raw)
        await self.node.mine()
        block = await self.tip_block()
        included = {each.txid for each in block.included}
        assert len(included) == len(raws), "the engine did not take all of them"
        return block

    async def tip_block(self) -> Block:
        return await self.adapter.block((await self.adapter.tip()).height)

    async def balance_at(self, address: Address, height: int) -> int:
        return int(await self.node.ask("eth_getBalance", address, hex(height)), 16)

    async def equals_the_state(self, block: Block) -> None:
        """Every account that the block names has changed by what its movements say."""
        height = block.ref.height
        sums: Counter[Address] = Counter()
        for each in block.movements:
            sums[each.address] += each.units
        for address, units in sums.items():
            before, after = [await self.balance_at(address, at) for at in (height - 1, height)]
            assert after - before == units, (height, address)


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path / "node")
    await node.start()
    adapter = EvmAdapter(network, node.url, timeout_s=60.0)
    blind = replace(network, parameters=MappingProxyType({**network.parameters, "traces": "none"}))
    untraced = EvmAdapter(blind, node.url, timeout_s=60.0)
    senders = [Sender(network.number("chain_id"), PrivateKey()) for _ in range(3)]
    key = senders[0].key
    path = adapter.codec.address_path(AddressType.EVM, 0, 0)
    owner = OwnedAddress(senders[0].address, AddressType.EVM, path, key.public_key.format())
    try:
        await adapter.check()
        made = Scene(network, node, adapter, key, owner, untraced, senders)
        for sender in senders:
            await node.fund(sender.address, 100 * ETHER)
        await node.mine()
        yield made
    finally:
        await untraced.close()
        await adapter.close()
        await node.stop()


def of(block: Block, address: Address) -> list[tuple[str, int]]:
    return [(each.place, each.units) for each in block.movements if each.address == address]


def told_without_traces(block: Block) -> Block:
    """What is left where nobody tells the calls below a transaction's own."""
    seen = [each for each in block.movements if not _is_inner(each)]
    included = [
        each._replace(failure=each.failure and "receipt status 0") for each in block.included
    ]
    reading = Reading.WITHOUT_INTERNAL if included else Reading.COMPLETE
    return replace(block, movements=tuple(seen), included=tuple(included), reading=reading)


def _is_inner(movement: Movement) -> bool:
    kind, _, number = movement.place.partition(":")
    return kind == "burn" or (kind == "call" and number != "")


async def test_every_balance_is_the_sum_of_its_movements(scene: Scene) -> None:
    """Senders and fee recipients included; and it is told the same without traces, as far as it is
    told at all."""
    rng = random.Random(7)
    first = (await scene.adapter.tip()).height
    sinks = [await scene.node.outside_address() for _ in range(3)]
    sinks += [each.address for each in scene.senders]
    contracts = [await scene.deploy(pays(rng.choice(sinks), 3) + STOPS, 5) for _ in range(2)]
    contracts += [await _random_contract(scene, rng, sinks + contracts) for _ in range(8)]
    for number in range(8):
        miner = rng.choice([*sinks, *contracts])
        await scene.node.ask("anvil_setCoinbase", miner)
        for _ in range(6):
            await scene.send(_random_transaction(rng, scene.senders, sinks + contracts, number))
        await scene.node.mine()

    last = (await scene.adapter.tip()).height
    sums: Counter[Address] = Counter()
    kinds: Counter[str] = Counter()
    names = set[tuple[str, str, bool]]()
    for height in range(first + 1, last + 1):
        block = await scene.adapter.block(height)
        await scene.equals_the_state(block)
        assert await scene.untraced.block(height) == told_without_traces(block)
        for each in block.movements:
            sums[each.address] += each.units
            kinds[each.place.rstrip("0123456789")] += 1
            name = each.txid, each.place, each.units > 0
            assert name not in names
            names.add(name)
        kinds["failed"] += sum(each.failure is not None for each in block.included)
    for address in {*sinks, *contracts}:
        before, after = [await scene.balance_at(address, at) for at in (first, last)]
        assert after - before == sums[address]
    assert kinds.keys() >= {"call:", "burn:", "cost:fee", BLOCK_FEE, "failed"}
    assert any(place.startswith("call:") and place != "call:" for _, place, _ in names)


async def _random_contract(scene: Scene, rng: random.Random, known: list[Address]) -> Address:
    code = b""
    for _ in range(rng.randint(1, 3)):
        heir = rng.choice([*map(destructs, known), ITSELF])
        made = creates(heir, rng.randint(0, 9)) + pays_created(rng.randint(0, 9)) + POP
        code += rng.choice([pays(rng.choice(known), rng.randint(0, 60)), made, made])
    ending = rng.choice([STOPS, STOPS, REVERTS, ITSELF, destructs(rng.choice(known))])
    return await scene.deploy(code + ending, rng.choice([0, 40]))


def _random_transaction(
    rng: random.Random, senders: list[Sender], known: list[Address], number: int
) -> bytes:
    sender, to, value = rng.choice(senders), rng.choice(known), rng.randint(0, 300)
    tip = rng.randint(1, 3)
    match rng.randint(0, 9):
        case 0:
            return sender.pays(sender.address, value, tip=tip)
        case 1:
            return sender.pays_with_blob(to, value)
        case 2:
            other = rng.choice([each for each in senders if each is not sender])
            nonce = other.nonce + rng.randint(0, 1)
            authorization = other.authorizes(rng.choice(known), nonce)
            if nonce == other.nonce:
                other.nonce += 1
            return sender.pays_authorized(sender.address, value, [authorization])
        case 3:
            ends = creates(ITSELF, 3) + pays_created(4) + POP + destructs(to)
            return sender.pays(None, value, ends, tip=tip)
        case 4:
            return sender.pays(to, value, gas=21_500, tip=tip)
    return sender.pays(to, value, tip=tip)


async def test_a_contract_that_ends_where_it_was_made(scene: Scene) -> None:
    """EIP-6780. What it has left is burnt: left to itself, or come after its end."""
    sender, heir = scene.senders[1], await scene.node.outside_address()
    parts = creates(destructs(heir), 5) + pays_created(7) + POP + creates(ITSELF, 11) + POP
    maker = await scene.deploy(parts + pays(heir, 1) + STOPS)
    block = await scene.mined(sender.pays(maker, 100))
    await scene.equals_the_state(block)
    assert of(block, maker) == [
        ("call:", 100),
        ("call:0", -5),
        ("call:2", -7),
        ("call:3", -11),
        ("call:5", -1),
    ]
    assert of(block, heir) == [("call:1", 5), ("call:5", 1)]
    burnt = [each for each in block.movements if each.place in ("burn:0", "call:4")]
    assert [(each.place, each.units) for each in burnt] == [("call:4", -11), ("burn:0", -7)]


async def test_an_older_contract_as_its_own_heir_pays_nobody(scene: Scene) -> None:
    """The engine shows what was paid last a second time: to be credited twice, anybody writes a
    contract that pays us and then ends so."""
    ours = scene.owner.address
    plain = await scene.deploy(ITSELF, 50)
    block = await scene.mined(scene.senders[1].pays(plain, 3))
    await scene.equals_the_state(block)
    assert of(block, plain) == [("call:", 3)]
    twice = await scene.deploy(pays(ours, 5) + ITSELF, 50)
    block = await scene.mined(scene.senders[1].pays(twice, 3))
    await scene.equals_the_state(block)
    assert of(block, ours) == [("call:0", 5)]
    traces = await scene.node.ask("debug_traceBlockByHash", block.ref.hash, TRACER)
    shown = traces[0]["result"]["calls"]
    assert [(each["type"], each["to"], each["value"]) for each in shown] == [
        ("CALL", ours.lower(), "0x5"),
        ("SELFDESTRUCT", ours.lower(), "0x5"),
    ], "the engine has been mended"


async def test_paying_oneself_costs_the_fee_and_moves_nothing(scene: Scene) -> None:
    sender = scene.senders[0]
    block = await scene.mined(sender.pays(sender.address, ETHER))
    await scene.equals_the_state(block)
    assert [place for place, _ in of(block, sender.address)] == ["cost:fee"]
    contract = await scene.deploy(pays(sender.address, 0) + STOPS)
    selfish = await scene.deploy(
        borrows(contract) + b"\x60\0" * 4 + b"\x60\5\x30\x5a\xf1\x50" + STOPS
    )
    block = await scene.mined(sender.pays(selfish, 20))
    await scene.equals_the_state(block)
    assert of(block, selfish) == [("call:", 20)]


async def test_a_block_that_both_pays_and_charges_us(scene: Scene) -> None:
    """Ours pays a contract that pays part of it back, in the block whose fees we get."""
    ours, stranger = scene.senders[0], scene.senders[1]
    contract = await scene.deploy(pays(ours.address, 30) + STOPS)
    await scene.node.ask("anvil_setCoinbase", ours.address)
    block = await scene.mined(ours.pays(contract, 100), stranger.pays(ours.address, 8))
    await scene.equals_the_state(block)
    mine = dict(Counter(place for place, _ in of(block, ours.address)))
    assert mine == {"call:": 2, "call:0": 1, "cost:fee": 1, BLOCK_FEE: 1}
    assert sorted(units for place, units in of(block, ours.address) if "call" in place) == [
        -100,
        8,
        30,
    ]


async def test_the_charge_of_blobs_leaves_the_sender(scene: Scene) -> None:
    sender, to = scene.senders[0], await scene.node.outside_address()
    block = await scene.mined(sender.pays_with_blob(to, 5))
    await scene.equals_the_state(block)
    (txid,) = [each.txid for each in block.included]
    (status,) = await scene.adapter.statuses([txid])
    assert not isinstance(status, Exception)
    (charged,) = [-units for place, units in of(block, sender.address) if place == "cost:fee"]
    assert sum(status.costs.values()) == charged
    receipt = await scene.node.ask("eth_getTransactionReceipt", txid)
    blobs = int(receipt["blobGasUsed"], 16) * int(receipt["blobGasPrice"], 16)
    assert blobs > 0
    assert charged == int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16) + blobs


async def test_nonces_that_transactions_and_authorizations_use_up(scene: Scene) -> None:
    """Only of those that took effect: one that names another nonce did nothing."""
    network, (ours, stranger, third) = scene.network.id, scene.senders
    wallet = await scene.deploy(STOPS)

    def key(sender: Sender, nonce: int) -> str:
        return build.nonce_text(network, sender.address, nonce)

    signed = [
        ours.authorizes(wallet, 0),
        ours.authorizes(wallet, 5),
        stranger.authorizes(wallet, 1),
        third.authorizes(wallet, 3),
    ]
    block = await scene.mined(stranger.pays_authorized(ours.address, 1, signed))
    (included,) = block.included
    assert included.sender == stranger.address
    expected = [key(stranger, 0), key(ours, 0), key(stranger, 1)]
    assert block.consumed == dict.fromkeys(expected, included.txid)
    assert await scene.untraced.block(block.ref.height) == told_without_traces(block)
    ours.nonce = 1
    later = await scene.mined(ours.pays(stranger.address, 1), third.pays(ours.address, 1))
    assert later.consumed.keys() == {key(ours, 1), key(third, 0)}
    for sender in scene.senders:
        count = await scene.node.ask("eth_getTransactionCount", sender.address, "latest")
        used = {*block.consumed, *later.consumed}
        assert [key(sender, n) in used for n in range(4)] == [n < int(count, 16) for n in range(4)]


async def test_a_delegated_account_that_pays_and_ends(scene: Scene) -> None:
    """EIP-7702: an account of ours runs a contract's code. It pays out, and stays."""
    ours, stranger = scene.senders[0], scene.senders[1]
    heir = await scene.node.outside_address()
    wallet = await scene.deploy(pays(heir, 3) + destructs(heir))
    before = await scene.node.balance(ours.address)
    block = await scene.mined(
        stranger.pays_authorized(ours.address, 2, [ours.authorizes(wallet, 0)])
    )
    await scene.equals_the_state(block)
    assert of(block, ours.address) == [("call:", 2), ("call:0", -3), ("call:1", -(before - 1))]
    assert await scene.node.balance(ours.address) == 0
    assert [each.sender for each in block.included] == [stranger.address]


async def test_a_reorg_renames_nothing(scene: Scene) -> None:
    """The same transactions in other blocks and another order: each kind of movement keeps its
    name. What belongs to a block goes with it."""
    ours, stranger, third = scene.senders
    heir = await scene.node.outside_address()
    inner = await scene.deploy(pays(ours.address, 5) + STOPS)
    ends = creates(destructs(heir), 5) + pays_created(7) + POP
    outer = await scene.deploy(pays(inner, 50) + ends + destructs(ours.address))
    await scene.node.mine(2)
    await scene.node.ask("anvil_setCoinbase", ours.address)
    raws = [
        ours.pays(outer, 100, tip=5),
        stranger.pays(ours.address, 9, tip=4),
        third.pays(None, 30, destructs(ours.address), tip=3),
        third.pays(outer, 20, gas=30_000, tip=2),
    ]
    block = await scene.mined(*raws)
    await scene.equals_the_state(block)
    kinds = {place.rstrip("0123456789") for place, _ in of(block, ours.address)}
    assert kinds == {"call:", "cost:fee", BLOCK_FEE}
    assert sum(each.failure is not None for each in block.included) == 1

    again = [[("0x" + raw.hex()), at] for raw, at in zip(raws, (2, 0, 1, 1), strict=True)]
    await scene.node.ask("anvil_setCoinbase", stranger.address)
    await scene.node.ask("anvil_reorg", 3, again)
    height = block.ref.height
    after = [await scene.adapter.block(at) for at in range(height - 2, height + 1)]
    assert block.ref not in [each.ref for each in after]
    for each in after:
        await scene.equals_the_state(each)

    def named(*blocks: Block) -> dict[tuple[str, str, Address], int]:
        return {
            (each.txid, each.place, each.address): each.units
            for block in blocks
            for each in block.movements
            if each.place not in (BLOCK_FEE, "cost:fee")
        }

    assert named(*after) == named(block)
    assert {each.txid for one in after for each in one.included} == {*map(transaction_id, raws)}
    fees = {each.txid for one in after for each in one.movements if each.place == BLOCK_FEE}
    assert fees <= {each.ref.hash for each in after}
