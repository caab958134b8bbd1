"""How far custody knows the signer's journal, and what happens when it knows too little.

The signer remembers what it signed for whom. A database that was restored from a backup, or a
standby that was promoted without its last commits, does not. Until what the journal says has been
rebuilt, nothing is accepted, signed or followed (ADR 0014).
"""
