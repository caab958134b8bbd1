"""What the policy says, walked through in order of precedence."""

from datetime import timedelta

import pytest

from chains.catalogue import built_in
from chains.costs import CostKind
from chains.model import Address, NetworkId
from signer.policy import (
    Detail,
    PastTransfer,
    Payee,
    Policy,
    Ruling,
    Usage,
    Window,
    evaluate,
    explain,
    facts_of,
    missing_approvals,
    replay,
    spends_of,
    usage_of,
    windows,
)
from signer.wire import MalformedMessage, Need
from tests.support.signer import (
    MANDATE,
    NOON,
    at,
    changed,
    policy_document,
    rule,
    window,
)
from tests.support.signer_policy import nothing_known
from tests.unit.signer.policy_cases import (
    ALL,
    BSC,
    CAP,
    DAILY,
    ETH,
    FACTS,
    HOUR,
    KNOWN,
    LARGE,
    OFFICE,
    PER_DESTINATION,
    PER_DESTINATION_TOKEN,
    SANCTIONED,
    SMALL,
    TOKEN,
    cost,
    facts,
    judge,
    pay,
    word,
)

TABLE = [
    # 1. A deny rule wins, wherever it stands and whatever else allows
    ("deny after allow", [ALL, rule("no", effect="deny")], {}, "deny/denied-by-rule no"),
    ("deny before allow", [rule("no", effect="deny"), ALL], {}, "deny/denied-by-rule no"),
    ("deny wins over approvals", [LARGE, rule("no", effect="deny")],
     {"approvals": ("ada", "bob")}, "deny/denied-by-rule no"),
    ("deny for another client", [ALL, rule("no", effect="deny", clients=["c2"])], {},
     "allow/allowed all"),
    ("deny for this vault", [ALL, rule("no", effect="deny", vaults=["v1"])], {},
     "deny/denied-by-rule no"),
    ("a ceiling that holds", [ALL, CAP], {}, "allow/allowed all"),
    ("a ceiling that is reached", [ALL, CAP], {"effects": pay(("0xaa", ETH, 500))},
     "allow/allowed all"),
    ("a ceiling that is passed", [ALL, CAP], {"effects": pay(("0xaa", ETH, 501))},
     "deny/denied-by-rule cap"),
    ("a ceiling passed by the sum", [ALL, CAP],
     {"effects": pay(("0xaa", ETH, 300), ("0xcc", ETH, 201))}, "deny/denied-by-rule cap"),
    ("one forbidden destination among others", [ALL, SANCTIONED],
     {"effects": pay(("0xaa", ETH, 1), ("0xbb", ETH, 1))}, "deny/denied-by-rule sanctioned"),
    ("a forbidden destination needs no cooling", [ALL, SANCTIONED],
     {"effects": pay(("0xbb", ETH, 1))}, "deny/denied-by-rule sanctioned"),
    ("the same address elsewhere is not forbidden", [ALL, SANCTIONED],
     {"network": NetworkId("eip155:31338"), "native": BSC, "effects": pay(("0xbb", BSC, 1))},
     "allow/allowed all"),

    # 2. Nothing matches
    ("no rule at all applies", [rule("other", clients=["c2"])], {}, "deny/no-rule -"),
    ("another vault", [rule("other", vaults=["v2"])], {}, "deny/no-rule -"),
    ("another network", [rule("other", networks=["eip155:31338"])], {}, "deny/no-rule -"),
    ("another asset", [rule("other", assets=[TOKEN])], {}, "deny/no-rule -"),
    ("one asset of two", [rule("eth", assets=[ETH])],
     {"effects": pay(("0xaa", ETH, 1), ("0xaa", TOKEN, 1))}, "deny/no-rule -"),
    ("another initiator", [rule("other", initiators=["ada"])], {}, "deny/no-rule -"),
    ("an unknown destination", [KNOWN], {"effects": pay(("0xcc", ETH, 1))}, "deny/no-rule -"),
    ("one unknown destination of two", [KNOWN],
     {"effects": pay(("0xaa", ETH, 1), ("0xcc", ETH, 1))}, "deny/no-rule -"),

    # 3. Limits of allow rules: the rule steps aside
    ("within the amount", [SMALL], {}, "allow/allowed small"),
    ("above the amount", [SMALL], {"effects": pay(("0xaa", ETH, 101))},
     "deny/amount-limit small"),
    ("an asset that the limit does not name", [SMALL], {"effects": pay(("0xaa", TOKEN, 1))},
     "deny/amount-limit small"),
    ("above the amount, the next rule decides", [SMALL, LARGE],
     {"effects": pay(("0xaa", ETH, 101))}, "needs-approvals/approvals large"),
    ("the first that applies decides", [LARGE, ALL], {}, "needs-approvals/approvals large"),
    ("fee within its limit", [rule("f", costs=[cost("fee", 10)])], {},
     "allow/allowed f"),
    ("fee above its limit", [rule("f", costs=[cost("fee", 9)])], {},
     "deny/cost-limit f"),
    ("a network whose costs are not named", [rule("f", costs=[])], {"fee": 1},
     "deny/cost-limit f"),
    ("a mandate that lives too long", [rule("l", mandate_lifetime_s=HOUR - 1)], {},
     "deny/mandate-lifetime l"),
    ("a mandate from the future", [ALL], {"now": NOON - timedelta(minutes=6)},
     "deny/mandate-lifetime all"),
    ("clocks that differ a little", [ALL], {"now": NOON - timedelta(minutes=4)},
     "allow/allowed all"),

    ("a kind of cost that is not named", [rule("f", costs=[cost("fee", 10)])],
     {"costs_max": {(ETH, CostKind.RENT): 1}}, "deny/cost-limit f"),
    ("kinds of cost have their own bounds", [rule("f", costs=[cost("fee", 10), cost("rent", 1)])],
     {"costs_max": {(ETH, CostKind.FEE): 10, (ETH, CostKind.RENT): 1}}, "allow/allowed f"),
    ("one is not the other's", [rule("f", costs=[cost("fee", 10), cost("rent", 1)])],
     {"costs_max": {(ETH, CostKind.FEE): 9, (ETH, CostKind.RENT): 2}}, "deny/cost-limit f"),
    ("a cost in another asset", [ALL], {"costs_max": {(TOKEN, CostKind.FEE): 1}},
     "deny/cost-limit all"),
    ("a kind that nothing bounds, named", [rule("f", costs=[cost("fee", 10), cost("l1-data", 0)])],
     {"uncapped": frozenset({CostKind.L1_DATA})}, "allow/allowed f"),
    ("a kind that nothing bounds, not named", [rule("f", costs=[cost("fee", 10)])],
     {"uncapped": frozenset({CostKind.L1_DATA})}, "deny/cost-limit f"),
    ("a lifetime counts from the offer", [rule("l", mandate_lifetime_s=HOUR)],
     {"requested_at": at("2026-03-04T10:00:00Z"), "offered_at": NOON}, "allow/allowed l"),
    ("and not from the request", [rule("l", mandate_lifetime_s=HOUR)],
     {"offered_at": at("2026-03-04T11:59:59Z")}, "deny/mandate-lifetime l"),
    ("an offer from the future", [ALL], {"offered_at": NOON + timedelta(minutes=6)},
     "deny/mandate-lifetime all"),
    ("a request from the future", [ALL],
     {"requested_at": NOON + timedelta(minutes=6), "offered_at": NOON},
     "deny/mandate-lifetime all"),

    # 4. Windows
    ("an empty window", [DAILY], {}, "allow/allowed daily"),
    ("filled to the brim, fee included", [DAILY], {"used": 890}, "allow/allowed daily"),
    ("one base unit too many", [DAILY], {"used": 891}, "deny/window-amount daily"),
    ("the fifth transfer", [DAILY], {"count": 4}, "allow/allowed daily"),
    ("the sixth transfer", [DAILY], {"count": 5}, "deny/window-count daily"),
    ("an asset without window", [DAILY], {"effects": pay(("0xaa", TOKEN, 1))},
     "deny/window-amount daily"),
    ("a full window, the next rule decides", [DAILY, LARGE], {"used": 891},
     "needs-approvals/approvals large"),
    ("each destination has its window", [PER_DESTINATION],
     {"effects": pay(("0xaa", ETH, 140), ("0xcc", ETH, 140))}, "allow/allowed each"),
    ("a destination's window counts the fee", [PER_DESTINATION],
     {"effects": pay(("0xaa", ETH, 141))}, "deny/window-amount each"),
    ("and counts it where another asset is paid", [PER_DESTINATION_TOKEN],
     {"effects": pay(("0xaa", TOKEN, 1)), "fee": 151}, "deny/window-amount each"),
    ("a destination's window counts all its outputs", [PER_DESTINATION],
     {"effects": pay(("0xaa", ETH, 100), ("0xaa", ETH, 51))}, "deny/window-amount each"),
    ("a window as a ceiling", [ALL, rule("w", effect="deny", assets=[ETH],
     windows=[window(ETH, HOUR, 1000)])], {"used": 891}, "deny/denied-by-rule w"),
    ("nobody is paid", [ALL], {"effects": ()}, "deny/no-rule -"),
    ("nobody is paid, by an allowlist", [KNOWN], {"effects": ()}, "deny/no-rule -"),

    ("who asks is nobody", [ALL], {"initiator": "zoe"}, "deny/initiator-unknown -"),
    ("who asks is a person", [ALL], {"initiator": "ada"}, "allow/allowed all"),
    ("a payment of nothing", [ALL], {"effects": pay(("0xaa", ETH, 0))},
     "deny/payment-of-nothing -"),
    ("a payment of nothing beside one", [ALL],
     {"effects": pay(("0xaa", ETH, 1), ("0xaa", ETH, 0))}, "deny/payment-of-nothing -"),
    ("costs without a window", [rule("w", windows=[window(ETH, HOUR, 10**6)])],
     {"costs_max": {(TOKEN, CostKind.FEE): 1}}, "deny/window-amount w"),

    # 5. Time heals: hours and cooling
    ("in office hours (13:00 in Zurich)", [OFFICE], {}, "allow/allowed office"),
    ("before them", [OFFICE], {"now": at("2026-03-04T07:59:59Z"),
     "requested_at": at("2026-03-04T07:59:59Z")}, "not-yet/hours office"),
    ("as they begin", [OFFICE], {"now": at("2026-03-04T08:00:00Z"),
     "requested_at": at("2026-03-04T08:00:00Z")}, "allow/allowed office"),
    ("as they end", [OFFICE], {"now": at("2026-03-04T16:00:00Z")}, "not-yet/hours office"),
    ("summer time shifts them", [OFFICE], {"now": at("2026-07-01T07:00:00Z"),
     "requested_at": at("2026-07-01T07:00:00Z"), "expires_at": at("2026-07-01T08:00:00Z")},
     "allow/allowed office"),
    ("on another day", [OFFICE], {"now": at("2026-03-05T12:00:00Z")}, "not-yet/hours office"),
    ("as a deny rule: only then", [ALL, rule("o", effect="deny", hours=OFFICE["limits"]["hours"])],
     {"now": at("2026-03-05T12:00:00Z")}, "deny/denied-by-rule o"),
    ("a destination that has cooled", [KNOWN], {}, "allow/allowed known"),
    ("a destination that cools for another second", [KNOWN],
     {"effects": pay(("0xbb", ETH, 1))}, "not-yet/destination-cooling known"),
    ("time does not heal a limit", [rule("k", destinations=["known"],
     per_transfer=[{"asset": ETH, "amount": "1"}])], {"effects": pay(("0xbb", ETH, 2))},
     "deny/amount-limit k"),
    ("a rule that only time stops, after one that a limit stops", [SMALL, OFFICE],
     {"effects": pay(("0xaa", ETH, 101)), "now": at("2026-03-05T12:00:00Z")},
     "not-yet/hours office"),

    # 6. Approvals, then the time lock
    ("none of two", [LARGE], {}, "needs-approvals/approvals large"),
    ("one of two", [LARGE], {"approvals": ("ada",)}, "needs-approvals/approvals large"),
    ("two of two", [LARGE], {"approvals": ("ada", "bob")}, "allow/allowed large"),
    ("one twice", [LARGE], {"approvals": ("ada", "ada")}, "needs-approvals/approvals large"),
    ("a stranger", [LARGE], {"approvals": ("ada", "zoe")}, "needs-approvals/approvals large"),
    ("the initiator", [LARGE], {"approvals": ("ada", "bob"), "initiator": "ada"},
     "needs-approvals/approvals large"),
    ("a lock begins", [rule("t", time_lock_s=60)], {}, "not-yet/time-lock t"),
    ("a lock runs", [rule("t", time_lock_s=60)], {"since": {"t": NOON - timedelta(seconds=59)}},
     "not-yet/time-lock t"),
    ("a lock has run", [rule("t", time_lock_s=60)], {"since": {"t": NOON - timedelta(seconds=60)}},
     "allow/allowed t"),
    ("another rule's lock is not this one's", [rule("t", time_lock_s=60)],
     {"since": {"u": NOON - timedelta(seconds=60)}}, "not-yet/time-lock t"),
    ("a lock does not run from the future", [rule("t", time_lock_s=60)],
     {"since": {"t": NOON + timedelta(seconds=60)}}, "not-yet/time-lock t"),
    ("approvals come before the lock", [rule("t", time_lock_s=60, needs=[("risk", 1)])], {},
     "needs-approvals/approvals t"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "given", "expected"), [r[1:] for r in TABLE],
                         ids=[r[0] for r in TABLE])  # fmt: skip
