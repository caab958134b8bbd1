"""a gas station brings coins to addresses whose token payments wait for them"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import gas_triggers
from custody.db.types import BaseUnits, ByKind, UtcTime

revision = "0027"
down_revision = "0026"

_RULES, _NEEDS, _TOP_UPS = "gas_rules", "gas_needs", "gas_top_ups"


def upgrade() -> None:
    op.create_table(
        _RULES,
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payer_id", sa.String(), nullable=True),
        sa.Column("most_each", BaseUnits(), nullable=True),
        sa.Column("most_day", BaseUnits(), nullable=True),
        sa.Column("bears", sa.String(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["payer_id"], ["vaults.id"], name=op.f("fk_gas_rules_payer_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_gas_rules_key_id")),
        sa.PrimaryKeyConstraint("network", "client", "number", name=op.f("pk_gas_rules")),
    )
    op.create_table(
        _NEEDS,
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("costs", ByKind(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transfer_id", "version"],
            ["mandates.transfer_id", "mandates.version"],
            name=op.f("fk_gas_needs_transfer_id"),
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_gas_needs_vault_id")),
        sa.PrimaryKeyConstraint("transfer_id", "version", name=op.f("pk_gas_needs")),
    )
    op.create_table(
        _TOP_UPS,
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("payer_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("bears", sa.String(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_gas_top_ups_vault_id")),
        sa.ForeignKeyConstraint(["payer_id"], ["vaults.id"], name=op.f("fk_gas_top_ups_payer_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_gas_top_ups_key_id")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_gas_top_ups_transfer_id")
        ),
        sa.PrimaryKeyConstraint("network", "address", "number", name=op.f("pk_gas_top_ups")),
        sa.UniqueConstraint("open_key", name=op.f("uq_gas_top_ups_open_key")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_gas_needs_open",
        _NEEDS,
        ["network", "address"],
        unique=False,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    for column in ("payer_id", "vault_id"):
        name = f"ix_gas_top_ups_{column}"
        op.create_index(name, _TOP_UPS, [column, "created_at"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in gas_triggers.SQLITE if on_sqlite else gas_triggers.POSTGRESQL:
        op.execute(statement)
