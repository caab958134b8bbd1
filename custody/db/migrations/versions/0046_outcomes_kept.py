"""what calls did, and the stops of contracts, change only as their life goes

An older program writes such a row where there may be one, which SQLite now refuses. So none runs
beside it.
"""

from alembic import op

from custody.db.migrations import outcome_triggers

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in outcome_triggers.SQLITE if on_sqlite else outcome_triggers.POSTGRESQL:
        op.execute(statement)
    op.execute("UPDATE schema_bounds SET oldest = '0046'")
