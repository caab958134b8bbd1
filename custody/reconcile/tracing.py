"""Names what does not match where ledger and chain differ: entries and transactions.

Reads the blocks since the two were equal last once more, and compares what they say of the vault's
addresses with what the books have of the same blocks. Changes nothing. What it names is where to
look, and need not be all: only so many blocks are read, and a node that hid something from the
follower may hide it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from chains.adapter import ChainAdapter
from chains.block import Block, Movement
from chains.errors import NodeError
from chains.model import Address, AssetId, NetworkId
from custody.db.session import Database
from custody.reconcile import repository
from custody.reconcile import tracing_repository as queries
from custody.reconcile.report import Line, Matching, Mismatch
from custody.reconcile.tracing_repository import Booked

BLOCKS_MAX: Final = 256
"""How many blocks are read for a line: the newest."""
SHOWN: Final = 50
"""The most that a line names."""
_TIMEOUT_S: Final = 120


@dataclass(slots=True)
class _Moved:
    """What a transaction did to the vault's balance of the asset."""

    height: int
    units: int = 0
    came: dict[str, int] = field(default_factory=dict)
    """What it brought, by place."""


async def trace(database: Database, network: NetworkId, adapter: ChainAdapter, line: Line) -> Line:
    """The line with what does not match."""
    assert line.height is not None
    async with database.read() as session:
        kept = {row.asset: row for row in await repository.kept_lines(session, line.vault)}
    before = kept.get(line.asset)
    equal = None if before is None else before.equal_height
    since = None if before is None else before.equal_at
    first = max(0 if equal is None else equal + 1, line.height - BLOCKS_MAX + 1)
    unread: list[Mismatch] = []
    moved: dict[str, _Moved] = {}
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            moved = await _read(database, network, adapter, line, range(first, line.height + 1))
    except (NodeError, TimeoutError):
        words = f"blocks {first} to {line.height} could not be read"
        unread = [Mismatch(Matching.UNKNOWN, words)]
    found = unread or [
        *await _transactions(database, network, line, moved, first),
        *await _entries(database, line, moved, first, since),
    ]
    return replace(line, traced_from=first, mismatches=tuple(found[:SHOWN]))


async def _read(
    database: Database, network: NetworkId, adapter: ChainAdapter, line: Line, heights: range
) -> dict[str, _Moved]:
    async with database.read() as session:
        addresses = set(await repository.addresses_of(session, network, [line.vault]))
        coins: dict[str, int] = {}
        if adapter.codec.traits.coins:
            coins = await queries.coins_of(session, network, line.vault)
    moved: dict[str, _Moved] = {}
    for height in heights:
        block = await adapter.block(height)
        if block is not None:
            for each in _ours(block, addresses, line.asset):
                at = moved.setdefault(each.txid, _Moved(height))
                at.units += each.units
                if each.units > 0:
                    at.came[each.place] = each.units
            for key, txid in _spent(block, coins):
                moved.setdefault(txid, _Moved(height)).units -= coins[key]
    return moved


def _ours(block: Block, addresses: set[Address], asset: AssetId) -> Iterator[Movement]:
    return (
        each
        for each in block.movements
        if each.units and each.asset == asset and each.address in addresses
    )


def _spent(block: Block, coins: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(key, txid) for key, txid in block.consumed.items() if key in coins]


async def _transactions(
    database: Database, network: NetworkId, line: Line, moved: Mapping[str, _Moved], first: int
) -> list[Mismatch]:
    async with database.read() as session:
        known = await queries.booked(session, network, line.vault, line.asset, first)
    found = [
        Mismatch(kind, txid, each.height, each.units)
        for txid, each in moved.items()
        if (kind := _matching(each, known.get(txid))) is not None
    ]
    assert line.height is not None
    return found + [
        Mismatch(Matching.NOT_ON_CHAIN, txid, each.height, sum(each.came.values()) or None)
        for txid, each in known.items()
        if txid not in moved and each.came and each.height is not None
        if first <= each.height <= line.height
    ]


def _matching(moved: _Moved, known: Booked | None) -> Matching | None:
    """Deposits are compared place by place; of what we sent ourselves, that it is known."""
    if known is None:
        return Matching.NOT_IN_BOOKS
    if any(moved.came.get(place) != units for place, units in known.came.items()):
        return Matching.OTHERWISE_IN_BOOKS
    return None


async def _entries(
    database: Database,
    line: Line,
    moved: Mapping[str, _Moved],
    first: int,
    since: datetime | None,
) -> Sequence[Mismatch]:
    """Those since `since` that stand for no transaction below `first` or in the blocks."""
    async with database.read() as session:
        entries = await queries.entries_since(session, line.vault, line.asset, since)
        stand_for = await queries.transactions_of(session, {row.subject for row, _ in entries})
    return [
        Mismatch(Matching.ENTRY, row.id, None, units)
        for row, units in entries
        if not any(
            txid in moved or (height is not None and height < first)
            for txid, height in stand_for.get(row.subject, ())
        )
    ]
