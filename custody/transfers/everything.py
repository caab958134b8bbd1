"""A payment of all that a vault has on a network: how much that is.

What approvers see is a number, so it is fixed when the transfer is asked for; and nothing is left
only if the costs are as good as paid by then. So this one kind of request asks the network's node,
outside of any transaction of the database (ADR 0055). What comes in later stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from chains.adapter import ChainAdapter, ClosesAccounts, SeesWaiting
from chains.costs import CostKind, Costs, by_asset
from chains.errors import ChainError, FeeAboveMaximum, NothingToClose, NothingToHasten
from chains.model import Address, AssetId, Coin, NetworkId
from chains.transaction import TransferIntent
from custody.db.session import Database, ReadSession
from custody.deposits.repository import pending_at
from custody.errors import Invalid, NotFound, Unavailable, Unprocessable
from custody.ledger.repository import accounts_of_vault
from custody.transactions import repository as transactions
from custody.transfers.asking import Ask, Whole, payment_of, visible
from custody.transfers.children import parent_of
from custody.transfers.kinds import Kind, coins_first
from custody.transfers.reservations import payer_account
from custody.vaults.paying import choose_source, owned, payer_of, spendable_coins
from custody.vaults.paying_repository import Payer, Source, find_payer
from custody.vaults.repository import find_address

COINS_MAX: Final = 500
"""That one transaction spends, the oldest first: far below what nodes relay and the signer takes.
Of more, the rest stays for another one."""


async def quoted(database: Database, adapters: Mapping[NetworkId, ChainAdapter], ask: Ask) -> Ask:
    """With what there is to pay from, and what it costs to pay all of it, or why nobody can say.
    Raises NotFound vault_not_found, and what `_source` does."""
    async with database.read() as session:
        payer = visible(ask, await find_payer(session, *payment_of(ask)))
        ask = replace(ask, source=await _source(session, ask, payer))
    costs: Costs | ChainError | Unprocessable
    has: int | None = None
    coins: int | None = None
    returns: Mapping[Address, int] = {}
    adapter = adapters[ask.codec.network.id]
    try:
        if ask.request.child_of is not None:
            assert isinstance(adapter, SeesWaiting)
            network, txid = ask.codec.network.id, ask.request.child_of
            parent = await parent_of(database, adapter, network, payer.vault_id, txid)
            path = ask.codec.account_path(parent.coin.owner.address_type, payer.account)
            ask = replace(ask, parent=parent, source=Source(path, None))
        async with database.read() as session:
            intent = await _intent(session, ask, payer)
        if intent.closes:
            assert isinstance(adapter, ClosesAccounts)
            returns = await adapter.closable(intent)
        costs = await adapter.quote(intent)
        has = await _has(database, adapter, ask, intent)
        coins = await _coins(database, adapter, ask)
    except NothingToClose as error:
        costs = Unprocessable(error.code, str(error), field="close_accounts")
    except NothingToHasten as error:
        costs = Unprocessable(error.code, str(error), field="child_of")
    except (ChainError, Unprocessable) as error:
        costs = error
    return replace(ask, whole=Whole(costs, has, coins, returns))


async def sized(session: ReadSession, ask: Ask, payer: Payer) -> Ask:
    """With the amount and the bounds, from what the vault has in this transaction. As it was, if
    it says an amount. Raises Unavailable, Unprocessable(fee_above_maximum, amount_above_balance)
    and what `check_payment` raises."""
    whole = ask.whole
    if whole is None:
        return ask
    if isinstance(whole.costs, Unprocessable):
        raise whole.costs
    if isinstance(whole.costs, ChainError):
        words = "what it costs to pay all of it can't be said now"
        raise Unavailable(whole.costs.code, words) from whole.costs
    _check_bounds(ask, whole.costs)
    payment, count = ask.payments[0], len(ask.payments)
    paid = payer_account(ask.kind, payer.vault_id, payment.asset)
    books = await accounts_of_vault(session, payer.vault_id)
    has = sum(each.available for each in books if each.key == paid)
    has = has if whole.has is None else min(has, whole.has)
    amount = has - by_asset(whole.costs).get(payment.asset, 0)
    if amount <= 0:
        raise Unprocessable("amount_above_balance", "nothing is left beside what it would cost")
    each, more = divmod(amount, count)
    parts = [replace(payment, amount=each + (at < more)) for at in range(count)]
    for part in dict.fromkeys(parts):
        ask.codec.check_payment(part)
    return replace(ask, payments=tuple(parts), costs_max=whole.costs)


async def _source(session: ReadSession, ask: Ask, payer: Payer) -> Source | None:
    """The address to sweep, if one is named. Raises Invalid(not_swept_here, sweep_elsewhere),
    NotFound address_not_found."""
    if ask.request.source is None:
        return None
    if ask.codec.traits.coins:
        words = "coins of all addresses are spent together here: nothing is to be swept"
        raise Invalid("not_swept_here", words, field="source")
    network, text = ask.codec.network.id, ask.request.source
    found = await find_address(session, network, ask.codec.parse_address(text).address)
    if found is None or found.vault_id != payer.vault_id or payer.first is None:
        raise NotFound("address_not_found", "the vault has no such address", field="source")
    if found.path == payer.first.path:
        raise Invalid("not_swept_here", "this is the address that pays", field="source")
    if ask.payments[0].address != payer.first.address:
        words = f"what lies there goes to the address that pays, {payer.first.address}"
        raise Invalid("sweep_elsewhere", words, field="destination")
    return Source(found.path, Address(found.address))


async def _has(
    database: Database, adapter: ChainAdapter, ask: Ask, intent: TransferIntent
) -> int | None:
    """Of coins, what they are worth. Of a later address, what lies there and is not to be undone:
    its vault's books say only what all of them have together."""
    if ask.codec.traits.coins:
        return sum(coin.amount for coin in intent.coins)
    if ask.source is None or intent.source is None:
        return None
    return await lying_at(database, adapter, intent.source.address, ask.request.asset)


