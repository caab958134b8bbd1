"""What protects caps on fees and what counts against them, as one migration made it. It does not
change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER fee_caps_no_update BEFORE UPDATE ON fee_caps\nBEGIN SELECT RAISE(ABORT, 'fee_caps: the past does not change'); END",
    "CREATE TRIGGER fee_caps_no_delete BEFORE DELETE ON fee_caps\nBEGIN SELECT RAISE(ABORT, 'fee_caps: the past does not change'); END",
    "CREATE TRIGGER fee_caps_no_replace BEFORE INSERT ON fee_caps\nWHEN EXISTS (SELECT 1 FROM fee_caps WHERE rowid = NEW.rowid\n   OR vault_id = NEW.vault_id AND network = NEW.network AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'fee_caps: the past does not change'); END",
    "CREATE TRIGGER fee_uses_no_update BEFORE UPDATE ON fee_uses\nBEGIN SELECT RAISE(ABORT, 'fee_uses: the past does not change'); END",
    "CREATE TRIGGER fee_uses_no_delete BEFORE DELETE ON fee_uses\nBEGIN SELECT RAISE(ABORT, 'fee_uses: the past does not change'); END",
    "CREATE TRIGGER fee_uses_no_replace BEFORE INSERT ON fee_uses\nWHEN EXISTS (SELECT 1 FROM fee_uses WHERE rowid = NEW.rowid\n   OR transaction_id = NEW.transaction_id)\nBEGIN SELECT RAISE(ABORT, 'fee_uses: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER fee_caps_no_update BEFORE UPDATE ON fee_caps\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER fee_caps_no_delete BEFORE DELETE ON fee_caps\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER fee_caps_no_truncate BEFORE TRUNCATE ON fee_caps\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER fee_uses_no_update BEFORE UPDATE ON fee_uses\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER fee_uses_no_delete BEFORE DELETE ON fee_uses\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER fee_uses_no_truncate BEFORE TRUNCATE ON fee_uses\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
