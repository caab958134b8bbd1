"""Reading the policy document: everything that is not exactly a policy is refused."""

import json
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc8785

from chains.model import Address, NetworkId
from signer.agreement import Action
from signer.policy import (
    DOCUMENT_BYTES_MAX,
    InvalidPolicy,
    Order,
    Payee,
    Policy,
    PolicyHead,
    fields,
    zones,
)
from signer.wire import Need, canonical_json
from tests.support.signer import (
    PINNED,
    native,
    policy_document,
    rule,
    window,
)

ETH = native("ethereum-local")
NETWORK = NetworkId("eip155:31337")
DESTINATIONS = [
    {
        "id": "suppliers",
        "cooling_s": 3600,
        "entries": [
            {
                "network": NETWORK,
                "address": "0xaa",
                "memo": None,
                "added_at": "2026-03-04T00:00:00Z",
            },
            {
                "network": NETWORK,
                "address": "0xbb",
                "memo": None,
                "added_at": "2026-03-04T00:00:00Z",
            },
            {
                "network": NETWORK,
                "address": "0xbb",
                "memo": "7",
                "added_at": "2026-03-04T00:00:00Z",
            },
        ],
    }
]
FULL = policy_document(
    rule(
        "tiny",
        destinations=["suppliers"],
        networks=[NETWORK],
        assets=[ETH],
        clients=["c1"],
        vaults=["v1"],
        actions=["transfer"],
        initiators=["robot"],
        per_transfer=[{"asset": ETH, "amount": "5"}],
        windows=[
            window(ETH, 3600, 10, count=3, per_destination=True),
            window(ETH, 3600, 100),
        ],
        hours={"zone": "Europe/Zurich", "days": ["mon", "tue"], "from": "08:30", "to": "24:00"},
        needs=[("treasury", 2), ("risk", 1)],
        order="sequence",
        time_lock_s=60,
    ),
    rule("never", effect="deny"),
    destinations=DESTINATIONS,
    machines=[{"id": "robot", "operators": ["ada", "bob"]}],
)


def test_a_full_document_is_read():
    policy = Policy.parse(FULL)
    tiny, never = policy.rules
    assert policy.version == 1
    assert policy.administrators == PINNED
    assert policy.groups == {"treasury": {"ada", "bob", "eve"}, "risk": {"eve"}}
    assert policy.destinations["suppliers"].entry(NETWORK, Payee(Address("0xaa"))) is not None
    assert policy.destinations["suppliers"].entry(NETWORK, Payee(Address("0xaa"), "7")) is None
    assert policy.destinations["suppliers"].entry(NETWORK, Payee(Address("0xbb"), "7")) is not None
    assert policy.machines["robot"].operators == {"ada", "bob"}
    assert tiny.scope.initiators == frozenset({"robot"})
    assert tiny.scope.actions == {Action.TRANSFER}
    assert tiny.limits.hours is not None
    assert (tiny.limits.hours.days, tiny.limits.hours.start, tiny.limits.hours.end) == (
        frozenset({0, 1}),
        510,
        1440,
    )
    assert tiny.grant is not None
    assert tiny.grant.order is Order.SEQUENCE
    assert tiny.grant.needs == (Need("treasury", 2), Need("risk", 1))
    assert never.grant is None
    assert never.limits.empty()


def walk(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, (*path, name))
    if isinstance(value, list):
        for position, inner in enumerate(value):
            yield from walk(inner, (*path, position))


def changed(path, edit):
    row = json.loads(FULL)
    holder = row
    for step in path[:-1]:
        holder = holder[step]
    edit(holder, path[-1])
    return rfc8785.dumps(row)


PLACES = [path for path in walk(json.loads(FULL)) if path]
WRONG = [None, True, -1, 1.5, 2**53, "", "unknown\n", [None], {"x": 1}]
NULL_IS_A_VALUE = {"hours", "amount", "count", "grant", "memo"}


@pytest.mark.parametrize("path", PLACES, ids=lambda path: "/".join(map(str, path)))
def test_a_value_of_a_wrong_kind_anywhere_refuses_the_document(path):
    for wrong in WRONG:
        if wrong is None and path[-1] in NULL_IS_A_VALUE:
            continue
        if wrong is True and path[-1] == "per_destination":
            continue
        try:
            document = changed(path, lambda holder, key, wrong=wrong: holder.update({key: wrong})
                if isinstance(holder, dict) else holder.__setitem__(key, wrong))  # fmt: skip
        except rfc8785.IntegerDomainError:
            continue
        with pytest.raises(InvalidPolicy):
            Policy.parse(document)


