"""What a row about a network of TRON's family may say. Pure."""

from __future__ import annotations

from typing import Final

from chains.abi import WRAPS, TokenTrait
from chains.contracts.calling import reads
from chains.costs import CostKind
from chains.model import AddressType
from chains.schema import COIN_TYPE, FamilySchema, Parameter, matching
from chains.tron import trc20

SCHEMA: Final = FamilySchema(
    namespace="tron",
    # The last four bytes of the genesis block's hash (CAIP-2 namespace "tron").
    reference=lambda parameters: f"0x{str(parameters['genesis'])[-8:]}",
    address_types=frozenset({AddressType.TRON}),
    token_kinds={trc20.KIND: trc20.NAMESPACE},
    token_traits={trc20.KIND: frozenset((*map(str, TokenTrait), WRAPS))},
    cost_kinds=frozenset({CostKind.FEE, CostKind.ACTIVATION, CostKind.ENERGY}),
    parameters={
        "coin_type": COIN_TYPE,
        "genesis": Parameter(matching("[0-9a-f]{64}", "a hash in 64 digits"), lasting=True),
        "wrapper": Parameter(
            matching("T[1-9A-HJ-NP-Za-km-z]{33}", "an address of TRON"), required=False
        ),
    },
    reads=reads,
    one_key_one_network=True,
)
