"""deposits say which call of ours brought them

An older program books what a call brings as anybody's deposit, and takes what a call takes for a
theft. So none runs beside it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.add_column("deposits", sa.Column("transfer_id", sa.String(), nullable=True))
    op.create_index("ix_deposits_transfer_id", "deposits", ["transfer_id"])
    op.execute("UPDATE schema_bounds SET oldest = '0044'")
