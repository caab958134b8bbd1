"""the ledger's head is kept at intervals, so that a rewritten past is noticed"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import head_triggers
from custody.db.types import Ordinal, UtcTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "ledger_heads",
        sa.Column("position", Ordinal, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger_heads")),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in head_triggers.SQLITE if on_sqlite else head_triggers.POSTGRESQL:
        op.execute(statement)
