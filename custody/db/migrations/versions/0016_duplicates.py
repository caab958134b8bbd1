"""transfers are accepted with a warning about what was paid a moment ago"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import warning_triggers
from custody.db.types import UtcTime

revision = "0016"
down_revision = "0015"

_TABLE = "transfer_warnings"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_transfer_warnings_transfer_id")
        ),
        sa.ForeignKeyConstraint(
            ["other"], ["transfers.id"], name=op.f("fk_transfer_warnings_other")
        ),
        sa.PrimaryKeyConstraint("transfer_id", "code", name=op.f("pk_transfer_warnings")),
    )
    op.create_index(
        "ix_transfers_same_payment",
        "transfers",
        ["amount", "destination", "vault_id", "requested_at"],
        unique=False,
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in warning_triggers.SQLITE if on_sqlite else warning_triggers.POSTGRESQL:
        op.execute(statement)
