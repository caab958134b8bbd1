"""Several nodes of one network, together: which one is asked, and who has to agree.

`health` decides, as pure functions, who is asked next; `outcome` what several nodes' answers to one
broadcast come to. `adapter` is a chain adapter made of adapters, each of which has one node;
`witnesses` are nodes that are only asked whether they agree. Knows no chain and no transport.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should look at and that ends by itself. `code` is stable; `message`
    names the node and holds nothing that grows by itself."""

    code: str
    message: str


NODE_TAKEN_OUT = "node_taken_out"
WITNESS_DISAGREES = "witness_disagrees"
WITNESS_SILENT = "witness_silent"
