"""fees of a day can be capped, by vault and network"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import fee_triggers
from custody.db.types import BaseUnits, UtcTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "fee_caps",
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount", BaseUnits(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_fee_caps_vault_id")),
        sa.PrimaryKeyConstraint("vault_id", "network", "number", name=op.f("pk_fee_caps")),
    )
    op.create_table(
        "fee_uses",
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("most", BaseUnits(), nullable=False),
        sa.Column("built_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_fee_uses_transaction_id")
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_fee_uses_vault_id")),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_fee_uses")),
    )
    op.create_index(
        "ix_fee_uses_day", "fee_uses", ["vault_id", "network", "built_at"], unique=False
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in fee_triggers.SQLITE if on_sqlite else fee_triggers.POSTGRESQL:
        op.execute(statement)