def test_precedence(rules, given, expected):
    assert word(judge(rules, **given)) == expected


def test_every_rule_leaves_a_trace():
    trace = judge([SMALL, CAP, rule("other", clients=["c2"]), ALL]).trace
    assert [(t.rule, t.allows, t.applies) for t in trace] == [
        ("small", True, True),
        ("cap", False, False),
        ("other", True, False),
        ("all", True, True),
    ]
    assert [reason.detail for reason in trace[2].reasons] == [Detail.OUT_OF_SCOPE]


def test_a_lock_says_when_it_ends():
    assert judge([rule("t", time_lock_s=60)]).not_before == NOON + timedelta(seconds=60)


@pytest.mark.parametrize("missing", ["amount", "count"])
def test_a_window_whose_content_is_unknown_counts_as_full(missing):
    counted = {"count": 10**9} if missing == "count" else {}
    limit = window(ETH, HOUR, 10**9, **counted)
    policy = Policy.parse(policy_document(rule("w", windows=[limit])))
    assert evaluate(policy, FACTS, nothing_known, NOON, ()).detail is Detail.USAGE_UNKNOWN


def test_windows_are_those_that_rules_in_scope_look_at():
    rules = [
        rule("a", windows=[window(ETH, 60, 1), window(ETH, HOUR, 1, per_destination=True)]),
        rule("b", windows=[window(ETH, 60, 2), window(BSC, 60, 1)]),
        rule("c", clients=["c2"], windows=[window(ETH, 9, 1)]),
    ]
    policy = Policy.parse(policy_document(*rules))
    about = facts(effects=pay(("0xaa", ETH, 1), ("0xbb", ETH, 1), ("0xaa", ETH, 1)))
    assert windows(policy, about) == (
        Window("v1", ETH, None, 60),
        Window("v1", ETH, Payee(Address("0xaa")), HOUR),
        Window("v1", ETH, Payee(Address("0xbb")), HOUR),
    )


