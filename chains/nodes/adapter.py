"""Several nodes of one network as one adapter. Each call is one whole question to one node.

A question is never put together from two nodes' answers: when a node fails, the next one is asked
the whole of it. So what belongs together about one block is always seen by one node. The node that
answered last is asked next, until it fails or lags behind.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chains.adapter import ChainAdapter
from chains.codec import TransactionCodec
from chains.errors import ChainError, NodeError, NodeUnavailable, WrongChain
from chains.model import (
    Address,
    AssetId,
    Block,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    InternalCredits,
    SignedTx,
    TransferIntent,
    TxId,
    TxStatus,
    UnsignedTx,
)
from chains.nodes import NODE_TAKEN_OUT, Trouble
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

T = TypeVar("T")

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
    """`chains.adapter.ChainAdapter` of one network. `clock`: monotonic seconds; `delay_share`:
    random numbers of 0 to 1."""

    def __init__(
        self,
        nodes: Sequence[tuple[str, ChainAdapter]],
        witnesses: Witnesses | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        delay_share: Callable[[], float] = random.random,
    ) -> None:
        assert nodes
        self._nodes = [Node(name, adapter) for name, adapter in nodes]
        self.witnesses: Final = witnesses
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
        out = [f"{each.name}: {each.health.out}" for each in self._nodes if each.health.out]
        mine = (Trouble(NODE_TAKEN_OUT, "; ".join(out)),) if out else ()
        return (*mine, *(self.witnesses.troubles() if self.witnesses is not None else ()))

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

    async def claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        return await self._ask(lambda adapter: adapter.claim(intent))

    async def prepare(self, intent: TransferIntent) -> UnsignedTx:
        return await self._ask(lambda adapter: adapter.prepare(intent))

    async def status(self, txid: TxId) -> TxStatus:
        return await self._ask(lambda adapter: adapter.status(txid))

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        return await self._ask(lambda adapter: adapter.balance(address, asset, at))

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await self._ask(lambda adapter: adapter.balances(addresses, asset, at))

    async def proven_dead(self, tx: SignedTx, final: BlockRef) -> str | None:
        """Shown by one node, and by every witness for itself."""
        reason = await self._ask(lambda adapter: adapter.proven_dead(tx, final))
        if reason is not None and self.witnesses is not None:
            await self.witnesses.agree_on_death(tx, final)
        return reason

    async def broadcast(self, tx: SignedTx) -> Broadcast:
        """The same bytes to all of the nodes. Returns as soon as one has taken them."""
        indexes = order([each.health for each in self._nodes], self._current, self._clock())
        sending = [self._spawn(self._offer(index, tx)) for index in indexes]
        answers: list[Broadcast | ChainError] = []
        for done in asyncio.as_completed(sending):
            answers.append(await done)
            if isinstance(answers[-1], Broadcast):
                break  # the others go on by themselves
        return broadcast_outcome(answers)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for node in self._nodes:
            await node.adapter.close()
        if self.witnesses is not None:
            await self.witnesses.close()

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

    async def _ask_one(self, index: int, question: Callable[[ChainAdapter], Awaitable[T]]) -> T:
        """One node, and what the answer says about it. Raises ChainError."""
        node = self._nodes[index]
        try:
            await self._check(node)
            found = await question(node.adapter)
        except NodeError as error:
            now_clock, delay_share = self._clock(), self._delay_share()
            node.health = after_error(node.health, error, now_clock, delay_share)
            raise
        except ChainError:
            node.health = after_answer(node.health)
            raise
        node.health = after_answer(node.health)
        return found

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

    async def _offer(self, index: int, tx: SignedTx) -> Broadcast | ChainError:
        try:
            return await self._ask_one(index, lambda adapter: adapter.broadcast(tx))
        except ChainError as error:
            return error

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


async def _nothing(adapter: ChainAdapter) -> None:
    """Nothing beyond what is checked of every node."""
