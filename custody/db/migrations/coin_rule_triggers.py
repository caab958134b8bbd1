"""What protects coins moved by rule and their rules, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER coin_rules_no_update BEFORE UPDATE ON coin_rules\nBEGIN SELECT RAISE(ABORT, 'coin_rules: the past does not change'); END",
    "CREATE TRIGGER coin_rules_no_delete BEFORE DELETE ON coin_rules\nBEGIN SELECT RAISE(ABORT, 'coin_rules: the past does not change'); END",
    "CREATE TRIGGER coin_rules_no_replace BEFORE INSERT ON coin_rules\nWHEN EXISTS (SELECT 1 FROM coin_rules WHERE rowid = NEW.rowid\n   OR vault_id = NEW.vault_id AND network = NEW.network AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'coin_rules: the past does not change'); END",
    "CREATE TRIGGER coin_moves_no_update BEFORE UPDATE ON coin_moves\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.number IS NOT NEW.number\n   OR OLD.kind IS NOT NEW.kind\n   OR OLD.asset IS NOT NEW.asset\n   OR OLD.coins IS NOT NEW.coins\n   OR OLD.amount IS NOT NEW.amount\n   OR OLD.destination IS NOT NEW.destination\n   OR OLD.key_id IS NOT NEW.key_id\n   OR OLD.rate IS NOT NEW.rate\n   OR OLD.cost IS NOT NEW.cost\n   OR OLD.cost_max IS NOT NEW.cost_max\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS NOT NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS NOT NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR EXISTS (SELECT 1 FROM coin_moves WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'coin_moves: the past does not change'); END",
    "CREATE TRIGGER coin_moves_no_delete BEFORE DELETE ON coin_moves\nBEGIN SELECT RAISE(ABORT, 'coin_moves: the past does not change'); END",
    "CREATE TRIGGER coin_moves_no_replace BEFORE INSERT ON coin_moves\nWHEN EXISTS (SELECT 1 FROM coin_moves WHERE rowid = NEW.rowid\n   OR open_key = NEW.open_key\n   OR vault_id = NEW.vault_id AND network = NEW.network AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'coin_moves: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER coin_rules_no_update BEFORE UPDATE ON coin_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER coin_rules_no_delete BEFORE DELETE ON coin_rules\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER coin_rules_no_truncate BEFORE TRUNCATE ON coin_rules\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER coin_moves_no_update BEFORE UPDATE ON coin_moves\nFOR EACH ROW\nWHEN (OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.number IS DISTINCT FROM NEW.number\n   OR OLD.kind IS DISTINCT FROM NEW.kind\n   OR OLD.asset IS DISTINCT FROM NEW.asset\n   OR OLD.coins IS DISTINCT FROM NEW.coins\n   OR OLD.amount IS DISTINCT FROM NEW.amount\n   OR OLD.destination IS DISTINCT FROM NEW.destination\n   OR OLD.key_id IS DISTINCT FROM NEW.key_id\n   OR OLD.rate IS DISTINCT FROM NEW.rate\n   OR OLD.cost IS DISTINCT FROM NEW.cost\n   OR OLD.cost_max IS DISTINCT FROM NEW.cost_max\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS DISTINCT FROM NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS DISTINCT FROM NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER coin_moves_no_delete BEFORE DELETE ON coin_moves\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER coin_moves_no_truncate BEFORE TRUNCATE ON coin_moves\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
