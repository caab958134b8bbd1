"""What protects messages, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER messages_no_update BEFORE UPDATE ON messages\nBEGIN SELECT RAISE(ABORT, 'messages: the past does not change'); END",
    "CREATE TRIGGER messages_no_delete BEFORE DELETE ON messages\nBEGIN SELECT RAISE(ABORT, 'messages: the past does not change'); END",
    "CREATE TRIGGER messages_no_replace BEFORE INSERT ON messages\nWHEN EXISTS (SELECT 1 FROM messages WHERE rowid = NEW.rowid\n   OR transfer_id = NEW.transfer_id)\nBEGIN SELECT RAISE(ABORT, 'messages: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER messages_no_update BEFORE UPDATE ON messages\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER messages_no_delete BEFORE DELETE ON messages\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER messages_no_truncate BEFORE TRUNCATE ON messages\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
