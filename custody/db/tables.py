"""The schema, with `debit_tables`, `gas_tables`, `pause_tables`, `payout_tables`,
`quarantine_tables`, `reconcile_tables`, `refill_tables`, `signer_tables` and `transfer_tables`.
Rows only: rules live in the services, queries in repositories.

Amounts are `BaseUnits` (integers up to 2**256, exact on every database), times `UtcTime` (aware),
ids time-ordered text with a prefix that names the noun (`ids.py`). Network and asset columns hold
CAIP-2 and CAIP-19 ids. Ledger rows are inserted and never updated or deleted.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.adoption_tables import AdoptionRow as AdoptionRow
from custody.db.base import Row as Row
from custody.db.coin_rule_tables import CoinMoveRow as CoinMoveRow
from custody.db.coin_rule_tables import CoinRuleRow as CoinRuleRow
from custody.db.debit_tables import ForeignDebitRow as ForeignDebitRow
from custody.db.debit_tables import SuspenseDecisionRow as SuspenseDecisionRow
from custody.db.fee_tables import FeeCapRow as FeeCapRow
from custody.db.fee_tables import FeeUseRow as FeeUseRow
from custody.db.gas_tables import GasCarrierRow as GasCarrierRow
from custody.db.gas_tables import GasNeedRow as GasNeedRow
from custody.db.gas_tables import GasRuleRow as GasRuleRow
from custody.db.gas_tables import GasTopUpRow as GasTopUpRow
from custody.db.log_tables import EvidenceManifestRow as EvidenceManifestRow
from custody.db.log_tables import LogCheckpointRow as LogCheckpointRow
from custody.db.log_tables import LogCosignatureRow as LogCosignatureRow
from custody.db.log_tables import LogEntryRow as LogEntryRow
from custody.db.message_tables import MessageRow as MessageRow
from custody.db.move_tables import VaultMoveRow as VaultMoveRow
from custody.db.move_tables import VaultMoveStepRow as VaultMoveStepRow
from custody.db.outcome_tables import CallOutcomeRow as CallOutcomeRow
from custody.db.outcome_tables import ContractStopRow as ContractStopRow
from custody.db.pause_tables import PauseRow as PauseRow
from custody.db.payout_tables import PayoutFileRow as PayoutFileRow
from custody.db.proof_tables import ChainProofRow as ChainProofRow
from custody.db.proof_tables import ProofWantRow as ProofWantRow
from custody.db.quarantine_tables import QuarantineRow as QuarantineRow
from custody.db.reconcile_tables import ReconciliationLineRow as ReconciliationLineRow
from custody.db.reconcile_tables import ReconciliationMismatchRow as ReconciliationMismatchRow
from custody.db.reconcile_tables import ReconciliationRow as ReconciliationRow
from custody.db.refill_tables import RefillRow as RefillRow
from custody.db.refill_tables import RefillRuleRow as RefillRuleRow
from custody.db.restraint_tables import RestraintRow as RestraintRow
from custody.db.rpc_tables import RpcAskRow as RpcAskRow
from custody.db.rpc_tables import RpcTokenRow as RpcTokenRow
from custody.db.sighting_tables import ConsumptionRow as ConsumptionRow
from custody.db.sighting_tables import SightingRow as SightingRow
from custody.db.sighting_tables import UnlistedBeyondRow as UnlistedBeyondRow
from custody.db.sighting_tables import UnlistedRow as UnlistedRow
from custody.db.signer_tables import PolicyVersionRow as PolicyVersionRow
from custody.db.signer_tables import SignerCheckpointRow as SignerCheckpointRow
from custody.db.signer_tables import SignerJournalRow as SignerJournalRow
from custody.db.signer_tables import VaultOpeningRow as VaultOpeningRow
from custody.db.sweep_tables import SweepRow as SweepRow
from custody.db.sweep_tables import SweepRuleRow as SweepRuleRow
from custody.db.types import BaseUnits, Height, Serial


class ClientRow(Row):
    """The legal owner. Assets of two clients never share an address."""

    __tablename__ = "clients"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    serial: Mapped[Serial]


class VaultRow(Row):
    """`account`: the hardened index that the signer assigned, in record `opened_sequence` of its
    journal. `frozen_reason`: set while nothing may leave. It is the first open reason in
    `vault_freezes`."""

    __tablename__ = "vaults"
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), index=True)
    name: Mapped[str]
    account: Mapped[int] = mapped_column(unique=True)
    opened_sequence: Mapped[int | None]
    opened_head: Mapped[bytes | None]
    frozen_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    serial: Mapped[Serial]


class VaultFreezeRow(Row):
    """One reason why nothing may leave a vault, who gave it and how it ended. `open_key` (vault and
    reason) keeps a reason from being given twice; null once it has ended. `difference`: what
    still differed from the chain when a person ended it all the same."""

    __tablename__ = "vault_freezes"
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    reason: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    frozen_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]
    difference: Mapped[str | None]


class AddressRow(Row):
    """`position` counts the vault's addresses of one network, type and branch from 0. `change`
    addresses (UTXO) are never shown to users. `seq` grows with every row, for the watch list."""

    __tablename__ = "addresses"
    __table_args__ = (
        UniqueConstraint("network", "address"),
        UniqueConstraint("vault_id", "network", "address_type", "change", "position"),
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    network: Mapped[str]
    address: Mapped[str]
    address_type: Mapped[str]
    change: Mapped[bool]
    position: Mapped[int]
    path: Mapped[str]
    public_key: Mapped[bytes]
    label: Mapped[str | None]
    created_at: Mapped[datetime]
    serial: Mapped[Serial]


Index("ix_addresses_network_seq", AddressRow.network, AddressRow.seq)


class BlockRow(Row):
    """The follower's refs: the newest connected blocks of each network."""

    __tablename__ = "blocks"
    network: Mapped[str] = mapped_column(primary_key=True)
    height: Mapped[Height] = mapped_column(primary_key=True)
    hash: Mapped[str]
    timestamp: Mapped[int]
    """The block's own, Unix seconds; 0 where it is not known."""
    connected_at: Mapped[datetime]


