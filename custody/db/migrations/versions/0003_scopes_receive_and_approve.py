"""keys that could create addresses and hand in approvals still can

Until here both were part of `transfer`. A key in somebody's hands keeps what it could, and a key
that is made from now on gets only what it is given (ADR 0047). The trigger that keeps a key's scopes
as they were written is off for this one statement, inside the migration's transaction.
"""

from alembic import op

from custody.db.migrations import first_triggers

revision = "0003"
down_revision = "0002"

_TRIGGER = "api_keys_no_update"
_KEEP_WHAT_THEY_COULD = """
UPDATE api_keys SET scopes = CASE scopes
    WHEN 'transfer' THEN 'approve receive transfer'
    WHEN 'read transfer' THEN 'approve read receive transfer'
    WHEN 'admin transfer' THEN 'admin approve receive transfer'
    WHEN 'admin read transfer' THEN 'admin approve read receive transfer'
    ELSE scopes END
"""
"""These are all that there were: in the order of the alphabet, with one blank between them."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        (again,) = (
            each for each in first_triggers.SQLITE if each.startswith(f"CREATE TRIGGER {_TRIGGER} ")
        )
        op.execute(f"DROP TRIGGER {_TRIGGER}")
        op.execute(_KEEP_WHAT_THEY_COULD)
        op.execute(again)
    else:
        op.execute(f"ALTER TABLE api_keys DISABLE TRIGGER {_TRIGGER}")
        op.execute(_KEEP_WHAT_THEY_COULD)
        op.execute(f"ALTER TABLE api_keys ENABLE TRIGGER {_TRIGGER}")
