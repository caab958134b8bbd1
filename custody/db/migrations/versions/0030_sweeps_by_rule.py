"""later addresses can be swept by rule"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import sweep_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0030"
down_revision = "0029"

_RULES, _SWEEPS = "sweep_rules", "sweeps"


def upgrade() -> None:
    op.create_table(
        _RULES,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("threshold", BaseUnits(), nullable=True),
        sa.Column("every_s", sa.Integer(), nullable=True),
        sa.Column("cost_max", BaseUnits(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("price", BaseUnits(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_sweep_rules_vault_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sweep_rules_key_id")),
        sa.PrimaryKeyConstraint("vault_id", "asset", "number", name=op.f("pk_sweep_rules")),
    )
    op.create_table(
        _SWEEPS,
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("cost", BaseUnits(), nullable=False),
        sa.Column("cost_max", BaseUnits(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_sweeps_vault_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sweeps_key_id")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_sweeps_transfer_id")
        ),
        sa.PrimaryKeyConstraint("network", "address", "number", name=op.f("pk_sweeps")),
        sa.UniqueConstraint("open_key", name=op.f("uq_sweeps_open_key")),
    )
    columns = ["vault_id", "asset", "created_at"]
    op.create_index("ix_sweeps_vault_id", _SWEEPS, columns, unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in sweep_triggers.SQLITE if on_sqlite else sweep_triggers.POSTGRESQL:
        op.execute(statement)
