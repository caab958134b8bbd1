"""What keeps what children stand on as it was written, as one migration made it. It does not change
any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER transfer_parents_no_update BEFORE UPDATE ON transfer_parents\nBEGIN SELECT RAISE(ABORT, 'transfer_parents: the past does not change'); END",
    "CREATE TRIGGER transfer_parents_no_delete BEFORE DELETE ON transfer_parents\nBEGIN SELECT RAISE(ABORT, 'transfer_parents: the past does not change'); END",
    "CREATE TRIGGER transfer_parents_no_replace BEFORE INSERT ON transfer_parents\nWHEN EXISTS (SELECT 1 FROM transfer_parents WHERE rowid = NEW.rowid\n   OR transfer_id = NEW.transfer_id)\nBEGIN SELECT RAISE(ABORT, 'transfer_parents: the past does not change'); END",
    "CREATE TRIGGER transfer_needs_no_update BEFORE UPDATE ON transfer_needs\nBEGIN SELECT RAISE(ABORT, 'transfer_needs: the past does not change'); END",
    "CREATE TRIGGER transfer_needs_no_delete BEFORE DELETE ON transfer_needs\nBEGIN SELECT RAISE(ABORT, 'transfer_needs: the past does not change'); END",
    "CREATE TRIGGER transfer_needs_no_replace BEFORE INSERT ON transfer_needs\nWHEN EXISTS (SELECT 1 FROM transfer_needs WHERE rowid = NEW.rowid\n   OR transfer_id = NEW.transfer_id AND key = NEW.key)\nBEGIN SELECT RAISE(ABORT, 'transfer_needs: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER transfer_parents_no_update BEFORE UPDATE ON transfer_parents\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_parents_no_delete BEFORE DELETE ON transfer_parents\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_parents_no_truncate BEFORE TRUNCATE ON transfer_parents\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_needs_no_update BEFORE UPDATE ON transfer_needs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_needs_no_delete BEFORE DELETE ON transfer_needs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_needs_no_truncate BEFORE TRUNCATE ON transfer_needs\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
