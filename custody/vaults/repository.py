"""Queries on clients, vaults and addresses. `client` narrows to what one client may see."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from chains.model import AddressType, NetworkId
from custody.db.session import ReadSession
from custody.db.tables import AddressRow, ClientRow, VaultRow
from custody.errors import NotFound

PAGE_MAX = 100


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
    session: ReadSession, *, only: str | None = None, after: str = "", limit: int = PAGE_MAX
) -> Sequence[ClientRow]:
    """One page in order of creation; `after` is the last id of the page before."""
    page = select(ClientRow).where(ClientRow.id > after)
    if only is not None:
        page = page.where(ClientRow.id == only)
    return await session.all(page.order_by(ClientRow.id).limit(limit))


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
    session: ReadSession, *, only: str | None = None, after: str = "", limit: int = PAGE_MAX
) -> Sequence[VaultRow]:
    """One page in order of creation; `after` is the last id of the page before."""
    page = select(VaultRow).where(VaultRow.id > after)
    if only is not None:
        page = page.where(VaultRow.client_id == only)
    return await session.all(page.order_by(VaultRow.id).limit(limit))


async def addresses(
    session: ReadSession,
    vault_id: str,
    *,
    network: NetworkId | None = None,
    after: int = 0,
    limit: int = PAGE_MAX,
) -> Sequence[AddressRow]:
    """One page of the addresses that users see (no change), by `seq`."""
    page = select(AddressRow).where(
        AddressRow.vault_id == vault_id, AddressRow.change.is_(False), AddressRow.seq > after
    )
    if network is not None:
        page = page.where(AddressRow.network == network)
    return await session.all(page.order_by(AddressRow.seq).limit(limit))


async def addresses_at(
    session: ReadSession,
    vault_id: str,
    network: NetworkId,
    address_type: AddressType,
    positions: range,
    *,
    change: bool = False,
) -> list[AddressRow]:
    """Those that exist of consecutive positions of one branch, in order; `range(1)` asks for the
    address that pays, on account chains."""
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
