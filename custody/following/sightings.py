"""Which transactions of ours, or of whoever has our keys, lie in a block, and what they used up.

From this alone custody says that a transaction is included, was replaced or can't be included any
more: no node is asked, so what is settled and what is credited stand on the same blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from chains.block import RENT_RETURNED, Block, Movement, cost_kind
from chains.costs import CostKind, Costs
from chains.model import AssetId, BlockRef, NetworkId, TxId
from custody.db.session import WriteSession
from custody.db.sighting_tables import ConsumptionRow, SightingRow
from custody.following import sighting_repository as repository
from custody.vaults.watchlist import WatchList


@dataclass(frozen=True, slots=True)
class Sighting:
    """A transaction in a block of our chain. `failure`, `costs`, `returned`: see `SightingRow`."""

    txid: TxId
    block: BlockRef
    failure: str | None
    costs: Costs
    returned: Costs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consumption:
    """`key` was used up by `txid` in the block at `height`."""

    key: str
    txid: TxId
    height: int

    def __str__(self) -> str:
        return f"{self.key} was used up by {self.txid} in block {self.height}"


def seen(
    block: Block, watchlist: WatchList, claimed: Set[str], apart: Set[str] = frozenset()
) -> tuple[list[Sighting], list[Consumption]]:
    """All that the block shows of us. `claimed`: keys that our unfinished transactions take;
    `apart`: those of them that name a payment which anybody submits: it is in the block that used
    its key up, it cost its payer nothing, and it has no other name."""
    coins = watchlist.spends(block.consumed)
    # Where a chain has coins, a transaction is ours if it spends one of them.
    found: dict[TxId, str | None] = {block.consumed[key]: None for key in coins}
    found |= {each.txid: each.failure for each in watchlist.sent(block.included)}
    used = {key: block.consumed[key] for key in claimed & block.consumed.keys()}
    used |= {key: txid for key, txid in block.consumed.items() if txid in found} if found else {}
    costs = _told(block, found.keys(), lambda each: cost_kind(each.place), -1)
    returned = _told(block, found.keys(), _kind_returned, 1)
    done = [Sighting(TxId(key), block.ref, None, {}) for key in apart & block.consumed.keys()]
    return (
        [
            *(
                Sighting(txid, block.ref, failure, costs[txid], returned[txid])
                for txid, failure in found.items()
            ),
            *done,
        ],
        [Consumption(key, txid, block.ref.height) for key, txid in used.items()],
    )


def _told(
    block: Block, txids: Set[TxId], kind_of: Callable[[Movement], CostKind | None], sign: int
) -> Mapping[TxId, Costs]:
    """What each transaction's payer lost beside its effects, or what came back to him."""
    found: dict[TxId, dict[tuple[AssetId, CostKind], int]] = {txid: {} for txid in txids}
    for each in block.movements if txids else ():
        kind = kind_of(each) if each.txid in txids else None
        if kind is not None:
            costs = found[each.txid]
            costs[each.asset, kind] = costs.get((each.asset, kind), 0) + sign * each.units
    return found


def _kind_returned(movement: Movement) -> CostKind | None:
    return CostKind.RENT if movement.place == RENT_RETURNED else None


async def record(
    session: WriteSession, network: NetworkId, blocks: Sequence[Block], watchlist: WatchList
) -> None:
    """Of blocks that are on our chain. What is known already stays. A key that an undone block had
    used up must have been forgotten with it."""
    claimed = await repository.claimed(session, network)
    apart = await repository.claimed_apart(session, network)
    sightings: list[Sighting] = []
    consumptions: list[Consumption] = []
    for block in blocks:
        included, used = seen(block, watchlist, claimed, apart)
        sightings += included
        consumptions += used
    await session.insert_missing(SightingRow, [_sighting(network, each) for each in sightings])
    await session.insert_missing(
        ConsumptionRow, [_consumption(network, each) for each in consumptions]
    )


def _sighting(network: NetworkId, each: Sighting) -> dict[str, object]:
    return {
        "network": network,
        "txid": each.txid,
        "block_height": each.block.height,
        "block_hash": each.block.hash,
        "failure": each.failure,
        "costs": each.costs,
        "returned": each.returned or None,
    }


def _consumption(network: NetworkId, each: Consumption) -> dict[str, object]:
    return {
        "network": network,
        "key": each.key,
        "txid": each.txid,
        "block_height": each.height,
    }