class FollowerRow(Row):
    """One per followed network. Who applies blocks locks it, so two followers never interleave.
    `coins_version`: a new id after each change of the network's coins. A process that finds an id
    that it did not write loads its watched coins again. `final_height`: the
    newest block that was ever declared final; `final_by`: what proved it, the node's word or
    confirmations."""

    __tablename__ = "followers"
    network: Mapped[str] = mapped_column(primary_key=True)
    coins_version: Mapped[str | None]
    final_height: Mapped[Height | None]
    final_by: Mapped[str | None]


class FollowStateRow(Row):
    """How the follower of a network fares, for other processes to show (`FollowStatus`). Whoever
    follows writes it every few seconds. Nobody who moves money believes it."""

    __tablename__ = "follow_states"
    network: Mapped[str] = mapped_column(primary_key=True)
    position_height: Mapped[Height | None]
    position_hash: Mapped[str | None]
    tip_height: Mapped[Height | None]
    tip_hash: Mapped[str | None]
    node_unavailable_since: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    at_tip_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    failure_since: Mapped[datetime | None]
    failure_height: Mapped[Height | None]
    failure_attempts: Mapped[int]
    internal_credits: Mapped[str]


class ReadingRow(Row):
    """How the blocks from `first_height` to `last_height` were read (`Reading`). A network's rows
    together cover every block that was applied and not undone, and what a rescan read before them.
    `last_hash`: of the block at `hashed_height`, which by its parents names all below; that is the
    last one, unless an older program moved the end. `parent_hash`: of the block below the first.
    Null where an older program wrote the row."""

    __tablename__ = "readings"
    network: Mapped[str] = mapped_column(primary_key=True)
    first_height: Mapped[Height] = mapped_column(primary_key=True)
    last_height: Mapped[Height]
    reading: Mapped[str]
    parent_hash: Mapped[str | None]
    last_hash: Mapped[str | None]
    hashed_height: Mapped[Height | None]
    created_at: Mapped[datetime]


class PassRow(Row):
    """An operator's decision to go on without the movements of the blocks from `first_height` to
    `last_height`, because they can't be read. Never deleted."""

    __tablename__ = "passes"
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(index=True)
    first_height: Mapped[Height]
    last_height: Mapped[Height]
    failure: Mapped[str]
    """Why the first of them could not be read."""
    reason: Mapped[str]
    passed_by: Mapped[str]
    created_at: Mapped[datetime]