@pytest.mark.parametrize(
    "path",
    [path for path in PLACES if isinstance(path[-1], str)],
    ids=lambda path: "/".join(map(str, path)),
)
def test_a_missing_or_unknown_field_anywhere_refuses_the_document(path):
    with pytest.raises(InvalidPolicy):
        Policy.parse(changed(path, lambda holder, key: holder.pop(key)))
    with pytest.raises(InvalidPolicy):
        Policy.parse(changed(path, lambda holder, key: holder.update({f"{key}_": holder[key]})))


def credential(row):
    return row["persons"][0]["credentials"][0]


def edited(edit):
    row = json.loads(FULL)
    edit(row)
    return canonical_json(row)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda r: r.update(version=0), id="version 0"),
        pytest.param(lambda r: r.update(format=3), id="unknown format"),
        pytest.param(lambda r: r.update(format=1), id="the format before"),
        pytest.param(lambda r: r.update(format=True), id="true is not one"),
        pytest.param(lambda r: r["persons"].append(r["persons"][0]), id="person twice"),
        pytest.param(
            lambda r: r["persons"][1].update(credentials=r["persons"][0]["credentials"]),
            id="key of two persons",
        ),
        pytest.param(
            lambda r: r["persons"][1]["credentials"].append(r["persons"][0]["credentials"][0]),
            id="second key of two persons",
        ),
        pytest.param(
            lambda r: r["persons"][0].update(credentials=2 * r["persons"][0]["credentials"]),
            id="one key twice",
        ),
        pytest.param(lambda r: r["persons"][0].update(credentials=[]), id="no credential"),
        pytest.param(
            lambda r: r["administrators"]["members"][0].update(credentials=[]),
            id="administrator without credential",
        ),
        pytest.param(lambda r: credential(r).update(kind="password"), id="credential of no kind"),
        pytest.param(lambda r: credential(r).update(key="00" * 32), id="small-order key"),
        pytest.param(lambda r: credential(r).update(key="01" + "00" * 31), id="identity key"),
        pytest.param(lambda r: credential(r).update(key="AA" * 32), id="upper-case hex"),
        pytest.param(lambda r: r["machines"].append(r["machines"][0]), id="machine twice"),
        pytest.param(
            lambda r: r["machines"].append({"id": "ada", "operators": []}),
            id="a machine called like ada",
        ),
        pytest.param(lambda r: r["machines"][0].update(operators=["zoe"]), id="unknown operator"),
        pytest.param(lambda r: r["machines"][0].update(operators=["ada", "ada"]), id="ada twice"),
        pytest.param(
            lambda r: r["rules"][0]["scope"].update(initiators=["zoe"]), id="unknown initiator"
        ),
        pytest.param(lambda r: r["rules"][0]["scope"].update(actions="any"), id="any action"),
        pytest.param(lambda r: r["rules"][1]["scope"].update(actions="any"), id="any denied"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(actions=[]), id="no action"),
        pytest.param(lambda r: r["groups"].append(r["groups"][0]), id="group twice"),
        pytest.param(lambda r: r["groups"][0]["members"].append("ada"), id="member twice"),
        pytest.param(lambda r: r["groups"][0]["members"].append("zoe"), id="unknown member"),
        pytest.param(lambda r: r["administrators"].update(threshold=0), id="threshold 0"),
        pytest.param(lambda r: r["administrators"].update(threshold=4), id="threshold too high"),
        pytest.param(lambda r: r["administrators"].update(members=[]), id="no administrators"),
        pytest.param(
            lambda r: r["administrators"]["members"].append(
                {**r["administrators"]["members"][0], "id": "admin-4"}
            ),
            id="administrator's key twice",
        ),
        pytest.param(lambda r: r["rules"].append(r["rules"][0]), id="rule twice"),
        pytest.param(lambda r: r["rules"][0].update(effect="permit"), id="unknown effect"),
        pytest.param(lambda r: r["rules"][0].update(effect="deny"), id="deny with grant"),
        pytest.param(lambda r: r["rules"][1].update(effect="allow"), id="allow without grant"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(clients=[]), id="empty scope"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(clients="c1"), id="scope no list"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(clients=["a", "a"]), id="name twice"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(networks=["eip155:5"]), id="network"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(networks=["bsc"]), id="alias"),
        pytest.param(lambda r: r["rules"][0]["scope"].update(assets=["ETH"]), id="asset symbol"),
        pytest.param(
            lambda r: r["rules"][0]["scope"].update(assets=["eip155:31337/"]), id="asset without id"
        ),
        pytest.param(lambda r: r["rules"][0]["scope"].update(actions=["mint"]), id="action"),
        pytest.param(
            lambda r: r["rules"][0]["scope"].update(destinations=["friends"]), id="destination"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["per_transfer"].append(
                r["rules"][0]["limits"]["per_transfer"][0]
            ),
            id="limit twice",
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["windows"][0].update(amount=None, count=None),
            id="window without limit",
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["windows"][0].update(seconds=0), id="window of 0 s"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["windows"].pop(), id="fees in no vault's window"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["windows"][1].update(amount=None, count=9),
            id="fees only counted",
        ),
        pytest.param(
            lambda r: r["rules"][1]["limits"]["windows"].append(
                window(ETH, 60, 1, per_destination=True)
            ),
            id="a ceiling for destinations only",
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["hours"].update(zone="Europe/Atlantis"), id="zone"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["hours"].update(zone="../../etc/passwd"), id="path"
        ),
        pytest.param(lambda r: r["rules"][0]["limits"]["hours"].update(days=["Mon"]), id="day"),
        pytest.param(lambda r: r["rules"][0]["limits"]["hours"].update(days=[]), id="no day"),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["hours"].update({"from": "8:30"}), id="8:30"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["hours"].update({"to": "24:01"}), id="24:01"
        ),
        pytest.param(
            lambda r: r["rules"][0]["limits"]["hours"].update({"to": "08:30"}), id="empty hours"
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"].update(mandate_lifetime_s=0), id="no lifetime"
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"].update(time_lock_s=10**9), id="lock of decades"
        ),
        pytest.param(lambda r: r["rules"][0]["grant"]["approvals"].update(order="all"), id="order"),
        pytest.param(
            lambda r: r["rules"][0]["grant"]["approvals"]["needs"][0].update(count=0), id="0 of"
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"]["approvals"]["needs"][1].update(count=2),
            id="more than there are",
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"]["approvals"]["needs"][0].update(group="board"),
            id="unknown group",
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"]["costs"].append(r["rules"][0]["grant"]["costs"][0]),
            id="cost twice",
        ),
        pytest.param(
            lambda r: r["rules"][0]["grant"]["costs"][0].update(kind="bribe"), id="kind of cost"
        ),
        pytest.param(
            lambda r: r["destinations"][0]["entries"][0].update(memo="\u3164"), id="unreadable memo"
        ),
        pytest.param(
            lambda r: r["destinations"][0]["entries"].append(r["destinations"][0]["entries"][0]),
            id="destination twice",
        ),
    ],
)
def test_documents_that_make_no_sense_are_refused(edit):
    with pytest.raises(InvalidPolicy):
        Policy.parse(edited(edit))


