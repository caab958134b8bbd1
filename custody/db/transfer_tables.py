"""What people want (transfers) and agree to (mandates), and what chains do (transactions).

Rows only, as in `tables`.

    transfers --< transfer_outputs                of those that pay several at once
    transfers --< mandates --< approvals          a transfer's terms, version by version
    transfers >-< transactions                    through transaction_transfers: the *contest*
    transactions >-< claims                       through claim_holders: what it takes for itself
    mandates --< reservations -- ledger_entries   the money that is held for it
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chains.costs import Costs
from custody.db.base import Row
from custody.db.ids import new_id
from custody.db.types import BaseUnits, ByKind, Height, Serial

SEVERAL: Final = ""
"""The destination of a transfer that pays several at once."""


class TransferRow(Row):
    """What is paid to whom: `amount` of `asset` in all, to `destination` with `memo`, or, where
    that is `SEVERAL`, as `transfer_outputs` says. `id` follows from the client and its retry
    key (`transfers.request`). `ordinal` is read by nobody any more: lists went by it before
    `serial`, which migration 0004 made from it. It stays because migrations only add.
    `costs_max`: the most that it may cost in the native asset, all kinds together, in the
    greatest of its versions. `closes`: whether token accounts that it leaves empty are closed.
    `kind`: see `transfers.kinds`; `priority`: see
    `transfers.priority`. `payout_file`: the file that it stood in. `version` counts the changes of
    state. `waiting`: the code of what it waits for, if anything. `external_id` (of one transfer
    of the client) and `metadata_json` are the client's own words, which nobody signs. Bytes and
    blocks are its transactions' affair.
    """

    __tablename__ = "transfers"
    id: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[str] = mapped_column(unique=True, default=lambda: new_id("ord"))
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), index=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    network: Mapped[str]
    asset: Mapped[str]
    destination: Mapped[str]
    memo: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BaseUnits)
    costs_max: Mapped[int] = mapped_column(BaseUnits)
    kind: Mapped[str] = mapped_column(server_default=text("'payment'"))
    priority: Mapped[str] = mapped_column(server_default=text("'normal'"))
    note: Mapped[str | None]
    external_id: Mapped[str | None]
    metadata_json: Mapped[str | None]
    initiator: Mapped[str]
    retry_of: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    payout_file: Mapped[str | None]
    closes: Mapped[bool] = mapped_column(server_default=false())
    state: Mapped[str]
    version: Mapped[int]
    waiting: Mapped[str | None]
    reason: Mapped[str | None]
    requested_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    serial: Mapped[Serial]


Index("ix_transfers_network_state", TransferRow.network, TransferRow.state)
Index(
    "ix_transfers_calls",
    TransferRow.network,
    TransferRow.state,
    sqlite_where=text("kind = 'call'"),
    postgresql_where=text("kind = 'call'"),
)
Index("ix_transfers_external_id", TransferRow.external_id, TransferRow.client_id, unique=True)
Index("ix_transfers_kind", TransferRow.kind, TransferRow.serial)
Index("ix_transfers_requested_at", TransferRow.requested_at)
Index("ix_transfers_updated_at", TransferRow.updated_at)
Index(
    "ix_transfers_same_payment",
    TransferRow.amount,  # first, so that no list is read by it
    TransferRow.destination,
    TransferRow.vault_id,
    TransferRow.requested_at,
)
for _column in (
    "client_id",
    "vault_id",
    "network",
    "asset",
    "state",
    "destination",
    "priority",
    "payout_file",
):
    Index(None, TransferRow.__table__.c[_column], TransferRow.serial)


class TransferOutputRow(Row):
    """One payment of a transfer that makes several, all of its asset. `position` counts from 1, in
    the order asked for."""

    __tablename__ = "transfer_outputs"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    destination: Mapped[str] = mapped_column(index=True)
    memo: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BaseUnits)


class TransferWarningRow(Row):
    """What a transfer was accepted with: `code`, and the transfer that it is about, asked for
    `at`."""

    __tablename__ = "transfer_warnings"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    other: Mapped[str] = mapped_column(ForeignKey("transfers.id"))
    at: Mapped[datetime]


class MandateRow(Row):
    """One version of a transfer's terms. `document`: the canonical bytes that approvers see and the
    signer checks; `digest` is what they sign. `costs_max`: the most that it may cost, by kind."""

    __tablename__ = "mandates"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[bytes]
    digest: Mapped[bytes] = mapped_column(unique=True)
    costs_max: Mapped[Costs] = mapped_column(ByKind)
    state: Mapped[str]
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


Index("ix_mandates_state_expires_at", MandateRow.state, MandateRow.expires_at)


class ApprovalRow(Row):
    """An approver's signed verdict on a mandate."""

    __tablename__ = "approvals"
    __table_args__ = (UniqueConstraint("mandate_digest", "approver"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), index=True)
    mandate_digest: Mapped[bytes] = mapped_column(ForeignKey("mandates.digest"))
    approver: Mapped[str]
    verdict: Mapped[str]
    signature: Mapped[bytes]
    created_at: Mapped[datetime]


