"""transfers have a name and words of their client's; lists have an index for each filter"""

import sqlalchemy as sa
from alembic import op

from custody.db.migrations import filter_triggers
from custody.db.types import UtcTime

revision = "0005"
down_revision = "0004"

_TRANSFERS = ("client_id", "vault_id", "network", "asset", "state", "destination")
_DEPOSITS = ("client_id", "vault_id", "network", "asset", "state", "address_id", "txid")


def upgrade() -> None:
    op.add_column("transfers", sa.Column("external_id", sa.String(), nullable=True))
    op.add_column("transfers", sa.Column("metadata_json", sa.String(), nullable=True))
    op.add_column("deposits", sa.Column("updated_at", UtcTime(), nullable=True))
    op.execute("UPDATE deposits SET updated_at = COALESCE(decided_at, created_at)")
    for table, columns in (
        ("transfers", _TRANSFERS),
        ("deposits", _DEPOSITS),
        ("vaults", ("client_id",)),
        ("addresses", ("vault_id",)),
    ):
        for column in columns:
            op.create_index(f"ix_{table}_{column}_serial", table, [column, "serial"], unique=False)
    for table, column in (
        ("transfers", "requested_at"),
        ("transfers", "updated_at"),
        ("deposits", "created_at"),
        ("deposits", "updated_at"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    op.create_index(
        "ix_transfers_external_id", "transfers", ["external_id", "client_id"], unique=True
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in filter_triggers.SQLITE if on_sqlite else filter_triggers.POSTGRESQL:
        name = statement.split()[2]
        op.execute(f"DROP TRIGGER {name}" + ("" if on_sqlite else " ON transfers"))
        op.execute(statement)
