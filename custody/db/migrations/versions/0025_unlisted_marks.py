"""what is no money is marked where it imitates somebody, and what is beyond its bound is counted"""

import sqlalchemy as sa
from alembic import op

from custody.db.types import Ordinal

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("unlisted", sa.Column("mark", sa.String(), nullable=True))
    op.create_index("ix_unlisted_address", "unlisted", ["network", "address"])
    op.create_table(
        "unlisted_beyond",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("count", Ordinal, nullable=False),
        sa.Column("first_height", Ordinal, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"]),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"]),
        sa.PrimaryKeyConstraint("network", "address"),
    )
    op.create_index("ix_unlisted_beyond_vault", "unlisted_beyond", ["vault_id"])
