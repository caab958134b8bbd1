"""The blocks of each network: fetched, connected, undone, final; and what was seen of them."""