def test_a_token_transfers_fee_counts_in_the_coins_window():
    policy = Policy.parse(
        policy_document(rule("w", windows=[window(ETH, HOUR, 9), window(TOKEN, HOUR, 100)]))
    )
    for fee, ruling in ((10, Ruling.DENY), (9, Ruling.ALLOW)):
        about = facts(effects=pay(("0xaa", TOKEN, 100)), fee=fee)
        usage = {each: Usage(0, 0) for each in windows(policy, about)}
        assert evaluate(policy, about, usage.get, NOON, ()).ruling is ruling


# Whose approval counts for what


def needed(needs, approvals, *, order="any", initiator="robot", persons=()):
    document = policy_document(rule("r", needs=needs, order=order))
    policy = Policy.parse(document)
    grant = policy.rules[0].grant
    assert grant is not None
    return missing_approvals(policy, grant, initiator, approvals)


def test_one_person_counts_once_also_across_groups():
    both = [("treasury", 1), ("risk", 1)]
    assert needed(both, ("eve",)) in ((Need("treasury", 1),), (Need("risk", 1),))
    assert needed(both, ("eve", "ada")) == ()
    assert needed(both, ("ada", "eve")) == ()
    assert needed(both, ("ada", "bob")) == (Need("risk", 1),)


def test_people_are_seated_so_that_most_needs_are_met():
    assert needed([("treasury", 2), ("risk", 1)], ("eve", "ada", "bob")) == ()
    assert needed([("treasury", 3)], ("eve", "ada")) == (Need("treasury", 1),)


