"""Verifies bundles of evidence about payments: offline, alone, and nothing of whose they are.

`bundle` reads the file, `claims` says what is shown, `log` and `people` check the signer's log and
who agreed, one file per chain decodes transactions and checks that a block has them. Nothing here
is shared with the wallet that made the bundle: a mistake of its code is not a mistake of this one.
"""