class ReservationRow(Row):
    """Money that is held for a mandate: `kind` is `effect` for what it pays, or a kind of cost.
    A later version holds what it may cost beyond the one before. `spent`: what its end took of
    `amount`; null while it is held, by the ledger entry `entry_id`."""

    __tablename__ = "reservations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["transfer_id", "mandate_version"], ["mandates.transfer_id", "mandates.version"]
        ),
    )
    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    mandate_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asset: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(BaseUnits)
    entry_id: Mapped[str] = mapped_column(ForeignKey("ledger_entries.id"))
    spent: Mapped[int | None] = mapped_column(BaseUnits)


class TransferParentRow(Row):
    """The coin that a child spends before it is in a block. `root_txid`, `root_place`: the deposit
    that its money comes from; null if it is the vault's own change."""

    __tablename__ = "transfer_parents"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    network: Mapped[str]
    txid: Mapped[str]
    position: Mapped[int]
    amount: Mapped[int] = mapped_column(BaseUnits)
    address_id: Mapped[str] = mapped_column(ForeignKey("addresses.id"))
    root_txid: Mapped[str | None]
    root_place: Mapped[str | None]


Index("ix_transfer_parents_txid_network", TransferParentRow.txid, TransferParentRow.network)


class TransferNeedRow(Row):
    """A key that what a child stands on takes, by `txid`. Used up by anybody else, the child can
    never be in a block."""

    __tablename__ = "transfer_needs"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(index=True)
    txid: Mapped[str]


class TransactionRow(Row):
    """What one chain is asked to do, for one or more transfers of a vault. Unsigned bytes are
    stored before the signer is asked, signed ones before the first broadcast. Neither is ever
    overwritten.

    `purpose`: pay, or cancel. `replaces`: the transaction that it takes the place of. `source`: the
    address or account path that pays. `refusal`: the signer's word that it did not sign these
    bytes. `costs`, `held`: what is gone by kind, and what moved to accounts that stay ours;
    `returned`: what came back out of accounts that were closed; known while it is in a block.
    `receipt`: the signer's, whole; `receipt_sequence` and `receipt_head` are its place in the
    journal. `made_height`: where our chain stood when the bytes were made, so that no block up to
    it has them; None where that is not known. `version` counts the changes of state."""

    __tablename__ = "transactions"
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    purpose: Mapped[str]
    replaces: Mapped[str | None] = mapped_column(ForeignKey("transactions.id"))
    source: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    payload: Mapped[bytes | None]
    sender: Mapped[str | None]
    raw: Mapped[bytes | None]
    txid: Mapped[str | None] = mapped_column(index=True)
    made_height: Mapped[Height | None]
    block_height: Mapped[Height | None]
    block_hash: Mapped[str | None]
    costs: Mapped[Costs | None] = mapped_column(ByKind)
    held: Mapped[Costs | None] = mapped_column(ByKind)
    returned: Mapped[Costs | None] = mapped_column(ByKind)
    refusal: Mapped[str | None]
    reason: Mapped[str | None]
    receipt: Mapped[bytes | None]
    receipt_sequence: Mapped[int | None]
    receipt_head: Mapped[bytes | None]
    created_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    broadcast_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


Index("ix_transactions_receipt_sequence", TransactionRow.receipt_sequence)
Index("ix_transactions_network_state", TransactionRow.network, TransactionRow.state)


class TransactionTransferRow(Row):
    """That a transaction carries a transfer, under which version of its terms. `size`: what the
    transfer's outputs add to it, by which its costs are shared (`TransactionCodec.size_of`); None
    in rows that are older than that rule."""

    __tablename__ = "transaction_transfers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["transfer_id", "mandate_version"], ["mandates.transfer_id", "mandates.version"]
        ),
    )
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    mandate_version: Mapped[int]
    size: Mapped[int | None]


Index("ix_transaction_transfers_transfer_id", TransactionTransferRow.transfer_id)


class ClaimRow(Row):
    """A conflict key that an unfinished transaction takes for itself. The primary key keeps two
    transactions from taking the same. Gone when none of its holders may still be included."""

    __tablename__ = "claims"
    key: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]


class ClaimHolderRow(Row):
    """A transaction takes the key, or once did; and what sharing it excludes. A replacement is one
    more holder of the same key. Never deleted."""

    __tablename__ = "claim_holders"
    key: Mapped[str] = mapped_column(primary_key=True)
    transaction_id: Mapped[str] = mapped_column(
        ForeignKey("transactions.id"), primary_key=True, index=True
    )
    excludes: Mapped[str]
