"""What people sign about a transfer: the verdicts, and who still has to give one."""
