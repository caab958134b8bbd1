"""What a row about a network of bitcoin's family may say. Pure."""

from __future__ import annotations

from typing import Final

from chains.bitcoin import PURPOSES
from chains.costs import CostKind
from chains.schema import COIN_TYPE, FamilySchema, Parameter, matching, whole

_VERSION: Final = Parameter(whole(0, 255), lasting=True)

SCHEMA: Final = FamilySchema(
    namespace="bip122",
    reference=lambda parameters: str(parameters["genesis"])[:32],
    address_types=frozenset(PURPOSES),
    token_kinds={},
    cost_kinds=frozenset({CostKind.FEE}),
    parameters={
        "bech32_hrp": Parameter(matching("[a-z]{1,83}", "bc"), lasting=True),
        "p2pkh_version": _VERSION,
        "p2sh_version": _VERSION,
        "coin_type": COIN_TYPE,
        "genesis": Parameter(matching("[0-9a-f]{64}", "a hash in 64 digits"), lasting=True),
    },
)