def test_a_sequence_asks_only_the_group_whose_turn_it_is():
    order = [("treasury", 1), ("risk", 1)]
    assert needed(order, (), order="sequence") == (Need("treasury", 1),)
    assert needed(order, ("ada",), order="sequence") == (Need("risk", 1),)
    assert needed(order, ("ada", "eve"), order="sequence") == ()
    assert needed(order, ("eve", "ada"), order="sequence") == (Need("risk", 1),)
    assert needed(order, ("eve",), order="sequence") == (Need("risk", 1),)


def test_nobody_approves_what_a_machine_of_theirs_asked_for():
    document = policy_document(
        rule("r", needs=[("treasury", 1)]),
        machines=[{"id": "hers", "operators": ["ada"]}, {"id": "his", "operators": ["bob"]}],
    )
    policy = Policy.parse(document)
    assert evaluate(policy, facts(initiator="hers"), nothing_known, NOON, ("ada",)).needs
    assert not evaluate(policy, facts(initiator="his"), nothing_known, NOON, ("ada",)).needs


# What leaves a vault


def test_spends_are_payments_by_destination_and_the_fee():
    about = facts(effects=pay(("0xaa", ETH, 1), ("0xbb", ETH, 2), ("0xaa", ETH, 3)))
    spends = [(s.asset, s.destination, s.amount) for s in spends_of(about, "t1", NOON)]
    assert spends == [(ETH, ("0xaa", None), 4), (ETH, ("0xbb", None), 2), (ETH, None, 10)]


