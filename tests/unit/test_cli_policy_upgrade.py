"""A policy of format 1 becomes a draft of format 2 that says what is different."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from chains.costs import CostKind
from signer.agreement import Action
from signer.policy import Policy
from tests.support.cli import done, refused, write_json
from tests.support.networks import find_network

ETHEREUM, TRON, SOLANA = (find_network(f"{name}-local") for name in ("ethereum", "tron", "solana"))
PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"


def scope(**narrow: Any) -> dict[str, Any]:
    names = "clients vaults networks assets destinations actions initiators".split()
    return dict.fromkeys(names, "any") | narrow


def window(**changes: Any) -> dict[str, Any]:
    day = {"asset": ETHEREUM.native.id, "seconds": 86400, "amount": "1000", "count": None}
    return {**day, "per_destination": False, **changes}


def allow(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "effect": "allow",
        "scope": scope(**changes.pop("scope", {})),
        "limits": {"per_transaction": [], "windows": [], "hours": None, **changes},
        "grant": {
            "fees": [{"network": n.id, "amount": "500"} for n in (ETHEREUM, TRON, SOLANA)],
            "approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]},
            "time_lock_s": 60,
            "mandate_lifetime_s": 3600,
        },
    }


def deny(name: str, **narrow: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {"per_transaction": [], "windows": [], "hours": None}
    return {
        "id": name,
        "effect": "deny",
        "scope": scope(**narrow),
        "limits": limits,
        "grant": None,
    }


OLD: dict[str, Any] = {
    "format": 1,
    "version": 6,
    "administrators": {"threshold": 1, "members": [{"id": "adm", "key": "11" * 32}]},
    "persons": [
        {"id": "ada", "key": "21" * 32, "initiates_as": ["key_1", "key_2"]},
        {"id": "bob", "key": "22" * 32, "initiates_as": []},
    ],
    "groups": [{"id": "treasury", "members": ["ada", "bob"]}],
    "destinations": [
        {
            "id": "known",
            "cooling_s": 60,
            "entries": [
                {"network": ETHEREUM.id, "address": PAYEE, "added_at": "2026-01-01T00:00:00Z"}
            ],
        }
    ],
    "rules": [
        allow(
            "small",
            scope={"networks": [ETHEREUM.id], "initiators": ["key_1", "key_9", "bob"]},
            per_transaction=[{"asset": ETHEREUM.native.id, "amount": "7"}],
            windows=[window(), window(per_destination=True)],
        ),
        allow("large"),
        deny("outlaws", destinations=["known"]),
        deny("frozen", vaults=["v9"], actions=["transfer"]),
    ],
}


def upgrade(folder: Path, old: Any) -> tuple[Policy, str]:
    out = folder / "new.json"
    said = done("policy", "upgrade", write_json(folder / "old.json", old), "--out", out)
    assert done("policy", "validate", out)
    return Policy.parse(rfc8785.dumps(json.loads(out.read_text()))), said


def test_people_and_machines(tmp_path: Path):
    policy, said = upgrade(tmp_path, OLD)
    assert policy.version == 7
    assert [each.key.hex() for each in policy.persons["ada"].credentials] == ["21" * 32]
    assert [each.key.hex() for each in policy.administrators.members["adm"]] == ["11" * 32]
    operators = {name: machine.operators for name, machine in policy.machines.items()}
    assert operators == {"key_1": {"ada"}, "key_2": {"ada"}, "key_9": frozenset()}
    assert "key_2, a name under which ada asked, is a machine that they operate" in said
    assert "key_9, who may ask under small, is a machine that nobody operates" in said


def test_actions_are_named_and_nothing_is_allowed_that_was_not_known(tmp_path: Path):
    policy, said = upgrade(tmp_path, OLD)
    small, large, outlaws, frozen = policy.rules
    assert small.scope.actions == large.scope.actions == {Action.TRANSFER}
    assert outlaws.scope.actions == set(Action)
    assert frozen.scope.actions == {Action.TRANSFER}
    assert "large: any action is named" in said
    assert "outlaws: denies each action" in said
    assert "frozen: " not in said


def test_fees_become_costs_by_kind_on_the_networks_that_had_any(tmp_path: Path):
    policy, said = upgrade(tmp_path, OLD)
    small, large = (rule.grant for rule in policy.rules[:2])
    assert small is not None
    assert large is not None
    assert large.costs == small.costs
    assert large.costs == {
        (ETHEREUM.id, CostKind.FEE): 500,
        (TRON.id, CostKind.FEE): 500,
        (TRON.id, CostKind.ACTIVATION): 500,
        (SOLANA.id, CostKind.FEE): 500,
        (SOLANA.id, CostKind.RENT): 500,
    }
    assert policy.rules[0].scope.networks == frozenset([ETHEREUM.id])
    assert policy.rules[1].scope.networks == frozenset(n.id for n in (ETHEREUM, TRON, SOLANA))
    assert f"large: on {SOLANA.id} fee and rent may each cost what the fee could" in said
    assert "large: names the networks on which it granted fees" in said
    assert "small: names the networks" not in said


def test_a_rule_that_granted_no_fee_allowed_nothing(tmp_path: Path):
    old = deepcopy(OLD)
    old["rules"][1]["grant"]["fees"] = []
    policy, said = upgrade(tmp_path, old)
    assert "large" not in [rule.id for rule in policy.rules]
    assert "large: left out" in said


def test_every_other_difference_is_told(tmp_path: Path):
    _, said = upgrade(tmp_path, OLD)
    for words in (
        "a payment of nothing is denied",
        "a limit per transaction is one per transfer",
        "small: its windows count every kind of cost",
        "small: a destination's window counts the whole cost",
        "an address is allowed without a memo only",
        "lifetime counts from when its terms were offered",
        "each API key that has no line under machines yet is denied",
        "outlive a new version of the policy",
    ):
        assert words in said


def test_what_does_not_apply_is_not_told(tmp_path: Path):
    old = deepcopy(OLD)
    old["rules"] = [deny("frozen", actions=["transfer"])]
    old["destinations"] = []
    _, said = upgrade(tmp_path, old)
    for words in ("windows", "memo", "costs are granted", "any action"):
        assert words not in said


def test_a_signed_policy_is_read_too(tmp_path: Path):
    signed = {"document": rfc8785.dumps(OLD).decode(), "signatures": {}}
    policy, _ = upgrade(tmp_path, signed)
    assert policy.version == 7


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(format=2), "its format is 2"),
        (lambda d: d.update(machines=[]), "fields must be exactly"),
        (lambda d: d["rules"][0].pop("limits"), "fields must be exactly"),
        (lambda d: d["persons"][0].update(initiates_as="ada"), "a list"),
        (lambda d: d["persons"][0].update(initiates_as=["bob"]), "a person's name"),
        (lambda d: d["persons"][0].update(key="zz"), "hex"),
        (lambda d: d["rules"][0]["scope"].update(networks=7), "a list"),
        (lambda d: d.update(version="6"), "integer"),
    ],
)
def test_what_is_no_policy_of_format_1_is_refused_and_nothing_written(
    tmp_path: Path, change: Any, complaint: str
):
    old = deepcopy(OLD)
    change(old)
    out = tmp_path / "new.json"
    given = write_json(tmp_path / "old.json", old)
    assert complaint in refused(2, "policy", "upgrade", given, "--out", out)
    assert not out.exists()


def test_a_draft_is_never_overwritten(tmp_path: Path):
    upgrade(tmp_path, OLD)
    again = ("policy", "upgrade", tmp_path / "old.json", "--out", tmp_path / "new.json")
    assert "never overwritten" in refused(2, *again)


def test_everybody_else_names_the_command(tmp_path: Path):
    old = write_json(tmp_path / "old.json", OLD)
    assert "run custody policy upgrade" in refused(2, "policy", "validate", old)
