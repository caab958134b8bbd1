"""What protects the tokens and asks of apps, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER rpc_tokens_no_update BEFORE UPDATE ON rpc_tokens\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.id IS NOT NEW.id\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.initiator IS NOT NEW.initiator\n   OR OLD.digest IS NOT NEW.digest\n   OR OLD.origins IS NOT NEW.origins\n   OR OLD.api_key_id IS NOT NEW.api_key_id\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.revoked_at IS NOT NULL AND OLD.revoked_at IS NOT NEW.revoked_at\nBEGIN SELECT RAISE(ABORT, 'rpc_tokens: the past does not change'); END",
    "CREATE TRIGGER rpc_tokens_no_delete BEFORE DELETE ON rpc_tokens\nBEGIN SELECT RAISE(ABORT, 'rpc_tokens: the past does not change'); END",
    "CREATE TRIGGER rpc_tokens_no_replace BEFORE INSERT ON rpc_tokens\nWHEN EXISTS (SELECT 1 FROM rpc_tokens WHERE rowid = NEW.rowid\n   OR digest = NEW.digest\n   OR id = NEW.id)\nBEGIN SELECT RAISE(ABORT, 'rpc_tokens: the past does not change'); END",
    "CREATE TRIGGER rpc_asks_no_update BEFORE UPDATE ON rpc_asks\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.id IS NOT NEW.id\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.digest IS NOT NEW.digest\n   OR OLD.number IS NOT NEW.number\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.told_at IS NOT NULL AND OLD.told_at IS NOT NEW.told_at\n   OR OLD.told_as IS NOT NULL AND OLD.told_as IS NOT NEW.told_as\nBEGIN SELECT RAISE(ABORT, 'rpc_asks: the past does not change'); END",
    "CREATE TRIGGER rpc_asks_no_delete BEFORE DELETE ON rpc_asks\nBEGIN SELECT RAISE(ABORT, 'rpc_asks: the past does not change'); END",
    "CREATE TRIGGER rpc_asks_no_replace BEFORE INSERT ON rpc_asks\nWHEN EXISTS (SELECT 1 FROM rpc_asks WHERE rowid = NEW.rowid\n   OR id = NEW.id\n   OR vault_id = NEW.vault_id AND network = NEW.network AND digest = NEW.digest AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'rpc_asks: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER rpc_tokens_no_update BEFORE UPDATE ON rpc_tokens\nFOR EACH ROW\nWHEN (OLD.id IS DISTINCT FROM NEW.id\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.initiator IS DISTINCT FROM NEW.initiator\n   OR OLD.digest IS DISTINCT FROM NEW.digest\n   OR OLD.origins IS DISTINCT FROM NEW.origins\n   OR OLD.api_key_id IS DISTINCT FROM NEW.api_key_id\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.revoked_at IS NOT NULL AND OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER rpc_tokens_no_delete BEFORE DELETE ON rpc_tokens\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER rpc_tokens_no_truncate BEFORE TRUNCATE ON rpc_tokens\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER rpc_asks_no_update BEFORE UPDATE ON rpc_asks\nFOR EACH ROW\nWHEN (OLD.id IS DISTINCT FROM NEW.id\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.digest IS DISTINCT FROM NEW.digest\n   OR OLD.number IS DISTINCT FROM NEW.number\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.told_at IS NOT NULL AND OLD.told_at IS DISTINCT FROM NEW.told_at\n   OR OLD.told_as IS NOT NULL AND OLD.told_as IS DISTINCT FROM NEW.told_as) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER rpc_asks_no_delete BEFORE DELETE ON rpc_asks\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER rpc_asks_no_truncate BEFORE TRUNCATE ON rpc_asks\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
