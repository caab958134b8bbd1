"""deposits can be held before they are credited, by rule or by hand"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import quarantine_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0023"
down_revision = "0022"

_RULES, _HELD = "quarantine_rules", "quarantines"


def upgrade() -> None:
    op.create_table(
        _RULES,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("asset", sa.String(), nullable=True),
        sa.Column("amount_from", BaseUnits(), nullable=True),
        sa.Column("by_sender", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_quarantine_rules_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_quarantine_rules_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine_rules")),
    )
    op.create_table(
        "quarantine_senders",
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], [f"{_RULES}.id"], name=op.f("fk_quarantine_senders_rule_id")
        ),
        sa.PrimaryKeyConstraint("rule_id", "address", name=op.f("pk_quarantine_senders")),
    )
    op.create_table(
        _HELD,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("deposit_id", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("released_at", UtcTime(), nullable=True),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("released_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("fk_quarantines_deposit_id")
        ),
        sa.ForeignKeyConstraint(["rule_id"], [f"{_RULES}.id"], name=op.f("fk_quarantines_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantines")),
        sa.UniqueConstraint("open_key", name=op.f("uq_quarantines_open_key")),
    )
    op.create_index("ix_quarantines_txid_network", _HELD, ["txid", "network"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in quarantine_triggers.SQLITE if on_sqlite else quarantine_triggers.POSTGRESQL:
        op.execute(statement)
    # Older programs know neither the state and the account of what is held nor the new scope.
    op.execute("UPDATE schema_bounds SET oldest = '0023'")
