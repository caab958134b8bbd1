"""Queries on clients, vaults and addresses. `client` narrows to what one client may see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, select

from chains.model import Address, AddressType, NetworkId
from custody.db.adoption_tables import AdoptionRow
from custody.db.chunks import chunks
from custody.db.listing import FIRST, Window, page
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import (
    AddressRow,
    ClientRow,
    CoinRow,
    FollowerRow,
    VaultFreezeRow,
    VaultOpeningRow,
    VaultRow,
)
from custody.errors import NotFound

_FEW = 500
_CHUNK = 20_000


async def client(session: ReadSession, client_id: str, *, only: str | None = None) -> ClientRow:
    """Raises NotFound(client_not_found), also if `only` names another client."""
    found = await session.get(ClientRow, client_id) if only in (None, client_id) else None
    if found is None:
        raise NotFound("client_not_found", "There is no such client.")
    return found


async def vault(session: ReadSession, vault_id: str, *, only: str | None = None) -> VaultRow:
    """Raises NotFound(vault_not_found), also if it belongs to another client than `only`."""
    found = await session.get(VaultRow, vault_id)
    if found is None or only not in (None, found.client_id):
        raise NotFound("vault_not_found", "There is no such vault.")
    return found


async def clients(
    session: ReadSession, *, only: str | None = None, window: Window = FIRST
) -> Sequence[ClientRow]:
    """One page in order of creation."""
    statement = select(ClientRow)
    if only is not None:
        statement = statement.where(ClientRow.id == only)
    return await session.all(page(statement, ClientRow, window))


async def vaults_with_freezes(session: ReadSession, *, frozen_only: bool) -> Sequence[VaultRow]:
    """All vaults, or those that nothing leaves; in order of creation."""
    every = select(VaultRow)
    if frozen_only:
        every = every.where(VaultRow.frozen_reason.is_not(None))
    return await session.all(every.order_by(VaultRow.id))


async def count_frozen(session: ReadSession) -> int:
    """How many vaults nothing leaves."""
    frozen = select(func.count()).select_from(VaultRow).where(VaultRow.frozen_reason.is_not(None))
    return await session.one(frozen)


async def vaults(
    session: ReadSession, *, only: str | None = None, window: Window = FIRST
) -> Sequence[VaultRow]:
    """One page in order of creation."""
    statement = select(VaultRow)
    if only is not None:
        statement = statement.where(VaultRow.client_id == only)
    return await session.all(page(statement, VaultRow, window))


async def addresses(
    session: ReadSession,
    vault_id: str,
    *,
    network: NetworkId | None = None,
    window: Window = FIRST,
) -> Sequence[AddressRow]:
    """One page of the addresses that users see (no change), in order of creation."""
    statement = select(AddressRow).where(
        AddressRow.vault_id == vault_id, AddressRow.change.is_(False)
    )
    if network is not None:
        statement = statement.where(AddressRow.network == network)
    return await session.all(page(statement, AddressRow, window))


async def addresses_at(
    session: ReadSession,
    vault_id: str,
    network: NetworkId,
    address_type: AddressType,
    positions: range,
    *,
    change: bool = False,
) -> list[AddressRow]:
    """The addresses at these positions of one branch, as far as they exist, in order. `range(1)`
    asks for the address that pays on account chains."""
    found = await session.all(
        select(AddressRow)
        .where(
            AddressRow.vault_id == vault_id,
            AddressRow.network == network,
            AddressRow.address_type == address_type.value,
            AddressRow.change.is_(change),
            AddressRow.position >= positions.start,
            AddressRow.position < positions.stop,
        )
        .order_by(AddressRow.position)
    )
    return list(found)


async def address(session: ReadSession, address_id: str, *, only: str | None) -> AddressRow:
    """An address that users see. Raises NotFound(address_not_found), also if it belongs to another
    client than `only`."""
    mine = (
        select(AddressRow)
        .join(VaultRow, VaultRow.id == AddressRow.vault_id)
        .where(AddressRow.id == address_id, AddressRow.change.is_(False))
    )
    if only is not None:
        mine = mine.where(VaultRow.client_id == only)
    found = await session.one_or_none(mine)
    if found is None:
        raise NotFound("address_not_found", "There is no such address.")
    return found


async def find_address(
    session: ReadSession, network: NetworkId, text: Address
) -> AddressRow | None:
    """In the network's canonical form."""
    mine = (AddressRow.network == network, AddressRow.address == text)
    return await session.first(select(AddressRow).where(*mine))


async def address_ids(
    session: ReadSession, texts: Collection[str], *, only: str | None
) -> tuple[str, ...]:
    """Of the addresses that users see and that are spelled so, on whichever network."""
    mine = select(AddressRow.id).where(AddressRow.address.in_(texts), AddressRow.change.is_(False))
    if only is not None:
        mine = mine.join(VaultRow, VaultRow.id == AddressRow.vault_id)
        mine = mine.where(VaultRow.client_id == only)
    return tuple(await session.all(mine.order_by(AddressRow.id)))


