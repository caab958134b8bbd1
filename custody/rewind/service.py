"""Rewinds one network: finds what is on record from blocks that the node's chain doesn't have, and
takes it back when a person says so.

For a reorg deeper than custody looks back, a node that served a foreign chain, or money that was
credited from blocks which were undone after they were final. Entries are reversed, never edited; a
transfer whose block is gone is held and tracked again, so its money is not free for a second one;
vaults whose settled money changes are frozen. The follower goes on at the newest common block. What
the true chain has of the undone deposits comes back from its blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chains.adapter import ChainAdapter
from chains.model import BlockRef
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import Database, WriteSession
from custody.db.tables import BlockRow, DepositRow, ForeignDebitRow
from custody.db.transfer_tables import TransactionRow
from custody.debits import repository as debits
from custody.deposits.minimums import Minimums
from custody.deposits.states import DebitState, Turn, after
from custody.errors import Conflict
from custody.following import chain_repository, readings, sighting_repository
from custody.following.blocks import Chain, lock_chain
from custody.following.rescan import Rescan, Rescanned
from custody.ledger import repository as ledger_queries
from custody.ledger.service import Ledger
from custody.rewind import repository
from custody.rewind.plan import Plan, Settled, book
from custody.transactions import repository as transactions
from custody.transactions.moving import unsettle
from custody.transfers import repository as transfers
from custody.transfers.reservations import holds_again
from custody.vaults.debts import cover_and_tell
from custody.vaults.freezes import freeze
from custody.vaults.watchlist import WatchList

NOWHERE: Final = -1
"""The height below every block."""
FROZEN_REASON: Final = "chain_rewound"


@dataclass(frozen=True, slots=True)
class Rewound:
    """`entries`: how many ledger entries were made. `found`: what the true chain has after all."""

    plan: Plan
    entries: int
    found: Rescanned


class Rewind:
    """One network; may run beside its follower, in any process."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        network: Network,
        adapter: ChainAdapter,
        clock: Callable[[], datetime],
        minimums: Minimums,
    ) -> None:
        self._minimums = minimums
        self._database = database
        self._ledger = ledger
        self._network = network
        self._adapter = adapter
        self._clock = clock

    async def plan(self, to: int | None = None) -> Plan:
        """What would be undone. Changes nothing.

        Without `to`, everything above the newest common block, and what is on record from blocks
        that we remember to be undone. With it, everything in blocks above that height that are not
        on the node's chain; blocks that the node doesn't have yet are then not on it either.

        Raises Conflict(node_behind) if the node has not reached our position and no `to` is given;
        also WrongChain, NodeUnavailable.
        """
        await self._adapter.check()
        asked = _Asked(self._adapter, (await self._adapter.tip()).height)
        network = self._network.id
        async with self._database.read() as session:
            refs = await repository.all_refs(session, network)
        position = refs[-1] if refs else None
        if to is None and position is not None and position.height > asked.tip:
            raise Conflict(
                "node_behind",
                f"The node stands at {asked.tip}, we at {position.height}: wait, or name a height.",
            )
        common = await self._common(asked, refs)
        above = NOWHERE if common is None else common.height
        floor = to if to is not None else min(above, refs[0].height - 1 if refs else above)
        async with self._database.read() as session:
            received = await repository.standing_deposits(session, network, floor)
            left = await debits.standing_above(session, network, floor)
            settled = await repository.settled_transactions(session, network, floor)
            made, spent = await repository.coins_above(session, network, above)
        gone = await _gone(asked, [*received, *left, *settled], refs, above, ask=to is not None)
        undone = [row for row in settled if _block_of(row) in gone]
        async with self._database.read() as session:
            decided = await transactions.transfers_of(session, [row.id for row in undone])
            helped = await repository.helped_by(session, network, decided)
        return Plan(
            position=position,
            common=common,
            deposits=[row for row in received if _block_of(row) in gone],
            debits=[row for row in left if _block_of(row) in gone],
            transactions=undone,
            transfers=decided,
            coins_made=made,
            coins_spent=spent,
            blocks=sum(1 for ref in refs if ref.height > above),
            helped=helped,
        )

    async def apply(self, plan: Plan) -> Rewound:
        """Do what the plan says, in one transaction; then look at the true chain's blocks again.

        Raises Conflict(rewind_outdated) if anything moved since the plan was made: make a new one.
        """
        network = self._network
        async with self._database.write() as session:
            chain = await lock_chain(session, network, WatchList(network.id), self._clock())
            if await chain_repository.position(session, network.id) != plan.position:
                raise _outdated()
            plan = await _lock_rows(session, plan)
            await freeze(session, plan.vaults, FROZEN_REASON, chain.now)
            entries = await self._undo(session, plan, chain.now)
            await _move_back(chain, plan)
        found = await self._look_again(plan)
        for vault in sorted(plan.vaults):
            await cover_and_tell(self._database, self._ledger, vault, self._clock())
        return Rewound(plan, entries, found)

    async def _common(self, asked: _Asked, refs: Sequence[BlockRef]) -> BlockRef | None:
        """The newest block on record that the node has. All below it are common, too: each block
        names the one before."""
        for ref in reversed(refs):
            if await asked.holds(ref):
                return ref
        below = refs[0].height if refs else None
        while True:
            async with self._database.read() as session:
                older = await repository.older_blocks(session, self._network.id, below)
            for ref in older:
                if await asked.holds(ref):
                    return ref
            if not older:
                return None
            below = older[-1].height

    async def _undo(self, session: WriteSession, plan: Plan, now: datetime) -> int:
        """Deposits, transfers and the ledger; how many entries."""
        reservations = [row.reservation_id for row in plan.deposits]
        credited = await repository.credited_accounts(session, reservations)
        accounts = {
            account.key.id: account
            for vault in plan.touched
            for account in await ledger_queries.accounts_of_vault(session, vault)
        }
        settled = [
            Settled(
                row.id,
                row.vault_id,
                row.kind,
                await ledger_queries.entries_of(session, row.id),
                await transfers.standing_reservations(session, row.id),
            )
            for row in plan.transfers
        ]
        named = {side for each in settled for e in each.entries for side in (e.debit, e.credit)}
        keys = await ledger_queries.keys_of(session, named)
        booking = book(plan, settled, accounts, keys, credited)
        ids = await self._ledger.apply(session, booking.draft.movements)
        for deposit in plan.deposits:
            deposit.state, deposit.decided_at = after(deposit.state, Turn.REWIND).value, now
            deposit.updated_at = now
        for debit in plan.debits:
            debit.state, debit.decided_at = DebitState.REVERSED.value, now
        for each in settled:
            entries = [ids[place] for place in booking.reserves[each.transfer]]
            holds_again(each.reservations, entries)
        await session.flush()
        for row in plan.transactions:
            await unsettle(session, self._ledger, row.id, now)
        return len(ids)

    async def _look_again(self, plan: Plan) -> Rescanned:
        """Where the follower will not come by again."""
        heights = [row.block_height for row in plan.deposits]
        heights += [row.block_height for row in plan.debits]
        first = min(heights, default=None)
        if first is None or plan.common is None or first > plan.common.height:
            return Rescanned()
        return await Rescan(
            self._database, self._ledger, self._network, self._adapter, self._clock, self._minimums
        ).blocks(first, plan.common.height)


