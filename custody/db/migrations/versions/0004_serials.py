"""rows of lists are numbered"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import serial_triggers
from custody.db.types import Ordinal

revision = "0004"
down_revision = "0003"

_ORDERED_BY = {
    "clients": "id",
    "vaults": "id",
    "addresses": "seq",
    "deposits": "id",
    "transfers": "ordinal",
    "alarms": "id",
    "api_keys": "id",
}
"""What lists went by before, so that they stay in their order."""


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, key in _ORDERED_BY.items():
        op.add_column(table, sa.Column("serial", Ordinal, nullable=True))
        op.execute(
            f"UPDATE {table} SET serial = counted.number FROM"  # noqa: S608 - our own words
            f" (SELECT {key}, row_number() OVER (ORDER BY {key}) AS number FROM {table}) AS counted"
            f" WHERE counted.{key} = {table}.{key}"
        )
        op.create_index(f"ix_{table}_serial", table, ["serial"], unique=False)
    for table in serial_triggers.CHANGED:
        on_table = "" if on_sqlite else f" ON {table}"
        op.execute(f"DROP TRIGGER {table}_no_update{on_table}")
    for statement in serial_triggers.SQLITE if on_sqlite else serial_triggers.POSTGRESQL:
        op.execute(statement)
    if not on_sqlite:
        for table in _ORDERED_BY:
            newest = f"SELECT COALESCE(MAX(serial), 0) FROM {table}"  # noqa: S608 - our own words
            op.execute(f"SELECT setval('{table}_serials', ({newest}))")
