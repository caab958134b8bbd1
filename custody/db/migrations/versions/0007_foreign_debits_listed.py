"""foreign debits are numbered, for a list of them"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import debit_triggers
from custody.db.types import Ordinal

revision = "0007"
down_revision = "0006"

_TABLE = "foreign_debits"


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column(_TABLE, sa.Column("serial", Ordinal, nullable=True))
    op.execute(
        "UPDATE foreign_debits SET serial = counted.number FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS number FROM foreign_debits) AS counted"
        " WHERE counted.id = foreign_debits.id"
    )
    op.create_index("ix_foreign_debits_serial", _TABLE, ["serial"], unique=False)
    for column in ("client_id", "vault_id", "network", "state"):
        name = f"ix_foreign_debits_{column}_serial"
        op.create_index(name, _TABLE, [column, "serial"], unique=False)
    op.execute(f"DROP TRIGGER {_TABLE}_no_update" + ("" if on_sqlite else f" ON {_TABLE}"))
    for statement in debit_triggers.SQLITE if on_sqlite else debit_triggers.POSTGRESQL:
        op.execute(statement)
    if not on_sqlite:
        newest = "SELECT COALESCE(MAX(serial), 0) FROM foreign_debits"
        op.execute(f"SELECT setval('foreign_debits_serials', ({newest}))")
