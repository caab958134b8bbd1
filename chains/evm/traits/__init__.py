"""What sets an EVM network apart from Ethereum, each thing under a name of its own.

A network's row says which of these it has (`traits = ["l1-data-fee", …]`); no code asks for a
network by name. What a trait means is a module of this folder, and everything there is pure: who
asks nodes is `quotes` and `adapter`.

| trait | networks have it that | module |
|---|---|---|
| `l1-data-fee` | charge for a transaction's bytes beside its gas (the OP stack) | `l1_data_fee` |
| `l1-gas` | charge for them as gas (Arbitrum) | `quotes` estimates every payment |
| `op-deposits` | include transactions from L1 that mint (the OP stack) | `op_deposits` |
| `arbos` | move balances outside of calls (Arbitrum) | `arbos` |
| `state-sync` | end blocks with what came over a bridge (Polygon PoS) | `state_sync` |
"""

from __future__ import annotations

from enum import StrEnum

from chains.networks import Network


class Trait(StrEnum):
    """The spelling is that of `traits` in a network's row (`chains.evm.schema`)."""

    L1_DATA_FEE = "l1-data-fee"
    L1_GAS = "l1-gas"
    OP_DEPOSITS = "op-deposits"
    ARBOS = "arbos"
    STATE_SYNC = "state-sync"


def traits_of(network: Network) -> frozenset[Trait]:
    """What the network's row names."""
    return frozenset(map(Trait, network.traits))
