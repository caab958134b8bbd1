"""A transaction that custody had forgotten, and that turns out to be its own.

A database that was restored from a backup does not know what was signed since. Until `custody
recover` has read it from the signer's journal, such a transaction looks like theft. Then its
foreign debits are taken back, for its transfers pay for it. Where money is coins, what came back
with it was booked as a deposit: it is change, and no income. So is what a sweep brought.
"""

from __future__ import annotations

from datetime import datetime

from chains.block import output_index
from chains.families import traits_of
from chains.model import AssetId
from chains.networks import Network
from custody.db.session import WriteSession
from custody.db.tables import CoinRow, ForeignDebitRow
from custody.debits.recording import accounts_of
from custody.deposits import repository
from custody.deposits.states import HELD, DepositState
from custody.ledger import repository as ledger
from custody.ledger.batch import Batch
from custody.ledger.model import (
    Post,
    Reason,
    Void,
    chain_account,
    shortfall_account,
    vault_account,
)


async def no_income(
    session: WriteSession,
    network: Network,
    debit: ForeignDebitRow,
    transaction: str,
    batch: Batch,
    now: datetime,
) -> None:
    """Take back the deposits that are change of `transaction`. Called when the debit's own entries
    are in `batch`; what the vault lacks all the same, it owes."""
    (own,) = (await repository.own_transactions(session, network, [debit.txid])).values()
    if not (traits_of(network).coins or own.stays):
        return
    destinations = frozenset[str]() if own.stays else own.destinations
    books = await ledger.accounts_of_vault(session, debit.vault_id)
    has = {account.key: account.available for account in books}
    has[accounts_of(debit)[0]] = has.get(accounts_of(debit)[0], 0) + debit.amount - debit.owed
    for row in await repository.deposits_of(session, network.id, [debit.txid]):
        mine = row.vault_id == debit.vault_id and row.state != DepositState.REVERSED
        if not mine or await repository.address_of(session, row) in destinations:
            continue
        account = vault_account(row.vault_id, AssetId(row.asset))
        if row.state in HELD:
            batch.move(Void(row.reservation_id))
        else:
            lacking = row.amount - max(0, has.get(account, 0))
            if lacking > 0:
                lender = shortfall_account(row.vault_id, account.asset)
                batch.move(Post(lender, account, lacking, row.id, Reason.SHORTFALL))
            outside = chain_account(account.asset)
            batch.move(Post(account, outside, row.amount, row.id, Reason.FOREIGN_DEBIT))
            has[account] = max(0, has.get(account, 0) - row.amount)
        row.state, row.decided_at = DepositState.REVERSED.value, now
        row.updated_at = now
        if not traits_of(network).coins:
            continue
        coin = await session.get(CoinRow, (row.network, row.txid, output_index(row.place)))
        if coin is not None:
            coin.own_change = True
