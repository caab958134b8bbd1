"""Nodes that only say whether they agree: about final blocks, and about dead transactions.

What one node calls final is final for us once every witness has the same block at that height and
would call it final too. A witness that has not come so far, or does not answer, makes us wait. One
that has another block makes us wait as well, and is a trouble at once. Waiting is always safe: it
credits nothing and releases nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from chains.adapter import ChainAdapter, TellsAuthorizations
from chains.answers import found
from chains.errors import ChainError, NodeError, WrongChain
from chains.model import BlockRef, TxId, UnsignedTx
from chains.networks import Finality
from chains.nodes import WITNESS_DISAGREES, WITNESS_SILENT, Trouble
from chains.nodes.apart import Apart, final_height
from chains.transaction import TxState

SILENT_S: Final = 600
"""After so many seconds of waiting for a witness a person is called."""

OurBlock = Callable[[int], Awaitable[BlockRef | None]]
"""Our chain's newest block at or below a height."""


@dataclass(frozen=True, slots=True)
class Death:
    """That a transaction can't be included any more: `key` was used up by another one, `by`, in the
    final block at `height`; or it has expired, and all three are None. `txid`: None for what no
    block has by a name of its own; then `apart` is what its payer signed, if it has expired, which
    its contract has not seen at the final block `at`."""

    txid: TxId | None
    key: str | None = None
    by: TxId | None = None
    height: int | None = None
    apart: UnsignedTx | None = None
    at: BlockRef | None = None


@dataclass(slots=True)
class _Witness:
    name: str
    adapter: ChainAdapter
    checked: bool = False
    waiting_since_clock: float | None = None
    failure: str = ""
    """Code of the error with which it last gave no answer."""
    says: str = ""
    """What it says against ours, empty if it agrees."""


class Witnesses:
    """All witnesses of one network. `clock`: monotonic seconds."""

    def __init__(
        self,
        witnesses: Sequence[tuple[str, ChainAdapter]],
        finality: Finality,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert witnesses
        self._witnesses = [_Witness(name, adapter) for name, adapter in witnesses]
        self._finality = finality
        self._clock = clock
        self._agreed: BlockRef | None = None

    @property
    def agreed(self) -> BlockRef | None:
        """The newest block that all have called final. None: not one since we started."""
        return self._agreed

    async def agree(self, final: BlockRef, ours: OurBlock) -> BlockRef | None:
        """Ask all about `final`, which is our newest final block, or about as much below it as the
        slowest witness has. Returns `agreed`. Never raises for what a witness does."""
        if self._agreed == final:
            return self._agreed
        heights = await asyncio.gather(*(self._final_height(each) for each in self._witnesses))
        if any(height is None for height in heights):
            return self._agreed
        lowest = min(final.height, *(height for height in heights if height is not None))
        block = final if lowest == final.height else await ours(lowest)
        if block is None or not all(
            await asyncio.gather(*(self._has(each, block) for each in self._witnesses))
        ):
            return self._agreed
        self._note_waiting(final, heights)
        if self._agreed is None or block.height >= self._agreed.height:
            self._agreed = block
        return self._agreed

    async def doubt_of(self, death: Death) -> str | None:
        """What is in the way of believing it: a witness that does not show the same. None if all
        of them do."""
        for witness in self._witnesses:
            try:
                await self._check(witness)
                if not await _shows(witness.adapter, death):
                    return f"the witness {witness.name} does not show it"
            except ChainError as error:
                return f"the witness {witness.name} does not say ({error.code})"
        return None

    def apart(self) -> list[Apart]:
        """Each, for questions that nothing hangs on."""
        return [
            Apart(each.name, each.adapter, partial(self._check, each)) for each in self._witnesses
        ]

    def troubles(self) -> tuple[Trouble, ...]:
        """What a person should look at."""
        against = [f"{each.name}: {each.says}" for each in self._witnesses if each.says]
        silent = [
            f"{each.name} ({each.failure})" for each in self._witnesses if self._is_silent(each)
        ]
        return (
            *((Trouble(WITNESS_DISAGREES, "; ".join(against)),) if against else ()),
            *((Trouble(WITNESS_SILENT, f"waiting for {', '.join(silent)}"),) if silent else ()),
        )

    async def close(self) -> None:
        for witness in self._witnesses:
            await witness.adapter.close()

    async def _final_height(self, witness: _Witness) -> int | None:
        """Up to where the witness itself would call blocks final, by the network's finality; None
        if it does not say."""
        try:
            await self._check(witness)
            height = await final_height(witness.adapter, self._finality)
        except WrongChain as error:
            witness.says = str(error)
            return None
        except ChainError as error:
            self._waits(witness, error.code)
            return None
        if height is None:
            self._waits(witness, "nothing_final")
            return None
        return height

    async def _has(self, witness: _Witness, block: BlockRef) -> bool:
        try:
            ref = await witness.adapter.block_ref(block.height)
        except NodeError as error:
            self._waits(witness, error.code)
            return False
        agrees = ref == block
        # Neither hash is named: they would change with each block and repeat the alarm.
        witness.says = "" if agrees else "has another block at a height that we call final"
        return agrees

    async def _check(self, witness: _Witness) -> None:
        """No witness is believed before it was seen to serve our chain."""
        if not witness.checked:
            await witness.adapter.check()
            witness.checked = True

    def _waits(self, witness: _Witness, failure: str) -> None:
        witness.checked, witness.failure = False, failure
        if witness.waiting_since_clock is None:
            witness.waiting_since_clock = self._clock()

    def _note_waiting(self, final: BlockRef, heights: Sequence[int | None]) -> None:
        """All have answered. Those that stand lower than our final block still make us wait, from
        the moment on when they stop moving."""
        for witness, height in zip(self._witnesses, heights, strict=True):
            assert height is not None
            moved = self._agreed is None or height > self._agreed.height
            if height >= final.height or moved:
                witness.waiting_since_clock = None
            else:
                witness.failure = "stands_still"
                if witness.waiting_since_clock is None:
                    witness.waiting_since_clock = self._clock()

    def _is_silent(self, witness: _Witness) -> bool:
        since_clock = witness.waiting_since_clock
        return since_clock is not None and self._clock() - since_clock >= SILENT_S


async def _shows(adapter: ChainAdapter, death: Death) -> bool:
    if death.apart is not None:
        assert death.at is not None
        if not isinstance(adapter, TellsAuthorizations):
            return False
        return not await adapter.is_used(death.apart, death.at)
    if death.txid is not None:
        [status] = await adapter.statuses([death.txid])
        if found(status).state in (TxState.INCLUDED, TxState.REVERTED):
            return False
    if death.height is None:
        return True
    block = await adapter.block(death.height)
    return block is not None and death.key is not None and block.consumed.get(death.key) == death.by
