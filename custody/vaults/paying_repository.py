"""Queries on the paying side of a transfer: the vault, its addresses and its coins. Decides
nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, cast, not_, or_, select
from sqlalchemy.orm import aliased

from chains.model import Address, AddressType, NetworkId
from custody.db.chunks import chunks
from custody.db.move_tables import VaultMoveRow
from custody.db.pause_tables import PauseRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AddressRow, BlockRow, CoinRow, DepositRow, SignerJournalRow, VaultRow
from custody.db.transfer_tables import (
    TransactionRow,
    TransactionTransferRow,
    TransferParentRow,
)

_OWN = aliased(AddressRow)
_FIRST = aliased(AddressRow)
_PAYER = (
    select(
        VaultRow.id,
        VaultRow.client_id,
        VaultRow.account,
        VaultRow.frozen_reason,
        select(SignerJournalRow.closed_since).scalar_subquery(),
        select(PauseRow.id)
        .where(
            PauseRow.open_key.is_not(None),
            or_(PauseRow.network.is_(None), PauseRow.network == bindparam("network")),
            or_(PauseRow.vault_id.is_(None), PauseRow.vault_id == VaultRow.id),
        )
        .correlate(VaultRow)
        .exists(),
        select(VaultMoveRow.successor_id)
        .where(VaultMoveRow.vault_id == VaultRow.id, VaultMoveRow.number == 1)
        .correlate(VaultRow)
        .scalar_subquery(),
        select(_OWN.vault_id)
        .where(_OWN.network == bindparam("network"), _OWN.address == bindparam("destination"))
        .scalar_subquery(),
        *(
            select(column)
            .where(
                _FIRST.vault_id == VaultRow.id,
                _FIRST.network == bindparam("network"),
                _FIRST.address_type == bindparam("address_type"),
                _FIRST.change.is_(False),
                _FIRST.position == 0,
            )
            .correlate(VaultRow)
            .scalar_subquery()
            for column in (_FIRST.path, _FIRST.address)
        ),
    )
    .where(VaultRow.id == bindparam("vault"))
    .order_by(VaultRow.id)
)
"""Everything about the paying side in one question, because every transfer asks it."""


@dataclass(frozen=True, slots=True)
class Source:
    """As a mandate names it: an address and its path, or (`address` None) an account's path."""

    path: str
    address: Address | None


@dataclass(frozen=True, slots=True)
class Payer:
    """A vault that would pay. `first`: its address that pays on account chains, if it has one.
    `pays_itself`: the destination is one of its own addresses. `closed_since`: set while the signer
    is ahead of this database. `paused`: what is accepted waits. `successor`: the vault that it was
    moved to."""

    vault_id: str
    client_id: str
    account: int
    frozen_reason: str | None
    pays_itself: bool
    first: Source | None
    closed_since: datetime | None
    paused: bool
    successor: str | None


async def lock_payer(
    session: WriteSession,
    network: NetworkId,
    vault_id: str,
    destination: Address,
    address_type: AddressType,
) -> Payer | None:
    """`find_payer`, locked until the transaction ends."""
    asked = _asked(network, vault_id, destination, address_type)
    return _payer(await session.locked_rows(_PAYER, asked))


async def find_payer(
    session: ReadSession,
    network: NetworkId,
    vault_id: str,
    destination: Address,
    address_type: AddressType,
) -> Payer | None:
    """None if there is no such vault. `address_type`: of the address that pays."""
    asked = _asked(network, vault_id, destination, address_type)
    return _payer(await session.quick_rows(_PAYER, asked))


def _asked(
    network: NetworkId, vault_id: str, destination: Address, address_type: AddressType
) -> dict[str, object]:
    return {
        "vault": vault_id,
        "network": network,
        "address_type": address_type.value,
        "destination": destination,
    }


