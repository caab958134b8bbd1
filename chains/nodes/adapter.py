"""Several nodes of one network as one adapter. Each call is one whole question to one node.

A question is never put together from two nodes' answers: when a node fails, the next one is asked
the whole of it. So what belongs together about one block is always seen by one node. The node that
answered last is asked next, until it fails or lags behind.

A set of transactions is as many questions, asked together: only those that a node has failed at go
on to the next one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

from chains.adapter import (
    AskedAllowance,
    ChainAdapter,
    ClosesAccounts,
    Estimated,
    EstimatesCalls,
    ProvesInclusion,
    SeesWaiting,
    SimulatesCalls,
    TellsAllowances,
    TellsAuthorizations,
    TellsRestraints,
    TellsWithholding,
)
from chains.answers import Answers
from chains.balances import Restrained
from chains.block import Block
from chains.codec import TransactionCodec
from chains.costs import Costs, Withholding
from chains.effects import Asked
from chains.errors import (
    CallUnknown,
    ChainError,
    NodeError,
    NodeUnavailable,
    NotSimulated,
    PrivateNodesAway,
    WrongChain,
)
from chains.inclusion import Proof, Said
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    InternalCredits,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Finality
from chains.nodes import NODE_TAKEN_OUT, Trouble
from chains.nodes.apart import Apart, prove, relay, say
from chains.nodes.health import (
    PROBE_S,
    Health,
    Tips,
    after_answer,
    after_check,
    after_error,
    order,
    standing,
    unchecked,
)
from chains.nodes.outcome import broadcast_outcome
from chains.nodes.witnesses import Witnesses
from chains.prices import Prices
from chains.simulation import Simulated, Watch
from chains.transaction import Outbid, TransferIntent, TxStatus, WaitingTx

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item

QUESTION_S: Final = 60
"""After so many seconds no further node is asked the same question. What one node may take is its
adapter's affair."""


