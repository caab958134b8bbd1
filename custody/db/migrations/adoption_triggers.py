"""What protects adoptions, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER adoptions_no_update BEFORE UPDATE ON adoptions\nBEGIN SELECT RAISE(ABORT, 'adoptions: the past does not change'); END",
    "CREATE TRIGGER adoptions_no_delete BEFORE DELETE ON adoptions\nBEGIN SELECT RAISE(ABORT, 'adoptions: the past does not change'); END",
    "CREATE TRIGGER adoptions_no_replace BEFORE INSERT ON adoptions\nWHEN EXISTS (SELECT 1 FROM adoptions WHERE rowid = NEW.rowid\n   OR address_id = NEW.address_id)\nBEGIN SELECT RAISE(ABORT, 'adoptions: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER adoptions_no_update BEFORE UPDATE ON adoptions\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER adoptions_no_delete BEFORE DELETE ON adoptions\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER adoptions_no_truncate BEFORE TRUNCATE ON adoptions\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
