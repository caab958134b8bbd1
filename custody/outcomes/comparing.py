"""Compares what a call did with what people agreed to, once its block is final.

A balance says what a log may leave out (WETH's deposit, an aToken's interest): so where the node
still has the state, the change is that of the balance from the parent to the block, without what
others of the block's transactions moved there. Else it is what our own reading of the block shows.
The fee is no part of either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from chains.adapter import ChainAdapter
from chains.block import Block, Reading, cost_kind
from chains.errors import ChainError, NodeMisbehaved
from chains.model import Address, AssetId, BlockRef, NetworkId, TxId
from chains.outcomes import Breach, breaches
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import Database
from custody.outcomes import repository
from custody.outcomes.model import After, Bounded, bounded, enforced, words
from custody.outcomes.stops import stop
from custody.transfers.mandates import stored_mandate

STEP_MOST: Final = 50

log = structlog.get_logger()


class Comparing:
    """Of one network."""

    def __init__(
        self,
        database: Database,
        network: NetworkId,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._network = network
        self._adapter = adapter
        self._clock = clock

    async def step(self) -> int:
        """Compare a bounded number of calls. How many. Raises the first ChainError, after the
        others were looked at."""
        async with self._database.look() as look:
            if not await repository.is_any_unsettled(look, self._network):
                return 0
        async with self._database.read() as session:
            rows = await repository.unsettled(session, self._network, STEP_MOST)
        errors: list[ChainError] = []
        for terms, row in rows:
            assert row.txid is not None and row.block_hash is not None
            block = BlockRef(row.block_height or 0, row.block_hash)
            try:
                wanted = bounded(stored_mandate(terms).core)
                assert wanted is not None
                await self._compare(wanted, TxId(row.txid), block)
            except ChainError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return len(rows)

    async def _compare(self, wanted: Bounded, txid: TxId, block: BlockRef) -> None:
        broken: tuple[Breach, ...] = ()
        if not wanted.bounds:
            found, said = After.UNBOUNDED, ""
        else:
            changes = await changes_of(self._adapter, wanted, txid, block)
            native = self._adapter.codec.network.native.id
            found, said = After.UNPROVEN, "the node has too little left of the block"
            if changes is not None:
                broken = breaches(wanted.bounds, native, wanted.call.value, changes, {})
                found, said = (After.BREACHED, words(broken)) if broken else (After.KEPT, "")
        now = self._clock()
        async with self._database.write() as session:
            if not await repository.note_after(session, wanted, found, said, now):
                return
            if found is After.BREACHED:
                message = f"{wanted.transfer} called {wanted.call.contract}: {said}"
                await raise_alarm(
                    session,
                    AlarmCode.OUTCOME_BREACHED,
                    message,
                    now,
                    network=wanted.network,
                    vault=wanted.vault,
                )
                held = enforced(wanted)
                if any((each.asset, each.spender or Address("")) not in held for each in broken):
                    await stop(session, wanted, said, now)
        log.info("outcome_compared", transfer=wanted.transfer, found=found.value)


async def changes_of(
    adapter: ChainAdapter, wanted: Bounded, txid: TxId, at: BlockRef
) -> Mapping[AssetId, int] | None:
    """Of the paying address, by the transaction, without its fee; None if nobody can tell any more.
    Raises NodeError for a node that is on another chain, or away."""
    block = await adapter.block(at.height)
    if block is None or block.ref != at:
        raise NodeMisbehaved("another block at the height of one that is final")
    native = adapter.codec.network.native.id
    own, others = _moved(block, wanted, txid, native)
    shown = block.reading in (Reading.COMPLETE, Reading.UNPROVEN)
    found: dict[AssetId, int] = {}
    for asset in sorted({*own, *(each.asset for each in wanted.bounds if not each.spender)}):
        change = await _of_balances(adapter, wanted, asset, block)
        if change is None and not shown:
            return None
        if change is None:
            found[asset] = own.get(asset, 0)
        else:
            found[asset] = change - others.get(asset, 0)
    return {asset: units for asset, units in found.items() if units}


def _moved(
    block: Block, wanted: Bounded, txid: TxId, native: AssetId
) -> tuple[dict[AssetId, int], dict[AssetId, int]]:
    """By the transaction itself without its fee, and by all else in the block with its fee."""
    own, others = dict[AssetId, int](), dict[AssetId, int]()
    for each in block.movements:
        if each.address == wanted.payer:
            is_fee = each.asset == native and cost_kind(each.place) is not None
            ours = each.txid == txid and not is_fee
            into = own if ours else others
            into[each.asset] = into.get(each.asset, 0) + each.units
    return own, others


async def _of_balances(
    adapter: ChainAdapter, wanted: Bounded, asset: AssetId, block: Block
) -> int | None:
    """None where the node does not answer about a block any more."""
    if not adapter.capabilities.historic_balance:
        return None
    try:
        after = await adapter.balance(wanted.payer, asset, block.ref)
        return after - await adapter.balance(wanted.payer, asset, block.parent)
    except ChainError as error:
        log.info("balance_of_block_unknown", asset=asset, error=error.code)
        return None
