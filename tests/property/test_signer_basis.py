"""What approvals rest on: all that an approver relied on, and nothing else."""

import itertools
import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chains.effects import Call, Pay
from chains.model import Address, NetworkId
from signer.agreement import Action, Core
from signer.policy import Policy, basis_of, supports_of
from signer.wire import canonical_json
from tests.support.signer import (
    NOON,
    Person,
    native,
    person_json,
    policy_document,
    rule,
    window,
)

ETH = native("ethereum-local")
NETWORK = NetworkId("eip155:31337")
quick = settings(max_examples=25, deadline=None)
MEMOS = [None, "7"]


def entry(address, memo, hour):
    at = f"2026-03-04T{hour:02}:00:00Z"
    return {"network": NETWORK, "address": address, "memo": memo, "added_at": at}


DESTINATIONS = [
    {
        "id": "g1",
        "cooling_s": 60,
        "entries": [entry("0xaa", None, 1), entry("0xaa", "7", 2), entry("0xcc", None, 3)],
    },
    {"id": "g2", "cooling_s": 0, "entries": [entry("0xaa", None, 4), entry("0xbb", None, 5)]},
]
names = st.sampled_from(["any", ["c1"], ["c1", "c2"], ["c2"]])
rules = st.builds(
    lambda number, effect, clients, destinations, needs, most, actions, lock: rule(
        f"r{number}",
        effect=effect,
        clients=clients,
        destinations=destinations,
        actions=actions,
        per_transfer=[] if most is None else [{"asset": ETH, "amount": str(most)}],
        **({"needs": needs, "time_lock_s": lock} if effect == "allow" else {}),
    ),
    number=st.integers(0, 10**6),
    effect=st.sampled_from(["allow", "allow", "allow", "deny"]),
    clients=names,
    destinations=st.sampled_from(["any", ["g1"], ["g1", "g2"], ["g2"]]),
    needs=st.sampled_from([[], [("risk", 1)], [("treasury", 2)], [("treasury", 1), ("risk", 1)]]),
    most=st.none() | st.integers(0, 30),
    actions=st.sampled_from([["transfer"], ["transfer", "call"], ["call"]]),
    lock=st.sampled_from([0, 30]),
)
cores = st.builds(
    lambda address, memo: Core(
        transfer="t1",
        retry_of=None,
        client="c1",
        vault="v1",
        network=NETWORK,
        action=Action.TRANSFER,
        initiator="robot",
        source_path="m",
        source_address=None,
        effects=(Pay(Address(address), ETH, 5, memo),),
        requested_at=NOON,
    ),
    address=st.sampled_from(["0xaa", "0xbb"]),
    memo=st.sampled_from(MEMOS),
)
documents = st.lists(rules, min_size=1, max_size=4, unique_by=lambda row: row["id"]).map(
    lambda listed: json.loads(policy_document(*listed, destinations=DESTINATIONS))
)


def read(document):
    return Policy.parse(canonical_json(document))


def basis(document, core):
    return basis_of(read(document), core)


def in_scope(document, core):
    """Places of the allow rules that speak about `core`."""
    supporting = {support.rule.id for support in supports_of(read(document), core)}
    return [n for n, row in enumerate(document["rules"]) if row["id"] in supporting]


# What changes nothing


def version(d, core):
    d["version"] += 1


def credentials_of_persons(d, core):
    for number, person in enumerate(d["persons"]):
        person["credentials"] = person_json(Person(f"new {number}"))["credentials"]


def another_person(d, core):
    d["persons"].append(person_json(Person("zoe")))


def administrators(d, core):
    d["administrators"] = {"threshold": 1, "members": [person_json(Person("zoe"))]}


def operators(d, core):
    d["machines"][0]["operators"] = ["ada"]


def deny_everything(d, core):
    d["rules"].insert(0, rule("no", effect="deny"))


def drop_deny_rules(d, core):
    d["rules"] = [row for row in d["rules"] if row["effect"] == "allow"]


def rules_for_others(d, core):
    d["rules"].insert(0, rule("others", clients=["c2"], needs=[("risk", 1)]))


def rules_for_other_actions(d, core):
    d["rules"].insert(0, rule("calls", actions=["call"]))


def limits_of_rules_out_of_scope(d, core):
    kept = in_scope(d, core)
    for number, row in enumerate(d["rules"]):
        if number not in kept:
            row["limits"]["per_transfer"] = [{"asset": ETH, "amount": "123456"}]


def other_destinations(d, core):
    paid = {(effect.address, effect.memo) for effect in core.effects}
    for group in d["destinations"]:
        kept = [e for e in group["entries"] if (e["address"], e["memo"]) in paid]
        group["entries"] = [entry("0xdd", None, 6), *kept]


def groups_that_nobody_asks(d, core):
    asked = {need["group"] for n in in_scope(d, core)
             for need in d["rules"][n]["grant"]["approvals"]["needs"]}  # fmt: skip
    elsewhere = {need["group"] for row in d["rules"] if row["grant"]
                 for need in row["grant"]["approvals"]["needs"]}  # fmt: skip
    for group in d["groups"]:
        if group["id"] not in asked | elsewhere:
            group["members"] = []


NOTHING = [
    version, credentials_of_persons, another_person, administrators, operators, deny_everything,
    drop_deny_rules, rules_for_others, rules_for_other_actions, limits_of_rules_out_of_scope,
    other_destinations, groups_that_nobody_asks,
]  # fmt: skip