def test_a_policy_of_the_format_before_is_refused_in_a_line_that_names_the_way():
    before = edited(lambda r: r.update(format=1))
    for read in (Policy.parse, PolicyHead.parse):
        with pytest.raises(InvalidPolicy, match="run custody policy upgrade"):
            read(before)


PASSKEY = {
    "kind": "passkey",
    "algorithm": "ES256",
    "key": "04" + "11" * 64,
    "rp_id": "custody.example",
    "origin": "https://app.custody.example:8443",
}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, "a passkey counts for nothing yet"),
        ({"algorithm": "EdDSA", "key": "11" * 32}, "a passkey counts for nothing yet"),
        ({"origin": "https://custody.example"}, "a passkey counts for nothing yet"),
        ({"algorithm": "RS256"}, "algorithm is one of"),
        ({"key": "11" * 32}, "hex"),
        ({"rp_id": "Custody.example"}, "domain in lower case"),
        ({"rp_id": "custody.example/"}, "domain in lower case"),
        ({"origin": "http://custody.example"}, "origin is https://"),
        ({"origin": "https://evil-custody.example"}, "origin is https://"),
        ({"counter": 1}, "fields must be exactly"),
    ],
)
def test_a_passkey_is_read_strictly_and_refused(changes, complaint):
    passkey = {**PASSKEY, **changes}
    with pytest.raises(InvalidPolicy, match=complaint):
        Policy.parse(edited(lambda r: r["persons"][0]["credentials"].append(passkey)))
    with pytest.raises(InvalidPolicy, match=complaint):
        Policy.parse(edited(lambda r: r["administrators"]["members"][0].update(
            credentials=[passkey])))  # fmt: skip


