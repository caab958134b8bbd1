"""Rules about calls: which one they cover, and each way in which one does not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chains.effects import Allow, Call, Effect
from chains.model import Address, AssetId, NetworkId
from signer.agreement import Action
from signer.policy import Facts, InvalidPolicy, Policy, basis_of, evaluate
from signer.policy.windows import windows
from tests.support.rows import DEPOSIT, ROUTER, SWAP, abi, contract_row, token_row
from tests.support.signer import NOON, policy_document, rule
from tests.support.signer_policy import nothing_known
from tests.unit.signer.policy_cases import CORE

NETWORK = "eip155:31337"
NATIVE = AssetId(f"{NETWORK}/slip44:60")
ROW = token_row(NETWORK)
TOKEN = ROW["id"].rpartition(":")[2]
ME = Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
OTHER = Address("0x3535353535353535353535353535353535353535")
SIGNATURE = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
NOW_S = int(NOON.timestamp())
STRANGE = abi(
    "strange",
    ("flag", "bool"),
    ("down", "int8"),
    ("tag", "bytes4"),
    ("word", "string"),
    ("small", "uint8"),
)
STRANGE_SIGNATURE = "strange(bool,int8,bytes4,string,uint8)"
ROUTER_ROW = contract_row(
    NETWORK,
    functions=[
        {"abi": SWAP, "moves": [{"token": "path.0", "argument": "amountIn"}]},
        {"abi": DEPOSIT},
        {"abi": STRANGE},
    ],
)
PEOPLE: dict[str, Any] = {
    "id": "people",
    "cooling_s": 3600,
    "entries": [
        {"network": NETWORK, "address": each, "memo": None, "added_at": at}
        for each, at in ((OTHER, "2026-03-01T00:00:00Z"), (ME, "2026-03-04T11:30:00Z"))
    ],
}


def entry(*conditions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {
        "network": NETWORK,
        "contract": ROUTER,
        "function": SIGNATURE,
        "value_max": None,
        "conditions": list(conditions),
    }
    return plain | changes


def calling(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = rule(changes.pop("name", "r"), actions=["call"], **changes)
    made["scope"]["calls"] = list(entries)
    return made


def policy(*rules: dict[str, Any], **changes: Any) -> Policy:
    rows = {"assets": [ROW], "contracts": [ROUTER_ROW], "destinations": [PEOPLE]}
    return Policy.parse(policy_document(*rules, **{**rows, **changes}))


def is_(argument: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"argument": argument, "is": kind, **more}


def swap(value: int = 0, **changes: Any) -> Call:
    said = {
        "amountIn": "1000",
        "amountOutMin": "990",
        "path": f'["{TOKEN}","{OTHER}"]',
        "to": ME,
        "deadline": str(NOW_S + 600),
    }
    return Call(Address(ROUTER), SIGNATURE, tuple((said | changes).items()), value)


def facts(*effects: Effect) -> Facts:
    action = Action.ALLOW if isinstance(effects[0], Allow) else Action.CALL
    core = replace(
        CORE, network=NetworkId(NETWORK), action=action, effects=effects, source_address=ME
    )
    return Facts(core, NATIVE, {}, NOON, NOON + timedelta(hours=1))


def verdict(rules: Policy, *effects: Effect) -> str:
    found = evaluate(rules, facts(*effects), nothing_known, NOON, ())
    return f"{found.ruling.value}/{found.detail.value}"


ALLOWED, CONDITION = "allow/allowed", "deny/call-condition"
DEADLINE, COINS, NO_RULE = "deny/call-deadline", "deny/call-value", "deny/no-rule"
CASES: dict[str, tuple[dict[str, Any], Call, str]] = {
    "no conditions": (entry(), swap(), ALLOWED),
    "another function": (entry(function="deposit()"), swap(), NO_RULE),
    "equals": (entry(is_("to", "equals", value=ME)), swap(), ALLOWED),
    "equals not": (entry(is_("to", "equals", value=OTHER)), swap(), CONDITION),
    "equals a whole list": (
        entry(is_("path", "equals", value=f'["{TOKEN}","{OTHER}"]')), swap(), ALLOWED,
    ),
    "a longer list": (
        entry(is_("path", "equals", value=f'["{TOKEN}","{OTHER}"]')),
        swap(path=f'["{TOKEN}","{ME}","{OTHER}"]'), CONDITION,
    ),
    "a part of a list": (entry(is_("path.1", "equals", value=OTHER)), swap(), ALLOWED),
    "a part that is not there": (entry(is_("path.2", "equals", value=OTHER)), swap(), CONDITION),
    "one of": (entry(is_("to", "one_of", values=[OTHER, ME])), swap(), ALLOWED),
    "none of": (entry(is_("to", "one_of", values=[OTHER])), swap(), CONDITION),
    "at most": (entry(is_("amountIn", "at_most", value="1000")), swap(), ALLOWED),
    "above": (entry(is_("amountIn", "at_most", value="999")), swap(), CONDITION),
    "at least": (entry(is_("amountOutMin", "at_least", value="990")), swap(), ALLOWED),
    "below": (entry(is_("amountOutMin", "at_least", value="991")), swap(), CONDITION),
    "own address": (entry(is_("to", "own_address")), swap(), ALLOWED),
    "another's address": (entry(is_("to", "own_address")), swap(to=OTHER), CONDITION),
    "a destination": (
        entry(is_("to", "in_destinations", destinations=["people"])), swap(to=OTHER), ALLOWED,
    ),
    "one that has not cooled": (
        entry(is_("to", "in_destinations", destinations=["people"])), swap(), CONDITION,
    ),
    "none": (
        entry(is_("to", "in_destinations", destinations=["people"])), swap(to=TOKEN), CONDITION,
    ),
    "within": (entry(is_("deadline", "within_s", seconds=600)), swap(), ALLOWED),
    "at once": (
        entry(is_("deadline", "within_s", seconds=600)), swap(deadline=str(NOW_S)), ALLOWED,
    ),
    "too far": (
        entry(is_("deadline", "within_s", seconds=600)), swap(deadline=str(NOW_S + 601)), DEADLINE,
    ),
    "over": (
        entry(is_("deadline", "within_s", seconds=600)), swap(deadline=str(NOW_S - 1)), DEADLINE,
    ),
    "for ever": (
        entry(is_("deadline", "within_s", seconds=600)), swap(deadline=str(2**256 - 1)), DEADLINE,
    ),
    "a price": (
        entry(is_("amountOutMin", "ratio_at_least", of="amountIn", numerator="99",
                  denominator="100")), swap(), ALLOWED,
    ),
    "a worse price": (
        entry(is_("amountOutMin", "ratio_at_least", of="amountIn", numerator="99",
                  denominator="100")), swap(amountOutMin="989"), CONDITION,
    ),
    "a price of large numbers": (
        entry(is_("amountOutMin", "ratio_at_least", of="amountIn", numerator="1",
                  denominator="1")),
        swap(amountIn=str(2**255 + 1), amountOutMin=str(2**255)), CONDITION,
    ),
    "coins": (entry(value_max="7"), swap(7), ALLOWED),
    "too many coins": (entry(value_max="7"), swap(8), COINS),
    "all must hold": (
        entry(is_("to", "own_address"), is_("amountIn", "at_most", value="1")), swap(), CONDITION,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("row", "call", "expected"), CASES.values(), ids=CASES)
def test_a_rule_covers_a_call_whose_conditions_hold(
    row: dict[str, Any], call: Call, expected: str
) -> None:
    assert verdict(policy(calling(row)), call) == expected


@pytest.mark.parametrize(("row", "call", "expected"), CASES.values(), ids=CASES)
def test_one_that_denies_denies_exactly_those(
    row: dict[str, Any], call: Call, expected: str
) -> None:
    everything = rule("all", actions=["call"])
    denies = calling(row, name="no", effect="deny")
    held = expected == ALLOWED
    assert verdict(policy(denies, everything), call) == ("deny/denied-by-rule" if held else ALLOWED)


def test_one_entry_that_holds_is_enough() -> None:
    low = entry(is_("amountIn", "at_most", value="1"))
    high = entry(is_("amountIn", "at_most", value="1000"))
    other = entry(function="deposit()")
    assert verdict(policy(calling(low, other, high)), swap()) == ALLOWED
    assert verdict(policy(calling(other, low)), swap()) == CONDITION


def test_another_rule_may_allow_what_one_does_not() -> None:
    strict = calling(entry(is_("amountIn", "at_most", value="1")), name="small")
    asks = calling(entry(), name="large", needs=[("treasury", 1)])
    assert verdict(policy(strict, asks), swap()) == "needs-approvals/approvals"


def test_another_network_or_contract_is_another() -> None:
    here = policy(calling(entry()))
    elsewhere = Call(OTHER, SIGNATURE, swap().arguments, 0)
    assert verdict(here, elsewhere) == NO_RULE


def test_without_calls_a_rule_is_as_before() -> None:
    assert verdict(policy(rule("r", actions=["call"])), swap()) == ALLOWED
    named = rule("r", actions=["call"])
    named["scope"]["calls"] = "any"
    assert verdict(policy(named), swap()) == ALLOWED


def test_what_approvals_rest_on_has_the_conditions_and_whom_they_name() -> None:
    """An approver relied on them: with others it is offered again."""
    to = entry(is_("to", "in_destinations", destinations=["people"]))
    core = facts(swap(to=OTHER)).core
    before = basis_of(policy(calling(to)), core)
    assert basis_of(policy(calling(to)), core) == before
    assert basis_of(policy(calling(entry())), core) != before
    later = {**PEOPLE, "entries": PEOPLE["entries"][1:]}
    assert basis_of(policy(calling(to), destinations=[later]), core) != before
    unrelated = {**PEOPLE, "entries": PEOPLE["entries"][:1]}
    assert basis_of(policy(calling(to), destinations=[unrelated]), core) == before


def test_windows_are_those_of_rules_that_speak_about_it() -> None:
    assert windows(policy(calling(entry())), facts(swap())) == ()


def strange(kind: str, argument: str, value: str) -> dict[str, Any]:
    key = {"one_of": "values"}.get(kind, "value")
    said = [value] if key == "values" else value
    return entry(is_(argument, kind, **{key: said}), function=STRANGE_SIGNATURE)


REFUSED: dict[str, dict[str, Any]] = {
    "no entries": calling(),
    "no list": {**calling(entry()), "scope": {**calling(entry())["scope"], "calls": {}}},
    "too many": calling(*[entry()] * 65),
    "a function that nobody described": calling(entry(function="swap()")),
    "its name alone": calling(entry(function="swapExactTokensForTokens")),
    "a contract that nobody described": calling(entry(contract=OTHER)),
    "another spelling": calling(entry(contract=ROUTER.lower())),
    "a network that does not exist": calling(entry(network="eip155:999999")),
    "another network": calling(entry(network="eip155:1")),
    "a member more": calling(entry(more=1)),
    "a member less": calling({k: v for k, v in entry().items() if k != "value_max"}),
    "coins as a number": calling(entry(value_max=7)),
    "too many conditions": calling(entry(*[is_("to", "own_address")] * 33)),
    "no condition": calling(entry(7)),  # type: ignore[arg-type]
    "an unknown condition": calling(entry(is_("to", "matches", value=".*"))),
    "an unknown argument": calling(entry(is_("amount", "at_most", value="1"))),
    "no path": calling(entry(is_("", "own_address"))),
    "a part of what has none": calling(entry(is_("to.0", "own_address"))),
    "a number too many": calling(entry(is_("to", "own_address", value=ME))),
    "at most of an address": calling(entry(is_("to", "at_most", value="1"))),
    "own address of a number": calling(entry(is_("amountIn", "own_address"))),
    "a deadline that is an address": calling(entry(is_("to", "within_s", seconds=1))),
    "no seconds": calling(entry(is_("deadline", "within_s", seconds=0))),
    "a list of people that there is not": calling(
        entry(is_("to", "in_destinations", destinations=["others"]))
    ),
    "no list of people": calling(entry(is_("to", "in_destinations", destinations=[]))),
    "a ratio to nothing": calling(
        entry(is_("amountIn", "ratio_at_least", of="x", numerator="1", denominator="1"))
    ),
    "a ratio to an address": calling(
        entry(is_("amountIn", "ratio_at_least", of="to", numerator="1", denominator="1"))
    ),
    "a ratio of nothing": calling(
        entry(is_("amountIn", "ratio_at_least", of="amountOutMin", numerator="0", denominator="1"))
    ),
    "by nothing": calling(
        entry(is_("amountIn", "ratio_at_least", of="amountOutMin", numerator="1", denominator="0"))
    ),
    "no values": calling(entry(is_("to", "one_of", values=[]))),
    "the same twice": calling(entry(is_("to", "one_of", values=[ME, ME]))),
    "an address in lower case": calling(entry(is_("to", "equals", value=ME.lower()))),
    "no address": calling(entry(is_("to", "equals", value="me"))),
    "zeros before a number": calling(entry(is_("amountIn", "at_most", value="01"))),
    "less than a number can be": calling(entry(is_("amountIn", "at_most", value="-1"))),
    "more than a number can be": calling(strange("at_most", "small", "256")),
    "more than a signed number can be": calling(strange("equals", "down", "128")),
    "a flag of another kind": calling(strange("equals", "flag", "1")),
    "octets of another length": calling(strange("equals", "tag", "0x010203")),
    "octets in capitals": calling(strange("equals", "tag", "0xAABBCCDD")),
    "a list with spaces": calling(entry(is_("path", "equals", value=f'[ "{TOKEN}"]'))),
    "a list that is none": calling(entry(is_("path", "equals", value="["))),
    "actions without calls": {
        **calling(entry()), "scope": {**calling(entry())["scope"], "actions": ["transfer"]},
    },
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_refuses_the_policy(row: dict[str, Any]) -> None:
    policy(calling(entry()))
    with pytest.raises(InvalidPolicy):
        policy(row)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("flag", "true"), ("down", "-128"), ("tag", "0xaabbccdd"), ("word", ""), ("small", "255")],
)
def test_values_of_every_kind_can_be_named(argument: str, value: str) -> None:
    said = {"flag": "true", "down": "-128", "tag": "0xaabbccdd", "word": "", "small": "255"}
    call = Call(Address(ROUTER), STRANGE_SIGNATURE, tuple(said.items()), 0)
    for kind in ("equals", "one_of"):
        assert verdict(policy(calling(strange(kind, argument, value))), call) == ALLOWED


RUN = abi("run", ("to", "address"), ("data", "bytes"))
RUNS = "run(address,bytes)"
HANDS_ON = contract_row(
    NETWORK,
    OTHER,
    name="Wallet",
    functions=[{"abi": RUN, "readers": {"data": {"is": "call", "to": "to"}}}],
)


def handing_on(units: str = "1000") -> Call:
    inner = swap(amountIn=units)
    words = {
        "arguments": [list(pair) for pair in inner.arguments],
        "contract": inner.contract,
        "function": inner.function,
        "value": "0",
    }
    text = json.dumps([words], sort_keys=True, separators=(",", ":"))
    return Call(OTHER, RUNS, (("to", ROUTER), ("data", text)), 0)


def test_a_rule_that_names_calls_names_those_that_are_handed_on_too() -> None:
    outer, inner = (
        entry(contract=OTHER, function=RUNS),
        entry(is_("amountIn", "at_most", value="9")),
    )
    rows: dict[str, Any] = {"contracts": [ROUTER_ROW, HANDS_ON]}
    alone, both = policy(calling(outer), **rows), policy(calling(outer, inner), **rows)
    assert verdict(alone, handing_on()) == CONDITION
    assert verdict(both, handing_on("10")) == CONDITION
    assert verdict(both, handing_on("9")) == ALLOWED
    garbled = Call(OTHER, RUNS, (("to", ROUTER), ("data", "{}")), 0)
    assert verdict(both, garbled) == CONDITION
    denies = policy(calling(inner, name="no", effect="deny"), rule("r", actions=["call"]), **rows)
    assert verdict(denies, handing_on("9")) == "deny/denied-by-rule"
    assert verdict(denies, handing_on("10")) == ALLOWED


def allowing(*unlimited: str) -> dict[str, Any]:
    made = rule("r", actions=["allow"])
    made["grant"]["unlimited"] = list(unlimited)
    return made


def test_an_allowance_without_end_is_allowed_where_a_rule_names_the_asset() -> None:
    endless = Allow(OTHER, AssetId(ROW["id"]), None, None)
    bounded = Allow(OTHER, AssetId(ROW["id"]), 2**256 - 2, None)
    unnamed = policy(rule("r", actions=["allow"]))
    for each in (unnamed, policy(allowing()), policy(allowing(NATIVE))):
        assert verdict(each, endless) == "deny/allowance-unlimited"
        assert verdict(each, bounded) == ALLOWED
    assert verdict(policy(allowing(ROW["id"])), endless) == ALLOWED
    for wrong in (["usdc"], [NATIVE, NATIVE], "any", ["eip155:999999/slip44:60"]):
        made = allowing()
        made["grant"]["unlimited"] = wrong
        with pytest.raises(InvalidPolicy):
            policy(made)
