"""Which address or account of a vault pays a transfer, and with which coins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import aliased

from chains.codec import TransactionCodec
from chains.keys import is_under
from chains.model import Address, AddressType, Coin, ConflictKey, NetworkId, OwnedAddress, TxId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AddressRow, BlockRow, CoinRow, DepositRow, SignerJournalRow, VaultRow
from custody.vaults.watchlist import outpoint_key

_OWN = aliased(AddressRow)
_FIRST = aliased(AddressRow)
_PAYER = (
    select(
        VaultRow.id,
        VaultRow.client_id,
        VaultRow.account,
        VaultRow.frozen_reason,
        select(SignerJournalRow.closed_since).scalar_subquery(),
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
    """A vault, locked. `first`: its address that pays on account chains, if it has one.
    `pays_itself`: the destination is one of its own addresses. `closed_since`: set while the signer
    is ahead of this database."""

    vault_id: str
    client_id: str
    account: int
    frozen_reason: str | None
    pays_itself: bool
    first: Source | None
    closed_since: datetime | None


async def lock_payer(
    session: WriteSession, codec: TransactionCodec, vault_id: str, destination: Address
) -> Payer | None:
    """None if there is no such vault."""
    rows = await session.locked_rows(
        _PAYER,
        {
            "vault": vault_id,
            "network": codec.network.id,
            "address_type": codec.network.address_types[0].value,
            "destination": destination,
        },
    )
    if not rows:
        return None
    vault, client, account, frozen, closed, owner, path, address = rows[0]
    first = Source(path, Address(address)) if path is not None else None
    return Payer(vault, client, account, frozen, owner == vault, first, closed)


async def choose_source(
    session: ReadSession, codec: TransactionCodec, payer: Payer, wanted: int
) -> Source | None:
    """Who would pay `wanted` base units: the vault's first address, or an account of coins.

    A transaction spends coins of one account, that is of one address type. The default type is
    taken unless only another one has enough. None: the vault has no address on this network.
    """
    if not codec.traits.coins:
        return payer.first
    kinds = codec.network.address_types
    held = dict.fromkeys(kinds, 0)
    if len(kinds) > 1 and await _uses(session, payer.vault_id, codec.network.id, kinds[1:]):
        for coin in await spendable_coins(session, codec.network.id, payer.vault_id, frozenset()):
            held[coin.owner.address_type] += coin.amount
    fullest = max(kinds, key=held.__getitem__)
    chosen = next((kind for kind in kinds if held[kind] >= wanted), fullest)
    return Source(codec.account_path(chosen, payer.account), None)


async def spendable_coins(
    session: ReadSession,
    network: NetworkId,
    vault_id: str,
    taken: frozenset[ConflictKey],
    path: str | None = None,
) -> tuple[Coin, ...]:
    """Coins of the vault below `path` that nobody has claimed: unspent, mature in the next block,
    and either credited deposits or our own change. What a deposit brought that is not final yet
    could vanish with a reorg, and our payment with it."""
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
            DepositRow.position == CoinRow.position,
            DepositRow.state == "credited",
        )
        .exists()
    )
    held = {key.text for key in taken}
    rows = await session.rows(
        select(CoinRow, AddressRow)
        .join(AddressRow, AddressRow.id == CoinRow.address_id)
        .where(
            CoinRow.network == network,
            CoinRow.vault_id == vault_id,
            CoinRow.spent_height.is_(None),
            CoinRow.mature_height <= (0 if tip is None else tip) + 1,
            or_(CoinRow.own_change, credited),
        )
        .order_by(CoinRow.block_height, CoinRow.txid, CoinRow.position)
    )
    return tuple(
        Coin(TxId(coin.txid), coin.position, coin.amount, owned(address))
        for coin, address in rows
        if outpoint_key(network, coin.txid, coin.position) not in held
        and (path is None or is_under(address.path, path))
    )


def owned(row: AddressRow) -> OwnedAddress:
    return OwnedAddress(
        Address(row.address), AddressType(row.address_type), row.path, row.public_key
    )


async def _uses(
    session: ReadSession, vault_id: str, network: NetworkId, kinds: tuple[AddressType, ...]
) -> bool:
    found = await session.first(
        select(AddressRow.id)
        .where(
            AddressRow.vault_id == vault_id,
            AddressRow.network == network,
            AddressRow.address_type.in_([kind.value for kind in kinds]),
        )
        .limit(1)
    )
    return found is not None


async def payer_of(
    session: ReadSession, network: NetworkId, vault_id: str, source: Source
) -> AddressRow:
    """The address that a mandate names. Its path was approved too, so it must be the same."""
    row = await session.one(
        select(AddressRow).where(
            AddressRow.network == network, AddressRow.address == source.address
        )
    )
    assert (row.vault_id, row.path) == (vault_id, source.path), "another's address"
    return row
