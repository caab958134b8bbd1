"""What keeps the outputs of transfers as they were written, as one migration made it. It does not
change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER transfer_outputs_no_update BEFORE UPDATE ON transfer_outputs\nBEGIN SELECT RAISE(ABORT, 'transfer_outputs: the past does not change'); END",
    "CREATE TRIGGER transfer_outputs_no_delete BEFORE DELETE ON transfer_outputs\nBEGIN SELECT RAISE(ABORT, 'transfer_outputs: the past does not change'); END",
    "CREATE TRIGGER transfer_outputs_no_replace BEFORE INSERT ON transfer_outputs\nWHEN EXISTS (SELECT 1 FROM transfer_outputs WHERE rowid = NEW.rowid\n   OR transfer_id = NEW.transfer_id AND position = NEW.position)\nBEGIN SELECT RAISE(ABORT, 'transfer_outputs: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER transfer_outputs_no_update BEFORE UPDATE ON transfer_outputs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_outputs_no_delete BEFORE DELETE ON transfer_outputs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER transfer_outputs_no_truncate BEFORE TRUNCATE ON transfer_outputs\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
