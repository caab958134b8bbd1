"""what an address signs beside transactions

Programs of before know no message, and would plan one as a payment: they don't run beside it.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import message_triggers

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_messages_transfer_id")
        ),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_messages")),
    )
    op.create_index("ix_transfers_kind", "transfers", ["kind", "serial"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in message_triggers.SQLITE if on_sqlite else message_triggers.POSTGRESQL:
        op.execute(statement)
    op.execute("UPDATE schema_bounds SET oldest = '0040'")
