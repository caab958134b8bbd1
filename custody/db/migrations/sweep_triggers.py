"""What protects sweeps by rule and their rules, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER sweep_rules_no_update BEFORE UPDATE ON sweep_rules\nBEGIN SELECT RAISE(ABORT, 'sweep_rules: the past does not change'); END",
    "CREATE TRIGGER sweep_rules_no_delete BEFORE DELETE ON sweep_rules\nBEGIN SELECT RAISE(ABORT, 'sweep_rules: the past does not change'); END",
    "CREATE TRIGGER sweep_rules_no_replace BEFORE INSERT ON sweep_rules\nWHEN EXISTS (SELECT 1 FROM sweep_rules WHERE rowid = NEW.rowid\n   OR vault_id = NEW.vault_id AND asset = NEW.asset AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'sweep_rules: the past does not change'); END",
    "CREATE TRIGGER sweeps_no_update BEFORE UPDATE ON sweeps\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.network IS NOT NEW.network\n   OR OLD.address IS NOT NEW.address\n   OR OLD.number IS NOT NEW.number\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.asset IS NOT NEW.asset\n   OR OLD.destination IS NOT NEW.destination\n   OR OLD.key_id IS NOT NEW.key_id\n   OR OLD.amount IS NOT NEW.amount\n   OR OLD.cost IS NOT NEW.cost\n   OR OLD.cost_max IS NOT NEW.cost_max\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS NOT NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS NOT NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR EXISTS (SELECT 1 FROM sweeps WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'sweeps: the past does not change'); END",
    "CREATE TRIGGER sweeps_no_delete BEFORE DELETE ON sweeps\nBEGIN SELECT RAISE(ABORT, 'sweeps: the past does not change'); END",
    "CREATE TRIGGER sweeps_no_replace BEFORE INSERT ON sweeps\nWHEN EXISTS (SELECT 1 FROM sweeps WHERE rowid = NEW.rowid\n   OR network = NEW.network AND address = NEW.address AND number = NEW.number\n   OR open_key = NEW.open_key)\nBEGIN SELECT RAISE(ABORT, 'sweeps: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER sweep_rules_no_update BEFORE UPDATE ON sweep_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER sweep_rules_no_delete BEFORE DELETE ON sweep_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER sweep_rules_no_truncate BEFORE TRUNCATE ON sweep_rules\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER sweeps_no_update BEFORE UPDATE ON sweeps\nFOR EACH ROW\nWHEN (OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.address IS DISTINCT FROM NEW.address\n   OR OLD.number IS DISTINCT FROM NEW.number\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.asset IS DISTINCT FROM NEW.asset\n   OR OLD.destination IS DISTINCT FROM NEW.destination\n   OR OLD.key_id IS DISTINCT FROM NEW.key_id\n   OR OLD.amount IS DISTINCT FROM NEW.amount\n   OR OLD.cost IS DISTINCT FROM NEW.cost\n   OR OLD.cost_max IS DISTINCT FROM NEW.cost_max\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS DISTINCT FROM NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS DISTINCT FROM NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER sweeps_no_delete BEFORE DELETE ON sweeps\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER sweeps_no_truncate BEFORE TRUNCATE ON sweeps\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
