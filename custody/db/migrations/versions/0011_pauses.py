"""networks and vaults can be paused"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import pause_triggers
from custody.db.types import UtcTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("vault_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("open_key", sa.String(), nullable=True),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"], name=op.f("fk_pauses_vault_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
        sa.UniqueConstraint("open_key", name=op.f("uq_pauses_open_key")),
    )
    op.create_index("ix_pauses_vault_id", "pauses", ["vault_id"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in pause_triggers.SQLITE if on_sqlite else pause_triggers.POSTGRESQL:
        op.execute(statement)