def _payer(rows: Sequence[Any]) -> Payer | None:
    if not rows:
        return None
    vault, client, account, frozen, closed, paused, successor, owner, path, address = rows[0]
    first = Source(path, Address(address)) if path is not None else None
    pays_itself = owner == vault
    return Payer(
        vault, client, account, frozen, pays_itself, first, closed, bool(paused), successor
    )


async def owns_one_of(
    session: ReadSession, network: NetworkId, vault_id: str, addresses: Collection[Address]
) -> bool:
    """Whether one of the addresses is the vault's."""
    mine = select(AddressRow.id).where(
        AddressRow.network == network, AddressRow.vault_id == vault_id
    )
    for part in chunks(sorted(set(addresses))):
        if await session.first(mine.where(AddressRow.address.in_(part)).limit(1)) is not None:
            return True
    return False


async def spendable(
    session: ReadSession, network: NetworkId, vault_id: str
) -> Sequence[tuple[CoinRow, AddressRow]]:
    """Coins of the vault with their addresses, oldest first: unspent, mature in the next block, and
    either credited deposits or our own change. What a child made of a deposit is that deposit's
    money: not before it is credited."""
    tip = await session.first(
        select(BlockRow.height)
        .where(BlockRow.network == network)
        .order_by(BlockRow.height.desc())
        .limit(1)
    )
    credited = (
        select(DepositRow.id)
        .where(
            DepositRow.network == CoinRow.network,
            DepositRow.txid == CoinRow.txid,
            DepositRow.place == "output:" + cast(CoinRow.position, String),
            DepositRow.state == "credited",
        )
        .exists()
    )
    return await session.rows(
        select(CoinRow, AddressRow)
        .join(AddressRow, AddressRow.id == CoinRow.address_id)
        .where(
            CoinRow.network == network,
            CoinRow.vault_id == vault_id,
            CoinRow.spent_height.is_(None),
            CoinRow.mature_height <= (0 if tip is None else tip) + 1,
            or_(and_(CoinRow.own_change, not_(_of_uncredited())), credited),
        )
        .order_by(CoinRow.block_height, CoinRow.txid, CoinRow.position)
    )


def _of_uncredited() -> ColumnElement[bool]:
    """Whether a child made the coin of a deposit that is not credited: it may be held, or gone with
    its block."""
    credited = (
        select(DepositRow.id)
        .where(
            DepositRow.network == TransferParentRow.network,
            DepositRow.txid == TransferParentRow.root_txid,
            DepositRow.place == TransferParentRow.root_place,
            DepositRow.state == "credited",
        )
        .exists()
    )
    return (
        select(TransactionRow.id)
        .join(TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id)
        .join(
            TransferParentRow,
            TransferParentRow.transfer_id == TransactionTransferRow.transfer_id,
        )
        .where(
            TransactionRow.txid == CoinRow.txid,
            TransactionRow.network == CoinRow.network,
            TransferParentRow.root_txid.is_not(None),
            not_(credited),
        )
        .correlate(CoinRow)
        .exists()
    )


async def has_addresses(
    session: ReadSession, vault_id: str, network: NetworkId, kinds: Collection[AddressType]
) -> bool:
    """Whether the vault has an address of one of the types."""
    asked = {"vault": vault_id, "network": network}
    return bool(await session.quick_rows(_address_of(tuple(kinds)), asked))


@cache
def _address_of(kinds: tuple[AddressType, ...]) -> Select[str]:
    """One of the vault's on the network, of one of the types: a chain's, so they are few."""
    return (
        select(AddressRow.id)
        .where(
            AddressRow.vault_id == bindparam("vault"),
            AddressRow.network == bindparam("network"),
            or_(*(AddressRow.address_type == kind.value for kind in kinds)),
        )
        .limit(1)
    )


async def address_row(
    session: ReadSession, network: NetworkId, address: Address | None
) -> AddressRow:
    """The address, which is one of ours."""
    mine = (AddressRow.network == network, AddressRow.address == address)
    return await session.one(select(AddressRow).where(*mine))
