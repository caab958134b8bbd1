"""a transaction's costs are shared by what each transfer's outputs add to it"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("transaction_transfers", sa.Column("size", sa.Integer(), nullable=True))
