"""`custody contract add`: an ABI's functions become rows of a draft, or a complaint and no row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chains.catalogue import Catalogue
from custody.cli.contract import Said, _read, functions_of, like_one, with_contract
from custody.cli.output import Misuse
from custody.cli.rows import difference_lines
from signer.policy import Policy
from signer.wire import canonical_json, parse_json
from tests.support.examples import FILE
from tests.support.rows import DEPOSIT, ROUTER, SWAP, abi
from tests.support.signer import policy_document

NETWORK = "eip155:1"
USDC = f"{NETWORK}/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
EVENT = {"type": "event", "name": "Swap", "inputs": [], "anonymous": False}
QUESTION = {**abi("factory"), "stateMutability": "view"}
BOTH = [abi("both", ("x", "uint8")), abi("both", ("x", "uint16"))]
RUN = abi("run", ("data", "bytes"))
FORWARD = abi(
    "forward", ("target", "address"), ("coins", "uint256"), ("data", "bytes"), ("way", "bytes")
)
ABI: list[Any] = [EVENT, {"type": "constructor", "inputs": []}, SWAP, DEPOSIT, QUESTION, *BOTH, RUN]
ABI.append(FORWARD)
SWAPS = "swapExactTokensForTokens"


def row(*functions: str, takes: Any = (), opaque: Any = (), reads: Any = ()) -> dict[str, Any]:
    made = functions_of(ABI, functions, Said(takes, opaque, reads))
    return {"network": NETWORK, "address": ROUTER, "name": "Router", "functions": made}


def draft() -> dict[str, Any]:
    found: dict[str, Any] = parse_json(policy_document())
    return found


def test_functions_become_a_policys_row() -> None:
    takes = [f"{SWAPS}:amountIn=@path.0"]
    made, lines = with_contract(draft(), row(SWAPS, "both(uint16)", takes=takes))
    network = Policy.parse(canonical_json(made)).catalogue.find_network("ethereum")
    (contract,) = network.contracts.values()
    assert [*contract.signatures] == [
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
        "both(uint16)",
    ]
    said = "\n".join(lines)
    assert f"Router ({ROUTER}) on ethereum" in said
    assert "with amountIn, amountOutMin, path, to, deadline" in said
    assert "takes amountIn base units of the token path.0" in said


def test_more_functions_stand_beside_those_that_are_there() -> None:
    first, _ = with_contract(draft(), row("deposit"))
    again, lines = with_contract(first, row("run", opaque=["run:data"]))
    (contract,) = again["contracts"]
    assert [each["abi"]["name"] for each in contract["functions"]] == ["deposit", "run"]
    assert [line for line in lines if "deposit" in line] == []
    assert "data is shown as octets" in "\n".join(lines)
    with pytest.raises(Misuse, match="has the selector of deposit"):
        with_contract(first, row("deposit"))


def test_how_octets_are_read_is_said_and_shown() -> None:
    """To administrators, also where nothing else changes."""
    opaque, _ = with_contract(draft(), row("forward", opaque=["forward:data", "forward:way"]))
    reads = ["forward:data=call,to=target,value=coins", "forward:way=v3path"]
    read, lines = with_contract(draft(), row("forward", reads=reads))
    assert read["contracts"][0]["functions"][0]["readers"] == {
        "data": {"is": "call", "to": "target", "value": "coins"},
        "way": {"is": "v3path"},
    }
    (line,) = lines
    assert line.endswith("; data is read as call to target coins of coins; way is read as v3path")
    changed = "\n".join(difference_lines(*(_catalogue(each) for each in (opaque, read))))
    assert "GONE contract" in changed and "NEW contract" in changed


def _catalogue(document: dict[str, Any]) -> Catalogue:
    return Policy.parse(canonical_json(document)).catalogue


@pytest.mark.parametrize(
    ("reads", "words"),
    [
        (["forward:data"], "say FUNCTION:ARGUMENT"),
        (["forward:data=call,to"], "beside it name=ARGUMENT"),
        (["other:data=call"], "say FUNCTION:ARGUMENT"),
        (["forward:data=poem", "forward:way=v3path"], "poem|one of"),
        (["forward:data=call,to=nobody", "forward:way=v3path"], "nobody"),
    ],
)
def test_a_reader_that_means_nothing(reads: list[str], words: str) -> None:
    with pytest.raises(Misuse, match=words):
        with_contract(draft(), row("forward", reads=reads))


@pytest.mark.parametrize(
    ("functions", "takes", "words"),
    [
        (["swap"], [], "no function swap"),
        (["Swap"], [], "no function Swap"),
        (["both"], [], r"several functions are called so: both\(uint8\), both\(uint16\)"),
        ([SWAPS], ["deposit:x=@y"], "say FUNCTION:ARGUMENT"),
        ([SWAPS], [f"{SWAPS}={USDC}"], "say FUNCTION:ARGUMENT"),
    ],
)
def test_what_the_abi_does_not_say(functions: list[str], takes: list[str], words: str) -> None:
    with pytest.raises(Misuse, match=words):
        row(*functions, takes=takes)


@pytest.mark.parametrize(
    ("functions", "takes", "words"),
    [
        (["factory"], [], "a question"),
        (["run"], [], "nothing says how its octets are read"),
        ([SWAPS], [f"{SWAPS}:to={USDC}"], "not uint"),
        ([SWAPS], [f"{SWAPS}:amountIn={USDC.lower()}"], "is not listed"),
    ],
)
def test_what_no_policy_may_say(functions: list[str], takes: list[str], words: str) -> None:
    with pytest.raises(Misuse, match=words):
        with_contract(draft(), row(*functions, takes=takes))


def test_an_abi_is_a_list_or_what_a_compiler_wrote(tmp_path: Path) -> None:
    file = tmp_path / "abi.json"
    for text in (json.dumps(ABI), json.dumps({"abi": ABI, "bytecode": "0x"})):
        file.write_text(text)
        assert _read(file) == ABI
    for text in ("", "{}", '"abi"', "7"):
        file.write_text(text)
        with pytest.raises(Misuse):
            _read(file)


@pytest.mark.parametrize("name", ["WETH9", "Uniswap v3 router", "Universal router", "Aave v3 pool"])
def test_a_contract_is_described_like_the_examples(name: str) -> None:
    made, lines = with_contract(draft(), row() | {"name": name, "functions": like_one(FILE, name)})
    assert Policy.parse(canonical_json(made)).catalogue.find_network("ethereum").contracts
    assert all(f"{name} ({ROUTER}) on ethereum" in line for line in lines)


def test_the_examples_stand_as_they_are_in_a_policy() -> None:
    """Its contracts, and its entries in a rule of action `call`."""
    shipped = json.loads(FILE.read_text())
    document = draft() | {"contracts": shipped["contracts"]}
    (usual,) = document["rules"][:1]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any", "calls": shipped["calls"]}
    scope |= {"destinations": "any", "networks": [NETWORK]}
    limits: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    document["rules"] = [usual | {"effect": "allow", "scope": scope, "limits": limits}]
    policy = Policy.parse(canonical_json(document))
    assert len(policy.rules[0].scope.calls or ()) == len(shipped["calls"])


def test_what_is_like_nothing_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no contract is called Aave; there are WETH9, "):
        like_one(FILE, "Aave")
    for text in ("[]", "{}", '{"contracts": {}}', '{"contracts": [7, {"name": "Aave"}]}'):
        file = tmp_path / "other.json"
        file.write_text(text)
        with pytest.raises(Misuse, match="no contract is called Aave"):
            like_one(file, "Aave")
