"""Sets apart what came to us and is no money (ADR 0071, ADR 0076): assets that nobody listed, and
payments of nothing.

A contract may log that anything came from anybody to anybody, so what is not listed credits
nothing and takes nothing. Once it is listed, reading its block again makes it a deposit. A listed
contract may log more than the books can add up: that is no money either.

All of it costs its sender next to nothing. So what is kept of it is bounded, and what imitates
somebody whom the vault pays is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from chains.block import Block, Movement
from chains.networks import Network
from custody.db.sighting_tables import UnlistedRow
from custody.deposits.deciding import Owner
from custody.following import sighting_repository
from custody.following.blocks import Chain

UNITS_MAX: Final = 2**192
"""No supply comes near it, and sums of 2^64 of them still fit into the ledger."""
KEPT_MAX: Final = 100
"""Of each address: so many that bear no mark, and as many that do. The rest is counted."""
PAYEES_LOOKED_AT: Final = 200
"""The vault's newest transfers: who imitates somebody imitates one of their payees."""
_BEGINNING, _END = 6, 4
"""Letters at both ends of an address, which is what people look at."""


class Mark(StrEnum):
    """Why nobody is shown it who does not ask for it."""

    ZERO = "zero"
    """Nothing was paid."""
    LOOK_ALIKE = "look_alike"
    """Whoever is at its other end has the beginning and the end of a payee's address."""


def is_money(network: Network, moved: Movement) -> bool:
    return network.is_listed(moved.asset) and abs(moved.units) <= UNITS_MAX


def looks_like(address: str, other: str) -> bool:
    """Whether people may take one for the other. Letters count whatever their case."""
    one, two = address.lower(), other.lower()
    return one != two and (one[:_BEGINNING], one[-_END:]) == (two[:_BEGINNING], two[-_END:])


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
            if each.units and is_money(network, each):
                listed.add((each.txid, each.place))
            elif each.units >= 0:
                rows.append(_row(chain, block, each, owners[each.address]))
    if listed:
        await sighting_repository.forget_listed(chain.session, network.id, listed)
    if rows:
        await _keep(chain, rows)


async def _keep(chain: Chain, rows: Sequence[dict[str, Any]]) -> None:
    """As many as there is room for. A block that is read again is counted again."""
    session, network = chain.session, chain.network.id
    known = await sighting_repository.unlisted_places(session, network, {r["txid"] for r in rows})
    fresh = {(row["txid"], row["place"]): row for row in rows}
    fresh = {place: row for place, row in fresh.items() if place not in known}
    if not fresh:
        return
    payees: dict[str, Sequence[str]] = {}
    kept = await sighting_repository.kept(session, network, {r["address"] for r in fresh.values()})
    added: list[dict[str, Any]] = []
    beyond: list[dict[str, Any]] = []
    for row in fresh.values():
        vault = row["vault_id"]
        if vault not in payees:
            payees[vault] = await sighting_repository.payees(session, vault, PAYEES_LOOKED_AT)
        row["mark"] = _mark(row, payees[vault])
        room = row["address"], row["mark"] is not None
        kept[room] = kept.get(room, 0) + 1
        (added if kept[room] <= KEPT_MAX else beyond).append(row)
    await session.insert_missing(UnlistedRow, added)
    await sighting_repository.note_beyond(session, network, beyond)


def _mark(row: Mapping[str, Any], payees: Iterable[str]) -> str | None:
    sender = row["sender"]
    if sender is not None and any(looks_like(sender, each) for each in (*payees, row["address"])):
        return Mark.LOOK_ALIKE.value
    return None if row["amount"] else Mark.ZERO.value


def _row(chain: Chain, block: Block, came: Movement, owner: Owner) -> dict[str, Any]:
    """The sender is at the other end of the place."""
    senders = (
        each.address
        for each in block.movements
        if (each.txid, each.place, each.asset) == (came.txid, came.place, came.asset)
        and each.address != came.address
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
