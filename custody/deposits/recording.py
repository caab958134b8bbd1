"""Writes deposits and their ledger entries: those that are undone, those that are final, new ones.

One call makes all ledger entries of a batch, so that all accounts are locked in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import DepositRow
from custody.deposits import repository
from custody.deposits.matching import DepositState, Found
from custody.ledger.model import Movement, Reason, Reserve, Settle, Void, chain_account
from custody.ledger.service import Ledger


class Recorder:
    """Collects what one batch of blocks does to deposits; `write` makes it so.

    `pending`, `credited` and `reversed` are deposit ids; what is final at once is in both of the
    first two.
    """

    def __init__(self, session: WriteSession, network: Network, now: datetime) -> None:
        self.pending: list[str] = []
        self.credited: list[str] = []
        self.reversed: list[str] = []
        self._session = session
        self._network = network
        self._now = now
        self._entry_ids: list[str] = []
        self._movements: list[Movement] = []
        self._new: list[dict[str, Any]] = []
        self._revived: list[tuple[DepositRow, dict[str, Any]]] = []

    def reverse(self, rows: Iterable[DepositRow]) -> None:
        """Their blocks are gone and they were not credited yet."""
        for row in rows:
            assert row.state == DepositState.PENDING
            self._move(Void(row.reservation_id))
            row.state, row.decided_at = DepositState.REVERSED.value, self._now
            self.reversed.append(row.id)

    async def credit(self, credit_height: int | None) -> None:
        """All stored pending deposits of the network that are final at `credit_height`."""
        if credit_height is None:
            return
        final = await repository.creditable(self._session, self._network.id, credit_height)
        for row in final:
            self._move(Settle(row.reservation_id, row.amount))
            row.state, row.decided_at = DepositState.CREDITED.value, self._now
            self.credited.append(row.id)

    async def add(self, found: Sequence[Found], credit_height: int | None) -> None:
        """Those that no deposit stands for yet.

        What stands for a credit: a deposit of the same output that is pending or credited, in
        whichever block. After a reorg below finality the credited one stays, so the same money in
        another block is not credited twice. A reversed deposit of the very same block is revived.
        """
        txids = {each.credit.txid for each in found}
        known = await repository.deposits_of(self._session, self._network.id, txids)
        standing = {(row.txid, row.place) for row in known if row.state != DepositState.REVERSED}
        reversed_ = {(row.block_hash, row.txid, row.place): row for row in known}
        for each in found:
            if each.change or each.place in standing:
                continue
            row = reversed_.get((each.block.hash, *each.place))
            values = self._values(each, new_id("dep") if row is None else row.id, credit_height)
            if row is None:
                self._new.append(values)
            else:
                self._revived.append((row, values))

    async def write(self, ledger: Ledger) -> None:
        await ledger.apply(self._session, self._movements, self._entry_ids)
        await self._session.insert(DepositRow, self._new)
        for row, values in self._revived:
            for name, value in values.items():
                if name != "created_at":
                    setattr(row, name, value)

    def _move(self, movement: Movement) -> str:
        """The id of the entry that will be made."""
        self._entry_ids.append(new_id("ent"))
        self._movements.append(movement)
        return self._entry_ids[-1]

    def _values(self, found: Found, deposit_id: str, credit_height: int | None) -> dict[str, Any]:
        """The row of a new deposit; its ledger entries are collected on the way."""
        credit = found.credit
        chain = chain_account(credit.asset)
        held = self._move(Reserve(chain, found.account, credit.units, deposit_id, Reason.DEPOSIT))
        self.pending.append(deposit_id)
        final = credit_height is not None and found.final_height <= credit_height
        if final:
            self._move(Settle(held, credit.units))
            self.credited.append(deposit_id)
        return {
            "id": deposit_id,
            "network": self._network.id,
            "asset": credit.asset,
            "client_id": found.owner.client_id,
            "vault_id": found.owner.address.vault_id,
            "address_id": found.owner.address.id,
            "txid": credit.txid,
            "place": credit.place,
            "amount": credit.units,
            "state": (DepositState.CREDITED if final else DepositState.PENDING).value,
            "block_height": found.block.height,
            "block_hash": found.block.hash,
            "final_height": found.final_height,
            "reservation_id": held,
            "created_at": self._now,
            "decided_at": self._now if final else None,
        }
