"""Watches transparency logs and signs what it saw: C2SP tlog-witness and tlog-cosignature.

`tree` proves that one tree continues another, `sources` reads a log's files, `witness` decides and
remembers, `server` answers logs, `cli` is the command. Its readers are those of `custody_verify`;
it shares no line with the house whose log it watches.
"""
