"""payments that their payer signed apart are submitted by a gas station; programs that don't know it
would take such a payment for a transaction that nodes have lost, and its fee for nobody's
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import carrier_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0043"
down_revision = "0042"

_CARRIERS = "gas_carriers"


def upgrade() -> None:
    op.add_column(
        "gas_rules",
        sa.Column("carries", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_table(
        _CARRIERS,
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("payer_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("bears", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("named", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_gas_carriers_transaction_id")
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_gas_carriers_vault_id")),
        sa.ForeignKeyConstraint(["payer_id"], ["vaults.id"], name=op.f("fk_gas_carriers_payer_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_gas_carriers_key_id")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_gas_carriers_transfer_id")
        ),
        sa.PrimaryKeyConstraint("transaction_id", "number", name=op.f("pk_gas_carriers")),
        sa.UniqueConstraint("named", name=op.f("uq_gas_carriers_named")),
        sa.UniqueConstraint("open_key", name=op.f("uq_gas_carriers_open_key")),
    )
    for column in ("payer_id", "vault_id"):
        op.create_index(f"ix_gas_carriers_{column}", _CARRIERS, [column, "created_at"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in carrier_triggers.SQLITE if on_sqlite else carrier_triggers.POSTGRESQL:
        op.execute(statement)
    op.execute("UPDATE schema_bounds SET oldest = '0043'")
