"""Laws of the policy that hold for every document, transfer and moment."""

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chains.costs import CostKind
from chains.effects import Allow, Call, Delegate, Pay, Sign
from chains.model import Address, NetworkId
from signer.agreement import Action, Core, action_of
from signer.chain import Record
from signer.policy import (
    Credential,
    Facts,
    Grant,
    Order,
    Payee,
    Person,
    Policy,
    Ruling,
    Spend,
    Usage,
    Window,
    evaluate,
    missing_approvals,
    usage_of,
    windows,
)
from signer.usage import RollingSums, spend_row
from signer.wire import Need, format_time
from tests.support.signer import NOON, native, policy_document, rule, window
from tests.support.signer_policy import nothing_known

ETH, BSC = native("ethereum-local"), native("bsc-local")
quick = settings(max_examples=40, deadline=None)
ADDRESSES = ["0xaa", "0xbb", "0xcc"]
AMOUNTS = st.integers(0, 30)
PEOPLE = ["ada", "bob", "eve"]
PAYEES = [Payee(Address("0xaa")), Payee(Address("0xaa"), "7"), Payee(Address("0xbb"))]

rules = st.builds(
    lambda number, effect, amount, wide, count, destinations, needs, lock: rule(
        f"r{number}",
        effect=effect,
        per_transfer=[] if amount is None else [{"asset": ETH, "amount": str(amount)}],
        windows=[] if wide is None else [window(ETH, 60, wide, count=count)],
        destinations=destinations,
        **({"needs": needs, "time_lock_s": lock} if effect == "allow" else {}),
    ),
    number=st.integers(0, 10**6),
    effect=st.sampled_from(["allow", "allow", "deny"]),
    amount=st.none() | AMOUNTS,
    wide=st.none() | AMOUNTS,
    count=st.none() | st.integers(0, 3),
    destinations=st.sampled_from(["any", ["g1"], ["g1", "g2"]]),
    needs=st.sampled_from([[], [("risk", 1)], [("treasury", 2)], [("treasury", 1), ("risk", 1)]]),
    lock=st.sampled_from([0, 30]),
)
groups = [
    {
        "id": f"g{number}",
        "cooling_s": 10,
        "entries": [
            {"network": "eip155:31337", "address": a, "memo": None, "added_at": format_time(NOON)}
            for a in each
        ],
    }
    for number, each in ((1, ADDRESSES[:2]), (2, ADDRESSES[1:]))
]
outputs = st.lists(
    st.builds(Pay, st.sampled_from(ADDRESSES).map(Address), st.just(ETH), st.integers(1, 30)),
    min_size=1,
    max_size=3,
).map(tuple)


def facts_of(paid, fee):
    core = Core(
        transfer="t1",
        retry_of=None,
        client="c1",
        vault="v1",
        network=NetworkId("eip155:31337"),
        action=Action.TRANSFER,
        initiator="robot",
        source_path="m",
        source_address=None,
        effects=paid,
        requested_at=NOON,
    )
    costs = {(ETH, CostKind.FEE): fee}
    return Facts(core, ETH, costs, offered_at=NOON, expires_at=NOON + timedelta(hours=1))


def policy_of(listed):
    unique = list({row["id"]: row for row in listed}.values())
    return Policy.parse(policy_document(*unique, destinations=groups))


situations = st.fixed_dictionaries(
    {
        "listed": st.lists(rules, min_size=1, max_size=4),
        "paid": outputs,
        "fee": st.integers(0, 5),
        "used": AMOUNTS,
        "count": st.integers(0, 3),
        "age": st.sampled_from([0, 9, 10, 50]),
        "approvals": st.lists(st.sampled_from([*PEOPLE, "zoe"]), max_size=4),
    }
)


def judge(s, **changes):
    s = {**s, **changes}
    policy, facts = policy_of(s["listed"]), facts_of(s["paid"], s["fee"])
    usage = {each: Usage(s["used"], s["count"]) for each in windows(policy, facts)}
    now = NOON + timedelta(seconds=s["age"])
    since = {row.id: NOON for row in policy.rules}
    return evaluate(policy, facts, usage.get, now, s["approvals"], since)