@dataclass(slots=True)
class Node:
    """`name` is what people are told. Only `Nodes` writes here."""

    name: str
    adapter: ChainAdapter
    health: Health = field(default_factory=Health)
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Nodes:
    """`chains.adapter.ChainAdapter` of one network. `private`: the nodes that alone are given what
    is private. `clock`: monotonic seconds; `delay_share`: random numbers of 0 to 1."""

    def __init__(
        self,
        nodes: Sequence[tuple[str, ChainAdapter]],
        witnesses: Witnesses | None = None,
        private: Nodes | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        delay_share: Callable[[], float] = random.random,
    ) -> None:
        assert nodes
        self._nodes = [Node(name, adapter) for name, adapter in nodes]
        self.witnesses: Final = witnesses
        self._private = private
        self._clock = clock
        self._delay_share = delay_share
        self._current = 0
        self._tips = Tips()
        self._probed_clock = clock()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def codec(self) -> TransactionCodec:
        return self._nodes[0].adapter.codec

    @property
    def capabilities(self) -> Capabilities:
        """Of the node that is asked at present."""
        return self._nodes[self._current].adapter.capabilities

    @property
    def asked(self) -> str:
        """The name of the node that is asked at present."""
        return self._nodes[self._current].name

    def troubles(self) -> tuple[Trouble, ...]:
        """What a person should look at."""
        private = [] if self._private is None else self._private.out()
        out = [*self.out(), *private]
        mine = (Trouble(NODE_TAKEN_OUT, "; ".join(out)),) if out else ()
        return (*mine, *(self.witnesses.troubles() if self.witnesses is not None else ()))

    def out(self) -> list[str]:
        """The nodes that are asked nothing any more, and why."""
        return [f"{each.name}: {each.health.out}" for each in self._nodes if each.health.out]

    async def check(self) -> None:
        """Of the node that is asked next. Raises WrongChain if all serve another chain."""
        for node in self._nodes:
            node.health = unchecked(node.health)
        await self._ask(_nothing)

    async def tip(self) -> BlockRef:
        """Of a node that does not lag behind, if there is one. Now and then looks at the others."""
        self._probe()
        found = await self._ask(lambda adapter: adapter.tip())
        if self._heard(self._current, found):
            found = await self._ask(lambda adapter: adapter.tip())
            self._heard(self._current, found)
        return found

    async def finalized(self) -> BlockRef | None:
        return await self._ask(lambda adapter: adapter.finalized())

    async def block(self, height: int) -> Block | None:
        return await self._ask(lambda adapter: adapter.block(height))

    async def salvage(self, height: int) -> Block:
        return await self._ask(lambda adapter: adapter.salvage(height))

    async def block_ref(self, height: int) -> BlockRef | None:
        return await self._ask(lambda adapter: adapter.block_ref(height))

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """What one node has given out, the next one does not give again."""
        given: set[ConflictKey] = set()

        async def ask(
            adapter: ChainAdapter, waiting: Sequence[TransferIntent]
        ) -> Answers[tuple[ConflictKey, ...]]:
            rest = (
                [replace(each, taken=each.taken | given) for each in waiting] if given else waiting
            )
            answers = await adapter.claim(rest)
            given.update(key for each in answers if isinstance(each, tuple) for key in each)
            return answers

        return await self._ask_each(intents, ask)

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        return await self._ask_each(addresses, lambda adapter, rest: adapter.next_numbers(rest))

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        return await self._ask_each(intents, lambda adapter, rest: adapter.prepare(rest))

    async def quote(self, intent: TransferIntent) -> Costs:
        return await self._ask(lambda adapter: adapter.quote(intent))

    async def waiting(self, txid: TxId) -> WaitingTx:
        return await self._ask(lambda adapter: _seeing(adapter).waiting(txid))

    async def outbid(self, intent: TransferIntent) -> Outbid:
        return await self._ask(lambda adapter: _seeing(adapter).outbid(intent))

    async def simulate(self, payer: Address, effect: Asked, watch: Watch) -> Simulated:
        """NotSimulated too on a chain where nobody can."""
        return await self._ask(lambda adapter: _simulating(adapter).simulate(payer, effect, watch))

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        return await self._ask_each(txids, lambda adapter, rest: adapter.statuses(rest))

    async def prices(self) -> Prices:
        return await self._ask(lambda adapter: adapter.prices())

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        return await self._ask(lambda adapter: adapter.balance(address, asset, at))

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await self._ask(lambda adapter: adapter.balances(addresses, asset, at))

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        async def ask(adapter: ChainAdapter) -> Mapping[Address, Restrained]:
            if not isinstance(adapter, TellsRestraints):
                return {}
            return await adapter.restrained(addresses, asset)

        return await self._ask(ask)

    async def withholding(self, asset: AssetId) -> Withholding:
        """Nothing is known of it where no node of the family can say it."""

        async def ask(adapter: ChainAdapter) -> Withholding:
            if not isinstance(adapter, TellsWithholding):
                return Withholding(())
            return await adapter.withholding(asset)

        return await self._ask(ask)

    async def is_used(self, tx: UnsignedTx, at: BlockRef) -> bool:
        async def ask(adapter: ChainAdapter) -> bool:
            assert isinstance(adapter, TellsAuthorizations), "nothing was signed apart here"
            return await adapter.is_used(tx, at)

        return await self._ask(ask)

    async def estimate(self, intent: TransferIntent) -> Estimated:
        async def ask(adapter: ChainAdapter) -> Estimated:
            if not isinstance(adapter, EstimatesCalls):
                raise CallUnknown("nothing is called on this network")
            return await adapter.estimate(intent)

        return await self._ask(ask)

    async def allowances(self, asked: Sequence[AskedAllowance]) -> Answers[int]:
        async def ask(adapter: ChainAdapter) -> Answers[int]:
            if not isinstance(adapter, TellsAllowances):
                raise CallUnknown("nobody allows anything on this network")
            return await adapter.allowances(asked)

        return await self._ask(ask)

    async def closable(self, intent: TransferIntent) -> Mapping[Address, int]:
        async def ask(adapter: ChainAdapter) -> Mapping[Address, int]:
            assert isinstance(adapter, ClosesAccounts)
            return await adapter.closable(intent)

        return await self._ask(ask)

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        """The same bytes to all of the nodes. Returns as soon as all have been taken by some. What
        is private goes to the private nodes, if there are any, and to no other one whatever they
        say: PrivateNodesAway if none of them takes it or refuses it."""
        if self._private is None:
            return await self._send(txs)
        hidden = [tx for tx in txs if tx.private]
        shown = [tx for tx in txs if not tx.private]
        told, said = await asyncio.gather(self._private.broadcast(hidden), self._send(shown))
        answers = {tx.txid: _from_private(answer) for tx, answer in zip(hidden, told, strict=True)}
        answers |= {tx.txid: answer for tx, answer in zip(shown, said, strict=True)}
        return [answers[tx.txid] for tx in txs]

    async def _send(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        if not txs:
            return []
        indexes = order([each.health for each in self._nodes], self._current, self._clock())
        sending = [self._spawn(self._offer(index, txs)) for index in indexes]
        heard: list[Answers[Broadcast]] = [[] for _ in txs]
        for done in asyncio.as_completed(sending):
            for answers, answer in zip(heard, await done, strict=True):
                answers.append(answer)
            if all(any(isinstance(each, Broadcast) for each in answers) for answers in heard):
                break  # the other nodes go on by themselves
        return [broadcast_outcome(answers) for answers in heard]

    @property
    def proves(self) -> bool:
        """Whether blocks of this chain prove which transactions they have."""
        return isinstance(self._nodes[0].adapter, ProvesInclusion)

    async def prove(self, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
        """InclusionUnproven too where the chain's blocks prove nothing. Whatever a node does here,
        it is asked all else as before."""
        return await prove(self._apart(), txids, block)

    async def said(
        self, txids: Sequence[TxId], finality: Finality
    ) -> Mapping[TxId, Sequence[Said]]:
        """What every node and every witness that answers says of them. Changes nothing either."""
        witnesses = [] if self.witnesses is None else self.witnesses.apart()
        return await say([*self._apart(), *witnesses], txids, finality)

    async def relay(self, method: str, params: Sequence[object]) -> Any:
        """Somebody else's question, whose failure changes nothing either."""
        return await relay(self._apart(), method, params)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for node in self._nodes:
            await node.adapter.close()
        for others in (self.witnesses, self._private):
            if others is not None:
                await others.close()

    async def _ask(self, question: Callable[[ChainAdapter], Awaitable[T]]) -> T:
        started_clock = self._clock()
        errors: list[NodeError] = []
        for index in order([each.health for each in self._nodes], self._current, started_clock):
            if errors and self._clock() - started_clock > QUESTION_S:
                break
            try:
                found = await self._ask_one(index, question)
            except NodeError as error:
                errors.append(error)
                continue
            self._current = index
            return found
        raise next((each for each in errors if not isinstance(each, WrongChain)), errors[0])

    async def _ask_each(
        self,
        items: Sequence[I],
        question: Callable[[ChainAdapter, Sequence[I]], Awaitable[Answers[T]]],
    ) -> Answers[T]:
        """Ask about all; those that a node failed at are asked of the next one."""
        started_clock = self._clock()
        answers: dict[int, T | ChainError] = {}
        waiting = list(range(len(items)))
        for index in order([each.health for each in self._nodes], self._current, started_clock):
            if not waiting or (answers and self._clock() - started_clock > QUESTION_S):
                break
            found = await self._ask_one_each(index, [items[at] for at in waiting], question)
            for at, answer in zip(waiting, found, strict=True):
                if not isinstance(answer, NodeError) or _says_more(answer, answers.get(at)):
                    answers[at] = answer
            failed = [at for at in waiting if isinstance(answers[at], NodeError)]
            if len(failed) < len(waiting):
                self._current = index
            waiting = failed
        return [answers[at] for at in range(len(items))]

    async def _ask_one_each(
        self,
        index: int,
        items: Sequence[I],
        question: Callable[[ChainAdapter, Sequence[I]], Awaitable[Answers[T]]],
    ) -> Answers[T]:
        """One node's answers, and what they say about it. Raises nothing of a chain's."""
        node = self._nodes[index]
        try:
            await self._check(node)
            found = await question(node.adapter, items)
        except ChainError as error:
            found = [error] * len(items)
        errors = [each for each in found if isinstance(each, NodeError)]
        if len(errors) < len(found):
            node.health = after_answer(node.health)
        if errors:
            self._note(node, errors[0])
        return found

    async def _ask_one(self, index: int, question: Callable[[ChainAdapter], Awaitable[T]]) -> T:
        """One node, and what the answer says about it. Raises ChainError."""
        node = self._nodes[index]
        try:
            await self._check(node)
            found = await question(node.adapter)
        except NodeError as error:
            self._note(node, error)
            raise
        except ChainError:
            node.health = after_answer(node.health)
            raise
        node.health = after_answer(node.health)
        return found

    def _note(self, node: Node, error: NodeError) -> None:
        node.health = after_error(node.health, error, self._clock(), self._delay_share())

    async def _check(self, node: Node) -> None:
        """No node is asked anything before it was seen to serve our chain."""
        if node.health.checked:
            return
        failures = node.health.failures
        async with node.checking:
            if node.health.failures > failures:
                raise NodeUnavailable(f"{node.name} has just failed")
            if not node.health.checked:
                await node.adapter.check()
                seen = node.adapter.capabilities.internal_credits
                node.health = after_check(node.health, blind=seen is InternalCredits.UNSEEN)

    def _apart(self) -> list[Apart]:
        healths = [each.health for each in self._nodes]
        nodes = [self._nodes[index] for index in order(healths, self._current, self._clock())]
        return [Apart(each.name, each.adapter, partial(self._check, each)) for each in nodes]

    async def _offer(self, index: int, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        return await self._ask_one_each(index, txs, lambda adapter, each: adapter.broadcast(each))

    def _heard(self, index: int, tip: BlockRef) -> bool:
        """Note a node's tip; whether it lags behind and another one may not."""
        now_clock = self._clock()
        self._tips = self._tips.heard(tip.height, now_clock)
        node = self._nodes[index]
        was_behind, behind = node.health.behind, self._tips.lags(tip.height, now_clock)
        node.health = standing(node.health, behind=behind)
        return behind and not was_behind and len(self._nodes) > 1

    def _probe(self) -> None:
        """Look at the other nodes: where they stand, and whether they are back."""
        now_clock = self._clock()
        if now_clock - self._probed_clock < PROBE_S:
            return
        self._probed_clock = now_clock
        for index, node in enumerate(self._nodes):
            if index != self._current and not node.health.rests(now_clock):
                self._spawn(self._look_at(index))

    async def _look_at(self, index: int) -> None:
        try:
            self._heard(index, await self._ask_one(index, lambda adapter: adapter.tip()))
        except NodeError:
            return  # noted in its health

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _says_more(error: NodeError, known: object) -> bool:
    """The first node's error is told, unless that node serves another chain."""
    return not isinstance(known, NodeError) or (
        isinstance(known, WrongChain) and not isinstance(error, WrongChain)
    )


async def _nothing(adapter: ChainAdapter) -> None:
    """Nothing beyond what is checked of every node."""


def _from_private(answer: Broadcast | ChainError) -> Broadcast | ChainError:
    if isinstance(answer, NodeError):
        return PrivateNodesAway(f"no private node takes it: {answer}")
    return answer


def _seeing(adapter: ChainAdapter) -> SeesWaiting:
    """Asked only where there are coins."""
    assert isinstance(adapter, SeesWaiting)
    return adapter


def _simulating(adapter: ChainAdapter) -> SimulatesCalls:
    if not isinstance(adapter, SimulatesCalls):
        raise NotSimulated("no node of this network shows what a call would change")
    return adapter
