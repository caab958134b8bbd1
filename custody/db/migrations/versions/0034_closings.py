"""token accounts are closed by transfers, and their rent comes back; programs that don't know it would
take the rent for a deposit"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import closing_triggers
from custody.db.types import BaseUnits, ByKind

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    for table in ("transfers", "sweep_rules", "sweeps"):
        op.add_column(
            table,
            sa.Column("closes", sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    op.add_column("sweeps", sa.Column("returns", BaseUnits(), nullable=True))
    for table in ("transactions", "sightings"):
        op.add_column(table, sa.Column("returned", ByKind(), nullable=True))
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("transfers", "sweeps"):
        op.execute(f"DROP TRIGGER {table}_no_update" + ("" if on_sqlite else f" ON {table}"))
    for statement in closing_triggers.SQLITE if on_sqlite else closing_triggers.POSTGRESQL:
        op.execute(statement)
    op.execute("UPDATE schema_bounds SET oldest = '0034'")