class DepositRow(Row):
    """pending -> credited, or pending -> reversed; pending -> below_minimum, and from there as from
    pending; quarantined, and then pending again or reversed; credited -> reversed only when a
    person rewinds the chain. A transaction that comes back in another block
    is a new row, so nothing that was once shown is rewritten; only the very same block coming back
    makes its reversed rows pending again, under a new reservation."""

    __tablename__ = "deposits"
    __table_args__ = (UniqueConstraint("network", "block_hash", "txid", "place"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    asset: Mapped[str]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), index=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    address_id: Mapped[str] = mapped_column(ForeignKey("addresses.id"))
    txid: Mapped[str]
    place: Mapped[str]
    """Where in the transaction: `chains.block.Movement.place`."""
    amount: Mapped[int] = mapped_column(BaseUnits)
    state: Mapped[str]
    block_height: Mapped[Height]
    block_hash: Mapped[str]
    final_height: Mapped[Height]
    """First height at which it may be credited where the network counts confirmations (block,
    maturity); where the node says what is final, the block's height or maturity."""
    reservation_id: Mapped[str] = mapped_column(ForeignKey("ledger_entries.id"))
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    updated_at: Mapped[datetime | None]
    """When its state changed last."""
    transfer_id: Mapped[str | None] = mapped_column(index=True)
    """Of the vault's own call that brought it."""
    serial: Mapped[Serial]


for _column in ("client_id", "vault_id", "network", "asset", "state", "address_id", "txid"):
    Index(None, DepositRow.__table__.c[_column], DepositRow.serial)
Index("ix_deposits_created_at", DepositRow.created_at)
Index("ix_deposits_updated_at", DepositRow.updated_at)
Index("ix_vaults_client_id_serial", VaultRow.client_id, VaultRow.serial)
Index("ix_addresses_vault_id_serial", AddressRow.vault_id, AddressRow.serial)
Index("ix_deposits_network_state", DepositRow.network, DepositRow.state)
Index("ix_deposits_network_txid", DepositRow.network, DepositRow.txid)


class CoinRow(Row):
    """An output of ours on a UTXO network, change included. Gone again when its block is
    disconnected. `spent_height` is set by the block that spends it."""

    __tablename__ = "coins"
    network: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    address_id: Mapped[str] = mapped_column(ForeignKey("addresses.id"))
    amount: Mapped[int] = mapped_column(BaseUnits)
    own_change: Mapped[bool]
    block_height: Mapped[Height]
    mature_height: Mapped[Height]
    spent_height: Mapped[Height | None]


class LedgerAccountRow(Row):
    """`kind`: vault | unswept | locked | shortfall | suspense | quarantine (with `vault_id`), or
    chain | fees.
    `id` follows from the other three (`ledger.model.AccountKey`). The four totals are a cache of
    the entries, written in the same transaction; a test and the reconciliation prove them equal.
    Those of chain and fees stay 0: every transfer of the asset would queue for that one row, and
    nobody needs them in a hurry."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (UniqueConstraint("vault_id", "asset", "kind"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"), index=True)
    asset: Mapped[str]
    kind: Mapped[str]
    debits_posted: Mapped[int] = mapped_column(BaseUnits)
    credits_posted: Mapped[int] = mapped_column(BaseUnits)
    debits_pending: Mapped[int] = mapped_column(BaseUnits)
    credits_pending: Mapped[int] = mapped_column(BaseUnits)


class LedgerEntryRow(Row):
    """One movement of one asset from `debit_account` to `credit_account`. `kind`: reserve, settle,
    void or post; settle and void name the reserve in `pending_id`, at most one each (unique)."""

    __tablename__ = "ledger_entries"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    debit_account: Mapped[str] = mapped_column(ForeignKey("ledger_accounts.id"))
    credit_account: Mapped[str] = mapped_column(ForeignKey("ledger_accounts.id"))
    asset: Mapped[str]
    amount: Mapped[int] = mapped_column(BaseUnits)
    pending_id: Mapped[str | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    subject: Mapped[str] = mapped_column(index=True)
    """The deposit, transfer, foreign debit or decision it belongs to."""
    reason: Mapped[str]
    """`ledger.model.Reason`."""
    created_at: Mapped[datetime]


for _side in ("debit_account", "credit_account"):
    Index(None, LedgerEntryRow.__table__.c[_side], LedgerEntryRow.__table__.c.created_at)


class ReconciledRow(Row):
    """What the newest comparison of a vault's asset with the chain found, as in a report's line.
    `accepted`: the shortage with which a person unfroze the vault. Only a greater one freezes it
    again."""

    __tablename__ = "reconciled"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    height: Mapped[Height | None]
    ledger: Mapped[int | None] = mapped_column(BaseUnits)
    chain: Mapped[int | None] = mapped_column(BaseUnits)
    verdict: Mapped[str]
    reason: Mapped[str]
    accepted: Mapped[int] = mapped_column(BaseUnits)
    compared_at: Mapped[datetime]
    concluded_at: Mapped[datetime]
    """When there was a verdict last, or when one was asked for first."""
    equal_height: Mapped[Height | None]
    """The newest block at which it was equal, as far as this was noted, and when that was."""
    equal_at: Mapped[datetime | None]


class OutboxRow(Row):
    """An effect to run after commit, by the worker that claims it. Safe to run twice. From
    `held_since` to `held_until`, by the database's clock, nobody else takes it: it is claimed
    (`claim`, unique to one batch of one worker), or it waits to be tried again. `vault_id`: whose
    work it is; vaults take turns. `rank`: what goes first of a vault's signings, 0 before 1."""

    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    network: Mapped[str] = mapped_column(index=True)
    claim: Mapped[str | None]
    held_since: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    attempts: Mapped[int]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    vault_id: Mapped[str] = mapped_column(server_default=text("''"))
    rank: Mapped[int] = mapped_column(server_default=text("1"))


_FRESH = text("attempts = 0")
_TRIED = text("attempts > 0")
_RANKED = text("kind = 'sign' AND rank <> 1")
_CLAIMED = text("claim IS NOT NULL")
Index(
    "ix_outbox_fresh_ranked",
    OutboxRow.network,
    OutboxRow.kind,
    OutboxRow.vault_id,
    OutboxRow.rank,
    OutboxRow.seq,
    sqlite_where=_FRESH,
    postgresql_where=_FRESH,
)
Index(
    "ix_outbox_tried_ranked",
    OutboxRow.network,
    OutboxRow.vault_id,
    OutboxRow.rank,
    OutboxRow.held_until,
    OutboxRow.seq,
    sqlite_where=_TRIED,
    postgresql_where=_TRIED,
)
Index(
    "ix_outbox_priorities",
    OutboxRow.network,
    sqlite_where=_RANKED,
    postgresql_where=_RANKED,
)
Index(
    "ix_outbox_claimed",
    OutboxRow.network,
    OutboxRow.kind,
    sqlite_where=_CLAIMED,
    postgresql_where=_CLAIMED,
)


class LeaseRow(Row):
    """Who does what only one process may do, and from when to when by the database's clock. `epoch`
    grows when `name` changes hands, and not when it is renewed. It is part of a key, so that
    PostgreSQL treats the two differently (see `leases`)."""

    __tablename__ = "leases"
    __table_args__ = (UniqueConstraint("name", "epoch"),)
    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]


