"""Who owns what: double entry, append-only, one asset per entry, integers."""
