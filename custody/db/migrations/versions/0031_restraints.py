"""what issuers of tokens let nobody move is kept"""

import sqlalchemy as sa
from alembic import op

from custody.db.types import BaseUnits, UtcTime

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "restraints",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("units", BaseUnits(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["vault_id"], ["vaults.id"]),
        sa.PrimaryKeyConstraint("network", "asset", "address"),
    )
    op.create_index("ix_restraints_vault", "restraints", ["vault_id"])
