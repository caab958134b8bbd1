"""what each comparison of ledger and chain found is kept"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import reconcile_triggers
from custody.db.types import BaseUnits, Ordinal, UtcTime

revision = "0029"
down_revision = "0028"

_REPORTS, _LINES = "reconciliations", "reconciliation_lines"
_MISMATCHES = "reconciliation_mismatches"


def upgrade() -> None:
    op.create_table(
        _REPORTS,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("open_key", sa.String(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("equal", "shortage", "surplus", "inconclusive")
        ),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("serial", Ordinal, nullable=True),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vaults.id"], name=op.f("fk_reconciliations_vault_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
        sa.UniqueConstraint("open_key", name=op.f("uq_reconciliations_open_key")),
    )
    op.create_index(op.f("ix_reconciliations_serial"), _REPORTS, ["serial"], unique=False)
    op.create_index(
        "ix_reconciliations_network_serial", _REPORTS, ["network", "serial"], unique=False
    )
    op.create_table(
        _LINES,
        *_line_key(),
        sa.Column("height", Ordinal, nullable=True),
        sa.Column("block_hash", sa.String(), nullable=True),
        sa.Column("ledger", BaseUnits(), nullable=True),
        sa.Column("chain", BaseUnits(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("traced_from", Ordinal, nullable=True),
        *_references(_LINES),
        sa.PrimaryKeyConstraint("report_id", "vault_id", "asset", name=op.f(f"pk_{_LINES}")),
    )
    op.create_table(
        _MISMATCHES,
        *_line_key(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("height", Ordinal, nullable=True),
        sa.Column("units", sa.String(), nullable=True),
        *_references(_MISMATCHES),
        sa.PrimaryKeyConstraint(
            "report_id", "vault_id", "asset", "number", name=op.f(f"pk_{_MISMATCHES}")
        ),
    )
    op.add_column("reconciled", sa.Column("equal_height", Ordinal, nullable=True))
    op.add_column("reconciled", sa.Column("equal_at", UtcTime(), nullable=True))
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in reconcile_triggers.SQLITE if on_sqlite else reconcile_triggers.POSTGRESQL:
        op.execute(statement)


def _line_key() -> list[sa.Column[str]]:
    names = ("report_id", "vault_id", "asset")
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _references(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["report_id"], ["reconciliations.id"], name=op.f(f"fk_{table}_report_id")
        ),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f(f"fk_{table}_vault_id")),
    ]
