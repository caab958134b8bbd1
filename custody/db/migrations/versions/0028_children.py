"""transfers that pay for their parents; programs that don't know them would take what they bring for
deposits"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import child_triggers
from custody.db.types import BaseUnits

revision = "0028"
down_revision = "0027"

_PARENTS, _NEEDS = "transfer_parents", "transfer_needs"


def upgrade() -> None:
    op.create_table(
        _PARENTS,
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("address_id", sa.String(), nullable=False),
        sa.Column("root_txid", sa.String(), nullable=True),
        sa.Column("root_place", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_transfer_parents_transfer_id")
        ),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_transfer_parents_address_id")
        ),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_transfer_parents")),
    )
    op.create_index("ix_transfer_parents_txid_network", _PARENTS, ["txid", "network"], unique=False)
    op.create_table(
        _NEEDS,
        sa.Column("transfer_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_transfer_needs_transfer_id")
        ),
        sa.PrimaryKeyConstraint("transfer_id", "key", name=op.f("pk_transfer_needs")),
    )
    op.create_index("ix_transfer_needs_network", _NEEDS, ["network"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in child_triggers.SQLITE if on_sqlite else child_triggers.POSTGRESQL:
        op.execute(statement)
    op.execute("UPDATE schema_bounds SET oldest = '0028'")
