"""A mandate in words: every effect, every bound, and the rules that an approval rests on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chains.catalogue import built_in
from chains.costs import CostKind
from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.model import Address, AssetId, NetworkId
from chains.outcomes import Bound, write
from custody.cli.effects import arrival_lines, cost_lines, effect_lines
from custody.cli.grounds import ground_lines
from signer.agreement import Action, Core, Mandate
from signer.policy import Policy, basis_of
from tests.support.signer import policy_document, rule

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ETH = AssetId("eip155:1/slip44:60")
USDC = AssetId("eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
FAKE = AssetId("eip155:1/erc20:0x3535353535353535353535353535353535353535")
"""Nobody listed it."""
TO = Address("0x8617E340B3D01FA5F11F306F4090FD50E238070D")

STATED = "STATED BY CUSTODY; let your own node show it (custody approver simulate)"
BOUNDS = (
    Bound(ETH, at_most=10**18),
    Bound(USDC, at_least=5),
    Bound(USDC, at_most=0, spender=TO),
)
EFFECTS: list[tuple[Effect, list[str]]] = [
    (
        Pay(TO, ETH, 15 * 10**17),
        [f"pays            1.5 ETH (1500000000000000000 base units of {ETH}) to {TO}"],
    ),
    (
        Pay(TO, FAKE, 7, "invoice 9"),
        [f'pays            7 base units of {FAKE} to {TO}, memo "invoice 9"'],
    ),
    (
        Pay(TO, USDC, 7, None),
        [f"pays            0.000007 USDC (7 base units of {USDC}) to {TO}"],
    ),
    (
        Allow(TO, FAKE, None, None),
        [f"ALLOWS          {TO} to take ANY AMOUNT of {FAKE}, FOR EVER"],
    ),
    (
        Allow(TO, ETH, 10**18, NOW),
        [
            f"ALLOWS          {TO} to take 1 ETH (1000000000000000000 base units of {ETH}),"
            " until 2026-03-04T12:00:00Z"
        ],
    ),
    (
        Call(TO, "swap", (("to", "0xaa"), ("min", "5")), 10**18),
        [
            f"CALLS           swap of contract {TO} with 1 ETH"
            f" (1000000000000000000 base units of {ETH})",
            "  with          to = 0xaa",
            "  with          min = 5",
            "  bounds        none: whatever it does is agreed to",
        ],
    ),
    (
        Call(TO, "swap", (), 0, write(BOUNDS)),
        [
            f"CALLS           swap of contract {TO}",
            f"  only if       at least 0.000005 USDC (5 base units of {USDC}) comes in: {STATED}",
            f"  only if       {TO} may take at most 0 USDC (0 base units of {USDC}) afterwards:"
            f" {STATED}",
            f"  only if       at most 1 ETH (1000000000000000000 base units of {ETH}) goes out:"
            f" {STATED}",
            f"  only if       nothing else leaves, and nobody may take more than before: {STATED}",
        ],
    ),
    (
        Sign("eip191", "app.example", b"log in\nas me \xff"),
        [
            "SIGNS           a message of kind eip191 for app.example:",
            "  |             log in",
            "  |             as me \\xff",
        ],
    ),
    (
        Delegate(TO, Address("0xcode"), None, 4),
        [f"HANDS OVER      the account {TO} ITSELF to 0xcode, ON EVERY CHAIN, at nonce 4"],
    ),
    (
        Delegate(TO, Address("0xcode"), "eip155:1", None),
        [f"HANDS OVER      the account {TO} ITSELF to 0xcode, on eip155:1"],
    ),
]


@pytest.mark.parametrize(("effect", "lines"), EFFECTS)
def test_an_effect_in_words(effect: Effect, lines: list[str]):
    assert list(effect_lines(effect, ETH, built_in())) == lines


def test_a_bound_that_the_bytes_hold_is_told_apart():
    enforced = {Bound(USDC, at_least=5)}
    lines = list(effect_lines(Call(TO, "swap", (), 0, write(BOUNDS)), ETH, built_in(), enforced))
    held = [each for each in lines if each.endswith("comes in: enforced by the call's own bytes")]
    assert len(held) == 1
    assert sum(each.endswith(STATED) for each in lines) == 3


def test_bounds_are_told_kind_by_kind():
    costs = {(ETH, CostKind.RENT): 2, (ETH, CostKind.FEE): 10**15, (ETH, CostKind.L1_DATA): 0}
    assert list(cost_lines(costs, built_in())) == [
        f"costs at most   0.001 ETH (1000000000000000 base units of {ETH}) as fee",
        f"costs at most   0.000000000000000002 ETH (2 base units of {ETH}) as rent",
    ]
    assert list(cost_lines({}, built_in())) == ["costs at most   nothing"]


def test_what_a_token_keeps_is_told_as_what_arrives():
    """And as no cost: nothing leaves beside the amount."""
    costs = {(USDC, CostKind.WITHHELD): 25, (ETH, CostKind.FEE): 2}
    effects = (Pay(TO, USDC, 600), Pay(TO, USDC, 400), Pay(TO, FAKE, 9))
    assert list(arrival_lines(effects, costs, built_in())) == [
        f"ARRIVES         at least 0.000975 USDC (975 base units of {USDC}); "
        f"the token keeps up to 0.000025 USDC (25 base units of {USDC})"
    ]
    assert "withheld" not in "".join(cost_lines(costs, built_in()))
    assert list(arrival_lines(effects, {}, built_in())) == []


# What it rests on

DESTINATIONS = [
    {
        "id": "known",
        "cooling_s": 60,
        "entries": [
            {
                "network": "eip155:1",
                "address": TO,
                "memo": "7",
                "added_at": "2026-03-04T00:00:00Z",
            }
        ],
    }
]
POLICY = Policy.parse(
    policy_document(
        rule("listed", destinations=["known"], time_lock_s=60),
        rule("calls", actions=["call"]),
        rule("all", needs=[("treasury", 2), ("risk", 1)], order="sequence", per_transfer=[
            {"asset": ETH, "amount": "9"}]),
        destinations=DESTINATIONS,
        version=4,
    )
)  # fmt: skip
CORE = Core(
    transfer="tfr_1",
    retry_of=None,
    client="c1",
    vault="v1",
    network=NetworkId("eip155:1"),
    action=Action.TRANSFER,
    initiator="robot",
    source_path="m",
    source_address=None,
    effects=(Pay(TO, ETH, 5, "7"),),
    requested_at=NOW,
)
MANDATE = Mandate(CORE, 1, {}, basis_of(POLICY, CORE), NOW, NOW + timedelta(hours=1))


def test_rules_and_people_behind_an_approval():
    assert list(ground_lines(MANDATE, POLICY)) == [
        f"rests on        {MANDATE.basis.hex()}",
        "rule            listed: NOBODY NEEDS TO APPROVE, 60 s later",
        f'  listed in     known: {TO}, memo "7", added 2026-03-04T00:00:00Z, usable after 60 s',
        "rule            all: approved by 2 of treasury, then 1 of risk, within its limits",
        "  group         treasury: ada, bob, eve",
        "  group         risk: eve",
    ]


def test_another_basis_than_ones_own_policy_gives_is_shouted():
    other = replace(MANDATE, basis=bytes(32))
    warnings = [each for each in ground_lines(other, POLICY) if each.startswith("WARNING")]
    assert warnings == [
        "WARNING         NOT WHAT YOUR POLICY SAYS: version 4 gives " + MANDATE.basis.hex()
    ]


def test_a_stranger_who_asked_is_shouted():
    core = replace(CORE, initiator="nobody")
    mandate = replace(MANDATE, core=core, basis=basis_of(POLICY, core))
    warnings = [each for each in ground_lines(mandate, POLICY) if each.startswith("WARNING")]
    assert warnings == ["WARNING         YOUR POLICY KNOWS NO nobody, who asked"]


def test_what_no_rule_allows_is_shouted():
    core = replace(CORE, effects=(Allow(TO, ETH, None, None),))
    mandate = replace(MANDATE, core=core, basis=basis_of(POLICY, core))
    assert "NO RULE OF YOUR POLICY ALLOWS THIS" in "\n".join(ground_lines(mandate, POLICY))


def test_without_a_copy_of_the_policy_it_says_how_to_see_more():
    first, second = ground_lines(MANDATE, None)
    assert MANDATE.basis.hex() in first
    assert "--policy" in second
