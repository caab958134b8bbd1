"""What the adapter reads of a block when the node traces always, never, or not any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from chains.block import Block, Reading
from chains.errors import BlockUnreadable, NodeUnavailable
from chains.evm import tracing
from chains.evm.adapter import EvmAdapter
from chains.evm.blocks import BlockReader
from chains.evm.rpc import RpcError
from chains.model import InternalCredits
from chains.transport.offload import Reader
from custody.db.session import Database
from custody.deposits.minimums import NONE
from custody.following.follow import NetworkFollower
from custody.following.readings import Range, ranges
from custody.following.writer import BlockWriter
from custody.ledger.service import Ledger
from tests.support.custody import Clock, without_hashes
from tests.support.networks import find_network

ETHEREUM = find_network("ethereum")
KEY = b"\1" * 32
SIGNER = Account.from_key(KEY).address
PAYER, OUTER, OURS = ("0x" + each * 20 for each in ("44", "33", "22"))
NO_METHOD = (-32601, "the method debug_traceBlockByHash does not exist/is not available")

GONE = [
    # node, version or place: what it answers for a block whose state it has pruned
    ("geth 1.13, hash scheme", -32000, "required historical state unavailable (reexec=128)"),
    ("geth 1.13, path scheme", -32000, "historical state not available in path scheme yet"),
    ("geth 1.16", -32000, "historical state 0x5d0f is not available"),
    ("geth", -32000, "missing trie node 6d1a (path ) state 0x6d1a is not available"),
    ("bsc 1.2", -32000, "required historical state unavailable (reexec=128)"),
    ("reth 0.1", -32603, "State at block #11052984 is pruned"),
    ("nethermind 1.31", -32002, "No state available for block 0x5d0f"),
    ("besu", -32000, "World state unavailable"),
    ("EIP-4444", 4444, "pruned history unavailable"),
]
NOT_GONE = [
    ("nethermind before 1.31", -32603, "Internal error"),
    ("geth, a tracer's time", -32000, "execution timeout"),
    ("geth", -32000, "block #5 not found"),
    ("a provider", -32005, "limit exceeded"),
]


def word(number: int) -> str:
    return f"0x{number:064x}"


@dataclass
class Node:
    """Blocks with one transaction, in which a contract pays us one wei. Keeps the state of the
    newest `depth` blocks and refuses to trace others with `refusal`, and everything while `broken`.
    """

    tip: int = 1_000
    depth: int = tracing.STATE_DEPTH
    refusal: tuple[int, str] = (-32000, "historical state not available in path scheme yet")
    broken: list[tuple[int, str]] = field(default_factory=list)
    receipts: bool = True
    asked: list[str] = field(default_factory=list)

    async def call(self, method: str, *params: Any, reader: Reader | None = None) -> Any:
        result = await self._answer(method, *params)
        return result if reader is None or result is None else reader(result)

    async def questions(self) -> Any:
        """Single ones."""

        async def chain_id() -> int:
            return 1

        return SimpleNamespace(chain_id=chain_id)

    async def _answer(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        if method == "eth_getBlockByNumber":
            number = self.tip if params[0] in ("latest", "finalized") else int(params[0], 16)
            return self.block(number) if number <= self.tip else None
        number = int(params[0], 16)
        if method == "eth_getBlockReceipts":
            if not self.receipts:
                raise RpcError(-32000, "not found")
            receipt = {"status": "0x1", "gasUsed": "0x5208", "contractAddress": None}
            receipt |= {"effectiveGasPrice": "0x1"}
            return [receipt | {"transactionHash": word(number + (1 << 64)), "logs": []}]
        assert method == "debug_traceBlockByHash"
        if self.broken:
            raise RpcError(*self.broken.pop(0))
        if number <= self.tip - self.depth:
            raise RpcError(*self.refusal)
        inner = {"type": "CALL", "from": OUTER, "to": OURS, "value": "0x1", "gasUsed": "0x0"}
        outer = {"type": "CALL", "from": PAYER, "to": OUTER, "value": "0x0", "gasUsed": "0x5208"}
        return [{"txHash": word(number + (1 << 64)), "result": outer | {"calls": [inner]}}]

    def block(self, number: int) -> dict[str, Any]:
        transaction = {
            "hash": word(number + (1 << 64)),
            "from": PAYER,
            "nonce": hex(number),
            "to": OUTER,
            "value": "0x0",
            "gasPrice": "0x1",
        }
        return {
            "number": hex(number),
            "hash": word(number),
            "parentHash": word(number - 1),
            "timestamp": "0x1",
            "gasUsed": "0x5208",
            "baseFeePerGas": "0x1",
            "miner": PAYER,
            "logsBloom": "0x" + "00" * 256,
            "transactions": [transaction],
        }

    def adapter(self) -> EvmAdapter:
        made = EvmAdapter(ETHEREUM, "http://127.0.0.1:9")
        made._node = self  # type: ignore[assignment]
        made._blocks = BlockReader(ETHEREUM, made._node)
        return made


def internal(block: Block) -> int:
    return sum(credit.units for credit in block.movements if credit.address.lower() == OURS)


@pytest.mark.parametrize(("node", "code", "words"), GONE)
async def test_a_block_whose_state_is_gone_is_read_by_its_receipts(
    node: str, code: int, words: str
) -> None:
    scripted = Node(refusal=(code, words))
    adapter = scripted.adapter()
    await adapter.check()
    await adapter.tip()
    fresh, old = await adapter.block(1_000), await adapter.block(500)
    assert (fresh.reading, internal(fresh)) == (Reading.COMPLETE, 1)
    assert (old.reading, internal(old)) == (Reading.WITHOUT_INTERNAL, 0), node
    assert adapter.capabilities.internal_credits is InternalCredits.SEEN
    fresh = await adapter.block(999)
    assert fresh.reading is Reading.COMPLETE, "traces again where it can"


@pytest.mark.parametrize(("node", "code", "words"), NOT_GONE)
async def test_any_other_refusal_makes_a_block_unreadable_and_salvage_takes_what_there_is(
    node: str, code: int, words: str
) -> None:
    scripted = Node(refusal=(code, words))
    adapter = scripted.adapter()
    await adapter.check()
    with pytest.raises(BlockUnreadable, match="block 500"):
        await adapter.block(500)
    assert (await adapter.salvage(500)).reading is Reading.WITHOUT_INTERNAL
    scripted.receipts = False
    salvaged = await adapter.salvage(500)
    assert (salvaged.reading, salvaged.movements) == (Reading.PASSED, ()), node
    assert salvaged.ref.hash == word(500)
    assert salvaged.parent_hash == word(499)


async def test_a_block_near_the_tip_is_never_read_by_receipts_alone() -> None:
    """Behind the URL is a node that has not caught up; another one can trace it."""
    scripted = Node(depth=0)
    adapter = scripted.adapter()
    await adapter.check()
    with pytest.raises(BlockUnreadable):
        await adapter.block(scripted.tip - tracing.SHALLOW + 1)
    deep = await adapter.block(scripted.tip - tracing.SHALLOW)
    assert deep.reading is Reading.WITHOUT_INTERNAL


async def test_one_node_without_the_method_among_several_switches_nothing_off() -> None:
    """At the start, and while blocks are read: what contracts pay is seen, or the block isn't."""
    scripted = Node(broken=[NO_METHOD])
    adapter = scripted.adapter()
    await adapter.check()
    assert adapter.capabilities.internal_credits is InternalCredits.SEEN
    scripted.broken = [NO_METHOD]
    with pytest.raises(NodeUnavailable):
        await adapter.block(999)
    await adapter.check()
    assert internal(await adapter.block(999)) == 1


