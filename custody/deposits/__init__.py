"""Money that arrives: pending until its block is final, reversed if it is undone."""
