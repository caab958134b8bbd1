"""addresses paid on a wrong network can be adopted

Older programs can run beside it: they watch an adopted address as any other.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import adoption_triggers
from custody.db.types import UtcTime

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "adoptions",
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("given_id", sa.String(), nullable=False),
        sa.Column("attestation", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("adopted_by", sa.String(), nullable=False),
        sa.Column("adopted_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_adoptions_address_id")
        ),
        sa.ForeignKeyConstraint(["given_id"], ["addresses.id"], name=op.f("fk_adoptions_given_id")),
        sa.PrimaryKeyConstraint("address_id", name=op.f("pk_adoptions")),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in adoption_triggers.SQLITE if on_sqlite else adoption_triggers.POSTGRESQL:
        op.execute(statement)
