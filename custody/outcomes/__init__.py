"""What calls may lead to: looked at before the signature, compared afterwards (ADR 0105)."""
