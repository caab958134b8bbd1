"""proofs that blocks have our transactions are kept

Older programs can run beside it: what they bring to its end is found and wanted later.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import proof_triggers
from custody.db.types import UtcTime

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "chain_proofs",
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("block_hash", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("captured_at", UtcTime(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_chain_proofs_transaction_id")
        ),
        sa.PrimaryKeyConstraint(
            "transaction_id", "block_hash", "number", name=op.f("pk_chain_proofs")
        ),
    )
    op.create_table(
        "proof_wants",
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_proof_wants_transaction_id")
        ),
        sa.PrimaryKeyConstraint("transaction_id", name=op.f("pk_proof_wants")),
    )
    op.create_index("ix_proof_wants_network_due_at", "proof_wants", ["network", "due_at"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in proof_triggers.SQLITE if on_sqlite else proof_triggers.POSTGRESQL:
        op.execute(statement)
