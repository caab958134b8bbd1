"""Money that left a vault without a transfer of ours: booked, told, and after it a frozen vault."""
