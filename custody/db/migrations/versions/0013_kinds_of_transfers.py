"""transfers say what they are, beside who gets how much"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import kind_triggers

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column(
        "transfers",
        sa.Column("kind", sa.String(), server_default=sa.text("'payment'"), nullable=False),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DROP TRIGGER transfers_no_update" + ("" if on_sqlite else " ON transfers"))
    op.execute(kind_triggers.SQLITE if on_sqlite else kind_triggers.POSTGRESQL)
