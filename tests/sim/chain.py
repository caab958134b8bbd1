"""What one machine sees of the chain: through a node that may lag, prune, forget and lie, over a
line that delays, loses, doubles and reorders.

The chain itself is `tests.support.fake_chain`, which passes the adapters' conformance tests. What a
node does wrong ends at a time of the game's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from chains.block import Block
from chains.errors import BlockUnreadable, BroadcastRejected, NodeUnavailable
from chains.model import BlockRef, Broadcast, SignedTx, TxId
from chains.transaction import TxState, TxStatus
from tests.support.fake_adapter import FakeAdapter
from tests.support.fake_chain import FakeNode, Mined, State

T = TypeVar("T")

_NEAR_S: Final = 0.03
_LATE_S: Final = 20.0


@dataclass
class Trouble:
    """`lost`, `failing`, `late`, `doubled`: so many calls. Until a time: `lags` by `lag` blocks,
    `prunes` blocks below the newest few, `forgets` receipts, `lies` that a height was skipped.
    `pinned`: what waits and can't be outbid."""

    dice: Random
    seconds: Callable[[], float]
    lost: int = 0
    failing: int = 0
    late: int = 0
    doubled: int = 0
    lag: int = 0
    until: dict[str, float] = field(default_factory=dict)
    pinned: set[TxId] = field(default_factory=set)

    def begin(self, what: str, seconds: float) -> None:
        self.until[what] = self.seconds() + seconds

    def has(self, what: str) -> bool:
        return self.until.get(what, 0.0) > self.seconds()

    def take(self, what: str) -> bool:
        left: int = getattr(self, what)
        setattr(self, what, max(0, left - 1))
        return left > 0

    def heal(self) -> None:
        self.lost = self.failing = self.late = self.doubled = self.lag = 0
        self.until.clear()
        self.pinned.clear()


class Adapter(FakeAdapter):
    def __init__(self, node: FakeNode, trouble: Trouble) -> None:
        super().__init__(_Lagging(node, trouble), node.settings)
        self._trouble = trouble

    async def _ask(self, call: str, effect: Callable[[], T]) -> T:
        trouble, dice = self._trouble, self._trouble.dice
        await asyncio.sleep(dice.random() * _NEAR_S)
        if trouble.take("failing"):
            raise NodeUnavailable("the node does not answer")
        if call == "broadcast" and trouble.take("late"):
            loop = asyncio.get_running_loop()
            loop.call_later(dice.random() * _LATE_S, effect, context=Context())
            raise NodeUnavailable("the node takes too long")
        answer = effect()
        if call == "broadcast" and trouble.take("doubled"):
            answer = effect()
        await asyncio.sleep(dice.random() * _NEAR_S)
        if trouble.take("lost"):
            raise NodeUnavailable("the reply was lost")
        return answer

    def _block(self, height: int) -> Block | None:
        tip = self._node.tip.height
        if height < tip - 2 and self._trouble.has("prunes"):
            raise BlockUnreadable("pruned", height=height)
        if self._trouble.has("lies") and height < tip and self._trouble.dice.random() < 0.3:
            return None
        return super()._block(height)

    def _status(self, txid: TxId) -> TxStatus:
        if self._trouble.has("forgets"):
            return TxStatus(TxState.UNKNOWN)
        return super()._status(txid)

    def _broadcast(self, signed: SignedTx) -> Broadcast:
        keys = self.codec.conflict_keys(self.codec.open_raw(signed.raw))
        for txid in self._trouble.pinned & self._node.pool.keys():
            if txid != signed.txid and keys & self.codec.conflict_keys(self._node.pool[txid]):
                raise BroadcastRejected("what the payee built on it would have to be outbid too")
        return super()._broadcast(signed)


class _Lagging(FakeNode):
    """The same node, some blocks behind."""

    def __init__(self, node: FakeNode, trouble: Trouble) -> None:
        self.__dict__["_true"] = node
        self.__dict__["_trouble"] = trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_true"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_true"], name, value)

    @property
    def chain(self) -> list[Mined]:  # type: ignore[override]
        chain: list[Mined] = self._true.chain
        lag = self._trouble.lag if self._trouble.has("lags") else 0
        return chain[: max(1, len(chain) - lag)] if lag else chain

    @property
    def final_height(self) -> int:  # type: ignore[override]
        final: int = self._true.final_height
        return min(final, self.chain[-1].ref.height)

    @property
    def tip(self) -> BlockRef:
        return self.chain[-1].ref

    @property
    def state(self) -> State:
        return self.chain[-1].state
