"""Sets apart what came to us and is no money: assets that nobody listed (ADR 0071).

A contract may log that anything came from anybody to anybody, so what is not listed credits
nothing and takes nothing. Once it is listed, reading its block again makes it a deposit. A listed
contract may log more than the books can add up: that is no money either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from chains.block import Block, Movement
from chains.networks import Network
from custody.db.sighting_tables import UnlistedRow
from custody.deposits.deciding import Owner
from custody.following import sighting_repository
from custody.following.blocks import Chain

UNITS_MAX: Final = 2**192
"""No supply comes near it, and sums of 2^64 of them still fit into the ledger."""


def is_money(network: Network, moved: Movement) -> bool:
    return network.is_listed(moved.asset) and abs(moved.units) <= UNITS_MAX


async def set_apart(
    chain: Chain, found: Iterable[tuple[Block, Sequence[Movement]]], owners: Mapping[str, Owner]
) -> None:
    """`found`: blocks, each with its movements of addresses of ours. What is known stays; what is
    listed meanwhile is set apart no more."""
    network, rows, listed = chain.network, [], set()
    for block, movements in found:
        for each in movements:
            if each.asset == network.native.id:
                continue
            if is_money(network, each):
                listed.add((each.txid, each.place))
            elif each.units > 0:
                rows.append(_row(chain, block, each, owners[each.address]))
    if listed:
        await sighting_repository.forget_listed(chain.session, network.id, listed)
    await chain.session.insert_missing(UnlistedRow, rows)


def _row(chain: Chain, block: Block, came: Movement, owner: Owner) -> dict[str, Any]:
    """The sender is at the other end of the place."""
    senders = (
        each.address
        for each in block.movements
        if each.units < 0 and (each.txid, each.place) == (came.txid, came.place)
    )
    return {
        "network": chain.network.id,
        "txid": came.txid,
        "place": came.place,
        "asset": came.asset,
        "client_id": owner.client_id,
        "vault_id": owner.vault_id,
        "address": came.address,
        "sender": next(senders, None),
        "amount": came.units,
        "block_height": block.ref.height,
        "block_hash": block.ref.hash,
        "seen_at": chain.now,
    }
