"""What an auditor sees: one payment with all that proves it, exports, and checks without us."""