@pytest.mark.parametrize("change", NOTHING, ids=lambda change: change.__name__)
@given(document=documents, core=cores)
@quick
def test_what_an_approver_did_not_rely_on_changes_nothing(change, document, core):
    before, changed = basis(document, core), deepcopy(document)
    change(changed, core)
    assume(changed["rules"])
    assert basis(changed, core) == before


@given(document=documents, core=cores)
@quick
def test_only_the_effects_scope_and_initiator_of_a_core_matter(document, core):
    other = replace(core, transfer="t2", retry_of="t1", source_path="n", vault="v2")
    assert basis(document, other) == basis(document, core)


# What changes everything


def of_a_rule(change):
    """`change` made to each rule that supports the core, one at a time."""

    def variants(document, core):
        for number in in_scope(document, core):
            changed = deepcopy(document)
            change(changed["rules"][number])
            yield changed

    variants.__name__ = change.__name__
    return variants


@of_a_rule
def renamed(row):
    row["id"] = "another name"


@of_a_rule
def more_in_scope(row):
    row["scope"]["vaults"] = ["v1", "v9"]


@of_a_rule
def another_limit(row):
    row["limits"]["per_transfer"] = [{"asset": ETH, "amount": "123456"}]


@of_a_rule
def another_window(row):
    row["limits"]["windows"] = [window(ETH, 60, 123456)]
    row["grant"]["costs"] = [c for c in row["grant"]["costs"] if c["network"] == NETWORK]


@of_a_rule
def another_cost(row):
    row["grant"]["costs"][0]["amount"] = "123456"


@of_a_rule
def fewer_approvals(row):
    row["grant"]["approvals"] = {
        "order": "sequence", "needs": row["grant"]["approvals"]["needs"][:1]
    }  # fmt: skip


@of_a_rule
def another_lock(row):
    row["grant"]["time_lock_s"] += 1


@of_a_rule
def another_lifetime(row):
    row["grant"]["mandate_lifetime_s"] += 1


@of_a_rule
def denied(row):
    row["effect"], row["grant"] = "deny", None


def removed(document, core):
    for number in in_scope(document, core):
        changed = deepcopy(document)
        changed["rules"][number] = rule("others", clients=["c2"])
        yield changed


def added(document, core):
    changed = deepcopy(document)
    changed["rules"].append(rule("also"))
    yield changed


def another_order(document, core):
    places = in_scope(document, core)
    for first, second in itertools.pairwise(places):
        changed = deepcopy(document)
        listed = changed["rules"]
        listed[first], listed[second] = listed[second], listed[first]
        yield changed


def another_member(document, core):
    """Of each group that a supporting rule asks for."""
    for number in in_scope(document, core):
        for need in document["rules"][number]["grant"]["approvals"]["needs"]:
            changed = deepcopy(document)
            changed["persons"].append(person_json(Person("zoe")))
            group = next(g for g in changed["groups"] if g["id"] == need["group"])
            group["members"].append("zoe")
            yield changed


def named_groups(document, core):
    return {
        name
        for number in in_scope(document, core)
        for name in document["rules"][number]["scope"]["destinations"]
        if document["rules"][number]["scope"]["destinations"] != "any"
    }


def another_cooling(document, core):
    for name in named_groups(document, core):
        changed = deepcopy(document)
        next(g for g in changed["destinations"] if g["id"] == name)["cooling_s"] += 1
        yield changed


def added_at_another_time(document, core):
    paid = {(effect.address, effect.memo) for effect in core.effects}
    for name in named_groups(document, core):
        changed = deepcopy(document)
        group = next(g for g in changed["destinations"] if g["id"] == name)
        touched = [e for e in group["entries"] if (e["address"], e["memo"]) in paid]
        for each in touched:
            each["added_at"] = "2026-03-03T00:00:00Z"
        if touched:
            yield changed


EVERYTHING = [
    renamed, more_in_scope, another_limit, another_window, another_cost, fewer_approvals,
    another_lock, another_lifetime, denied, removed, added, another_order, another_member,
    another_cooling, added_at_another_time,
]  # fmt: skip


@pytest.mark.parametrize("change", EVERYTHING, ids=lambda change: change.__name__)
@given(document=documents, core=cores)
@quick
def test_whatever_an_approver_relied_on_changes_the_basis(change, document, core):
    before = basis(document, core)
    for changed in change(document, core):
        assert basis(changed, core) != before


# Read once, with eyes


def test_a_support_is_a_rule_its_people_and_the_entries_of_who_is_paid():
    document = json.loads(
        policy_document(
            rule("known", destinations=["g1", "g2"], needs=[("risk", 1)]),
            rule("no", effect="deny", clients=["c2"]),
            rule("calls", actions=["call"]),
            rule("large", needs=[("treasury", 2)]),
            destinations=DESTINATIONS,
        )
    )
    core = Core(
        "t1", None, "c1", "v1", NETWORK, Action.TRANSFER, "robot", "m", None,
        (Pay(Address("0xaa"), ETH, 5),), NOON,
    )  # fmt: skip
    known, large = supports_of(read(document), core)
    assert known.groups == {"risk": {"eve"}}
    assert known.cooling_s == {"g1": 60, "g2": 0}
    found = {name: [e.to_json() for e in entries] for name, entries in known.entries.items()}
    assert found == {"g1": [entry("0xaa", None, 1)], "g2": [entry("0xaa", None, 4)]}
    assert (large.rule.id, large.entries) == ("large", {})
    call = replace(core, action=Action.CALL, effects=(Call(Address("0xaa"), "f", (), 0),))
    assert [support.rule.id for support in supports_of(read(document), call)] == ["calls"]
