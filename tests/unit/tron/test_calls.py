"""A call of a contract: what it would cost, its bytes, and a contract that refuses in words."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from chains import abi
from chains.adapter import AskedAllowance
from chains.catalogue import built_in
from chains.costs import CostKind
from chains.effects import Call
from chains.errors import CallReverts, FeeAboveMaximum, InsufficientGas, NodeMisbehaved
from chains.hashes import keccak256
from chains.transaction import TransferIntent
from chains.tron import fees, parse
from chains.tron.adapter import TronAdapter
from chains.tron.address import to_text
from tests.support.rows import abi as fragment
from tests.support.rows import contract_row
from tests.support.single import one
from tests.support.tron import MAIN
from tests.unit.tron.scripted import PARAMETERS, PAYER
from tests.unit.tron.test_tokens import NATIVE, USDT, Open, node, opened

__all__ = ["opened"]
POOL = to_text(b"\x41" + b"\x0e" * 20)
FUNCTIONS = [
    {"abi": fragment("join", payable=True)},
    {
        "abi": fragment("sell", ("units", "uint256")),
        "moves": [{"asset": USDT.id, "argument": "units"}],
    },
]
ROW = contract_row(MAIN.id, POOL, functions=FUNCTIONS)
NETWORK = built_in().with_rows([], [], [ROW]).networks[MAIN.id]
JOIN = Call(POOL, "join()", (), 2_000_000)
SELL = Call(POOL, "sell(uint256)", (("units", "70"),), 0, moves=((USDT.id, 70),))


def intent(effect: Call, **bounds: int) -> TransferIntent:
    named = {(NATIVE, CostKind(kind)): units for kind, units in bounds.items()}
    most = {**NETWORK.bounds(calls=True), **named}
    return TransferIntent(MAIN.id, (effect,), most, source=PAYER)


def pool(said: bytes = b"", *, has: int = 100, may: int = 100, failed: bool = False) -> Any:
    """The pool says `said`, and no if it `failed`; the token what it is asked."""

    def answer(request: Any) -> Any:
        data = bytes.fromhex(request["data"])
        words = {abi.BALANCE_OF: has, abi.ALLOWANCE: may}
        result: dict[str, Any] = {"result": True}
        if data[:4] in words:
            returned = words[data[:4]].to_bytes(32)
        else:
            assert request.get("call_value", 0) == (0 if data[4:] else JOIN.value)
            returned = said
            result |= {"message": b"REVERT opcode executed".hex()} if failed else {}
        return {"result": result, "energy_used": 40_000, "constant_result": [returned.hex()]}

    return answer


@pytest.fixture
def pooled(opened: Open) -> Open:
    """To a node that has the pool."""

    def make(contract: Any = None, **changes: Any) -> TronAdapter:
        asked = {"/wallet/triggerconstantcontract": contract or pool()}
        return opened(node() | asked | changes, NETWORK)

    return make


async def test_a_call_says_exactly_what_was_agreed(pooled: Open) -> None:
    tx = await one(pooled().prepare, intent(JOIN))
    raw = parse.raw_data(tx.payload)
    told = parse.call(raw.contract[0].parameter.value)
    assert (told.call_value, told.data) == (2_000_000, keccak256(b"join()")[:4])
    assert raw.fee_limit == 50_000 * 100


async def test_an_estimate_is_what_it_is_built_with(pooled: Open) -> None:
    adapter = pooled()
    found = await adapter.estimate(intent(JOIN))
    assert found.units == 50_000
    tx = await one(adapter.prepare, intent(JOIN))
    (energy, fee) = (found.costs[NATIVE, kind] for kind in (CostKind.ENERGY, CostKind.FEE))
    assert energy == parse.raw_data(tx.payload).fee_limit == 50_000 * 100
    assert abs(fee - fees.most(tx.payload)[CostKind.FEE]) < 10_000
    bounds = {kind.value: units for (_, kind), units in found.costs.items()}
    await one(adapter.prepare, intent(JOIN, **bounds | {"fee": fee + 10_000}))
    with pytest.raises(FeeAboveMaximum):
        await one(adapter.prepare, intent(JOIN, **bounds | {"energy": energy - 1}))


async def test_without_a_price_of_energy_nothing_is_said(pooled: Open) -> None:
    without = {"/wallet/getchainparameters": PARAMETERS}
    with pytest.raises(NodeMisbehaved, match="getEnergyFee"):
        await pooled(**without).estimate(intent(JOIN))


async def test_coins_that_go_with_it_are_counted(pooled: Open) -> None:
    adapter = pooled(**{"/wallet/getaccount": account(2_000_000)})
    with pytest.raises(InsufficientGas, match="2000000 with the call"):
        await one(adapter.prepare, intent(JOIN))


def account(balance: int) -> Any:
    return lambda request: {"address": request["address"], "balance": balance}


async def test_a_contract_that_refuses_is_heard(pooled: Open) -> None:
    said = keccak256(b"Error(string)")[:4] + encode(["string"], ["closed"])
    adapter = pooled(pool(said, failed=True))
    with pytest.raises(CallReverts, match=f"{POOL} refuses: it says: closed$"):
        await adapter.estimate(intent(JOIN))
    with pytest.raises(CallReverts, match=f"{POOL} refuses: it says: closed$"):
        await one(adapter.prepare, intent(JOIN))


async def test_one_that_says_nothing_is_told_in_the_nodes_words(pooled: Open) -> None:
    with pytest.raises(CallReverts, match="refuses: REVERT opcode executed"):
        await pooled(pool(failed=True)).estimate(intent(JOIN))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ({"has": 69}, f"the balance of {USDT.id} is 69, not 70"),
        ({"may": 69}, f"{POOL} may take 69 of {USDT.id}: an allowance of 70 would help"),
        ({}, "refuses: REVERT opcode executed"),
    ],
)
async def test_what_would_help_is_said(pooled: Open, token: Any, words: str) -> None:
    with pytest.raises(CallReverts) as caught:
        await pooled(pool(failed=True, **token)).estimate(intent(SELL))
    assert str(caught.value).endswith(words)


async def test_what_may_be_taken_is_asked_of_the_token(pooled: Open) -> None:
    adapter = pooled(pool(may=12))
    assert await adapter.allowances([AskedAllowance(USDT.id, PAYER.address, POOL)]) == [12]
