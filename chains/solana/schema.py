"""What a row about a network of Solana's family may say. Pure."""

from __future__ import annotations

from typing import Final

from chains.costs import CostKind
from chains.model import AddressType
from chains.schema import COIN_TYPE, FamilySchema, Parameter, matching
from chains.solana import spl

SCHEMA: Final = FamilySchema(
    namespace="solana",
    reference=lambda parameters: str(parameters["genesis"])[:32],
    address_types=frozenset({AddressType.SOLANA}),
    token_kinds=dict.fromkeys(spl.PROGRAMS, spl.NAMESPACE),
    token_traits=spl.TRAITS,
    cost_kinds=frozenset({CostKind.FEE, CostKind.RENT}),
    parameters={
        "coin_type": COIN_TYPE,
        "genesis": Parameter(
            matching("[1-9A-HJ-NP-Za-km-z]{40,44}", "a hash in base58"), lasting=True
        ),
    },
    one_key_one_network=True,
)
