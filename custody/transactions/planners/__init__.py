"""What to build, by purpose: one pure function for each."""
