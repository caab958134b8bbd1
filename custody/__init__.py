"""The business: clients, vaults, ledger, deposits, transfers, approvals and reconciliation."""
