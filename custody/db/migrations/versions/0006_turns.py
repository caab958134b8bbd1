"""work in the outbox is some vault's, so that vaults take turns"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "outbox", sa.Column("vault_id", sa.String(), server_default=sa.text("''"), nullable=False)
    )
    for table in ("transfers", "transactions"):
        op.execute(
            f"UPDATE outbox SET vault_id = (SELECT {table}.vault_id FROM {table}"  # noqa: S608
            f" WHERE {table}.id = outbox.subject)"
            f" WHERE EXISTS (SELECT 1 FROM {table} WHERE {table}.id = outbox.subject)"
        )
    op.create_index(
        "ix_outbox_fresh",
        "outbox",
        ["network", "kind", "vault_id", "seq"],
        unique=False,
        sqlite_where=sa.text("attempts = 0"),
        postgresql_where=sa.text("attempts = 0"),
    )
    op.create_index(
        "ix_outbox_tried",
        "outbox",
        ["network", "vault_id", "held_until", "seq"],
        unique=False,
        sqlite_where=sa.text("attempts > 0"),
        postgresql_where=sa.text("attempts > 0"),
    )
