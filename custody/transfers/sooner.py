"""What it would cost to have a transfer's transaction in a block sooner, as its node says now: to
replace it, or to spend its change in a child that pays for both. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.adapter import ChainAdapter, SeesWaiting
from chains.costs import Costs, by_asset
from chains.effects import Pay
from chains.errors import ChainError, NothingToHasten
from chains.model import AssetId, NetworkId, TxId
from chains.transaction import Outbid, TransferIntent
from custody.apikeys.model import Caller
from custody.db.session import Database
from custody.errors import Conflict, NotFound, Unavailable
from custody.transactions import repository as transactions
from custody.transactions.looking import unsigned_of
from custody.transactions.state import ON_CHAIN, REPLACEABLE
from custody.transfers import child_repository, children, repository
from custody.vaults.paying import spendable_coins


@dataclass(frozen=True, slots=True)
class Sooner:
    """Of the transaction `txid`. `child`: what a child would pay, base units of `asset`, None where
    no coin of the vault's own is left in it; `child_spends`: what that coin is worth."""

    txid: TxId
    asset: AssetId
    outbid: Outbid
    child: int | None
    child_spends: int | None


async def sooner(
    database: Database,
    adapters: Mapping[NetworkId, ChainAdapter],
    transfer_id: str,
    caller: Caller,
) -> Sooner:
    """Raises NotFound transfer_not_found, Conflict transfer_not_replaceable, Unavailable."""
    async with database.read() as session:
        row = await repository.find_transfer(session, transfer_id, caller.client_id)
        if row is None:
            raise NotFound("transfer_not_found", "no such transfer")
        network = NetworkId(row.network)
        contest = await transactions.contest(session, row.id)
        signed = [each for each in contest if each.state in ON_CHAIN]
        adapter = adapters.get(network)
        if adapter is None or not adapter.codec.traits.coins:
            raise _refused("only where coins are spent a node says what it takes")
        if not signed or any(each.state not in REPLACEABLE for each in signed):
            raise _refused("nothing of it waits to be in a block")
        waits = signed[-1]
        coins = await spendable_coins(session, network, row.vault_id, frozenset(), waits.source)
        coins += tuple((await child_repository.coins(session, [row.id])).values())
    assert isinstance(adapter, SeesWaiting)
    assert waits.txid is not None
    if not coins:
        raise _refused("its coins are gone")
    intent = TransferIntent(
        network, (), {}, coins=coins, change=coins[0].owner, replaces=unsigned_of(waits)
    )
    native, txid = adapter.codec.network.native.id, TxId(waits.txid)
    try:
        outbid = await adapter.outbid(intent)
        child = await _child(database, adapter, network, row.vault_id, txid)
    except NothingToHasten as error:
        raise _refused(str(error)) from error
    except ChainError as error:
        raise Unavailable(error.code, "the network's node can't say what it takes") from error
    if child is None:
        return Sooner(txid, native, outbid, None, None)
    costs, spends = child
    return Sooner(txid, native, outbid, by_asset(costs)[native], spends)


async def _child(
    database: Database, adapter: ChainAdapter, network: NetworkId, vault: str, txid: TxId
) -> tuple[Costs, int] | None:
    """And what it spends. None if there is nothing to spend."""
    assert isinstance(adapter, SeesWaiting)
    try:
        coin = (await children.parent_of(database, adapter, network, vault, txid)).coin
        pays = Pay(coin.owner.address, adapter.codec.network.native.id, coin.amount)
        intent = TransferIntent(
            network, (pays,), {}, coins=(coin,), change=coin.owner, empties=True, hastens=True
        )
        return await adapter.quote(intent), coin.amount
    except NothingToHasten:
        return None


def _refused(words: str) -> Conflict:
    return Conflict("transfer_not_replaceable", words)
