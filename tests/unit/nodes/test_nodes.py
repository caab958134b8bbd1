"""Several nodes as one adapter: fakes of one chain, of which some fail, lag, or serve another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from chains.adapter import ChainAdapter
from chains.answers import Answers
from chains.effects import Pay
from chains.errors import (
    BroadcastRejected,
    ChainError,
    NodeError,
    NodeLimited,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Address,
    AddressType,
    BlockRef,
    Broadcast,
    ConflictKey,
    OwnedAddress,
    SignedTx,
    TxId,
)
from chains.networks import Finality
from chains.nodes import NODE_TAKEN_OUT, WITNESS_DISAGREES, WITNESS_SILENT
from chains.nodes.adapter import QUESTION_S, Nodes
from chains.nodes.health import BEHIND_S, PROBE_S
from chains.nodes.witnesses import SILENT_S, Death, Witnesses
from chains.transaction import TransferIntent, TxState, TxStatus
from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_chain import FakeNode
from tests.support.networks import find_network
from tests.support.single import one

NETWORK = find_network("ethereum-local")
TX = SignedTx(NETWORK.id, TxId("t"), b"raw")


class Scripted(FakeAdapter):
    """Fails with `fails` where it is set. `lag`: blocks that it has not seen yet."""

    def __init__(self, node: FakeNode) -> None:
        super().__init__(node)
        self.fails: Callable[[str], ChainError | None] = lambda call: None
        self.lag = 0
        self.sent: Broadcast | None = Broadcast.ACCEPTED
        self.status = TxStatus(TxState.UNKNOWN)
        self.trouble: dict[TxId, ChainError] = {}
        self.sent_to: list[SignedTx] = []
        self.before = self._before

    def _before(self, call: str) -> None:
        if error := self.fails(call):
            raise error

    async def tip(self) -> BlockRef:
        found = await super().tip()
        lower = await self.block_ref(max(0, found.height - self.lag))
        assert lower is not None
        return lower

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        await self._ask("broadcast", lambda: None)
        if self.sent is None:
            await asyncio.Event().wait()
        sent = self.sent
        assert sent is not None
        self.sent_to += txs
        return [self.trouble.get(tx.txid, sent) for tx in txs]

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        found = await self._ask("statuses", lambda: self.status)
        return [self.trouble.get(txid, found) for txid in txids]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    clock: Clock = field(default_factory=Clock)
    node: FakeNode = field(default_factory=lambda: FakeNode(NETWORK))

    def adapters(self, count: int) -> list[Scripted]:
        return [Scripted(self.node) for _ in range(count)]

    def together(
        self,
        adapters: list[Scripted],
        witnesses: Witnesses | None = None,
        private: Nodes | None = None,
    ) -> Nodes:
        named = [(chr(ord("a") + i), adapter) for i, adapter in enumerate(adapters)]
        made = Nodes(named, witnesses, private, clock=self.clock, delay_share=lambda: 1.0)
        checked: ChainAdapter = made
        assert checked is made
        return made

    def witnesses(self, adapters: list[Scripted], finality: Finality | None = None) -> Witnesses:
        named = [(f"w{i}", adapter) for i, adapter in enumerate(adapters)]
        return Witnesses(named, finality or NETWORK.finality, clock=self.clock)

    async def ours(self, height: int) -> BlockRef | None:
        return next((b.ref for b in self.node.chain if b.ref.height == height), None)


@pytest.fixture
def world() -> World:
    return World()


def failing(error: ChainError, *calls: str) -> Callable[[str], ChainError | None]:
    return lambda call: error if not calls or call in calls else None


async def test_the_next_node_is_asked_the_whole_question(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    await world.node.mine(5)
    assert (await nodes.tip()).height == 5
    assert second.calls == {}
    first.fails = failing(NodeUnavailable("away"))
    found = await nodes.block(3)
    assert found is not None and found.ref.height == 3
    assert nodes.asked == "b"
    first.fails = lambda call: None
    asked = dict(first.calls)
    world.clock.now += 10
    await nodes.block(4)
    assert first.calls == asked, "questions stay with the node that answers"
    second.fails = failing(NodeUnavailable("away"))
    await nodes.block(4)
    assert nodes.asked == "a"
    assert first.calls["check"] == 2, "it was seen again to serve our chain"


async def test_an_answer_that_is_no_nodes_fault_is_an_answer(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    for error in (BroadcastRejected("no"), ChainError("x")):
        first.fails = failing(error, "claim", "statuses")
        with pytest.raises(type(error)):
            await one(nodes.statuses, TxId("t"))
    assert second.calls == {}
    assert nodes.troubles() == ()


SET = [SignedTx(NETWORK.id, TxId(name), b"raw") for name in ("t", "u", "v")]


async def test_of_a_set_only_what_a_node_failed_at_goes_on(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.status, second.status = TxStatus(TxState.PENDING), TxStatus(TxState.UNKNOWN)
    first.trouble = {TxId("u"): NodeMisbehaved("odd"), TxId("v"): BroadcastRejected("no")}
    answers = await nodes.statuses([each.txid for each in SET])
    assert answers[:2] == [first.status, second.status]
    assert isinstance(answers[2], BroadcastRejected), "no node's fault: nobody else is asked"
    second.trouble = {TxId("u"): NodeUnavailable("away")}
    answers = await nodes.statuses([each.txid for each in SET])
    assert isinstance(answers[1], NodeUnavailable | NodeMisbehaved)


async def test_one_refusal_hides_no_acceptance(world: World) -> None:
    """Each transaction of a set has the outcome that it would have alone."""
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.trouble = {TxId("u"): BroadcastRejected("no"), TxId("v"): NodeUnavailable("silence")}
    second.trouble = {TxId("u"): BroadcastRejected("no"), TxId("v"): BroadcastRejected("no")}
    taken, refused, unknown = await nodes.broadcast(SET)
    assert taken is Broadcast.ACCEPTED
    assert isinstance(refused, BroadcastRejected)
    assert isinstance(unknown, NodeUnavailable), "whoever was silent may have taken it"
    second.trouble = {}
    assert await nodes.broadcast(SET) == [Broadcast.ACCEPTED] * 3


async def test_the_next_node_gives_no_claim_again(world: World) -> None:
    """Nonces that one node gave out are taken for the node that is asked about the rest."""
    vault = Address("0x" + "11" * 20)
    owner = OwnedAddress(vault, AddressType.EVM, "m/44'/60'/0'/0/0", bytes(33))
    world.node.state.balances[vault, NETWORK.native.id] = 10**18
    payment = Pay(Address("0x" + "22" * 20), NETWORK.native.id, 1)
    intents = [
        TransferIntent(NETWORK.id, (payment,), NETWORK.bounds(10**17), owner) for _ in range(2)
    ]

    class Half(Scripted):
        async def claim(
            self, intents: Sequence[TransferIntent]
        ) -> Answers[tuple[ConflictKey, ...]]:
            claims = await super().claim(intents)
            return [*claims[:1], *(NodeUnavailable("away") for _ in claims[1:])]

    nodes = world.together([Half(world.node), Scripted(world.node)])
    one_, other = await nodes.claim(intents)
    assert isinstance(one_, tuple) and isinstance(other, tuple)
    assert not set(one_) & set(other)


async def test_a_single_node_is_asked_again_at_once(world: World) -> None:
    [only] = adapters = world.adapters(1)
    nodes = world.together(adapters)
    for error in (NodeUnavailable("away"), NodeMisbehaved("odd"), WrongChain("other")):
        only.fails = failing(error)
        for _ in range(5):
            with pytest.raises(type(error)):
                await nodes.tip()
        only.fails = lambda call: None
        await nodes.tip()
        assert nodes.troubles() == ()


async def test_a_node_of_another_chain_is_taken_out_and_looked_at_again(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.fails = failing(WrongChain("serves chain 56"), "check")
    await nodes.check()
    [trouble] = nodes.troubles()
    assert (trouble.code, trouble.message) == (NODE_TAKEN_OUT, "a: serves chain 56")
    assert first.calls == {"check": 1}
    second.fails = failing(NodeUnavailable("away"))
    with pytest.raises(NodeUnavailable):
        await nodes.block(0)
    assert first.calls == {"check": 1}, "not even when no other is left"
    second.fails, first.fails = (lambda call: None), (lambda call: None)
    world.clock.now += PROBE_S
    await nodes.tip()
    await settle()
    assert first.calls["check"] == 2
    assert nodes.troubles() == ()
    await nodes.close()


async def test_all_on_another_chain_is_another_chain(world: World) -> None:
    adapters = world.adapters(2)
    for adapter in adapters:
        adapter.fails = failing(WrongChain("other"), "check")
    nodes = world.together(adapters)
    for call in (nodes.check, nodes.tip, nodes.finalized):
        with pytest.raises(WrongChain):
            await call()
    assert all(adapter.calls.keys() == {"check"} for adapter in adapters), "asked nothing else"


async def test_a_node_that_keeps_contradicting_itself_is_taken_out(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.fails = failing(NodeMisbehaved("two hashes at one height"), "block")
    second.fails = failing(NodeUnavailable("away"), "block")
    for _ in range(3):
        world.clock.now += 5
        with pytest.raises(NodeError):
            await nodes.block(0)
    second.fails = lambda call: None
    [trouble] = nodes.troubles()
    assert trouble.message == "a: two hashes at one height"
    await nodes.block(0)
    assert first.calls["block"] == 3
    world.clock.now += PROBE_S
    first.fails = lambda call: None
    await nodes.tip()
    await settle()
    assert nodes.troubles() == ()
    await nodes.close()


async def test_a_node_that_lags_behind_is_left_for_one_that_does_not(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    await world.node.mine(30)
    first.lag = 10
    assert (await nodes.tip()).height == 20
    world.clock.now += PROBE_S
    assert (await nodes.tip()).height == 20, "the other one is looked at meanwhile"
    await settle()
    world.clock.now += BEHIND_S
    assert (await nodes.tip()).height == 30
    assert nodes.asked == "b"
    second.fails = failing(NodeUnavailable("away"))
    world.clock.now += 1
    assert (await nodes.tip()).height == 20, "better than none"
    await nodes.close()


async def test_a_limited_node_rests_as_long_as_it_said(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.fails = failing(NodeLimited("slow down", delay_s=20), "block")
    await nodes.block(0)
    first.fails = lambda call: None
    second.fails = failing(NodeUnavailable("away"))
    world.clock.now += 19
    asked = first.calls["block"]
    await nodes.block(0)
    assert first.calls["block"] == asked + 1, "asked all the same when no other answers"


async def test_a_question_ends(world: World) -> None:
    adapters = world.adapters(5)

    def slow(call: str) -> ChainError | None:
        world.clock.now += QUESTION_S
        return NodeUnavailable("slow")

    for adapter in adapters:
        adapter.fails = slow
    with pytest.raises(NodeUnavailable):
        await world.together(adapters).block(0)
    assert [bool(adapter.calls) for adapter in adapters] == [True, True, False, False, False]


async def test_questions_side_by_side_fail_once(world: World) -> None:
    first, second = adapters = world.adapters(2)
    nodes = world.together(adapters)
    first.fails = failing(NodeUnavailable("away"), "block")
    await asyncio.gather(*(nodes.block(0) for _ in range(8)))
    assert first.calls["check"] == second.calls["check"] == 1
    first.fails = lambda call: None
    second.fails = failing(NodeUnavailable("away"))
    world.clock.now += 1.5  # eight failures of one moment are one failure
    assert not nodes._nodes[0].health.rests(world.clock.now)


async def test_a_broadcast_goes_to_all(world: World) -> None:
    first, second, third = adapters = world.adapters(3)
    nodes = world.together(adapters)
    first.fails = failing(BroadcastRejected("low fee"), "broadcast")
    second.sent = Broadcast.ALREADY_KNOWN
    third.sent = None  # never answers
    assert await one(nodes.broadcast, TX) is Broadcast.ALREADY_KNOWN
    assert [each.calls["broadcast"] for each in adapters] == [1, 1, 1]
    second.fails, third.fails = first.fails, failing(NodeUnavailable("away"))
    with pytest.raises(NodeUnavailable):
        await one(nodes.broadcast, TX)
    third.fails = first.fails
    world.clock.now += 100
    with pytest.raises(BroadcastRejected):
        await one(nodes.broadcast, TX)
    await nodes.close()


# Witnesses


async def test_final_is_what_all_witnesses_have(world: World) -> None:
    first, second = adapters = world.adapters(2)
    witnesses = world.witnesses(adapters)
    await world.node.mine(20)
    world.node.final_height = 20
    final = await world.ours(20)
    assert final is not None
    assert witnesses.agreed is None
    assert await witnesses.agree(final, world.ours) == final
    asked = dict(first.calls)
    assert await witnesses.agree(final, world.ours) == final
    assert first.calls == asked, "each final block is asked about once"
    assert witnesses.troubles() == ()
    assert second.calls["check"] == 1


async def test_a_slow_witness_makes_us_wait_where_it_stands(world: World) -> None:
    """Also one whose own finality is younger than ours: it is no proof that it has the block."""
    slow = world.adapters(1)
    witnesses = world.witnesses(slow)
    await world.node.mine(20)
    world.node.final_height = 12
    final = await world.ours(20)
    assert final is not None
    assert await witnesses.agree(final, world.ours) == await world.ours(12)
    world.clock.now += SILENT_S
    assert await witnesses.agree(final, world.ours) == await world.ours(12)
    assert witnesses.troubles() == (), "from here on it stands still"
    world.clock.now += SILENT_S
    assert await witnesses.agree(final, world.ours) == await world.ours(12)
    assert [each.code for each in witnesses.troubles()] == [WITNESS_SILENT]
    world.node.final_height = 20
    assert await witnesses.agree(final, world.ours) == final
    assert witnesses.troubles() == ()


async def test_confirmations_are_counted_at_the_witness_too(world: World) -> None:
    lagging = world.adapters(1)
    lagging[0].lag = 4
    witnesses = world.witnesses(lagging, Finality(node=False, confirmations=3))
    await world.node.mine(20)
    final = await world.ours(18)
    assert final is not None
    assert await witnesses.agree(final, world.ours) == await world.ours(14)


@pytest.mark.parametrize("finality", [NETWORK.finality, Finality(node=False, confirmations=3)])
async def test_another_block_agrees_to_nothing(world: World, finality: Finality) -> None:
    other = World()
    other.node.random.seed(99)
    good, bad = Scripted(world.node), Scripted(other.node)
    witnesses = world.witnesses([good, bad], finality)
    await world.node.mine(20)
    await other.node.mine(20)
    world.node.final_height = other.node.final_height = 18
    final = await world.ours(18)
    assert final is not None
    assert await witnesses.agree(final, world.ours) is None
    [trouble] = witnesses.troubles()
    assert trouble.code == WITNESS_DISAGREES and trouble.message.startswith("w1: ")
    world.clock.now += 10 * SILENT_S
    assert await witnesses.agree(final, world.ours) is None, "no time makes it agree"
    bad._node = world.node
    assert await witnesses.agree(final, world.ours) == final
    assert witnesses.troubles() == ()


@pytest.mark.parametrize("call", ["check", "finalized", "block_ref"])
@pytest.mark.parametrize("error", [NodeUnavailable("away"), NodeMisbehaved("odd")])
async def test_a_silent_witness_agrees_to_nothing_and_is_missed(
    world: World, call: str, error: NodeError
) -> None:
    _good, silent = adapters = world.adapters(2)
    witnesses = world.witnesses(adapters)
    await world.node.mine(20)
    world.node.final_height = 20
    final = await world.ours(20)
    assert final is not None
    silent.fails = failing(error, call)
    assert await witnesses.agree(final, world.ours) is None
    assert witnesses.troubles() == ()
    world.clock.now += SILENT_S
    assert await witnesses.agree(final, world.ours) is None
    [trouble] = witnesses.troubles()
    assert (trouble.code, trouble.message) == (WITNESS_SILENT, f"waiting for w1 ({error.code})")
    silent.fails = lambda call: None
    assert await witnesses.agree(final, world.ours) == final
    assert witnesses.troubles() == ()


async def test_a_witness_of_another_chain_disagrees(world: World) -> None:
    [other] = adapters = world.adapters(1)
    witnesses = world.witnesses(adapters)
    await world.node.mine(1)
    world.node.final_height = 1
    other.fails = failing(WrongChain("serves chain 56"), "check")
    final = await world.ours(1)
    assert final is not None
    assert await witnesses.agree(final, world.ours) is None
    [trouble] = witnesses.troubles()
    assert trouble.code == WITNESS_DISAGREES


async def test_nothing_is_dead_that_a_witness_does_not_show(world: World) -> None:
    """Neither that another transaction used up its key, nor that no block has it."""
    [witness] = world.adapters(1)
    witnesses = world.witnesses([witness])
    other = await world.node.fund(Address("a"), 1)
    await world.node.mine(1)
    block = await witness.block(1)
    assert block is not None
    [key] = [key for key, txid in block.consumed.items() if txid == other]
    death = Death(TX.txid, key, other, 1)
    assert await witnesses.doubt_of(death) is None
    assert await witnesses.doubt_of(Death(TX.txid)) is None
    for wrong in (replace(death, by=TX.txid), replace(death, key="k"), replace(death, height=0)):
        assert "w0 does not show it" in str(await witnesses.doubt_of(wrong))
    for state in (TxState.INCLUDED, TxState.REVERTED):
        witness.status = TxStatus(state, block.ref)
        for each in (death, Death(TX.txid)):
            assert "w0 does not show it" in str(await witnesses.doubt_of(each))
    witness.fails = failing(NodeUnavailable("away"))
    assert NodeUnavailable.code in str(await witnesses.doubt_of(death))
    await witnesses.close()


async def settle() -> None:
    """Let what was begun in the background end."""
    for _ in range(20):
        await asyncio.sleep(0)
