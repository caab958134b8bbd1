"""what calls were found to do, before and after, and which contracts are called no more"""

import sqlalchemy as sa
from alembic import op

from custody.db.types import Ordinal, UtcTime

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "call_outcomes",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("checked", sa.String(), nullable=True),
        sa.Column("checked_words", sa.String(), nullable=True),
        sa.Column("checked_height", Ordinal, nullable=True),
        sa.Column("checked_hash", sa.String(), nullable=True),
        sa.Column("checked_at", UtcTime(), nullable=True),
        sa.Column("settled", sa.String(), nullable=True),
        sa.Column("settled_words", sa.String(), nullable=True),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"]),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"]),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    op.create_table(
        "contract_stops",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"]),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_key"),
    )
    op.create_index("ix_contract_stops_vault_id", "contract_stops", ["vault_id"])
    op.create_index(
        "ix_transfers_calls",
        "transfers",
        ["network", "state"],
        sqlite_where=sa.text("kind = 'call'"),
        postgresql_where=sa.text("kind = 'call'"),
    )
