"""The pure half: an account chain with nonces, on which a payment is JSON (`FakeTx`)."""

from __future__ import annotations

from typing import Final

from chains.codec import Traits
from chains.costs import CostKind
from chains.schema import COIN_TYPE, FamilySchema, Parameter, whole
from tests.support.fake_codec import FakeCodec
from tests.support.toy import ADDRESS_TYPE, TOKEN

SCHEMA: Final = FamilySchema(
    namespace="toy",
    reference=lambda parameters: str(parameters["number"]),
    address_types=frozenset({ADDRESS_TYPE}),
    token_kinds={TOKEN: "toy20"},
    cost_kinds=frozenset({CostKind.FEE}),
    parameters={"number": Parameter(whole(1, 99), lasting=True), "coin_type": COIN_TYPE},
)


class ToyCodec(FakeCodec):
    traits = Traits(coins=False, conflict_keys=True, binding_keys=True, memo=False)
    schema = SCHEMA
    separator = "."  # a token's id (CAIP-19) holds its contract's address, and no slash
