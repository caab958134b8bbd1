"""Money that arrives: followed block by block, pending until it is final, reversed if undone."""
