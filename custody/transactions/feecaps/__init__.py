"""The operator's caps on the fees of a vault and network in a day."""
