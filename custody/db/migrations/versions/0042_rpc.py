"""what apps ask of vaults, and tokens that stand in URLs"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import rpc_triggers
from custody.db.types import UtcTime

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.create_table(
        "rpc_tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("initiator", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("origins", sa.String(), nullable=False),
        sa.Column("api_key_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_rpc_tokens_vault_id")),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_rpc_tokens_api_key_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rpc_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_rpc_tokens_digest")),
    )
    op.create_index(op.f("ix_rpc_tokens_vault_id"), "rpc_tokens", ["vault_id"])
    op.create_table(
        "rpc_asks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("told_at", UtcTime(), nullable=True),
        sa.Column("told_as", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_rpc_asks_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rpc_asks")),
        sa.UniqueConstraint(
            "vault_id",
            "network",
            "digest",
            "number",
            name=op.f("uq_rpc_asks_vault_id_network_digest_number"),
        ),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in rpc_triggers.SQLITE if on_sqlite else rpc_triggers.POSTGRESQL:
        op.execute(statement)
    # Older programs know no key that may ask as an app does.
    op.execute("UPDATE schema_bounds SET oldest = '0042'")
