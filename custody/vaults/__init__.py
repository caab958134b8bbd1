"""Clients, their vaults, and the addresses at which a vault is paid."""
