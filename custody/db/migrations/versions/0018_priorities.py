"""what is urgent goes first among its vault's work"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import priority_triggers

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column(
        "transfers",
        sa.Column("priority", sa.String(), server_default=sa.text("'normal'"), nullable=False),
    )
    op.create_index("ix_transfers_priority_serial", "transfers", ["priority", "serial"])
    op.add_column(
        "outbox", sa.Column("rank", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.execute("UPDATE outbox SET rank = 0 WHERE kind <> 'sign'")
    for name, columns, where in (
        ("fresh", ["network", "kind", "vault_id", "rank", "seq"], "attempts = 0"),
        ("tried", ["network", "vault_id", "rank", "held_until", "seq"], "attempts > 0"),
    ):
        op.drop_index(f"ix_outbox_{name}", "outbox")
        _index(f"ix_outbox_{name}_ranked", columns, where)
    _index("ix_outbox_priorities", ["network"], "kind = 'sign' AND rank <> 1")
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER transfers_no_update" + ("" if on_sqlite else " ON transfers"))
    op.execute(priority_triggers.SQLITE if on_sqlite else priority_triggers.POSTGRESQL)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        "outbox",
        columns,
        unique=False,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
