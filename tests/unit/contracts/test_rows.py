"""Rows that describe contracts: what is read, and what each defect is refused with."""

from __future__ import annotations

from typing import Any

import pytest

from chains.abi import selector
from chains.catalogue import Catalogue, built_in
from chains.catalogue import changed as changed_networks
from chains.contracts.described import Move
from chains.errors import NetworkInvalid
from chains.model import Address, AssetId, NetworkId
from signer.policy import InvalidPolicy, Policy
from signer.wire import canonical_json
from tests.support.rows import DEPOSIT, ROUTER, SWAP, abi, contract_row
from tests.support.signer import policy_document

NETWORK = NetworkId("eip155:1")
USDC = "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
CONTRACT = USDC.rpartition(":")[2]


def with_row(*rows: Any, assets: Any = ()) -> Catalogue:
    return built_in().with_rows([], assets, rows)


def function(fragment: Any, **more: Any) -> dict[str, Any]:
    return contract_row(NETWORK, functions=[{"abi": fragment, **more}])


def test_a_row_becomes_a_contract_of_its_network() -> None:
    network = with_row(contract_row(NETWORK)).networks[NETWORK]
    (contract,) = network.contracts.values()
    assert (contract.address, contract.name) == (ROUTER, "Router")
    swap = contract.named("swapExactTokensForTokens")
    assert swap.moves == (Move(("amountIn",), None, ("path", "0")),)
    assert swap.function.selector.hex() == "38ed1739"
    assert list(contract.functions) == [swap.function.selector, bytes.fromhex("d0e30db0")]
    assert all(not each.contracts for key, each in with_row().networks.items())


def test_it_is_part_of_what_changed() -> None:
    before, now = with_row(), with_row(contract_row(NETWORK))
    assert changed_networks(before, now) == ("ethereum",)
    assert changed_networks(now, now) == ()
    assert before != now


def test_a_later_row_replaces_the_one_of_its_contract() -> None:
    first = with_row(contract_row(NETWORK))
    again = first.with_rows([], [], [contract_row(NETWORK, name="Another name")])
    (contract,) = again.networks[NETWORK].contracts.values()
    assert contract.name == "Another name"


TWO_OF_ONE_SELECTOR = [
    {"abi": abi("collate_propagate_storage", ("x", "bytes16"))},
    {"abi": abi("burn", ("x", "uint256"))},
]
"""Known to collide: 0x42966c68."""
BYTES = abi("run", ("data", "bytes"))
LIST = abi("multi", ("data", "bytes[]"))
INSIDE = {
    **abi("swap"),
    "inputs": [
        {
            "name": "params",
            "type": "tuple",
            "components": [
                {"name": "amountIn", "type": "uint256"},
                {"name": "hint", "type": "bytes"},
            ],
        }
    ],
}

