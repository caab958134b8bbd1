"""Which address or account of a vault pays a transfer, and with which coins."""

from __future__ import annotations

from chains.codec import TransactionCodec
from chains.keys import is_under
from chains.model import Address, AddressType, Coin, ConflictKey, NetworkId, OwnedAddress, TxId
from custody.db.session import ReadSession
from custody.db.tables import AddressRow
from custody.vaults import paying_repository
from custody.vaults.paying_repository import Payer, Source
from custody.vaults.watchlist import outpoint_key


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
    if len(kinds) > 1 and await paying_repository.has_addresses(
        session, payer.vault_id, codec.network.id, kinds[1:]
    ):
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
    held = {key.text for key in taken}
    rows = await paying_repository.spendable(session, network, vault_id)
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


async def payer_of(
    session: ReadSession, network: NetworkId, vault_id: str, source: Source
) -> AddressRow:
    """The address that a mandate names. Its path was approved too, so it must be the same."""
    row = await paying_repository.address_row(session, network, source.address)
    assert (row.vault_id, row.path) == (vault_id, source.path), "another's address"
    return row
