"""What protects the transparency log, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER log_entries_no_update BEFORE UPDATE ON log_entries\nBEGIN SELECT RAISE(ABORT, 'log_entries: the past does not change'); END",
    "CREATE TRIGGER log_entries_no_delete BEFORE DELETE ON log_entries\nBEGIN SELECT RAISE(ABORT, 'log_entries: the past does not change'); END",
    "CREATE TRIGGER log_entries_no_replace BEFORE INSERT ON log_entries\nWHEN EXISTS (SELECT 1 FROM log_entries WHERE rowid = NEW.rowid\n   OR origin = NEW.origin AND kind = NEW.kind AND name = NEW.name\n   OR origin = NEW.origin AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'log_entries: the past does not change'); END",
    "CREATE TRIGGER log_checkpoints_no_update BEFORE UPDATE ON log_checkpoints\nBEGIN SELECT RAISE(ABORT, 'log_checkpoints: the past does not change'); END",
    "CREATE TRIGGER log_checkpoints_no_delete BEFORE DELETE ON log_checkpoints\nBEGIN SELECT RAISE(ABORT, 'log_checkpoints: the past does not change'); END",
    "CREATE TRIGGER log_checkpoints_no_replace BEFORE INSERT ON log_checkpoints\nWHEN EXISTS (SELECT 1 FROM log_checkpoints WHERE rowid = NEW.rowid\n   OR origin = NEW.origin AND size = NEW.size)\nBEGIN SELECT RAISE(ABORT, 'log_checkpoints: the past does not change'); END",
    "CREATE TRIGGER log_cosignatures_no_update BEFORE UPDATE ON log_cosignatures\nBEGIN SELECT RAISE(ABORT, 'log_cosignatures: the past does not change'); END",
    "CREATE TRIGGER log_cosignatures_no_delete BEFORE DELETE ON log_cosignatures\nBEGIN SELECT RAISE(ABORT, 'log_cosignatures: the past does not change'); END",
    "CREATE TRIGGER log_cosignatures_no_replace BEFORE INSERT ON log_cosignatures\nWHEN EXISTS (SELECT 1 FROM log_cosignatures WHERE rowid = NEW.rowid\n   OR origin = NEW.origin AND size = NEW.size AND witness = NEW.witness)\nBEGIN SELECT RAISE(ABORT, 'log_cosignatures: the past does not change'); END",
    "CREATE TRIGGER evidence_manifests_no_update BEFORE UPDATE ON evidence_manifests\nBEGIN SELECT RAISE(ABORT, 'evidence_manifests: the past does not change'); END",
    "CREATE TRIGGER evidence_manifests_no_delete BEFORE DELETE ON evidence_manifests\nBEGIN SELECT RAISE(ABORT, 'evidence_manifests: the past does not change'); END",
    "CREATE TRIGGER evidence_manifests_no_replace BEFORE INSERT ON evidence_manifests\nWHEN EXISTS (SELECT 1 FROM evidence_manifests WHERE rowid = NEW.rowid\n   OR digest = NEW.digest)\nBEGIN SELECT RAISE(ABORT, 'evidence_manifests: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER log_entries_no_update BEFORE UPDATE ON log_entries\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_entries_no_delete BEFORE DELETE ON log_entries\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_entries_no_truncate BEFORE TRUNCATE ON log_entries\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_checkpoints_no_update BEFORE UPDATE ON log_checkpoints\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_checkpoints_no_delete BEFORE DELETE ON log_checkpoints\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_checkpoints_no_truncate BEFORE TRUNCATE ON log_checkpoints\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_cosignatures_no_update BEFORE UPDATE ON log_cosignatures\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_cosignatures_no_delete BEFORE DELETE ON log_cosignatures\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER log_cosignatures_no_truncate BEFORE TRUNCATE ON log_cosignatures\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER evidence_manifests_no_update BEFORE UPDATE ON evidence_manifests\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER evidence_manifests_no_delete BEFORE DELETE ON evidence_manifests\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER evidence_manifests_no_truncate BEFORE TRUNCATE ON evidence_manifests\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
