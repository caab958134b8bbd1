"""What protects reports of reconciliations, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER reconciliation_lines_no_update BEFORE UPDATE ON reconciliation_lines\nBEGIN SELECT RAISE(ABORT, 'reconciliation_lines: the past does not change'); END",
    "CREATE TRIGGER reconciliation_lines_no_delete BEFORE DELETE ON reconciliation_lines\nBEGIN SELECT RAISE(ABORT, 'reconciliation_lines: the past does not change'); END",
    "CREATE TRIGGER reconciliation_lines_no_replace BEFORE INSERT ON reconciliation_lines\nWHEN EXISTS (SELECT 1 FROM reconciliation_lines WHERE rowid = NEW.rowid\n   OR report_id = NEW.report_id AND vault_id = NEW.vault_id AND asset = NEW.asset)\nBEGIN SELECT RAISE(ABORT, 'reconciliation_lines: the past does not change'); END",
    "CREATE TRIGGER reconciliation_mismatches_no_update BEFORE UPDATE ON reconciliation_mismatches\nBEGIN SELECT RAISE(ABORT, 'reconciliation_mismatches: the past does not change'); END",
    "CREATE TRIGGER reconciliation_mismatches_no_delete BEFORE DELETE ON reconciliation_mismatches\nBEGIN SELECT RAISE(ABORT, 'reconciliation_mismatches: the past does not change'); END",
    "CREATE TRIGGER reconciliation_mismatches_no_replace BEFORE INSERT ON reconciliation_mismatches\nWHEN EXISTS (SELECT 1 FROM reconciliation_mismatches WHERE rowid = NEW.rowid\n   OR report_id = NEW.report_id AND vault_id = NEW.vault_id AND asset = NEW.asset AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'reconciliation_mismatches: the past does not change'); END",
    "CREATE TRIGGER reconciliations_no_update BEFORE UPDATE ON reconciliations\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.id IS NOT NEW.id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.cause IS NOT NEW.cause\n   OR OLD.asked_by IS NOT NEW.asked_by\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.equal IS NOT NULL AND OLD.equal IS NOT NEW.equal\n   OR OLD.shortage IS NOT NULL AND OLD.shortage IS NOT NEW.shortage\n   OR OLD.surplus IS NOT NULL AND OLD.surplus IS NOT NEW.surplus\n   OR OLD.inconclusive IS NOT NULL AND OLD.inconclusive IS NOT NEW.inconclusive\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS NOT NEW.ended_at\n   OR OLD.serial IS NOT NULL AND OLD.serial IS NOT NEW.serial\n   OR EXISTS (SELECT 1 FROM reconciliations WHERE open_key = NEW.open_key AND rowid IS NOT OLD.rowid)\nBEGIN SELECT RAISE(ABORT, 'reconciliations: the past does not change'); END",
    "CREATE TRIGGER reconciliations_no_delete BEFORE DELETE ON reconciliations\nBEGIN SELECT RAISE(ABORT, 'reconciliations: the past does not change'); END",
    "CREATE TRIGGER reconciliations_no_replace BEFORE INSERT ON reconciliations\nWHEN EXISTS (SELECT 1 FROM reconciliations WHERE rowid = NEW.rowid\n   OR id = NEW.id\n   OR open_key = NEW.open_key)\nBEGIN SELECT RAISE(ABORT, 'reconciliations: the past does not change'); END",
    'CREATE TRIGGER reconciliations_number AFTER INSERT ON reconciliations\nWHEN NEW.serial IS NULL\nBEGIN UPDATE reconciliations SET serial = (SELECT COALESCE(MAX(serial), 0) + 1 FROM reconciliations) WHERE rowid = NEW.rowid; END',
)
POSTGRESQL = (
    'CREATE TRIGGER reconciliation_lines_no_update BEFORE UPDATE ON reconciliation_lines\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliation_lines_no_delete BEFORE DELETE ON reconciliation_lines\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliation_lines_no_truncate BEFORE TRUNCATE ON reconciliation_lines\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliation_mismatches_no_update BEFORE UPDATE ON reconciliation_mismatches\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliation_mismatches_no_delete BEFORE DELETE ON reconciliation_mismatches\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliation_mismatches_no_truncate BEFORE TRUNCATE ON reconciliation_mismatches\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliations_no_update BEFORE UPDATE ON reconciliations\nFOR EACH ROW\nWHEN (OLD.id IS DISTINCT FROM NEW.id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.cause IS DISTINCT FROM NEW.cause\n   OR OLD.asked_by IS DISTINCT FROM NEW.asked_by\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.equal IS NOT NULL AND OLD.equal IS DISTINCT FROM NEW.equal\n   OR OLD.shortage IS NOT NULL AND OLD.shortage IS DISTINCT FROM NEW.shortage\n   OR OLD.surplus IS NOT NULL AND OLD.surplus IS DISTINCT FROM NEW.surplus\n   OR OLD.inconclusive IS NOT NULL AND OLD.inconclusive IS DISTINCT FROM NEW.inconclusive\n   OR OLD.ended_at IS NOT NULL AND OLD.ended_at IS DISTINCT FROM NEW.ended_at\n   OR OLD.serial IS NOT NULL AND OLD.serial IS DISTINCT FROM NEW.serial) EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliations_no_delete BEFORE DELETE ON reconciliations\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER reconciliations_no_truncate BEFORE TRUNCATE ON reconciliations\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
    'CREATE SEQUENCE reconciliations_serials MINVALUE 0 START 0 CACHE 1',
    "SELECT nextval('reconciliations_serials')",
    "CREATE FUNCTION number_reconciliations() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN IF COALESCE(current_setting('custody.reconciliations_number', true), '') = '' THEN\nPERFORM pg_advisory_xact_lock_shared(6805406329398624256 + last_value) FROM reconciliations_serials;\nPERFORM set_config('custody.reconciliations_number', 'holding', true); END IF;\nNEW.serial := nextval('reconciliations_serials'); RETURN NEW; END $$",
    'CREATE TRIGGER reconciliations_number BEFORE INSERT ON reconciliations\nFOR EACH ROW EXECUTE FUNCTION number_reconciliations()',
)
