"""What protects refills and their rules, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER refill_rules_no_update BEFORE UPDATE ON refill_rules\nBEGIN SELECT RAISE(ABORT, 'refill_rules: the past does not change'); END",
    "CREATE TRIGGER refill_rules_no_delete BEFORE DELETE ON refill_rules\nBEGIN SELECT RAISE(ABORT, 'refill_rules: the past does not change'); END",
    "CREATE TRIGGER refill_rules_no_replace BEFORE INSERT ON refill_rules\nWHEN EXISTS (SELECT 1 FROM refill_rules WHERE rowid = NEW.rowid\n   OR vault_id = NEW.vault_id AND asset = NEW.asset AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'refill_rules: the past does not change'); END",
    "CREATE TRIGGER refills_no_update BEFORE UPDATE ON refills\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.asset IS NOT NEW.asset\n   OR OLD.number IS NOT NEW.number\n   OR OLD.network IS NOT NEW.network\n   OR OLD.source_id IS NOT NEW.source_id\n   OR OLD.key_id IS NOT NEW.key_id\n   OR OLD.destination IS NOT NEW.destination\n   OR OLD.amount IS NOT NEW.amount\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS NOT NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS NOT NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR EXISTS (SELECT 1 FROM refills WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'refills: the past does not change'); END",
    "CREATE TRIGGER refills_no_delete BEFORE DELETE ON refills\nBEGIN SELECT RAISE(ABORT, 'refills: the past does not change'); END",
    "CREATE TRIGGER refills_no_replace BEFORE INSERT ON refills\nWHEN EXISTS (SELECT 1 FROM refills WHERE rowid = NEW.rowid\n   OR open_key = NEW.open_key\n   OR vault_id = NEW.vault_id AND asset = NEW.asset AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'refills: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER refill_rules_no_update BEFORE UPDATE ON refill_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER refill_rules_no_delete BEFORE DELETE ON refill_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER refill_rules_no_truncate BEFORE TRUNCATE ON refill_rules\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER refills_no_update BEFORE UPDATE ON refills\nFOR EACH ROW\nWHEN (OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.asset IS DISTINCT FROM NEW.asset\n   OR OLD.number IS DISTINCT FROM NEW.number\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.source_id IS DISTINCT FROM NEW.source_id\n   OR OLD.key_id IS DISTINCT FROM NEW.key_id\n   OR OLD.destination IS DISTINCT FROM NEW.destination\n   OR OLD.amount IS DISTINCT FROM NEW.amount\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS DISTINCT FROM NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS DISTINCT FROM NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER refills_no_delete BEFORE DELETE ON refills\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER refills_no_truncate BEFORE TRUNCATE ON refills\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