class _Asked:
    """What the node says of heights, each asked once."""

    def __init__(self, adapter: ChainAdapter, tip: int) -> None:
        self.tip = tip
        self._adapter = adapter
        self._blocks: dict[int, BlockRef | None] = {}

    async def holds(self, ref: BlockRef) -> bool:
        if ref.height > self.tip:
            return False
        if ref.height not in self._blocks:
            block = await self._adapter.block(ref.height)
            self._blocks[ref.height] = None if block is None else block.ref
        return self._blocks[ref.height] == ref


async def _gone(
    asked: _Asked,
    rows: Iterable[DepositRow | ForeignDebitRow | TransactionRow],
    refs: Sequence[BlockRef],
    above: int,
    *,
    ask: bool,
) -> set[BlockRef]:
    """The blocks of the rows that the node's chain doesn't have: those above the common one, and
    those that are other blocks than ours at their height. `ask`: the node says it for each."""
    ours = {ref.height: ref.hash for ref in refs}
    blocks = {block for row in rows if (block := _block_of(row)) is not None}
    if ask:
        return {block for block in blocks if not await asked.holds(block)}
    return {
        block
        for block in blocks
        if block.height > above or ours.get(block.height, block.hash) != block.hash
    }


def _block_of(row: DepositRow | ForeignDebitRow | TransactionRow) -> BlockRef | None:
    if row.block_height is None or row.block_hash is None:
        return None
    return BlockRef(row.block_height, row.block_hash)


async def _lock_rows(session: WriteSession, plan: Plan) -> Plan:
    """The plan with the rows as they are now. Raises Conflict(rewind_outdated)."""
    ids = [row.id for row in plan.transfers]
    decided = await transfers.lock_transfers(session, ids)
    settled = [(await transactions.lock_named(session, row.id))[0] for row in plan.transactions]
    received = [await session.get(DepositRow, row.id) for row in plan.deposits]
    left = [await session.get(ForeignDebitRow, row.id) for row in plan.debits]
    now = replace(
        plan,
        debits=[row for row in left if row is not None],
        transactions=settled,
        transfers=decided,
        deposits=[row for row in received if row is not None],
    )
    if now.states != plan.states:
        raise _outdated()
    return now


async def _move_back(chain: Chain, plan: Plan) -> None:
    """So that the follower goes on above the common block, or starts anew."""
    if not plan.moves_back:
        return
    session, network, common = chain.session, chain.network.id, plan.common
    height = NOWHERE if common is None else common.height
    await repository.forget_coins_above(session, network, height)
    await sighting_repository.forget_above(session, network, height)
    await repository.forget_blocks_above(session, network, height)
    await readings.forget_from(session, network, height + 1, common)
    if common is None:
        await transactions.forget_made(session, network)
    else:
        row = {"network": network, "height": common.height, "hash": common.hash, "timestamp": 0}
        await session.insert_missing(BlockRow, [row | {"connected_at": chain.now}])
    final = chain.follower.final_height
    chain.follower.final_height = (
        None if final is None or common is None else min(final, common.height)
    )
    chain.follower.coins_version = new_id("coi")


def _outdated() -> Conflict:
    return Conflict("rewind_outdated", "Something moved since the plan was made: make a new one.")
