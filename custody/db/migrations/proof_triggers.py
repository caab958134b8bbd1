"""What protects proofs, as one migration made it. It does not change any more."""

# fmt: off
SQLITE = (
    "CREATE TRIGGER chain_proofs_no_update BEFORE UPDATE ON chain_proofs\nBEGIN SELECT RAISE(ABORT, 'chain_proofs: the past does not change'); END",
    "CREATE TRIGGER chain_proofs_no_delete BEFORE DELETE ON chain_proofs\nBEGIN SELECT RAISE(ABORT, 'chain_proofs: the past does not change'); END",
    "CREATE TRIGGER chain_proofs_no_replace BEFORE INSERT ON chain_proofs\nWHEN EXISTS (SELECT 1 FROM chain_proofs WHERE rowid = NEW.rowid\n   OR transaction_id = NEW.transaction_id AND block_hash = NEW.block_hash AND number = NEW.number)\nBEGIN SELECT RAISE(ABORT, 'chain_proofs: the past does not change'); END",
)
POSTGRESQL = (
    'CREATE TRIGGER chain_proofs_no_update BEFORE UPDATE ON chain_proofs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER chain_proofs_no_delete BEFORE DELETE ON chain_proofs\nFOR EACH ROW EXECUTE FUNCTION refuse_change()',
    'CREATE TRIGGER chain_proofs_no_truncate BEFORE TRUNCATE ON chain_proofs\nFOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
)
