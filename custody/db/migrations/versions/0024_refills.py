"""vaults can be refilled from another one by rule"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import refill_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0024"
down_revision = "0023"

_RULES, _REFILLS = "refill_rules", "refills"


def upgrade() -> None:
    op.create_table(
        _RULES,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("low", BaseUnits(), nullable=True),
        sa.Column("target", BaseUnits(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_refill_rules_vault_id")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["vaults.id"], name=op.f("fk_refill_rules_source_id")
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_refill_rules_key_id")),
        sa.PrimaryKeyConstraint("vault_id", "asset", "number", name=op.f("pk_refill_rules")),
    )
    op.create_table(
        _REFILLS,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_refills_vault_id")),
        sa.ForeignKeyConstraint(["source_id"], ["vaults.id"], name=op.f("fk_refills_source_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_refills_key_id")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_refills_transfer_id")
        ),
        sa.PrimaryKeyConstraint("vault_id", "asset", "number", name=op.f("pk_refills")),
        sa.UniqueConstraint("open_key", name=op.f("uq_refills_open_key")),
    )
    op.create_index("ix_refills_transfer_id", _REFILLS, ["transfer_id"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in refill_triggers.SQLITE if on_sqlite else refill_triggers.POSTGRESQL:
        op.execute(statement)
