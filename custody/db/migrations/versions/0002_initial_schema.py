"""initial schema"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import first_triggers
from custody.db.types import BaseUnits, ByKind, Ordinal, SumOfUnits, UtcTime

revision = "0002"
down_revision = None

# There is no way down: money has moved since. Restore a backup instead.


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("cleared_at", UtcTime(), nullable=True),
        sa.Column("cleared_by", sa.String(), nullable=True),
        sa.Column("cleared_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("open_key", name=op.f("uq_alarms_open_key")),
    )
    op.create_index(op.f("ix_alarms_code"), "alarms", ["code"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("height", Ordinal, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("timestamp", sa.Integer(), nullable=False),
        sa.Column("connected_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("network", "height", name=op.f("pk_blocks")),
    )
    op.create_table(
        "consumptions",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.PrimaryKeyConstraint("network", "key", name=op.f("pk_consumptions")),
    )
    op.create_index(
        "ix_consumptions_network_height", "consumptions", ["network", "block_height"], unique=False
    )
    op.create_table(
        "sightings",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("costs", ByKind(), nullable=False),
        sa.PrimaryKeyConstraint("network", "txid", "block_height", name=op.f("pk_sightings")),
    )
    op.create_index(
        "ix_sightings_network_height", "sightings", ["network", "block_height"], unique=False
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_table(
        "followers",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("coins_version", sa.String(), nullable=True),
        sa.Column("final_height", Ordinal, nullable=True),
        sa.Column("final_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_followers")),
    )
    op.create_table(
        "follow_states",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("position_height", Ordinal, nullable=True),
        sa.Column("position_hash", sa.String(), nullable=True),
        sa.Column("tip_height", Ordinal, nullable=True),
        sa.Column("tip_hash", sa.String(), nullable=True),
        sa.Column("node_unavailable_since", UtcTime(), nullable=True),
        sa.Column("checked_at", UtcTime(), nullable=True),
        sa.Column("moved_at", UtcTime(), nullable=True),
        sa.Column("at_tip_at", UtcTime(), nullable=True),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("failure_code", sa.String(), nullable=True),
        sa.Column("failure_message", sa.String(), nullable=True),
        sa.Column("failure_since", UtcTime(), nullable=True),
        sa.Column("failure_height", Ordinal, nullable=True),
        sa.Column("failure_attempts", sa.Integer(), nullable=False),
        sa.Column("internal_credits", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("network", name=op.f("pk_follow_states")),
    )
    op.create_table(
        "readings",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("first_height", Ordinal, nullable=False),
        sa.Column("last_height", Ordinal, nullable=False),
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("network", "first_height", name=op.f("pk_readings")),
    )
    op.create_table(
        "passes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("first_height", Ordinal, nullable=False),
        sa.Column("last_height", Ordinal, nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("passed_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
    )
    op.create_index(op.f("ix_passes_network"), "passes", ["network"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        sa.UniqueConstraint("name", "epoch", name=op.f("uq_leases_name_epoch")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("held_since", UtcTime(), nullable=True),
        sa.Column("held_until", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_network"), "outbox", ["network"], unique=False)
    op.create_index(op.f("ix_outbox_subject"), "outbox", ["subject"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("initiator", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_api_keys_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_table(
        "vaults",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("opened_sequence", sa.Integer(), nullable=True),
        sa.Column("opened_head", sa.LargeBinary(), nullable=True),
        sa.Column("frozen_reason", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_vaults_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vaults")),
        sa.UniqueConstraint("account", name=op.f("uq_vaults_account")),
    )
    op.create_index(op.f("ix_vaults_client_id"), "vaults", ["client_id"], unique=False)

    op.create_table(
        "vault_freezes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("frozen_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.Column("difference", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_vault_freezes_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_freezes")),
        sa.UniqueConstraint("open_key", name=op.f("uq_vault_freezes_open_key")),
    )
    op.create_index(op.f("ix_vault_freezes_vault_id"), "vault_freezes", ["vault_id"], unique=False)
    op.create_table(
        "reconciled",
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("height", Ordinal, nullable=True),
        sa.Column("ledger", BaseUnits(), nullable=True),
        sa.Column("chain", BaseUnits(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("accepted", BaseUnits(), nullable=False),
        sa.Column("compared_at", UtcTime(), nullable=False),
        sa.Column("concluded_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_reconciled_vault_id")),
        sa.PrimaryKeyConstraint("vault_id", "asset", name=op.f("pk_reconciled")),
    )
    op.create_table(
        "addresses",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("address_type", sa.String(), nullable=False),
        sa.Column("change", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_addresses_vault_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_addresses")),
        sa.UniqueConstraint("id", name=op.f("uq_addresses_id")),
        sa.UniqueConstraint("network", "address", name=op.f("uq_addresses_network_address")),
        sa.UniqueConstraint(
            "vault_id",
            "network",
            "address_type",
            "change",
            "position",
            name=op.f("uq_addresses_vault_id_network_address_type_change_position"),
        ),
    )
    op.create_index("ix_addresses_network_seq", "addresses", ["network", "seq"], unique=False)
    op.create_index(op.f("ix_addresses_vault_id"), "addresses", ["vault_id"], unique=False)

    op.create_table(
        "ledger_accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("debits_posted", BaseUnits(), nullable=False),
        sa.Column("credits_posted", BaseUnits(), nullable=False),
        sa.Column("debits_pending", BaseUnits(), nullable=False),
        sa.Column("credits_pending", BaseUnits(), nullable=False),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_ledger_accounts_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint(
            "vault_id", "asset", "kind", name=op.f("uq_ledger_accounts_vault_id_asset_kind")
        ),
    )
    op.create_index(
        op.f("ix_ledger_accounts_vault_id"), "ledger_accounts", ["vault_id"], unique=False
    )

    op.create_table(
        "coins",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("own_change", sa.Boolean(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.Column("mature_height", Ordinal, nullable=False),
        sa.Column("spent_height", Ordinal, nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_coins_address_id")),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_coins_vault_id")),
        sa.PrimaryKeyConstraint("network", "txid", "position", name=op.f("pk_coins")),
    )
    op.create_index(op.f("ix_coins_vault_id"), "coins", ["vault_id"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("debit_account", sa.String(), nullable=False),
        sa.Column("credit_account", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("pending_id", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credit_account"],
            ["ledger_accounts.id"],
            name=op.f("fk_ledger_entries_credit_account"),
        ),
        sa.ForeignKeyConstraint(
            ["debit_account"], ["ledger_accounts.id"], name=op.f("fk_ledger_entries_debit_account")
        ),
        sa.ForeignKeyConstraint(
            ["pending_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_pending_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("pending_id", name=op.f("uq_ledger_entries_pending_id")),
    )
    op.create_index(
        op.f("ix_ledger_entries_credit_account"), "ledger_entries", ["credit_account"], unique=False
    )
    op.create_index(
        op.f("ix_ledger_entries_debit_account"), "ledger_entries", ["debit_account"], unique=False
    )
    op.create_index(op.f("ix_ledger_entries_subject"), "ledger_entries", ["subject"], unique=False)

    op.create_table(
        "deposits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("final_height", Ordinal, nullable=False),
        sa.Column("reservation_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_deposits_address_id")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_deposits_client_id")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["ledger_entries.id"], name=op.f("fk_deposits_reservation_id")
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_deposits_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
        sa.UniqueConstraint(
            "network",
            "block_hash",
            "txid",
            "place",
            name=op.f("uq_deposits_network_block_hash_txid_place"),
        ),
    )
    op.create_index(op.f("ix_deposits_client_id"), "deposits", ["client_id"], unique=False)
    op.create_index("ix_deposits_network_state", "deposits", ["network", "state"], unique=False)
    op.create_index("ix_deposits_network_txid", "deposits", ["network", "txid"], unique=False)
    op.create_index(op.f("ix_deposits_vault_id"), "deposits", ["vault_id"], unique=False)

    op.create_table(
        "foreign_debits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("explained_by", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("final_height", Ordinal, nullable=False),
        sa.Column("owed", BaseUnits(), nullable=False),
        sa.Column("reservation_id", sa.String(), nullable=True),
        sa.Column("owed_reservation_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_foreign_debits_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["owed_reservation_id"],
            ["ledger_entries.id"],
            name=op.f("fk_foreign_debits_owed_reservation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["ledger_entries.id"],
            name=op.f("fk_foreign_debits_reservation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_foreign_debits_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_foreign_debits")),
        sa.UniqueConstraint(
            "network",
            "block_hash",
            "txid",
            "place",
            name=op.f("uq_foreign_debits_network_block_hash_txid_place"),
        ),
    )
    op.create_index(
        op.f("ix_foreign_debits_client_id"), "foreign_debits", ["client_id"], unique=False
    )
    op.create_index(
        "ix_foreign_debits_network_state", "foreign_debits", ["network", "state"], unique=False
    )
    op.create_index(
        "ix_foreign_debits_network_txid", "foreign_debits", ["network", "txid"], unique=False
    )
    op.create_index(
        op.f("ix_foreign_debits_vault_id"), "foreign_debits", ["vault_id"], unique=False
    )
    op.create_table(
        "suspense_decisions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_suspense_decisions_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_decisions")),
    )
    op.create_index(
        op.f("ix_suspense_decisions_vault_id"), "suspense_decisions", ["vault_id"], unique=False
    )

    op.create_table(
        "claims",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_network"), "claims", ["network"], unique=False)
    op.create_table(
        "transactions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("replaces", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("txid", sa.String(), nullable=True),
        sa.Column("made_height", Ordinal, nullable=True),
        sa.Column("block_height", Ordinal, nullable=True),
        sa.Column("block_hash", sa.String(), nullable=True),
        sa.Column("costs", ByKind(), nullable=True),
        sa.Column("held", ByKind(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_sequence", sa.Integer(), nullable=True),
        sa.Column("receipt_head", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=True),
        sa.Column("broadcast_at", UtcTime(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["replaces"], ["transactions.id"], name=op.f("fk_transactions_replaces")
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_transactions_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
    )
    op.create_index(
        "ix_transactions_network_state", "transactions", ["network", "state"], unique=False
    )
    op.create_index(
        "ix_transactions_receipt_sequence", "transactions", ["receipt_sequence"], unique=False
    )
    op.create_index(op.f("ix_transactions_txid"), "transactions", ["txid"], unique=False)
    op.create_index(op.f("ix_transactions_vault_id"), "transactions", ["vault_id"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=True),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("costs_max", BaseUnits(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("initiator", sa.String(), nullable=False),
        sa.Column("retry_of", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_transfers_client_id")),
        sa.ForeignKeyConstraint(["retry_of"], ["transfers.id"], name=op.f("fk_transfers_retry_of")),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_transfers_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_transfers_ordinal")),
    )
    op.create_index(op.f("ix_transfers_client_id"), "transfers", ["client_id"], unique=False)
    op.create_index("ix_transfers_network_state", "transfers", ["network", "state"], unique=False)
    op.create_index(op.f("ix_transfers_vault_id"), "transfers", ["vault_id"], unique=False)
    op.create_table(
        "claim_holders",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("excludes", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_claim_holders_transaction_id")
        ),
        sa.PrimaryKeyConstraint("key", "transaction_id", name=op.f("pk_claim_holders")),
    )
    op.create_index(
        op.f("ix_claim_holders_transaction_id"), "claim_holders", ["transaction_id"], unique=False
    )
    op.create_table(
        "mandates",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("costs_max", ByKind(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("offered_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_mandates_transfer_id")
        ),
        sa.PrimaryKeyConstraint("transfer_id", "version", name=op.f("pk_mandates")),
        sa.UniqueConstraint("digest", name=op.f("uq_mandates_digest")),
    )
    op.create_index(
        "ix_mandates_state_expires_at", "mandates", ["state", "expires_at"], unique=False
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("mandate_digest", sa.LargeBinary(), nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mandate_digest"], ["mandates.digest"], name=op.f("fk_approvals_mandate_digest")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_approvals_transfer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint(
            "mandate_digest", "approver", name=op.f("uq_approvals_mandate_digest_approver")
        ),
    )
    op.create_index(op.f("ix_approvals_transfer_id"), "approvals", ["transfer_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("mandate_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("spent", BaseUnits(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_reservations_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id", "mandate_version"],
            ["mandates.transfer_id", "mandates.version"],
            name=op.f("fk_reservations_transfer_id"),
        ),
        sa.PrimaryKeyConstraint(
            "transfer_id", "mandate_version", "asset", "kind", name=op.f("pk_reservations")
        ),
    )
    op.create_table(
        "transaction_transfers",
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("mandate_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["transactions.id"],
            name=op.f("fk_transaction_transfers_transaction_id"),
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id", "mandate_version"],
            ["mandates.transfer_id", "mandates.version"],
            name=op.f("fk_transaction_transfers_transfer_id"),
        ),
        sa.PrimaryKeyConstraint(
            "transaction_id", "transfer_id", name=op.f("pk_transaction_transfers")
        ),
    )
    op.create_index(
        "ix_transaction_transfers_transfer_id",
        "transaction_transfers",
        ["transfer_id"],
        unique=False,
    )

    op.create_table(
        "policy_versions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("signatures", sa.LargeBinary(), nullable=False),
        sa.Column("in_force_at", UtcTime(), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_versions")),
    )
    op.create_table(
        "signer_checkpoints",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("log_key", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("contradiction", sa.String(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_signer_checkpoints")),
    )
    op.create_table(
        "signer_journal",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("closed_since", UtcTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signer_journal")),
    )
    op.create_table(
        "vault_openings",
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_vault_openings_client_id")
        ),
        sa.PrimaryKeyConstraint("vault_id", name=op.f("pk_vault_openings")),
    )

    op.create_table(
        "spends",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("ahead_amount", SumOfUnits(), nullable=False),
        sa.Column("ahead_count", sa.Integer(), nullable=False),
        sa.Column("taken_amount", SumOfUnits(), nullable=False),
        sa.Column("taken_count", sa.Integer(), nullable=False),
        sa.Column("taken_at", UtcTime(), nullable=True),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("all_ahead_amount", SumOfUnits(), nullable=False),
        sa.Column("all_ahead_count", sa.Integer(), nullable=False),
        sa.Column("all_taken_amount", SumOfUnits(), nullable=False),
        sa.Column("all_taken_count", sa.Integer(), nullable=False),
        sa.Column("newest_at", UtcTime(), nullable=True),
        sa.Column("replacements", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_spends_transfer_id")
        ),
        sa.PrimaryKeyConstraint("account", "place", name=op.f("pk_spends")),
    )
    op.create_index(op.f("ix_spends_transfer_id"), "spends", ["transfer_id"], unique=False)
    op.create_index("ix_spends_edge", "spends", ["account", "newest_at", "place"], unique=False)

    op.create_table(
        "events",
        sa.Column("seq", Ordinal, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_subject"), "events", ["subject"], unique=False)
    op.create_table(
        "unsequenced",
        sa.Column("seq", Ordinal, autoincrement=True, nullable=False),
        sa.Column("event_seq", Ordinal, nullable=True),
        sa.Column("entry_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_unsequenced")),
    )
    op.create_table(
        "sequenced_events",
        sa.Column("position", Ordinal, autoincrement=False, nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("sequence", Ordinal, nullable=True),
        sa.Column("event_seq", Ordinal, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_sequenced_events_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_seq"], ["events.seq"], name=op.f("fk_sequenced_events_event_seq")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_sequenced_events")),
        sa.UniqueConstraint(
            "client_id", "sequence", name=op.f("uq_sequenced_events_client_id_sequence")
        ),
        sa.UniqueConstraint("event_seq", name=op.f("uq_sequenced_events_event_seq")),
    )
    op.create_table(
        "sequenced_entries",
        sa.Column("position", Ordinal, autoincrement=False, nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("sequence", Ordinal, nullable=True),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_sequenced_entries_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_sequenced_entries_entry_id")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_sequenced_entries")),
        sa.UniqueConstraint(
            "client_id", "sequence", name=op.f("uq_sequenced_entries_client_id_sequence")
        ),
    )
    op.create_index(
        "ix_sequenced_entries_entry_id", "sequenced_entries", ["entry_id"], unique=False
    )

    dialect = op.get_bind().dialect.name
    for statement in first_triggers.SQLITE if dialect == "sqlite" else first_triggers.POSTGRESQL:
        op.execute(statement)