async def _coins(database: Database, adapter: ChainAdapter, ask: Ask) -> int | None:
    """What lies at a later address for the fee of sweeping its token. The vault's books say only
    what all of them have together."""
    native = ask.codec.network.native.id
    if ask.source is None or ask.source.address is None or ask.request.asset == native:
        return None
    return await lying_at(database, adapter, ask.source.address, native)


async def lying_at(
    database: Database, adapter: ChainAdapter, address: Address, asset: AssetId
) -> int:
    """What the address has, and is not to be undone. Raises ChainError."""
    there = await adapter.balance(address, asset)
    async with database.read() as session:
        return there - await pending_at(session, asset, address)


def _check_bounds(ask: Ask, costs: Costs) -> None:
    """Against those that the request names."""
    named = dict(ask.request.costs_max)
    if ask.kind is Kind.CHILD:  # a stranger's parent says how much it lacks
        named |= {kind: units for (_, kind), units in ask.costs_max.items()}
    if ask.request.fee_max is not None:
        named[CostKind.FEE] = ask.request.fee_max
    for (_, kind), units in costs.items():
        if kind in named and units > named[kind]:
            words = f"the network asks for {units} of {kind}, the transfer allows {named[kind]}"
            raise Unprocessable(FeeAboveMaximum.code, words)


async def _intent(session: ReadSession, ask: Ask, payer: Payer) -> TransferIntent:
    network, codec = ask.codec.network, ask.codec
    if ask.parent is not None:
        coin = ask.parent.coin
        child = TransferIntent(network.id, ask.payments, ask.costs_max, coins=(coin,))
        return replace(child, change=coin.owner, empties=True, hastens=True)
    source = ask.source or await choose_source(session, codec, payer, network.native.maximum)
    if source is None:
        raise Unprocessable("amount_above_balance", "the vault has nothing on this network")
    taken = await transactions.taken(session, network.id)
    intent = TransferIntent(network.id, ask.payments, ask.costs_max, taken=taken, empties=True)
    if not codec.traits.coins:
        row = await payer_of(session, network.id, payer.vault_id, source)
        return replace(intent, source=owned(row), closes=ask.request.close_accounts)
    coins = await spendable_coins(session, network.id, payer.vault_id, taken, source.path)
    if not coins:
        raise Unprocessable("amount_above_balance", "no coin of the vault may be spent now")
    return replace(intent, coins=_wanted(ask, coins), change=coins[0].owner)


def _wanted(ask: Ask, coins: tuple[Coin, ...]) -> tuple[Coin, ...]:
    """The coins that are to be spent. Raises Unprocessable too_few_coins."""
    first, most = coins_first(ask.kind), ask.request.consolidate or 1
    if first is None:
        return coins[:COINS_MAX]
    if ask.kind is Kind.CONSOLIDATION and len(coins) < 2:
        raise Unprocessable("too_few_coins", "the vault has no two coins that may be spent now")
    return first.ordered(coins)[: min(most, COINS_MAX)]
