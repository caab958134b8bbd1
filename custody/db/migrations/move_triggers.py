"""What protects moves of vaults and their steps, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER vault_moves_no_update BEFORE UPDATE ON vault_moves\nBEGIN SELECT RAISE(ABORT, 'vault_moves: the past does not change'); END",
    "CREATE TRIGGER vault_moves_no_delete BEFORE DELETE ON vault_moves\nBEGIN SELECT RAISE(ABORT, 'vault_moves: the past does not change'); END",
    "CREATE TRIGGER vault_moves_no_replace BEFORE INSERT ON vault_moves\nWHEN EXISTS (SELECT 1 FROM vault_moves WHERE rowid = NEW.rowid\n   OR vault_id = NEW.vault_id AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'vault_moves: the past does not change'); END",
    "CREATE TRIGGER vault_move_steps_no_update BEFORE UPDATE ON vault_move_steps\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.asset IS NOT NEW.asset\n   OR OLD.number IS NOT NEW.number\n   OR OLD.network IS NOT NEW.network\n   OR OLD.destination IS NOT NEW.destination\n   OR OLD.key_id IS NOT NEW.key_id\n   OR OLD.amount IS NOT NEW.amount\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS NOT NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS NOT NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR EXISTS (SELECT 1 FROM vault_move_steps WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'vault_move_steps: the past does not change'); END",
    "CREATE TRIGGER vault_move_steps_no_delete BEFORE DELETE ON vault_move_steps\nBEGIN SELECT RAISE(ABORT, 'vault_move_steps: the past does not change'); END",
    "CREATE TRIGGER vault_move_steps_no_replace BEFORE INSERT ON vault_move_steps\nWHEN EXISTS (SELECT 1 FROM vault_move_steps WHERE rowid = NEW.rowid\n   OR open_key = NEW.open_key\n   OR vault_id = NEW.vault_id AND asset = NEW.asset AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'vault_move_steps: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER vault_moves_no_update BEFORE UPDATE ON vault_moves\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vault_moves_no_delete BEFORE DELETE ON vault_moves\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vault_moves_no_truncate BEFORE TRUNCATE ON vault_moves\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vault_move_steps_no_update BEFORE UPDATE ON vault_move_steps\nFOR EACH ROW\nWHEN (OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.asset IS DISTINCT FROM NEW.asset\n   OR OLD.number IS DISTINCT FROM NEW.number\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.destination IS DISTINCT FROM NEW.destination\n   OR OLD.key_id IS DISTINCT FROM NEW.key_id\n   OR OLD.amount IS DISTINCT FROM NEW.amount\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.transfer_id IS NOT NULL AND OLD.transfer_id IS DISTINCT FROM NEW.transfer_id\n   OR OLD.code IS NOT NULL AND OLD.code IS DISTINCT FROM NEW.code\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vault_move_steps_no_delete BEFORE DELETE ON vault_move_steps\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER vault_move_steps_no_truncate BEFORE TRUNCATE ON vault_move_steps\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
