"""Attacks by people, logs and signers, by name: refuted or unreadable here."""

from dataclasses import replace
from hashlib import sha256

import pytest
from custody_verify import bitcoin
from custody_verify.errors import Refuted, Unreadable
from custody_verify.model import parse_effect, said_by_nodes
from custody_verify.people import Administrators, Policy

from signer.canonical import canonical_json
from tests.support.evidence import (
    refuted,
    relogged,
    second_key,
)
from tests.support.signer import ADA, policy_document, rule
from tests.support.signer_policy import person_json

REGTEST = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"


# Nodes, amounts, addresses


def test_nodes_that_differ_or_count_twice():
    row = {"name": "a", "height": 7, "hash": "h", "final_height": 9}
    assert said_by_nodes([row, {**row, "name": "b"}], 7, "h") == (7, "h", "a, b", True)
    assert said_by_nodes([row, {**row, "name": "b", "final_height": 6}], 7, "h")[3] is False
    with pytest.raises(Unreadable, match="twice"):
        said_by_nodes([row, row], 7, "h")
    with pytest.raises(Refuted, match="different blocks"):
        said_by_nodes([row, {**row, "name": "b", "hash": "i"}], None, None)
    with pytest.raises(Refuted, match="another block"):
        said_by_nodes([row], 8, "h")


PAY = {"kind": "pay", "address": "x", "memo": None, "asset": "eip155:1/slip44:60", "amount": "1"}


@pytest.mark.parametrize(
    "change",
    [{"amount": "0"}, {"amount": "-1"}, {"amount": str(2**256)}, {"amount": 1}, {"kind": "allow"},
     {"address": ""}, {"memo": ""}, {"more": 1}],
)  # fmt: skip
def test_an_effect_that_is_no_payment(change):
    with pytest.raises(Unreadable):
        parse_effect({**PAY, **change}, "eip155:1")


@pytest.mark.parametrize(
    "script",
    ["", "6a0568656c6c6f", "5128" + "11" * 40, "0015" + "11" * 21, "51", "6002751e",
     "76a914" + "11" * 20 + "88ad"],
)  # fmt: skip
def test_fail_open_an_output_without_address_is_never_passed_over(script):
    """As a checker of reserves did, which took for valid what it could not decode."""
    with pytest.raises(Unreadable):
        bitcoin.address_of(bytes.fromhex(script), REGTEST)
    with pytest.raises(Unreadable):
        bitcoin.address_of(bytes.fromhex("0014" + "11" * 20), "bip122:ffff")


def test_fail_open_an_address_that_nobody_can_write_is_equal_to_none(ether):
    """The mandate names no address; the record, the request and all digests say the same."""
    house, made = ether

    def lie(body):
        if body["kind"] == "signed":
            body["document"]["core"]["effects"][0]["address"] = "not an address"

    assert "effects" in lying(made, house, lie)


# People


def test_one_key_under_two_names_signs_once():
    """Persons or administrators: else somebody sits on two seats."""
    twin = {**person_json(ADA), "id": "twin"}
    for people in ([person_json(ADA), twin], [person_json(ADA), person_json(ADA)]):
        with pytest.raises(Unreadable, match=r"twice|two names"):
            Administrators.parse({"threshold": 2, "members": people})
        with pytest.raises(Unreadable, match=r"twice|two names"):
            Policy.parse(policy_document(persons=people))


def test_who_counts_for_a_rule():
    machines = [{"id": "robot", "operators": ["bob"]}]
    ordered = rule("ordered", needs=[("risk", 1), ("treasury", 1)], order="sequence")
    both = rule("both", needs=[("treasury", 2), ("risk", 1)])
    document = policy_document(both, ordered, rule("no", effect="deny"), machines=machines)
    policy = Policy.parse(document)
    policy.check_approved("both", "somebody", ["ada", "bob", "eve"])
    policy.check_approved("both", "somebody", ["eve", "ada", "bob"])
    policy.check_approved("ordered", "somebody", ["eve", "ada"])
    for name, initiator, approvers in (
        ("both", "somebody", ["ada", "ada", "eve"]),
        ("both", "somebody", ["ada", "eve"]),
        ("both", "somebody", ["ada", "bob"]),
        ("both", "somebody", ["ada", "bob", "nobody"]),
        ("both", "ada", ["ada", "bob", "eve"]),
        ("both", "robot", ["ada", "bob", "eve"]),
        ("ordered", "somebody", ["ada", "eve"]),
        ("no", "somebody", ["ada", "bob", "eve"]),
        ("none", "somebody", ["ada", "bob", "eve"]),
    ):
        with pytest.raises(Refuted):
            policy.check_approved(name, initiator, approvers)


