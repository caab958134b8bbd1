"""What the database itself refuses, whoever asks: changing the past of the ledger.

The statements are part of the first migration; a change is a new migration with new statements.
"""

from __future__ import annotations

APPEND_ONLY = "ledger entries are append-only"

SQLITE = (
    f"""
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
""".strip(),
    f"""
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
""".strip(),
)

POSTGRESQL = (
    f"""
CREATE FUNCTION ledger_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$
""".strip(),
    """
CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION ledger_entries_refuse()
""".strip(),
    """
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_refuse()
""".strip(),
)