REFUSED: dict[str, tuple[list[Any], str]] = {
    "no table": ([7], "network: missing"),
    "no network": ([{"address": ROUTER}], "network: missing"),
    "a network that does not exist": ([contract_row("eip155:999999")], "does not exist"),
    "a network without such contracts": ([contract_row(built_in().find_network("bitcoin").id)],
                                         "has no descriptions"),
    "another member": ([contract_row(NETWORK, upgradeable=True)], "no such member"),
    "no address": ([contract_row(NETWORK, "0x12")], "address"),
    "no text": ([contract_row(NETWORK) | {"address": 7}], "address"),
    "another spelling": ([contract_row(NETWORK, ROUTER.lower())], f"must be written {ROUTER}"),
    "a typing error": ([contract_row(NETWORK, ROUTER[:-1] + "d")], "EIP-55"),
    "nobody": ([contract_row(NETWORK, "0x" + "0" * 40)], "zero address"),
    "an address of TRON": (
        [contract_row(NETWORK, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")],
        "address of TRON",
    ),
    "no name": ([contract_row(NETWORK, name="")], "name: text like"),
    "letters that can't be told apart": ([contract_row(NETWORK, name="R\u043euter")], "name"),
    "twice": ([contract_row(NETWORK), contract_row(NETWORK, name="Other")], "stands there twice"),
    "two of one name": (
        [contract_row(NETWORK), contract_row(NETWORK, CONTRACT)],
        "names another contract too",
    ),
    "no functions": ([contract_row(NETWORK, functions=[])], "a list of 1 to 64"),
    "too many functions": (
        [contract_row(NETWORK, functions=[{"abi": abi(f"f{n}")} for n in range(65)])],
        "a list of 1 to 64",
    ),
    "one function twice": (
        [contract_row(NETWORK, functions=[{"abi": DEPOSIT}, {"abi": DEPOSIT}])],
        "has the selector of deposit()",
    ),
    "two functions of one selector": (
        [contract_row(NETWORK, functions=TWO_OF_ONE_SELECTOR)],
        "has the selector of",
    ),
    "a token's own function": (
        [function(abi("transfer", ("dst", "address"), ("wad", "uint256")))],
        "the house reads this selector itself",
    ),
    "an allowance by another name": (
        [function(abi("approve", ("guy", "address"), ("wad", "uint256")))],
        "the house reads this selector itself",
    ),
    "a question": ([function({**abi("f"), "stateMutability": "view"})], "a question"),
    "no fragment": ([function("deposit()")], "abi"),
    "an event": ([function({**DEPOSIT, "type": "event"})], "not a function"),
    "a long signature": (
        [function(abi("f", *((f"a{n}", "uint256[1024][1024]") for n in range(40))))],
        "abi",
    ),
    "a member of a function": ([function(DEPOSIT, believed=True)], "no such member"),
    "moves of nothing": ([function(SWAP, moves=[{"asset": USDC}])], "argument: missing"),
    "moves by two words": (
        [function(SWAP, moves=[{"asset": USDC, "token": "to", "argument": "amountIn"}])],
        "moves.asset: there is no such member",
    ),
    "moves of an unlisted asset": (
        [function(SWAP, moves=[{"asset": USDC.lower(), "argument": "amountIn"}])],
        "is not listed on ethereum",
    ),
    "moves of another network's asset": (
        [function(SWAP, moves=[{"asset": "eip155:56/slip44:714", "argument": "amountIn"}])],
        "is not listed on ethereum",
    ),
    "moves by no argument": (
        [function(SWAP, moves=[{"asset": USDC, "argument": "amount"}])],
        "no argument amount",
    ),
    "moves by an address": (
        [function(SWAP, moves=[{"asset": USDC, "argument": "to"}])],
        "to is address, not uint",
    ),
    "moves by a signed number": (
        [function(abi("f", ("n", "int256")), moves=[{"asset": USDC, "argument": "n"}])],
        "n is int256, not uint",
    ),
    "a token that is a number": (
        [function(SWAP, moves=[{"token": "amountIn", "argument": "amountIn"}])],
        "amountIn is uint256, not address",
    ),
    "an element beyond its list": (
        [function(abi("f", ("n", "uint256[2]")), moves=[{"asset": USDC, "argument": "n.2"}])],
        "beyond its 2 elements",
    ),
    "two spellings of an element": (
        [function(SWAP, moves=[{"token": "path.00", "argument": "amountIn"}])],
        "no argument",
    ),
    "too many moves": (
        [function(SWAP, moves=[{"asset": USDC, "argument": "amountIn"}] * 9)],
        "a list of up to 8",
    ),
    "octets that nobody reads": ([function(BYTES)], "nothing says how its octets are read: data"),
    "a list of them": ([function(LIST)], "nothing says how its octets are read: data"),
    "octets inside": ([function(INSIDE)], "nothing says how its octets are read: params.hint"),
    "what is no octets shown as such": (
        [function(SWAP, opaque=["amountIn"])],
        "no octets of any length",
    ),
    "the same octets twice": ([function(BYTES, opaque=["data", "data"])], "the same twice"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "says"), REFUSED.values(), ids=REFUSED)
def test_each_defect_refuses_the_row_and_the_policy(rows: list[Any], says: str) -> None:
    with pytest.raises(NetworkInvalid) as refused:
        with_row(*rows)
    assert says in str(refused.value)
    with pytest.raises(InvalidPolicy, match="network_invalid"):
        Policy.parse(policy_document(contracts=rows))


def test_the_colliding_functions_collide() -> None:
    first, second = TWO_OF_ONE_SELECTOR
    names = [each["abi"]["name"] for each in (first, second)]
    assert selector(f"{names[0]}(bytes16)") == selector(f"{names[1]}(uint256)")


def test_what_a_listed_token_lets_its_holders_sign_is_read_by_the_house() -> None:
    names = "from to value validAfter validBefore nonce v r s".split()
    kinds = "address address uint256 uint256 uint256 bytes32 uint8 bytes32 bytes32".split()
    fragment = abi("transferWithAuthorization", *zip(names, kinds, strict=True))
    row = contract_row(NETWORK, CONTRACT, functions=[{"abi": fragment}])
    with pytest.raises(NetworkInvalid, match="the house reads this selector itself"):
        with_row(row)
    plain = dict(built_in().asset_rows[AssetId(USDC)])
    for name in ("traits", "domain_name", "domain_version"):
        plain.pop(name, None)
    assert Address(CONTRACT) in with_row(row, assets=[plain]).networks[NETWORK].contracts


@pytest.mark.parametrize("fragment", [BYTES, LIST])
def test_octets_may_be_shown_as_they_are_where_that_is_said(fragment: Any) -> None:
    network = with_row(function(fragment, opaque=["data"])).networks[NETWORK]
    (contract,) = network.contracts.values()
    (described,) = contract.functions.values()
    assert described.opaque == {("data",)}


def test_a_policy_without_contracts_reads_as_before() -> None:
    plain = Policy.parse(policy_document())
    assert plain.catalogue == Policy.parse(policy_document(contracts=[])).catalogue
    with pytest.raises(InvalidPolicy, match="contracts: not a list"):
        Policy.parse(policy_document(contracts={}))
    with pytest.raises(InvalidPolicy):
        Policy.parse(canonical_json({"format": 2}))


def test_on_tron_too() -> None:
    network = built_in().find_network("tron")
    address = "TKzxdSv2FZKQrEqkKVgp5DcwEXBEKMg2Ax"
    row = contract_row(network.id, address, functions=[{"abi": DEPOSIT}])
    assert Address(address) in with_row(row).networks[network.id].contracts
    with pytest.raises(NetworkInvalid, match="must be written"):
        with_row({**row, "address": "416dc4d2d1d55f0b3ec0b0cd9cc2d0a4b6a3ed2bb8"})
