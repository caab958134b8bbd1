"""Fragments as compilers write them, and what people read of a call."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.abi import function_abi_to_4byte_selector

from chains.contracts.functions import parse_function
from chains.errors import MalformedDescription, MalformedTransaction

SWAP: dict[str, Any] = {
    "type": "function",
    "name": "exactInputSingle",
    "stateMutability": "payable",
    "outputs": [{"name": "amountOut", "type": "uint256", "internalType": "uint256"}],
    "inputs": [
        {
            "name": "params",
            "type": "tuple",
            "internalType": "struct ISwapRouter.ExactInputSingleParams",
            "components": [
                {"name": "tokenIn", "type": "address"},
                {"name": "tokenOut", "type": "address"},
                {"name": "fee", "type": "uint24"},
                {"name": "recipient", "type": "address"},
                {"name": "deadline", "type": "uint256"},
                {"name": "amountIn", "type": "uint256"},
                {"name": "amountOutMinimum", "type": "uint256"},
                {"name": "sqrtPriceLimitX96", "type": "uint160"},
            ],
        }
    ],
}
"""Uniswap v3, SwapRouter: exactInputSingle, whose selector is 0x414bf389."""
PLAIN: dict[str, Any] = {
    "type": "function",
    "name": "run",
    "stateMutability": "nonpayable",
    "inputs": [{"name": "", "type": "uint256"}, {"name": "to", "type": "address[]"}],
}


def test_a_selector_is_the_contracts_own() -> None:
    found = parse_function(SWAP)
    assert found.selector.hex() == "414bf389"
    assert found.selector == function_abi_to_4byte_selector(SWAP)  # type: ignore[arg-type]
    assert found.payable and found.changes


def test_a_call_is_read_as_it_was_written() -> None:
    found = parse_function(PLAIN)
    values = (7, (bytes(19) + b"\1", b"\2" * 20))
    assert [name for name, _ in found.arguments] == ["0", "to"]
    assert found.read(found.call(values)) == values


def test_another_functions_calldata_is_refused() -> None:
    found, other = parse_function(PLAIN), parse_function({**PLAIN, "name": "runs"})
    with pytest.raises(MalformedTransaction, match="no call of run"):
        found.read(other.call((7, ())))
    with pytest.raises(MalformedTransaction):
        found.read(b"")


def test_a_question_changes_nothing() -> None:
    assert not parse_function({**PLAIN, "stateMutability": "view"}).changes


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {},
        {**PLAIN, "type": "event"},
        {**PLAIN, "name": "run()"},
        {**PLAIN, "name": ""},
        {**PLAIN, "stateMutability": "free"},
        {**PLAIN, "selector": "0x00000000"},
        {**PLAIN, "inputs": None},
        {**PLAIN, "inputs": [{"name": "a", "type": "uint256"}] * 2},
        {**PLAIN, "inputs": [{"name": "a", "type": "uint256", "components": []}]},
        {**PLAIN, "inputs": [{"name": "a", "type": "tuple"}]},
        {**PLAIN, "inputs": [{"name": "a", "type": 7}]},
        {**PLAIN, "inputs": [{"name": "a", "type": "uint256", "indexed": True}]},
        {**PLAIN, "inputs": [{"name": "a b", "type": "uint256"}]},
        {**PLAIN, "inputs": [{"name": f"a{at}", "type": "bool"} for at in range(65)]},
    ],
)
def test_what_is_no_fragment_is_refused(row: object) -> None:
    with pytest.raises(MalformedDescription):
        parse_function(row)


def test_components_within_components_have_an_end() -> None:
    row: dict[str, Any] = {"name": "a", "type": "uint256"}
    for _ in range(200):
        row = {"name": "a", "type": "tuple", "components": [row]}
    with pytest.raises(MalformedDescription):
        parse_function({**PLAIN, "inputs": [row]})
