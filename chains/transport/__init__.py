"""How we reach a node over HTTP: one place for all chains.

`endpoint` says where a node is and with which secrets, `credentials` reads those that lie in files;
`connection` sends one request; `meaning` and `waiting` decide, as pure functions, about what came
back; `jsonrpc` is the protocol that three of the families share. Knows no chain: which methods
exist and what their results say is the families' own.
"""
