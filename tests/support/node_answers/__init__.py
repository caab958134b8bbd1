"""What real nodes, and gates before them, answer: tables by node and version, and a server.

A table is a JSON file beside this one: a list of cases. A case says who answers, what an adapter is
asked, how each question is answered, and what the adapter must make of it:

    {"node": "bitcoind 22.0 to 27.2",            who answers so, and in which versions
     "source": "doc/JSON-RPC-interface.md …",    where that is written down
     "says": "the work queue is full",           the situation in a few words
     "family": "bitcoin",                        which adapter is asked
     "call": "tip",                              what it is asked (see `cases.CALLS`)
     "dialect": "legacy",                        see `server.DIALECTS`; "2.0" where absent
     "network": "bitcoin",                       the family's local one where absent
     "answers": {"*": {"status": 503, "body": "Work queue depth exceeded"}},
     "expect": "node_unavailable"}               an error's code, or the outcome in words

Sources of bitcoind 22.0 and 27.0, java-tron 4.8 and recent geth, bsc, besu and Agave were looked
into, not every version of a range. Where a source ends in "unconfirmed" the answer is what the node
is believed to say. Adapters decide by codes and by what the node then shows, seldom by such words.

"$TXID" in the answers is the id of our transaction (`ours`). `answers` maps a JSON-RPC method or
an HTTP path to an answer (`server.Answer`); "*" stands for all others. An answer is one of

    {"result": …}                    wrapped as the dialect has it
    {"error": {"code": …, …}}        the same
    {"body": "…"} or {"json": …}     as it is, with "status" (200) and "headers"
    {"raw_batch": …}                 in place of the list that a batch expects

and may be "cut" (that many bytes of the body are missing), "slow" (the rest of the body never
comes), "times" (the body repeated) or "drop" (the connection closes without an answer).
"""