async def test_a_node_that_lost_the_method_is_found_out_by_check_only() -> None:
    scripted = Node()
    adapter = scripted.adapter()
    await adapter.check()
    scripted.broken = [NO_METHOD] * 1000
    for _ in range(3):
        with pytest.raises(NodeUnavailable):
            await adapter.block(999)
    await adapter.check()
    assert adapter.capabilities.internal_credits is InternalCredits.UNSEEN
    assert (await adapter.block(999)).reading is Reading.WITHOUT_INTERNAL
    scripted.broken = []
    await adapter.check()
    assert (await adapter.block(999)).reading is Reading.COMPLETE


@pytest.mark.parametrize(
    ("counts", "used"),
    [
        (["0x0", "0x1"], True),
        (["0x1", "0x1"], False),
        ([RpcError(-32000, "missing trie node 6d1a"), "0x1"], False),
    ],
)
async def test_an_authorization_used_up_a_nonce_if_the_account_s_nonce_shows_it(
    counts: list[Any], used: bool
) -> None:
    """And is not told of where the node has no state of the block any more."""
    scripted = Authorizing(counts=counts)
    block = await scripted.adapter().block(500)
    key = f"eip155:1/nonce:{SIGNER}:0"
    assert (block.consumed.get(key) == word(500 + (1 << 64))) is used
    assert len(block.consumed) == 1 + used


async def test_a_node_that_does_not_answer_about_an_authorization_is_asked_again() -> None:
    scripted = Authorizing(counts=[RpcError(-32603, "internal error"), "0x1"])
    with pytest.raises(BlockUnreadable):
        await scripted.adapter().block(500)


@dataclass
class Authorizing(Node):
    """Each transaction carries an EIP-7702 authorization by `SIGNER` for nonce 0."""

    depth: int = 1_000
    counts: list[Any] = field(default_factory=list)

    async def batch(self, calls: Any) -> list[Any]:
        assert [params[0] for _, params in calls] == [SIGNER, SIGNER]
        return self.counts

    def block(self, number: int) -> dict[str, Any]:
        found = super().block(number)
        made = Account.sign_authorization({"chainId": 1, "address": OURS, "nonce": 0}, KEY)
        numbers = {"nonce": 0, "chainId": 1, "yParity": made.y_parity, "r": made.r, "s": made.s}
        signed = {name: hex(value) for name, value in numbers.items()} | {"address": OURS}
        found["transactions"][0]["authorizationList"] = [signed]
        return found


# Followed


def followed(database: Database, node: Node, clock: Clock) -> NetworkFollower:
    writer = BlockWriter(Ledger(clock), clock, NONE)
    return NetworkFollower(database, writer, ETHEREUM, node.adapter(), clock)


async def catch_up(follower: NetworkFollower) -> None:
    for _ in range(100):
        if (await follower.step()).at_tip:
            return
    raise AssertionError("never reached the tip")


async def test_a_full_node_is_followed_from_the_first_start_and_after_a_long_pause(
    sqlite_url: str,
) -> None:
    database, clock = Database(sqlite_url), Clock()
    node = Node()
    follower = followed(database, node, clock)
    await catch_up(follower)
    assert follower.status.position is not None
    assert follower.status.position.height == 1_000
    node.tip += 500
    await catch_up(follower)
    assert follower.status.position.height == 1_500
    async with database.read() as session:
        assert without_hashes(await ranges(session, ETHEREUM.id)) == [
            Range(1_000 - tracing.STATE_DEPTH * 3 // 4, 1_000, Reading.COMPLETE),
            Range(1_001, 1_500 - tracing.STATE_DEPTH, Reading.WITHOUT_INTERNAL),
            Range(1_501 - tracing.STATE_DEPTH, 1_500, Reading.COMPLETE),
        ]
    await follower.close()
    await database.close()