ORDER = [Ruling.DENY, Ruling.NOT_YET, Ruling.NEEDS_APPROVALS, Ruling.ALLOW]


@given(situations)
@quick
def test_every_rule_is_in_the_trace_in_order(s):
    policy = policy_of(s["listed"])
    assert [t.rule for t in judge(s).trace] == [r.id for r in policy.rules]


@given(situations)
@quick
def test_a_deny_rule_for_everything_denies_everything(s):
    for listed in ([*s["listed"], rule("no", effect="deny")], [rule("no", effect="deny")]):
        assert judge(s, listed=listed).ruling is Ruling.DENY


@given(situations)
@quick
def test_without_allow_rules_nothing_is_allowed(s):
    denying = [row for row in s["listed"] if row["effect"] == "deny"]
    assert (
        judge(s, listed=[*denying, rule("d", effect="deny", clients=["c9"])]).ruling is Ruling.DENY
    )


@given(situations, rules.filter(lambda row: row["effect"] == "deny"))
@quick
def test_another_deny_rule_never_allows_more(s, extra):
    before, after = judge(s), judge(s, listed=[*s["listed"], {**extra, "id": "extra"}])
    assert after == replace(before, trace=after.trace) or after.ruling is Ruling.DENY


@given(situations, st.integers(1, 10), st.integers(1, 3))
@quick
def test_more_usage_never_turns_a_denial_into_a_permission(s, more, times):
    """It may turn "allowed freely" into "needs approvals" of a later rule, never the other way
    round without a rule that says so; with a single rule, never at all."""
    single = {**s, "listed": s["listed"][:1]}
    allowed = [row for row in single["listed"] if row["effect"] == "allow"]
    if not allowed:
        return
    before = judge(single)
    after = judge(single, used=s["used"] + more, count=s["count"] + times)
    assert ORDER.index(after.ruling) <= ORDER.index(before.ruling)


@given(situations, st.sampled_from(PEOPLE))
@quick
def test_another_approval_never_hurts(s, person):
    before, after = judge(s), judge(s, approvals=[*s["approvals"], person])
    assert ORDER.index(after.ruling) >= ORDER.index(before.ruling) or after.ruling is Ruling.NOT_YET


@given(situations)
@quick
def test_strangers_repetitions_and_the_initiator_change_nothing(s):
    base = judge(s)
    assert judge(s, approvals=[*s["approvals"], "zoe", "robot"]) == base
    assert judge(s, approvals=[*s["approvals"], *s["approvals"]]) == base


others = st.sampled_from(
    [
        Allow(Address("0xaa"), ETH, 1, None),
        Allow(Address("0xaa"), ETH, None, NOON),
        Call(Address("0xaa"), "f", (), 1),
        Sign("eip191", "0xaa", b"x"),
        Delegate(Address("0xaa"), Address("0xbb"), None, None),
    ]
)
actions = st.lists(st.sampled_from([each.value for each in Action]), min_size=1, unique=True)


@given(situations, others, st.booleans())
@quick
def test_rules_for_payments_allow_nothing_else(s, other, first):
    paid = (other, *s["paid"]) if first else (*s["paid"], other)
    assert judge(s, paid=paid).ruling is Ruling.DENY


@given(situations, st.lists(others, max_size=2), actions)
@quick
def test_a_rule_allows_only_the_actions_that_it_names(s, added, named):
    listed = [{**row, "scope": {**row["scope"], "actions": named}} for row in s["listed"]]
    paid = (*s["paid"], *added)
    if judge(s, listed=listed, paid=paid).ruling is not Ruling.DENY:
        assert {action_of(effect) for effect in paid} <= set(named)


