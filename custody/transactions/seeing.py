"""Reads from the database what our own blocks say of a set of transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chains.block import Reading
from chains.codec import TransactionCodec
from chains.model import BlockRef, NetworkId, TxId
from chains.transaction import AfterBlock, Lifetime
from custody.db.session import ReadSession
from custody.db.sighting_tables import SightingRow
from custody.db.transfer_tables import TransactionRow
from custody.following import chain_repository, readings
from custody.following import sighting_repository as sightings
from custody.following.readings import Range
from custody.following.sightings import Consumption, Sighting
from custody.transactions import repository
from custody.transactions.facts import Facts, Life, expiry, needed
from custody.transactions.looking import unsigned_of
from custody.transfers import child_repository


async def facts_of(
    session: ReadSession,
    network: NetworkId,
    codec: TransactionCodec,
    rows: Sequence[TransactionRow],
) -> dict[str, Facts]:
    """By transaction. All of one network, and signed."""
    final = await chain_repository.newest_final(session, network)
    seen = await sightings.sightings_of(session, network, [row.txid for row in rows if row.txid])
    keys = await repository.keys_by_transaction(session, [row.id for row in rows])
    needs = (
        await child_repository.needs(session, [row.id for row in rows])
        if codec.traits.coins
        else {}
    )
    wanted = {row.id: [*needed(keys[row.id]), *needs.get(row.id, {})] for row in rows}
    used = await sightings.consumptions_of(
        session, network, {key for each in wanted.values() for key in each}
    )
    unread = await readings.ranges(session, network, [Reading.PASSED])
    found: dict[str, Facts] = {}
    ages: dict[str, _Age] = {}
    for row in rows:
        sighting = seen.get(TxId(row.txid or ""))
        spoilt = [
            Consumption(key, TxId(used[key].txid), used[key].block_height)
            for key in wanted[row.id]
            if key in used and used[key].txid not in (row.txid, needs.get(row.id, {}).get(key))
        ]
        expired = None
        if sighting is None and not spoilt and final is not None:
            lifetime = codec.lifetime(unsigned_of(row))
            if lifetime is not None:
                life = await _life(session, network, row, lifetime, final, ages)
                expired = expiry(lifetime, life)
        found[row.id] = Facts(
            final=None if final is None else final.height,
            sighting=None if sighting is None else _sighting(sighting),
            spoilt=spoilt,
            expired=expired,
            doubt=_doubt(row, unread),
        )
    return found


class _Age(NamedTuple):
    """Where a block of our chain lies, and how many final ones lie above it."""

    height: int | None
    blocks_since: int


async def _life(
    session: ReadSession,
    network: NetworkId,
    row: TransactionRow,
    lifetime: Lifetime,
    final: chain_repository.FinalBlock,
    ages: dict[str, _Age],
) -> Life:
    """`ages`: of blocks that were looked up already: a set is made on few of them."""
    age = _Age(None, 0)
    if isinstance(lifetime, AfterBlock):
        if lifetime.hash not in ages:
            height = await chain_repository.height_of(session, network, lifetime.hash)
            since = await chain_repository.count_between(session, network, height, final.height)
            ages[lifetime.hash] = _Age(height, since)
        age = ages[lifetime.hash]
    made = row.made_height
    return Life(
        final_time=final.timestamp,
        has_block=age.height is not None,
        blocks_since=age.blocks_since,
        heights_since=None if made is None else final.height - made,
    )


def _doubt(row: TransactionRow, unread: Sequence[Range]) -> str | None:
    """Why blocks that don't show it prove nothing."""
    if row.made_height is None:
        return "it is older than the blocks that were read"
    for each in unread:
        if each.last > row.made_height:
            return f"blocks {each.first} to {each.last} were passed unread"
    return None


def _sighting(row: SightingRow) -> Sighting:
    block = BlockRef(row.block_height, row.block_hash)
    return Sighting(TxId(row.txid), block, row.failure, row.costs, row.returned or {})
