"""transfers may pay several at once"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import output_triggers
from custody.db.types import BaseUnits

revision = "0009"
down_revision = "0008"

_TABLE = "transfer_outputs"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=True),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"]),
        sa.PrimaryKeyConstraint("transfer_id", "position"),
    )
    op.create_index("ix_transfer_outputs_destination", _TABLE, ["destination"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in output_triggers.SQLITE if on_sqlite else output_triggers.POSTGRESQL:
        op.execute(statement)
