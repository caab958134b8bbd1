"""What keeps warnings of transfers as they were written, as one migration made it. It does not
change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER transfer_warnings_no_update BEFORE UPDATE ON transfer_warnings\nBEGIN SELECT RAISE(ABORT, 'transfer_warnings: the past does not change'); END",
    "CREATE TRIGGER transfer_warnings_no_delete BEFORE DELETE ON transfer_warnings\nBEGIN SELECT RAISE(ABORT, 'transfer_warnings: the past does not change'); END",
    "CREATE TRIGGER transfer_warnings_no_replace BEFORE INSERT ON transfer_warnings\nWHEN EXISTS (SELECT 1 FROM transfer_warnings WHERE rowid = NEW.rowid\n   OR transfer_id = NEW.transfer_id AND code = NEW.code)\nBEGIN SELECT RAISE(ABORT, 'transfer_warnings: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER transfer_warnings_no_update BEFORE UPDATE ON transfer_warnings\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_warnings_no_delete BEFORE DELETE ON transfer_warnings\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_warnings_no_truncate BEFORE TRUNCATE ON transfer_warnings\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
