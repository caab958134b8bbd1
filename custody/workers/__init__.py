"""What runs without being asked: the outbox, the followers, the reconciliation."""
