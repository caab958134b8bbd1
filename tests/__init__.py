"""A package, so that `tests` means this folder: bitcoinlib installs one of the same name."""
