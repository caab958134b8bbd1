"""payments on Solana that their owner signed, and another vault signs beside and pays for

An older program can't read such a transaction's bytes, and takes its nonce for free. So none runs
beside it.
"""

from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.execute("UPDATE schema_bounds SET oldest = '0045'")