def test_usage_forgets_what_is_as_old_as_the_window():
    spends = spends_of(FACTS, "t1", NOON)
    everything, aa = Window("v1", ETH, None, 60), Window("v1", ETH, Payee(Address("0xaa")), 60)
    assert usage_of(spends, everything, NOON + timedelta(seconds=59)) == Usage(110, 1)
    assert usage_of(spends, aa, NOON + timedelta(seconds=59)) == Usage(110, 1)
    assert usage_of(spends, everything, NOON + timedelta(seconds=60)) == Usage(0, 0)
    assert usage_of(spends, everything._replace(vault="v2"), NOON) == Usage(0, 0)
    assert usage_of(spends, everything._replace(asset=BSC), NOON) == Usage(0, 0)


def test_facts_come_from_the_mandate():
    about = facts_of(MANDATE, built_in())
    assert about.core == MANDATE.core
    assert (about.native, about.costs_max) == (ETH, {(ETH, CostKind.FEE): 21000})
    with pytest.raises(MalformedMessage):
        facts_of(changed(MANDATE, network=NetworkId("eip155:999999")), built_in())


# Helpers for people


def test_replay_shows_what_another_version_would_have_changed():
    before = Policy.parse(policy_document(ALL))
    after = Policy.parse(policy_document(DAILY, LARGE, version=2))
    past = [
        PastTransfer(f"t{hour}", FACTS, NOON + timedelta(minutes=hour), ()) for hour in range(7)
    ]
    changes = replay(before, after, past)
    assert [
        (c.transfer, c.after.detail) for c in changes if c.after.ruling is not Ruling.ALLOW
    ] == [
        ("t5", Detail.APPROVALS),
        ("t6", Detail.APPROVALS),
    ]
    assert replay(before, before, past) == ()


def test_an_explanation_names_every_rule_and_reason():
    lines = explain(judge([SMALL, LARGE, CAP], effects=pay(("0xaa", ETH, 101))))
    assert lines[0] == "needs-approvals (approvals) by large"
    assert lines[1].strip() == "needs 2 more of treasury"
    assert [line.split(":")[0].strip() for line in lines[2:]] == [
        "allow small",
        "allow large",
        "deny cap",
    ]
    assert "amount-limit" in lines[2]
