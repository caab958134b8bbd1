"""Writes foreign debits and collects their ledger entries; freezes and calls somebody at once.

What a block says about money is booked, whatever the vault has: what is more than the account has
is taken from the vault's `shortfall`. So no block is ever refused.

What a contract took in our own call is written down here too, and has no entries: its transfer
holds that much, and its end takes as much of it as stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from chains.model import AssetId
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import ForeignDebitRow
from custody.debits import repository
from custody.debits.telling import tell
from custody.deposits.deciding import LEFT, PART, Found, Verdict, taken_in
from custody.deposits.repository import own_transactions
from custody.deposits.states import DebitState
from custody.ledger import repository as ledger
from custody.ledger.batch import Batch
from custody.ledger.model import (
    AccountKey,
    AccountKind,
    Post,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    shortfall_account,
)
from custody.vaults.repository import lock_vaults

_COPIED: Final = frozenset({"created_at"})


class DebitRecorder:
    """What one batch of blocks does to foreign debits. Its entries are part of the caller's batch,
    which is written before the rows. `seen`: the ids of new ones."""

    def __init__(
        self, session: WriteSession, network: Network, now: datetime, batch: Batch
    ) -> None:
        self._session = session
        self._network = network
        self._now = now
        self._batch = batch
        self.seen: list[str] = []
        self._new: list[dict[str, Any]] = []
        self._revived: list[tuple[ForeignDebitRow, dict[str, Any]]] = []

    def reverse(self, rows: Iterable[ForeignDebitRow]) -> None:
        """Their blocks are gone. What was booked stays: only a person can take that back."""
        for row in rows:
            if row.state == DebitState.PENDING:
                self._take_back(row)

    async def settle(self, final: int | None) -> list[tuple[ForeignDebitRow, str]]:
        """Book what is final at that height, and take back what a transaction of ours explains
        after all: those, with the transaction's id."""
        ours = []
        for row, transaction in await repository.due(self._session, self._network.id, final):
            if transaction is None:
                self._book(row)
            elif await self._is_own(row, transaction):
                ours.append((row, transaction))
        return ours

    async def _is_own(self, row: ForeignDebitRow, transaction: str) -> bool:
        """It has a transaction of ours, which explains it; whether its transfers' own entries take
        it away, so that it is taken back here.

        Of tokens in a call they do as far as the contract may take them, and while the transfer
        has not ended. What is more was taken beyond what was agreed to: it stays booked."""
        row.explained_by = transaction
        known = await own_transactions(self._session, self._network, [row.txid])
        own = known[row.txid]
        if own.calls is None or row.asset == self._network.native.id:
            self._take_back(row)
            return True
        most = taken_in(own, self._network.native.id).get(AssetId(row.asset), 0)
        await self._session.flush()
        taken = await repository.taken_with(self._session, transaction, row.asset)
        if row.amount > most - taken:
            row.verdict = Verdict.EXCESS.value
            return False
        row.verdict = Verdict.CALLED.value
        if await repository.has_ended(self._session, own.calls):
            if row.state == DebitState.PENDING:
                self._book(row)
            return False
        self._take_back(row)
        row.state, row.decided_at = DebitState.PENDING.value, None
        row.owed, row.reservation_id, row.owed_reservation_id = 0, None, None
        return True

    async def add(self, found: Sequence[Found], final: int | None) -> None:
        """Those that no debit stands for yet, as with deposits. Locks the vaults, so that nothing
        else takes of their money before the ledger has been written."""
        debits = [each for each in found if each.decision.verdict in LEFT]
        if not debits:
            return
        txids = {each.movement.txid for each in debits}
        known = await repository.debits_of(self._session, self._network.id, txids)
        standing = {whole(row.txid, row.place) for row in known if row.state != DebitState.REVERSED}
        reversed_ = {(row.block_hash, row.txid, row.place): row for row in known}
        fresh = [each for each in debits if whole(*each.decision.place) not in standing]
        if not fresh:
            return
        available = await self._locked({each.owner.vault_id for each in fresh})
        for each in fresh:
            row = reversed_.get((each.block.hash, *each.decision.place))
            debit_id = new_id("fdb") if row is None else row.id
            self.seen.append(debit_id)
            values = self._values(each, debit_id, available, final)
            if row is None:
                self._new.append(values)
            else:
                self._revived.append((row, values))
        await tell(self._session, self._network, fresh, self._now)

    async def write(self) -> None:
        await self._session.insert(ForeignDebitRow, self._new)
        for row, values in self._revived:
            for name, value in values.items():
                if name not in _COPIED:
                    setattr(row, name, value)

    async def _locked(self, vaults: set[str]) -> dict[str, int]:
        """What each account of the vaults has, by its id."""
        await lock_vaults(self._session, vaults)
        return {
            account.key.id: account.available
            for vault in sorted(vaults)
            for account in await ledger.accounts_of_vault(self._session, vault)
        }

    def _take_back(self, row: ForeignDebitRow) -> None:
        """The opposite of what was booked for it, or the end of what is held."""
        sides = ((row.reservation_id, row.amount - row.owed), (row.owed_reservation_id, row.owed))
        account, lender = accounts_of(row)
        for (entry, amount), key in zip(sides, (account, lender), strict=True):
            if entry is None:
                continue
            if row.state == DebitState.PENDING:
                self._batch.move(Void(entry))
            else:
                outside = chain_account(key.asset)
                self._batch.move(Post(outside, key, amount, row.id, Reason.FOREIGN_DEBIT))
        row.state, row.decided_at = DebitState.REVERSED.value, self._now

    def _book(self, row: ForeignDebitRow) -> None:
        if row.reservation_id is not None:
            self._batch.move(Settle(row.reservation_id, row.amount - row.owed))
        if row.owed_reservation_id is not None:
            self._batch.move(Settle(row.owed_reservation_id, row.owed))
        row.state, row.decided_at = DebitState.BOOKED.value, self._now

    def _values(
        self, found: Found, debit_id: str, available: dict[str, int], final: int | None
    ) -> dict[str, Any]:
        """The row of a new debit; its ledger entries are collected on the way."""
        movement, owner, verdict = found.movement, found.owner, found.decision.verdict
        kind = AccountKind(owner.holding.value)
        account = AccountKey(kind, movement.asset, owner.vault_id)
        lender = shortfall_account(owner.vault_id, movement.asset)
        amount = -movement.units
        called = verdict is Verdict.CALLED
        borne = amount if called else min(amount, max(0, available.get(account.id, 0)))
        available[account.id] = available.get(account.id, 0) - (0 if called else borne)
        ended = not called and final is not None and found.final_height <= final
        entries: list[str | None] = [None, None] if called else []
        for key, part in () if called else ((account, borne), (lender, amount - borne)):
            entries.append(self._hold(key, part, debit_id) if part else None)
            if ended and entries[-1] is not None:
                self._batch.move(Settle(entries[-1], part))
        return {
            "id": debit_id,
            "network": self._network.id,
            "asset": movement.asset,
            "client_id": owner.client_id,
            "vault_id": owner.vault_id,
            "address": movement.address,
            "txid": movement.txid,
            "place": movement.place,
            "amount": amount,
            "account": kind.value,
            "verdict": verdict.value,
            "explained_by": found.decision.by,
            "state": (DebitState.BOOKED if ended else DebitState.PENDING).value,
            "block_height": found.block.height,
            "block_hash": found.block.hash,
            "final_height": found.final_height,
            "owed": amount - borne,
            "reservation_id": entries[0],
            "owed_reservation_id": entries[1],
            "created_at": self._now,
            "decided_at": self._now if ended else None,
        }

    def _hold(self, account: AccountKey, amount: int, debit_id: str) -> str:
        outside = chain_account(account.asset)
        return self._batch.move(Reserve(account, outside, amount, debit_id, Reason.FOREIGN_DEBIT))


def whole(txid: str, place: str) -> tuple[str, str]:
    """Which movement it is, or is a part of. All parts of one are written down together."""
    return txid, place.partition(PART)[0]


def accounts_of(row: ForeignDebitRow) -> tuple[AccountKey, AccountKey]:
    """The account that bears it, and the one that bears what is more than that had."""
    asset = AssetId(row.asset)
    borne_by = AccountKey(AccountKind(row.account), asset, row.vault_id)
    return borne_by, shortfall_account(row.vault_id, asset)
