"""What protects pauses and tells of them, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER pauses_no_update BEFORE UPDATE ON pauses\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.id IS NOT NEW.id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.reason IS NOT NEW.reason\n   OR OLD.paused_by IS NOT NEW.paused_by\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR OLD.ended_by IS NOT NULL AND OLD.ended_by IS NOT NEW.ended_by\n   OR OLD.ended_reason IS NOT NULL AND OLD.ended_reason IS NOT NEW.ended_reason\n   OR EXISTS (SELECT 1 FROM pauses WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'pauses: the past does not change'); END",
    "CREATE TRIGGER pauses_no_delete BEFORE DELETE ON pauses\nBEGIN SELECT RAISE(ABORT, 'pauses: the past does not change'); END",
    "CREATE TRIGGER pauses_no_replace BEFORE INSERT ON pauses\nWHEN EXISTS (SELECT 1 FROM pauses WHERE rowid = NEW.rowid\n   OR id = NEW.id\n   OR open_key = NEW.open_key)\nBEGIN SELECT RAISE(ABORT, 'pauses: the past does not change'); END",
    "CREATE TRIGGER pauses_tell_create AFTER INSERT ON pauses\nBEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)\nVALUES ('pause', NEW.id, NEW.vault_id, 'create',\nCASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END, COALESCE(NEW.ended_reason, NEW.reason), NEW.created_at); END",
    "CREATE TRIGGER pauses_tell_change AFTER UPDATE ON pauses\nWHEN OLD.ended_at IS NOT NEW.ended_at\nBEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)\nVALUES ('pause', NEW.id, NEW.vault_id, 'change',\nCASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END, COALESCE(NEW.ended_reason, NEW.reason), NEW.ended_at); END",
)
POSTGRESQL = (
    'CREATE TRIGGER pauses_no_update BEFORE UPDATE ON pauses\nFOR EACH ROW\nWHEN (OLD.id IS DISTINCT FROM NEW.id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.reason IS DISTINCT FROM NEW.reason\n   OR OLD.paused_by IS DISTINCT FROM NEW.paused_by\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at\n   OR OLD.ended_by IS NOT NULL AND OLD.ended_by IS DISTINCT FROM NEW.ended_by\n   OR OLD.ended_reason IS NOT NULL AND OLD.ended_reason IS DISTINCT FROM NEW.ended_reason) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER pauses_no_delete BEFORE DELETE ON pauses\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER pauses_no_truncate BEFORE TRUNCATE ON pauses\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    "CREATE FUNCTION tell_pauses() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN INSERT INTO events (kind, subject, vault_id, event, state, detail, created_at)\nVALUES ('pause', NEW.id, NEW.vault_id, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END,\nCASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END, COALESCE(NEW.ended_reason, NEW.reason), CASE TG_OP WHEN 'INSERT' THEN NEW.created_at ELSE NEW.ended_at END); RETURN NULL; END $$",
    'CREATE TRIGGER pauses_tell_create AFTER INSERT ON pauses\nFOR EACH ROW EXECUTE FUNCTION tell_pauses()',
    'CREATE TRIGGER pauses_tell_change AFTER UPDATE ON pauses\nFOR EACH ROW WHEN (OLD.ended_at IS DISTINCT FROM NEW.ended_at) EXECUTE FUNCTION tell_pauses()',
)