def test_a_policy_with_too_few_or_strange_signatures(ether):
    house, made = ether
    name = made.only("policies")
    row = made.json(name)
    one = dict(list(row["signatures"].items())[:1])
    for signatures in (one, {}, {**one, "stranger": next(iter(one.values()))},
                       {**row["signatures"], "admin-2": "00" * 64}):  # fmt: skip
        changed = made.put(name, {**row, "signatures": signatures})
        changed = changed.without(f"records/{house.policy_record()}")
        assert "policy" in refuted(changed, house.pins())


# A log or a signer that lies


def lying(made, house, change):
    """Another log, with all digests and signatures; pinned by its own key."""
    return refuted(relogged(made, change), replace(house.pins(), log_key=second_key()))


def test_a_log_of_another_key_is_not_the_pinned_one(ether):
    house, made = ether
    assert lying(made, house, lambda body: None) == {}
    assert {"record", "decision"} <= refuted(relogged(made, lambda body: None), house.pins()).keys()


@pytest.mark.parametrize(
    ("field", "value", "claim"),
    [
        ("approvers", ["ada", "bob"], "approvals"),
        ("approvers", ["ada", "ada", "eve"], "approvals"),
        ("approvers", [], "approvals"),
        ("approvals", "00" * 32, "approvals"),
        ("rule", "other", "approvals"),
        ("policy_digest", "00" * 32, "approvals"),
        ("policy", 2, "decision"),
        ("tx", "00" * 32, "decision"),
        ("set", "00" * 32, "decision"),
        ("core", "00" * 32, "decision"),
        ("mandate", "00" * 32, "decision"),
        ("payload", "00", "decision"),
        ("purpose", "cancel", "decision"),
        ("transfer", "t9", "decision"),
        ("vault", "v9", "decision"),
        ("conflicts", [], "decision"),
        ("part", 1, "decision"),
        ("parts", 2, "decision"),
        ("kind", "refused", "record"),
        ("more", 1, "record"),
    ],
)
def test_a_record_that_fits_nothing_else(ether, field, value, claim):
    house, made = ether

    def lie(body):
        if body["kind"] == "signed":
            body[field] = value

    assert claim in lying(made, house, lie)


def test_a_forked_log_is_two_roots_of_one_size(ether):
    """Both are signed by the pinned key: one record from each."""
    house, made = ether

    def lie(body):
        body["salt"] = "00" * 16

    other = relogged(made, lie)
    name = f"records/{house.policy_record()}"
    both = relogged(made, lambda body: None).put(name, other.parts[name])
    pins = replace(house.pins(), log_key=second_key())
    assert "forked" in refuted(both, pins)["record"]


def more_is_paid(body):
    """A record whose mandate, with all its digests, says another amount."""
    if body["kind"] == "signed":
        body["document"]["core"]["effects"][0]["amount"] = "99999"
        document = canonical_json(body["document"])
        core = canonical_json(body["document"]["core"])
        body["core"] = sha256(b"custody-wallet/core/v2\n" + core).hexdigest()
        body["mandate"] = sha256(b"custody-wallet/mandate/v2\n" + document).hexdigest()


def test_a_mandate_that_nobody_was_shown(ether):
    """The attacker has the signer's key, log and receipt; people signed the mandate that is
    shown."""
    house, made = ether
    said = lying(made, house, more_is_paid)
    assert "another mandate" in said["decision"]
    assert {"effects", "decision"} <= said.keys()


def test_other_bytes_than_the_mandate(ether):
    """As before, and the mandate that is shown says the same: then the bytes do something else, and
    nobody has approved it."""
    house, made = ether
    mandate = made.json("mandates/1")
    mandate["core"]["effects"][0]["amount"] = "99999"
    request = {**made.json("request"), "effects": mandate["core"]["effects"]}
    other = made.put("mandates/1", mandate).put("request", request)
    said = lying(other, house, more_is_paid)
    assert said.keys() == {"effects", "approvals"}
    assert "do something else" in said["effects"]


def test_wrong_network(ether, trx):
    """Everything about one network under another's name."""
    for house, made in (ether, trx):
        moved = type(made)({**made.manifest, "network": "eip155:1"}, made.parts)
        said = refuted(moved, house.pins())
        assert {"request", "decision", "bytes", "effects", "block"} <= said.keys()
