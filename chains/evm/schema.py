"""What a row about an EVM network may say: its parameters, and its traits.

A trait is code in this folder that only some networks need. A row asks for it by name. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from chains.abi import WRAPS, TokenTrait
from chains.contracts.calling import reads
from chains.costs import CostKind
from chains.evm import ADDRESS_TYPE, carrying, erc20
from chains.evm.build import Kind
from chains.evm.permits import PermitTrait
from chains.evm.traits import Trait
from chains.schema import COIN_TYPE, SAFE_INTEGER_MAX, FamilySchema, Parameter, one_of, whole

TRAITS: Final[Mapping[str, frozenset[CostKind]]] = {
    trait: frozenset({CostKind.L1_DATA} if trait is Trait.L1_DATA_FEE else ()) for trait in Trait
}
"""By name, the kinds of cost that a transaction then has beside the fee."""

SIGNED_TRAITS: Final = frozenset(map(str, PermitTrait))

SCHEMA: Final = FamilySchema(
    namespace="eip155",
    reference=lambda parameters: str(parameters["chain_id"]),
    address_types=frozenset({ADDRESS_TYPE}),
    token_kinds={erc20.KIND: erc20.NAMESPACE},
    cost_kinds=frozenset({CostKind.FEE}),
    parameters={
        "chain_id": Parameter(whole(1, SAFE_INTEGER_MAX), lasting=True),
        "coin_type": COIN_TYPE,
        "transaction_type": Parameter(one_of(*Kind)),
        "traces": Parameter(one_of("debug"), required=False),
        "fee_recipient": Parameter(one_of("coinbase"), required=False),
        # How many blocks below the tip a usual full node still traces, where it isn't geth's 128.
        "trace_depth": Parameter(whole(1, SAFE_INTEGER_MAX), required=False),
        # Wei for each unit of gas, below which the network's nodes take no transaction.
        "priority_fee_min": Parameter(whole(1, SAFE_INTEGER_MAX), required=False),
        # Per cent by which both of its fees must exceed those of the transaction that it replaces,
        # where the network's nodes ask for more than geth does (core/txpool/legacypool, PriceBump).
        "replacement_percent": Parameter(whole(1, 1000), required=False),
        "blob_fee_recipient": Parameter(one_of("coinbase"), required=False),
    },
    traits=TRAITS,
    token_traits={
        erc20.KIND: frozenset(
            (*map(str, TokenTrait), *map(str, erc20.CodeTrait), *SIGNED_TRAITS, WRAPS)
        )
    },
    signed_traits=SIGNED_TRAITS,
    reads=partial(reads, carrying=carrying),
)
