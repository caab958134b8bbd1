"""Rows of restraints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, select, tuple_

from chains.balances import Restrained
from chains.errors import BalanceFrozen, TokenPaused
from chains.model import Address, AssetId, NetworkId
from custody.db.restraint_tables import RestraintRow
from custody.db.session import ReadSession, WriteSession
from custody.db.sums import exact_sum
from custody.db.tables import AddressRow, LedgerAccountRow
from custody.db.transfer_tables import TransferRow
from custody.ledger.repository import Whose
from custody.transfers.state import State

Pair = tuple[str, AssetId, Address]
"""A vault's address, and a token."""
WAITING = (BalanceFrozen.code, TokenPaused.code)
"""What a transfer waits for that met one."""


async def of_address(
    session: ReadSession, network: NetworkId, asset: AssetId, address: Address
) -> Restrained | None:
    row = await session.get(RestraintRow, (network, asset, address))
    return None if row is None else Restrained(row.units, row.code)


async def sums(session: ReadSession, whose: Whose) -> dict[AssetId, int]:
    """By asset, of the vaults whose accounts `whose` means."""
    vaults = select(LedgerAccountRow.vault_id).where(whose)
    rows = await session.rows(
        select(RestraintRow.asset, exact_sum(RestraintRow.units))
        .where(RestraintRow.vault_id.in_(vaults))
        .group_by(RestraintRow.asset)
    )
    return {AssetId(asset): units for asset, units in rows}


async def known(session: ReadSession, network: NetworkId, most: int) -> list[Pair]:
    """Of the rows, those asked about longest ago first."""
    row = RestraintRow
    mine = select(row.vault_id, row.asset, row.address).where(row.network == network)
    found = await session.rows(mine.order_by(row.seen_at).limit(most))
    return [(vault, AssetId(asset), Address(address)) for vault, asset, address in found]


async def met(
    session: ReadSession, network: NetworkId, most: int, after: Pair | None
) -> list[Pair]:
    """Of the addresses of vaults whose transfers wait for one: the next in their order."""
    transfer, address = TransferRow, AddressRow
    order = (transfer.vault_id, transfer.asset, address.address)
    mine = (
        select(*order)
        .join(
            address,
            (address.vault_id == transfer.vault_id) & (address.network == transfer.network),
        )
        .where(
            transfer.network == network,
            transfer.state == State.APPROVED,
            transfer.waiting.in_(WAITING),
        )
        .distinct()
        .order_by(*order)
        .limit(most)
    )
    if after is not None:
        mine = mine.where(tuple_(*order) > after)
    found = await session.rows(mine)
    return [(vault, AssetId(asset), Address(text)) for vault, asset, text in found]


async def note(
    session: WriteSession,
    network: NetworkId,
    asset: AssetId,
    asked: Collection[Address],
    found: Mapping[Address, tuple[str, Restrained]],
    now: datetime,
) -> None:
    """Of the addresses that were asked about, those with an answer, each with its vault."""
    row = RestraintRow
    mine = delete(row).where(
        row.network == network, row.asset == asset, row.address.in_(sorted(asked))
    )
    await session.execute(mine)
    rows = [
        {
            "network": network,
            "asset": asset,
            "address": address,
            "vault_id": vault,
            "units": said.units,
            "code": said.code,
            "seen_at": now,
        }
        for address, (vault, said) in sorted(found.items())
    ]
    await session.insert_missing(row, rows)