class IdempotencyRow(Row):
    """A client's retry key and the answer it got. Written in the transaction of the effect."""

    __tablename__ = "idempotency"
    scope: Mapped[str] = mapped_column(primary_key=True)
    """The client for whom something is made, or the house, and the route. So another API key of
    the same client finds the answer too."""
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    status: Mapped[int]
    response: Mapped[bytes]
    created_at: Mapped[datetime]


class ApiKeyRow(Row):
    """`digest`: SHA-256 of the secret (256 random bits, so no slow hash is needed). `client_id`:
    None means all clients. `scopes`: space-separated. `initiator`: the person or machine that it
    belongs to, by its name in the policy."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    initiator: Mapped[str]
    digest: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[str]
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    serial: Mapped[Serial]


class AlarmRow(Row):
    """Something a person must look at. Open until `cleared_at` is set. `open_key` (code, network
    and vault) keeps an open alarm from being raised twice; null afterwards. `cleared_by`: a person,
    an API key, or custody itself when the cause went away."""

    __tablename__ = "alarms"
    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(index=True)
    network: Mapped[str | None]
    vault_id: Mapped[str | None]
    message: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    """When the message changed last."""
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None]
    cleared_reason: Mapped[str | None]
    serial: Mapped[Serial]


class SchemaBoundsRow(Row):
    """One row. `oldest`: the first revision whose program may work on this schema. So one that is
    older than the schema knows whether it still may, while processes are replaced one by one."""

    __tablename__ = "schema_bounds"
    oldest: Mapped[str] = mapped_column(primary_key=True)
