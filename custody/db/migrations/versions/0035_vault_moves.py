"""vaults can be moved to new keys

Older programs can run beside it until a move has begun: they would give out addresses of a vault
that was moved, and pay from it, as before.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import move_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0035"
down_revision = "0034"

_MOVES, _STEPS = "vault_moves", "vault_move_steps"


def upgrade() -> None:
    op.create_table(
        _MOVES,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("successor_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_vault_moves_vault_id")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["vaults.id"], name=op.f("fk_vault_moves_successor_id")
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_vault_moves_key_id")),
        sa.PrimaryKeyConstraint("vault_id", "number", name=op.f("pk_vault_moves")),
    )
    op.create_index(op.f("ix_vault_moves_successor_id"), _MOVES, ["successor_id"], unique=False)
    op.create_table(
        _STEPS,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_vault_move_steps_vault_id")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_vault_move_steps_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_vault_move_steps_transfer_id")
        ),
        sa.PrimaryKeyConstraint("vault_id", "asset", "number", name=op.f("pk_vault_move_steps")),
        sa.UniqueConstraint("open_key", name=op.f("uq_vault_move_steps_open_key")),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in move_triggers.SQLITE if on_sqlite else move_triggers.POSTGRESQL:
        op.execute(statement)
