"""what came in assets that nobody listed is set apart"""

import sqlalchemy as sa
from alembic import op

from custody.db.types import BaseUnits, Ordinal, UtcTime

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "unlisted",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("txid", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("amount", BaseUnits(), nullable=False),
        sa.Column("block_height", Ordinal, nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"]),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"]),
        sa.PrimaryKeyConstraint("network", "txid", "place"),
    )
    op.create_index("ix_unlisted_network_height", "unlisted", ["network", "block_height"])
    op.create_index("ix_unlisted_vault", "unlisted", ["vault_id", "block_height"])
