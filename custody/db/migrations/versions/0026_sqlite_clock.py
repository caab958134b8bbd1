"""SQLite's clock is read without fractions of seconds in words, which can be 'NaN'"""

from alembic import op

revision = "0026"
down_revision = "0025"

_AGAIN = """CREATE TRIGGER deposits_tell_change AFTER UPDATE ON deposits
WHEN OLD.state IS NOT NEW.state
BEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)
VALUES ('deposit', NEW.id, NEW.vault_id, 'change',
NEW.state, NULL, COALESCE(NEW.decided_at, strftime('%Y-%m-%d %H:%M:%S.', 'now') || substr(1000 + \
CAST(julianday('now') * 172800000 + 1 AS INTEGER) / 2 % 1000, 2) || '000')); END"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER deposits_tell_change")
        op.execute(_AGAIN)
