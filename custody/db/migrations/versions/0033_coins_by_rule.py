"""a vault's coins can be consolidated and split by rule

Old programs work beside it: they know nothing of rules, and what these ask for are transfers of
kinds that they know.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import coin_rule_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0033"
down_revision = "0032"

_RULES, _MOVES = "coin_rules", "coin_moves"


def upgrade() -> None:
    op.create_table(
        _RULES,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("coins_min", sa.Integer(), nullable=True),
        sa.Column("coins_most", sa.Integer(), nullable=True),
        sa.Column("rate_max", BaseUnits(), nullable=True),
        sa.Column("keep", sa.Integer(), nullable=True),
        sa.Column("keep_size", BaseUnits(), nullable=True),
        sa.Column("keep_rate_max", BaseUnits(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_coin_rules_vault_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_coin_rules_key_id")),
        sa.PrimaryKeyConstraint("vault_id", "network", "number", name=op.f("pk_coin_rules")),
    )
    op.create_table(
        _MOVES,
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("coins", sa.Integer(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("rate", BaseUnits(), nullable=False),
        sa.Column("cost", BaseUnits(), nullable=True),
        sa.Column("cost_max", BaseUnits(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_coin_moves_vault_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_coin_moves_key_id")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_coin_moves_transfer_id")
        ),
        sa.PrimaryKeyConstraint("vault_id", "network", "number", name=op.f("pk_coin_moves")),
        sa.UniqueConstraint("open_key", name=op.f("uq_coin_moves_open_key")),
    )
    op.create_index("ix_coin_moves_transfer_id", _MOVES, ["transfer_id"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in coin_rule_triggers.SQLITE if on_sqlite else coin_rule_triggers.POSTGRESQL:
        op.execute(statement)
