"""How foreign debits are numbered, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER foreign_debits_no_update BEFORE UPDATE ON foreign_debits\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR OLD.id IS NOT NEW.id\n   OR OLD.network IS NOT NEW.network\n   OR OLD.asset IS NOT NEW.asset\n   OR OLD.client_id IS NOT NEW.client_id\n   OR OLD.vault_id IS NOT NEW.vault_id\n   OR OLD.address IS NOT NEW.address\n   OR OLD.txid IS NOT NEW.txid\n   OR OLD.place IS NOT NEW.place\n   OR OLD.amount IS NOT NEW.amount\n   OR OLD.account IS NOT NEW.account\n   OR OLD.block_height IS NOT NEW.block_height\n   OR OLD.block_hash IS NOT NEW.block_hash\n   OR OLD.created_at IS NOT NEW.created_at\n   OR OLD.serial IS NOT NULL AND OLD.serial IS NOT NEW.serial\nBEGIN SELECT RAISE(ABORT, 'foreign_debits: the past does not change'); END",
    'CREATE TRIGGER foreign_debits_number AFTER INSERT ON foreign_debits\nWHEN NEW.serial IS NULL\nBEGIN UPDATE foreign_debits SET serial = (SELECT COALESCE(MAX(serial), 0) + 1 FROM foreign_debits) WHERE rowid = NEW.rowid; END',
)
POSTGRESQL = (
    'CREATE TRIGGER foreign_debits_no_update BEFORE UPDATE ON foreign_debits\nFOR EACH ROW\nWHEN (OLD.id IS DISTINCT FROM NEW.id\n   OR OLD.network IS DISTINCT FROM NEW.network\n   OR OLD.asset IS DISTINCT FROM NEW.asset\n   OR OLD.client_id IS DISTINCT FROM NEW.client_id\n   OR OLD.vault_id IS DISTINCT FROM NEW.vault_id\n   OR OLD.address IS DISTINCT FROM NEW.address\n   OR OLD.txid IS DISTINCT FROM NEW.txid\n   OR OLD.place IS DISTINCT FROM NEW.place\n   OR OLD.amount IS DISTINCT FROM NEW.amount\n   OR OLD.account IS DISTINCT FROM NEW.account\n   OR OLD.block_height IS DISTINCT FROM NEW.block_height\n   OR OLD.block_hash IS DISTINCT FROM NEW.block_hash\n   OR OLD.created_at IS DISTINCT FROM NEW.created_at\n   OR OLD.serial IS NOT NULL AND OLD.serial IS DISTINCT FROM NEW.serial) EXECUTE FUNCTION refuse_change()',
    'CREATE SEQUENCE foreign_debits_serials MINVALUE 0 START 0 CACHE 1',
    "SELECT nextval('foreign_debits_serials')",
    "CREATE FUNCTION number_foreign_debits() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN IF COALESCE(current_setting('custody.foreign_debits_number', true), '') = '' THEN\nPERFORM pg_advisory_xact_lock_shared(6805404130375368704 + last_value) FROM foreign_debits_serials;\nPERFORM set_config('custody.foreign_debits_number', 'holding', true); END IF;\nNEW.serial := nextval('foreign_debits_serials'); RETURN NEW; END $$",
    'CREATE TRIGGER foreign_debits_number BEFORE INSERT ON foreign_debits\nFOR EACH ROW EXECUTE FUNCTION number_foreign_debits()',
)
