"""lists of payments that a client sends, and what became of each line"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import payout_triggers
from custody.db.types import BaseUnits, Ordinal, UtcTime

revision = "0021"
down_revision = "0020"

_FILES, _LINES = "payout_files", "payout_lines"


def upgrade() -> None:
    op.create_table(
        _FILES,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("columns_json", sa.String(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reject_duplicates", sa.Boolean(), nullable=False),
        sa.Column("initiator", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("done_at", UtcTime(), nullable=True),
        sa.Column("serial", Ordinal, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_payout_files_client_id")
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_payout_files_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_files")),
    )
    for column in ("client_id", "state", "serial"):
        op.create_index(op.f(f"ix_payout_files_{column}"), _FILES, [column], unique=False)
    op.create_index("ix_payout_files_reference", _FILES, ["reference", "client_id"], unique=True)
    op.create_table(
        _LINES,
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("cells_json", sa.String(), nullable=False),
        sa.Column("request_json", sa.String(), nullable=True),
        sa.Column("asset", sa.String(), nullable=True),
        sa.Column("amount", BaseUnits(), nullable=True),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("transfer_id", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["payout_files.id"], name=op.f("fk_payout_lines_file_id")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_payout_lines_transfer_id")
        ),
        sa.PrimaryKeyConstraint("file_id", "number", name=op.f("pk_payout_lines")),
    )
    op.create_index("ix_payout_lines_state", _LINES, ["file_id", "state", "number"], unique=False)
    op.add_column("transfers", sa.Column("payout_file", sa.String(), nullable=True))
    op.create_index("ix_transfers_payout_file_serial", "transfers", ["payout_file", "serial"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER transfers_no_update" + ("" if on_sqlite else " ON transfers"))
    for statement in payout_triggers.SQLITE if on_sqlite else payout_triggers.POSTGRESQL:
        op.execute(statement)
