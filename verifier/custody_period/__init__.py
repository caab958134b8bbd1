"""Checks a package of a period offline: `custody-verify period FILE`.

`log`, `books` and `claims` read what the file shows of the signer's records, of the ledger, and of
all of it. Its readers, and the checks of each sample, are those of `custody_verify`; it shares no
line with the house whose period it is.
"""
