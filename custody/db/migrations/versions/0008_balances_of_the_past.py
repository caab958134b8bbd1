"""an account's entries are found up to a moment, for balances of the past"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """The new indexes begin with the columns of the old ones, so each write keeps as many."""
    for side in ("debit_account", "credit_account"):
        name = f"ix_ledger_entries_{side}"
        op.create_index(f"{name}_created_at", "ledger_entries", [side, "created_at"], unique=False)
        op.drop_index(name, "ledger_entries")
