"""A first policy from answers, and policies in words: nothing that is signed goes unsaid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from custody.cli.differences import differences
from custody.cli.documents import read_document, summary
from signer.policy import InvalidPolicy, Policy
from signer.wire import MalformedMessage, canonical_json
from tests.support.cli import done, run
from tests.support.policy_page import example
from tests.support.signer import Person

PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"


def line_of(name: str) -> str:
    key = {"kind": "ed25519", "key": Person(name).public_key.hex()}
    return json.dumps({"id": name, "credentials": [key]})


ANSWERS = [
    "",  # no networks of its own
    line_of("ann"),
    line_of("ben"),
    "{}",  # no line of keygen's
    line_of("cy"),
    "",
    "4",  # of three
    "2",
    line_of("dora"),
    line_of("emil"),
    "",
    "treasury = dora, emil",
    "",
    "payroll = dora",
    "",
    "suppliers = a while",  # no time
    "suppliers = 24 hours",
    "",
    f"{PAYEE} on atlantis",  # no such network
    f"{PAYEE} on ethereum",
    "",
    "small payments",
    *("allow", "USDT on bitcoin", "ETH on ethereum", "any", "any", "payroll", "suppliers"),
    *(
        "1.5 ETH on ethereum",
        "10 ETH on ethereum in 1 day",
        "",
        "mon-fri 08:00-18:00 Europe/Zurich",
    ),
    "",
    "approved payments",
    *(
        "",
        "ETH on ethereum, BTC on bitcoin",
        "",
        "",
        "",
        "",
        "2.00000001 BTC on bitcoin, 100 ETH on",
    ),
    *("2.00000001 BTC on bitcoin, 100 ETH on ethereum", "", ""),
    *("1 of treasury", "30 minutes"),
    "never more",
    *("deny", "", "ethereum", "", "", "", "500 ETH on ethereum", "", ""),
    "",
]


def test_answers_become_a_valid_draft_that_explains_itself(tmp_path: Path) -> None:
    out = tmp_path / "draft.json"
    result = run("policy", "new", "--out", out, typed="\n".join(ANSWERS) + "\n")
    assert result.exit_code == 0, result.output
    assert "atlantis" in result.stderr and "a number from 1 to 3" in result.stderr
    assert "there is no USDT on bitcoin; there are BTC" in result.stderr
    said = done("policy", "validate", out)
    for line in (
        "administrators  2 of ann, ben, cy sign the next version",
        "machine         payroll, operated by dora",
        f"destination     suppliers: {PAYEE} on ethereum, added ",
        "rule            small payments: at most 1.5 ETH in one transfer",
        "rule            small payments: at most 10 ETH in any 1 day out of one vault",
        "rule            small payments: NOBODY has to approve",
        "rule            approved payments: at most 2.00000001 BTC in one transfer",
        "rule            approved payments: after approval by 1 of treasury",
        "rule            approved payments: signed 30 minutes after the last approval",
        "rule            never more: unless it is at most 500 ETH in one transfer",
    ):
        assert line in said
        assert f"// {line}" in out.read_text() or line.startswith("rule")
    assert read_document(out)[1].rules[0].id == "small payments"
    again = run("policy", "new", "--out", out, typed="")
    assert again.exit_code == 2, "never overwritten"


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    out = tmp_path / "draft.json"
    result = run("policy", "new", "--out", out, typed="\n" + line_of("ann") + "\n")
    assert result.exit_code == 2 and "the answers ended at" in result.stderr
    assert not out.exists()


SWAP = "rule            dollars for ether, at a fair price"
SWAPPING = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
ROUTER = "Uniswap v2 router (0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D)"


def test_every_line_of_a_banks_policy() -> None:
    document = canonical_json(example())
    said = [
        re.sub(r"[0-9a-f]{64}", "KEY", each) for each in summary(Policy.parse(document), document)
    ]
    assert said[2:] == [
        "administrators  2 of adm-1, adm-2 sign the next version",
        "administrator   adm-1, who signs with ed25519 KEY",
        "administrator   adm-2, who signs with ed25519 KEY",
        "person          ada, who signs with ed25519 KEY or ed25519 KEY",
        "person          bob, who signs with ed25519 KEY",
        "machine         payroll, operated by bob",
        "group           treasury: ada, bob",
        "destinations    suppliers: 1 addresses, each usable 1 day after it was added",
        f"destination     suppliers: {PAYEE} on ethereum, added 2026-01-01T00:00:00Z",
        "rule            small payments to suppliers: allows transfer, of ETH"
        " (eip155:1/slip44:60) on ethereum, from any vault of any client, to suppliers,"
        " asked for by payroll",
        "rule            small payments to suppliers: at most 1 ETH in one transfer",
        "rule            small payments to suppliers: at most 5 ETH and 20 transfers of ETH"
        " (eip155:1/slip44:60) in any 1 day out of one vault",
        "rule            small payments to suppliers: only mon, tue, wed, thu, fri from 08:00 to"
        " 18:00 in Europe/Zurich",
        "rule            small payments to suppliers: NOBODY has to approve",
        "rule            small payments to suppliers: costs at most 0.005 ETH as fee on ethereum",
        "rule            small payments to suppliers: offered for at most 1 hour",
        "rule            all others: allows transfer, of any asset on ethereum, from any vault of"
        " any client, to anybody, asked for by anybody",
        "rule            all others: after approval by 1 of treasury",
        "rule            all others: costs at most 0.05 ETH as fee on ethereum",
        "rule            all others: signed 10 minutes after the last approval",
        "rule            all others: offered for at most 1 day",
        f"{SWAP}: allows call, of any asset on ethereum, from any vault of any client, to anybody,"
        " asked for by anybody",
        f"{SWAP}: {SWAPPING} of {ROUTER} on ethereum, if at most 0 base units of coins go with it,"
        " and path.0 is 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48,"
        " and path.1 is one of 0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2,"
        " and to is the address that calls, and to is in suppliers,"
        " and deadline is within 1200 s from now, and amountOutMin is at least 250000000/1 of"
        " amountIn, and amountIn is at most 500000000000, and its outcome is bounded, each bound by"
        " an argument",
        f"{SWAP}: after approval by 1 of treasury",
        f"{SWAP}: costs at most 0.05 ETH as fee on ethereum",
        f"{SWAP}: offered for at most 1 hour",
        "rule            logins: allows sign, of any asset on ethereum, from any vault of any"
        " client, to anybody, asked for by anybody",
        "rule            logins: NOBODY has to approve",
        "rule            logins: messages of kind siwe are signed for app.example",
        "rule            logins: offered for at most 1 hour",
        f"NEW contract    {ROUTER} on ethereum: {SWAPPING},"
        " with amountIn, amountOutMin, path, to, deadline; takes amountIn base units of the token"
        " path.0",
    ]


def changes(row: Any) -> Iterator[Any]:
    """The document with one leaf, or one item of a list, otherwise."""
    for path in _leaves(row):
        for other in _others(_at(row, path)):
            changed = deepcopy(row)
            _at(changed, path[:-1])[path[-1]] = other
            yield path, changed


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _leaves(value[key], (*path, key))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _others(value: Any) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case None:
            return ["note", 7, "7"]
        case str():
            usual = ["any", "sequence", "deny", "08:01", "17:59", "sat", "rent", "call", "UTC"]
            key = Person("another").public_key.hex()
            return [*usual, f"{value}0", value.replace("1", "2"), key, "ada", "treasury", "adm-1"]
        case list():
            return [[], value[1:], "any", *([["sat"]] if "mon" in value else [])]
        case _:
            return [None]


@pytest.mark.slow
def test_no_change_of_any_field_goes_unsaid() -> None:
    """Whatever an administrator's signature covers is in the words that are shown: each field of a
    policy is changed in several ways, and what is a policy still is told from the one before."""
    before = example()
    document = canonical_json(before)
    told = set()
    for path, changed in changes(before):
        if path == ("version",) or changed == before:
            continue
        try:
            after = canonical_json(changed)
            Policy.parse(after)
        except (InvalidPolicy, MalformedMessage, TypeError):
            continue
        said = list(differences(document, after))
        assert len(said) > 1, f"{path} changed and nobody was told"
        told.add(tuple(part for part in path if isinstance(part, str)))
    assert len(told) > 25, "most fields were changed in a way that is a policy still"


@pytest.mark.parametrize("comment", ["// a word", "   // https://example.org/x"])
def test_comments_are_no_part_of_what_is_signed(tmp_path: Path, comment: str) -> None:
    plain, commented = tmp_path / "a.json", tmp_path / "b.json"
    text = json.dumps(example(), indent=2)
    plain.write_text(text)
    commented.write_text("\n".join(f"{comment}\n{line}" for line in text.split("\n")))
    assert read_document(plain)[0] == read_document(commented)[0]
    commented.write_text(text.replace('"threshold": 2,', '"threshold": 2, // not a line'))
    assert "is not JSON" in run("policy", "validate", commented).stderr
