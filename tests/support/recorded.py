"""A recorded block of a main network, booked as if every address in it were ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import count

from chains.block import Block
from chains.follow import Connected
from chains.model import Address, AddressType, BlockRef
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import Database
from custody.db.tables import AddressRow, VaultRow
from custody.ledger import repository as ledger
from custody.ledger.model import AccountKind
from custody.vaults.watchlist import WatchList
from tests.support.custody import World

_VAULTS = 3
_OURS = frozenset(
    {
        AccountKind.VAULT,
        AccountKind.UNSWEPT,
        AccountKind.LOCKED,
        AccountKind.SHORTFALL,
        AccountKind.SUSPENSE,
        AccountKind.QUARANTINE,
    }
)


async def booked(
    database: Database, network: Network, block: Block
) -> tuple[Counter[str], Counter[str]]:
    """What the block moved, by vault, as the block says and as the ledger has it once the block is
    final. Its addresses belong to three vaults in turn, so that some movements stay within one and
    others don't. Nothing of ours was there before, so whatever leaves is owed."""
    world = World(database, network)
    vaults = [await world.new_vault() for _ in range(_VAULTS)]
    addresses = dict.fromkeys(each.address for each in block.movements if each.units)
    owner = {each: vaults[at % _VAULTS] for at, each in enumerate(addresses)}
    async with database.write() as session:
        await session.insert(AddressRow, _rows(world, owner))
    told: Counter[str] = Counter()
    for each in block.movements:
        told[owner[each.address].id] += each.units
    later = _empty(block, world.network.follow_depth)
    async with database.write() as session:
        await world.writer.apply(
            session,
            world.network,
            [Connected(each) for each in (block, *later)],
            WatchList(world.network.id),
            later[-1].ref,
        )
    found: Counter[str] = Counter()
    async with database.read() as session:
        for vault in vaults:
            for account in await ledger.accounts_of_vault(session, vault.id):
                assert account.key.kind in _OURS
                assert account.debits_pending == account.credits_pending == 0, "all is final"
                found[vault.id] += account.posted
    return told, found


def _rows(world: World, owner: Mapping[Address, VaultRow]) -> list[dict[str, object]]:
    places: dict[str, count[int]] = {vault.id: count() for vault in owner.values()}
    kind = AddressType(world.network.address_types[0])
    return [
        {
            "id": new_id("adr"),
            "network": world.network.id,
            "vault_id": vault.id,
            "address_type": kind.value,
            "change": False,
            "position": (position := next(places[vault.id])),
            "path": f"m/{position}",
            "address": address,
            "public_key": b"",
            "label": None,
            "created_at": world.clock(),
        }
        for address, vault in owner.items()
    ]


def _empty(block: Block, number: int) -> list[Block]:
    """So many blocks on top, in which nothing happens."""
    made = [block]
    for at in range(1, number + 1):
        ref = BlockRef(block.ref.height + at, f"after {at}")
        made.append(Block(ref, made[-1].ref.hash, block.timestamp + at, ()))
    return made[1:]
