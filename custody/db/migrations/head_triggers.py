"""How the ledger's heads are protected, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER ledger_heads_no_update BEFORE UPDATE ON ledger_heads\nBEGIN SELECT RAISE(ABORT, 'ledger_heads: the past does not change'); END",
    "CREATE TRIGGER ledger_heads_no_delete BEFORE DELETE ON ledger_heads\nBEGIN SELECT RAISE(ABORT, 'ledger_heads: the past does not change'); END",
    "CREATE TRIGGER ledger_heads_no_replace BEFORE INSERT ON ledger_heads\nWHEN EXISTS (SELECT 1 FROM ledger_heads WHERE rowid = NEW.rowid\n   OR position = NEW.position)\nBEGIN SELECT RAISE(ABORT, 'ledger_heads: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER ledger_heads_no_update BEFORE UPDATE ON ledger_heads\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER ledger_heads_no_delete BEFORE DELETE ON ledger_heads\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER ledger_heads_no_truncate BEFORE TRUNCATE ON ledger_heads\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