def test_a_document_in_other_bytes_is_refused():
    for other in (FULL + b"\n", FULL.replace(b":", b": ", 1), b"", b"[]", b"\xff"):
        with pytest.raises(InvalidPolicy):
            Policy.parse(other)
    with pytest.raises(InvalidPolicy, match="too large"):
        Policy.parse(b" " * (DOCUMENT_BYTES_MAX + 1))


def test_the_complaint_says_where():
    with pytest.raises(InvalidPolicy, match=r"rules: \[0\]: limits: .*Atlantis"):
        Policy.parse(
            edited(lambda r: r["rules"][0]["limits"]["hours"].update(zone="Europe/Atlantis"))
        )


def test_small_order_points_are_exactly_the_refused_keys():
    """By the curve's own arithmetic: eight times such a point is the neutral element."""
    from signer.policy.fields import _SMALL_ORDER

    p, one = 2**255 - 19, (0, 1)
    d = -121665 * pow(121666, -1, p) % p

    def add(a, b):
        (x1, y1), (x2, y2) = a, b
        k = d * x1 * x2 * y1 * y2 % p
        return (
            (x1 * y2 + y1 * x2) * pow(1 + k, -1, p) % p,
            (y1 * y2 + x1 * x2) * pow(1 - k, -1, p) % p,
        )

    def point(y):
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if x * x % p != square:
            x = x * pow(2, (p - 1) // 4, p) % p
        return (x, y) if x * x % p == square else None

    for encoded in _SMALL_ORDER:
        found = point(int.from_bytes(encoded, "little") % p)
        assert found is not None
        for _ in range(3):
            found = add(found, found)
        assert found == one
    assert len({int.from_bytes(y, "little") % p for y in _SMALL_ORDER}) == 5  # all there are


def test_time_zones_come_from_the_pinned_package_and_not_from_the_machine():
    winter = datetime(2026, 1, 5, 12, tzinfo=UTC)
    zoneinfo.reset_tzpath(())
    try:
        for cached in (zones.time_zone, zones._names):
            cached.cache_clear()
        assert winter.astimezone(zones.time_zone("US/Eastern")).hour == 7
        assert winter.astimezone(zones.time_zone("Europe/Zurich")).hour == 13
    finally:
        zoneinfo.reset_tzpath()
    for name in ("../zones", "/etc/localtime", "Europe", "Europe/", "", "zone.tab", "us/eastern"):
        with pytest.raises(KeyError):
            zones.time_zone(name)


def test_a_zone_that_only_the_machine_knows_is_unknown(tmp_path, monkeypatch):
    (tmp_path / "Local").mkdir()
    machine = Path("/usr/share/zoneinfo/UTC")
    if not machine.exists():
        pytest.skip("this machine has no time zones")
    (tmp_path / "Local" / "Here").write_bytes(machine.read_bytes())
    zoneinfo.reset_tzpath((str(tmp_path),))
    try:
        assert zoneinfo.ZoneInfo("Local/Here").key == "Local/Here"
        with pytest.raises(InvalidPolicy, match="unknown time zone"):
            fields.time_zone("Local/Here")
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    "name", ["ada", "treasury", "suppliers", "admin-1", "c1", "v1", "robot", "never", "0xaa", "7"]
)
def test_no_two_names_in_a_policy_look_the_same(name):
    """Whatever is named: persons, groups, destinations, administrators, vaults, rules."""
    quoted = f'"{name}"'.encode()
    assert quoted in FULL
    with pytest.raises(InvalidPolicy, match="ASCII"):
        Policy.parse(FULL.replace(quoted, f'"{name}\u3164"'.encode()))
