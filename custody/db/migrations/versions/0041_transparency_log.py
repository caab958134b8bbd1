"""the transparency log: leaves, checkpoints, cosignatures, and which bundles were handed out

Older programs can run beside it: they log nothing.
"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import log_triggers
from custody.db.types import Ordinal, UtcTime

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "log_entries",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("number", Ordinal, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "number", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("origin", "kind", "name", name=op.f("uq_log_entries_origin_kind_name")),
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", Ordinal, autoincrement=False, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_log_checkpoints")),
    )
    op.create_table(
        "log_cosignatures",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", Ordinal, autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["origin", "size"],
            ["log_checkpoints.origin", "log_checkpoints.size"],
            name=op.f("fk_log_cosignatures_origin"),
        ),
        sa.PrimaryKeyConstraint("origin", "size", "witness", name=op.f("pk_log_cosignatures")),
    )
    op.create_table(
        "evidence_manifests",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_evidence_manifests")),
    )
    op.create_index(op.f("ix_evidence_manifests_made_at"), "evidence_manifests", ["made_at"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in log_triggers.SQLITE if on_sqlite else log_triggers.POSTGRESQL:
        op.execute(statement)