@given(situations, others | outputs.map(lambda paid: paid[0]))
@quick
def test_another_effect_never_turns_a_denial_into_a_permission(s, added):
    """With a single rule, which names every action."""
    (row,) = s["listed"][:1]
    everything = {**row, "scope": {**row["scope"], "actions": [each.value for each in Action]}}
    before = judge(s, listed=[everything])
    after = judge(s, listed=[everything], paid=(*s["paid"], added))
    assert ORDER.index(after.ruling) <= ORDER.index(before.ruling)


@given(situations)
@quick
def test_missing_usage_never_allows_more(s):
    policy, facts = policy_of(s["listed"]), facts_of(s["paid"], s["fee"])
    now = NOON + timedelta(seconds=s["age"])
    empty = {each: Usage(0, 0) for each in windows(policy, facts)}
    since = {row.id: NOON for row in policy.rules}
    known = evaluate(policy, facts, empty.get, now, s["approvals"], since)
    unknown = evaluate(policy, facts, nothing_known, now, s["approvals"], since)
    if all(row["effect"] == "allow" for row in s["listed"][:1]) and len(policy.rules) == 1:
        assert ORDER.index(unknown.ruling) <= ORDER.index(known.ruling)


@given(
    st.lists(
        st.tuples(st.sampled_from(["g0", "g1", "g2"]), st.integers(1, 2)), min_size=1, max_size=2
    ),
    st.lists(st.sets(st.sampled_from(["p0", "p1", "p2", "p3"])), min_size=3, max_size=3),
    st.lists(st.sampled_from(["p0", "p1", "p2", "p3"]), unique=True),
)
@quick
def test_seating_is_as_good_as_trying_every_arrangement(needs, members, approvals):
    policy = replace(
        Policy.parse(policy_document()),
        groups={f"g{number}": frozenset(each) for number, each in enumerate(members)},
        persons={f"p{n}": Person(f"p{n}", (Credential(bytes(32)),)) for n in range(4)},
    )
    grant = Grant({}, Order.ANY, tuple(Need(*need) for need in needs), 0, 1)
    seats = [group for group, count in needs for _ in range(count)]
    best = max(
        sum(
            person is not None and person in policy.groups[seat]
            for seat, person in zip(seats, arrangement, strict=True)
        )
        for arrangement in itertools.permutations([*approvals, *[None] * len(seats)], len(seats))
    )
    missing = missing_approvals(policy, grant, "robot", approvals)
    assert sum(need.count for need in missing) == len(seats) - best


# Rolling sums: kept in memory, equal to counting everything again


spends = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["v1", "v2"]),
        st.sampled_from([ETH, BSC]),
        st.sampled_from([None, *PAYEES]),
        st.integers(0, 9),
    ),
    max_size=25,
)
asked = st.lists(
    st.tuples(
        st.sampled_from(["v1", "v2"]),
        st.sampled_from([ETH, BSC]),
        st.sampled_from([None, *PAYEES]),
        st.sampled_from([1, 5, 20]),
    ),
    min_size=1,
    max_size=4,
)


@given(spends, asked, st.sampled_from([None, 0, 7, 60]))
@quick
def test_rolling_sums_are_exact(rows, windows_asked, back):
    """`back`: by how much the time asked for goes back every other time; None asks only once, when
    all has happened."""
    past: list[Spend] = []

    def signed_since(vault, after):
        for number, spend in enumerate(past):
            if spend.vault == vault and spend.at > after:
                body = {
                    "transfer": spend.transfer,
                    "vault": vault,
                    "spends": [spend_row(spend)],
                }
                yield Record(number, b"", body), spend.at

    sums = RollingSums(signed_since)
    now = NOON

    def check(at):
        for each in windows_asked:
            assert sums.usage(Window(*each), at, "") == usage_of(past, Window(*each), at)

    for number, (gap, vault, asset, destination, amount) in enumerate(rows):
        now += timedelta(seconds=gap)
        if back is not None:
            check(now)
            check(now - timedelta(seconds=back * (number % 2)))
        spend = Spend(f"t{number}", vault, asset, destination, amount, now)
        past.append(spend)
        sums.put([spend])
    check(now)
