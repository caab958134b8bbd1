"""Writes deposits, foreign debits and their ledger entries: those that are undone, those that are
final, new ones.

One call makes all ledger entries of a batch, so that all accounts are locked in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chains.model import AssetId
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.quarantine_tables import QuarantineRow
from custody.db.session import WriteSession
from custody.db.tables import DepositRow, ForeignDebitRow
from custody.debits.recording import DebitRecorder
from custody.deposits import repository
from custody.deposits.deciding import INCOMES, Found, Verdict
from custody.deposits.forgotten import no_income
from custody.deposits.minimums import Minimums, enough
from custody.deposits.states import DepositState, Turn, after, can
from custody.ledger.batch import Batch
from custody.ledger.model import (
    AccountKey,
    AccountKind,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    quarantine_account,
)
from custody.ledger.service import Ledger
from custody.quarantine.judging import Place, judge, row_of
from custody.quarantine.model import Arrival, Rule


class Recorder:
    """Collects what one batch of blocks does to deposits; `write` makes it so.

    `pending`, `credited` and `reversed` are deposit ids; what is final at once is in both of the
    first two. What is quarantined is pending until it is released.
    """

    def __init__(
        self, session: WriteSession, network: Network, now: datetime, minimums: Minimums
    ) -> None:
        self.pending: list[str] = []
        self.credited: list[str] = []
        self.reversed: list[str] = []
        self._session = session
        self._network = network
        self._now = now
        self._minimums = minimums
        self._late: int | None = None
        self._held: dict[Place, Rule | None] = {}
        self._quarantines: list[dict[str, Any]] = []
        self._batch = Batch()
        self._debits = DebitRecorder(session, network, now, self._batch)
        self._new: list[dict[str, Any]] = []
        self._revived: list[tuple[DepositRow, dict[str, Any]]] = []

    @property
    def debited(self) -> list[str]:
        """The ids of new foreign debits."""
        return self._debits.seen

    @property
    def gained(self) -> dict[tuple[str, AssetId], int]:
        """What the new deposits bring, by vault and asset."""
        gained: dict[tuple[str, AssetId], int] = {}
        for row in (*self._new, *(values for _, values in self._revived)):
            key = (row["vault_id"], AssetId(row["asset"]))
            gained[key] = gained.get(key, 0) + row["amount"]
        return gained

    def reverse(self, rows: Iterable[DepositRow], debits: Iterable[ForeignDebitRow]) -> None:
        """Their blocks are gone. What was credited or booked stays as it is."""
        self._debits.reverse(debits)
        for row in rows:
            if not can(row.state, Turn.UNDO):
                continue
            self._batch.move(Void(row.reservation_id))
            row.state, row.decided_at = after(row.state, Turn.UNDO).value, self._now
            row.updated_at = self._now
            self.reversed.append(row.id)

    async def credit(self, credit_height: int | None) -> None:
        """All stored pending deposits and debits of the network that are final at `credit_height`,
        but for deposits that are too little, unless our own call brought them: those wait, and go
        with what comes after them; and takes back what was booked for transactions that are our own
        after all."""
        for debit, transaction in await self._debits.settle(credit_height):
            await no_income(
                self._session, self._network, debit, transaction, self._batch, self._now
            )
        if credit_height is None:
            return
        await self._settle(credit_height)

    async def settle(self, credit_height: int | None, ledger: Ledger) -> None:
        """Deposits alone, at once: what was released may be final for long."""
        self._late = credit_height
        await self.write(ledger)

    async def _settle(self, credit_height: int) -> None:
        final = await repository.creditable(self._session, self._network.id, credit_height)
        credited, waiting = enough([row for row in final if not row.transfer_id], self._minimums)
        credited += [row for row in final if row.transfer_id]
        for row in waiting:
            if can(row.state, Turn.WAIT):  # it may wait already
                row.state, row.updated_at = after(row.state, Turn.WAIT).value, self._now
        for row in credited:
            self._batch.move(Settle(row.reservation_id, row.amount))
            row.state, row.decided_at = after(row.state, Turn.SETTLE).value, self._now
            row.updated_at = self._now
            self.credited.append(row.id)

    async def add(self, found: Sequence[Found], credit_height: int | None) -> None:
        """Those that neither a deposit nor a debit stands for yet. What a rule or a person holds is
        held from the start.

        What stands for a credit: a deposit of the same output that is pending or credited, in
        whichever block. After a reorg below finality the credited one stays, so the same money in
        another block is not credited twice. A reversed deposit of the very same block is revived.
        """
        await self._debits.add(found, credit_height)
        incomes = [each for each in found if each.verdict in INCOMES]
        txids = {each.movement.txid for each in incomes}
        known = await repository.deposits_of(self._session, self._network.id, txids)
        standing = {(row.txid, row.place) for row in known if not can(row.state, Turn.RETURN)}
        reversed_ = {(row.block_hash, row.txid, row.place): row for row in known}
        fresh = [each for each in incomes if each.decision.place not in standing]
        told = [_arrival(each) for each in fresh if each.verdict is not Verdict.RECEIVED]
        self._held |= await judge(self._session, self._network.id, told)
        for each in fresh:
            row = reversed_.get((each.block.hash, *each.decision.place))
            values = self._values(each, new_id("dep") if row is None else row.id, credit_height)
            if row is None:
                self._new.append(values)
            else:
                self._revived.append((row, values))

    async def write(self, ledger: Ledger) -> None:
        await self._batch.write(self._session, ledger)
        await self._debits.write()
        await self._session.insert(DepositRow, self._new)
        self._revive()
        await self._session.insert(QuarantineRow, self._quarantines)
        if self._late is None:
            return
        # Final at once, and credited with what waits at the same address, or waiting with it.
        await self._session.flush()
        self._batch = Batch()
        await self._settle(self._late)
        await self._batch.write(self._session, ledger)

    def _quarantine(self, deposit_id: str, place: Place) -> None:
        rule = self._held[place]
        if rule is None:  # it was held before its block came
            return
        self._quarantines.append(
            row_of(
                self._network.id, place, deposit_id, rule.id, rule.reason, rule.set_by, self._now
            )
        )

    def _revive(self) -> None:
        for row, values in self._revived:
            for name, value in values.items():
                if name != "created_at":
                    setattr(row, name, value)

    def _values(self, found: Found, deposit_id: str, credit_height: int | None) -> dict[str, Any]:
        """The row of a new deposit; its ledger entries are collected on the way."""
        credit, owner = found.movement, found.owner
        account = AccountKey(AccountKind(owner.holding.value), credit.asset, owner.vault_id)
        received = found.verdict is Verdict.RECEIVED
        quarantined = found.decision.place in self._held
        if quarantined:
            account = quarantine_account(owner.vault_id, credit.asset)
            self._quarantine(deposit_id, found.decision.place)
        outside = chain_account(credit.asset)
        held = self._batch.move(Reserve(outside, account, credit.units, deposit_id, Reason.DEPOSIT))
        self.pending.append(deposit_id)
        state = DepositState.PENDING
        final = credit_height is not None and found.final_height <= credit_height
        if quarantined:
            state, final = after(state, Turn.HOLD), False
        if final and credit.asset in self._minimums and not received:
            final, self._late = False, credit_height
        if final:
            state = after(state, Turn.SETTLE)
            self._batch.move(Settle(held, credit.units))
            self.credited.append(deposit_id)
        return {
            "id": deposit_id,
            "network": self._network.id,
            "asset": credit.asset,
            "client_id": owner.client_id,
            "vault_id": owner.vault_id,
            "address_id": owner.address_id,
            "txid": credit.txid,
            "place": credit.place,
            "amount": credit.units,
            "state": state.value,
            "block_height": found.block.height,
            "block_hash": found.block.hash,
            "final_height": found.final_height,
            "reservation_id": held,
            "created_at": self._now,
            "decided_at": self._now if final else None,
            "updated_at": self._now,
            "transfer_id": found.decision.by if received else None,
        }


def _arrival(found: Found) -> Arrival:
    credit, owner = found.movement, found.owner
    return Arrival(
        txid=credit.txid,
        place=credit.place,
        asset=credit.asset,
        amount=credit.units,
        client=owner.client_id,
        vault=owner.vault_id,
        senders=found.senders,
    )