async def addresses_by_id(session: ReadSession, ids: Collection[str]) -> dict[str, str]:
    """The addresses' texts."""
    rows = await session.rows(
        select(AddressRow.id, AddressRow.address).where(AddressRow.id.in_(list(ids)))
    )
    return {row[0]: row[1] for row in rows}


async def given_as(session: ReadSession, ids: Collection[str]) -> dict[str, str]:
    """Of the addresses that were adopted: the address that their key was given out as."""
    mine = select(AdoptionRow.address_id, AdoptionRow.given_id)
    found: dict[str, str] = {}
    for part in chunks(sorted(ids)):
        found |= dict(await session.rows(mine.where(AdoptionRow.address_id.in_(part))))
    return found


async def adoptions(session: ReadSession) -> Sequence[tuple[AdoptionRow, AddressRow]]:
    """All of them, the oldest first."""
    every = select(AdoptionRow, AddressRow).join(
        AddressRow, AddressRow.id == AdoptionRow.address_id
    )
    return await session.rows(every.order_by(AddressRow.seq))


async def next_position(
    session: ReadSession,
    vault_id: str,
    network: NetworkId,
    address_type: AddressType,
    *,
    change: bool,
) -> int:
    """How many addresses of one branch there are."""
    newest = await session.one(
        select(func.max(AddressRow.position)).where(
            AddressRow.vault_id == vault_id,
            AddressRow.network == network,
            AddressRow.address_type == address_type.value,
            AddressRow.change.is_(change),
        )
    )
    return 0 if newest is None else newest + 1


async def branches(session: ReadSession) -> Sequence[tuple[str, str, str, int]]:
    """Vault, network and type of all branches of addresses that users see, and how many there are
    in each."""
    return await session.rows(
        select(
            AddressRow.vault_id,
            AddressRow.network,
            AddressRow.address_type,
            func.count(),
        )
        .where(AddressRow.change.is_(False))
        .group_by(AddressRow.vault_id, AddressRow.network, AddressRow.address_type)
        .order_by(AddressRow.vault_id, AddressRow.network, AddressRow.address_type)
    )


async def accounts(session: ReadSession) -> Sequence[tuple[str, str, int]]:
    """Every vault with its client and its account."""
    return await session.rows(
        select(VaultRow.id, VaultRow.client_id, VaultRow.account).order_by(VaultRow.account)
    )


async def end_opening(session: WriteSession, vault_id: str) -> None:
    """The vault has its account now. Forget that it is being opened."""
    await session.execute(delete(VaultOpeningRow).where(VaultOpeningRow.vault_id == vault_id))


async def holder_of_account(session: ReadSession, account: int) -> str | None:
    """The vault that has this account."""
    return await session.first(select(VaultRow.id).where(VaultRow.account == account))


# Freezes


async def lock_vaults(session: WriteSession, vaults: Collection[str]) -> Sequence[VaultRow]:
    """Those that exist, ours until the transaction ends."""
    mine = select(VaultRow).where(VaultRow.id.in_(vaults))
    return await session.for_update(mine.order_by(VaultRow.id))


async def is_freeze_open(session: ReadSession, key: str) -> bool:
    """Whether a vault is frozen for one reason already."""
    open_ = select(VaultFreezeRow.id).where(VaultFreezeRow.open_key == key)
    return await session.first(open_) is not None


async def freezes_of(session: ReadSession, vault: str) -> Sequence[VaultFreezeRow]:
    """All of them, the oldest first, those that ended included."""
    mine = select(VaultFreezeRow).where(VaultFreezeRow.vault_id == vault)
    return await session.all(mine.order_by(VaultFreezeRow.id))


# What is watched


async def addresses_since(
    session: ReadSession, network: NetworkId, seq: int
) -> AsyncIterator[Sequence[tuple[int, str]]]:
    """(seq, address) of the network's addresses after `seq`, in that order and in parts. Few are
    one short query. Many are never in memory at once."""
    few = await session.rows(_after(network, seq).limit(_FEW))
    yield few
    if len(few) == _FEW:
        async for chunk in session.chunks(_after(network, few[-1][0]), _CHUNK):
            yield chunk


def _after(network: NetworkId, seq: int) -> Select[int, str]:
    return (
        select(AddressRow.seq, AddressRow.address)
        .where(AddressRow.network == network, AddressRow.seq > seq)
        .order_by(AddressRow.seq)
    )


async def oldest_address(session: ReadSession, network: NetworkId) -> datetime | None:
    """When the network's first address was made."""
    first = select(AddressRow.created_at).where(AddressRow.network == network)
    return await session.first(first.order_by(AddressRow.seq).limit(1))


async def coins_version(session: ReadSession, network: NetworkId) -> str | None:
    """Changes whenever the network's coins do. None before the first."""
    follower = await session.get(FollowerRow, network)
    return None if follower is None else follower.coins_version


async def unspent_places(
    session: ReadSession, network: NetworkId
) -> AsyncIterator[Sequence[tuple[str, int]]]:
    """(txid, position) of all unspent coins, in parts."""
    unspent = select(CoinRow.txid, CoinRow.position).where(
        CoinRow.network == network, CoinRow.spent_height.is_(None)
    )
    async for chunk in session.chunks(unspent, _CHUNK):
        yield chunk
