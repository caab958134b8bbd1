"""Proves that the ledger equals the chain, and stops a vault where it doesn't."""
