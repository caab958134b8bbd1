"""A transfer to judge, rules to judge it by, and the verdict in a word."""

from dataclasses import replace
from datetime import timedelta

from chains.costs import CostKind
from chains.effects import Pay
from chains.model import Address, AssetId, NetworkId
from signer.agreement import Action, Core
from signer.policy import (
    Facts,
    Policy,
    Usage,
    evaluate,
    windows,
)
from tests.support.signer import (
    NOON,
    native,
    policy_document,
    rule,
    window,
)

ETH, BSC = native("ethereum-local"), native("bsc-local")
TOKEN = AssetId("eip155:31337/erc20:0x01")
NETWORK = NetworkId("eip155:31337")
HOUR = 3600


def cost(kind, amount, network=NETWORK):
    return {"network": network, "kind": kind, "amount": str(amount)}


CORE = Core(
    transfer="t1",
    retry_of=None,
    client="c1",
    vault="v1",
    network=NETWORK,
    action=Action.TRANSFER,
    initiator="robot",
    source_path="m",
    source_address=None,
    effects=(Pay(Address("0xaa"), ETH, 100),),
    requested_at=NOON,
)
FACTS = Facts(CORE, ETH, {(ETH, CostKind.FEE): 10}, NOON, NOON + timedelta(hours=1))
GROUPS = [
    {
        "id": "known",
        "cooling_s": HOUR,
        "entries": [
            {
                "network": NETWORK,
                "address": "0xaa",
                "memo": None,
                "added_at": "2026-03-04T11:00:00Z",
            },
            {
                "network": NETWORK,
                "address": "0xbb",
                "memo": None,
                "added_at": "2026-03-04T11:00:01Z",
            },
        ],
    },
    {
        "id": "sanctioned",
        "cooling_s": HOUR,
        "entries": [
            {
                "network": NETWORK,
                "address": "0xbb",
                "memo": None,
                "added_at": "2027-01-01T00:00:00Z",
            },
        ],
    },
]


def pay(*effects):
    return tuple(Pay(Address(to), asset, amount) for to, asset, amount in effects)


def facts(**changes):
    """FACTS with other fields, of the core too. `fee`: the most that is paid as such. What is asked
    for at another time is offered then."""
    changes = {"offered_at": changes.get("requested_at", NOON), **changes}
    core = {name: changes.pop(name) for name in list(changes) if hasattr(CORE, name)}
    if "costs_max" not in changes:
        asset = changes.get("native", ETH)
        changes["costs_max"] = {(asset, CostKind.FEE): changes.pop("fee", 10)}
    return replace(FACTS, core=replace(CORE, **core), **changes)


def judge(rules, *, used=0, count=0, now=NOON, approvals=(), since=None, **changes):
    """The evaluation with every window holding `used` and `count` already."""
    policy = Policy.parse(policy_document(*rules, destinations=GROUPS))
    about = facts(**changes)
    usage = {each: Usage(used, count) for each in windows(policy, about)}
    return evaluate(policy, about, usage.get, now, approvals, since)


def word(evaluation):
    return f"{evaluation.ruling}/{evaluation.detail} {evaluation.rule or '-'}"


ALL = rule("all")
SMALL = rule("small", per_transfer=[{"asset": ETH, "amount": "100"}])
LARGE = rule("large", needs=[("treasury", 2)])
CAP = rule("cap", effect="deny", assets=[ETH], per_transfer=[{"asset": ETH, "amount": "500"}])
DAILY = rule("daily", windows=[window(ETH, 24 * HOUR, 1000, count=5)])
PER_DESTINATION = rule(
    "each",
    windows=[window(ETH, HOUR, 150, per_destination=True), window(ETH, HOUR, 10**6)],
    destinations="any",
)
PER_DESTINATION_TOKEN = rule(
    "each",
    windows=[
        window(ETH, HOUR, 150, per_destination=True),
        window(ETH, HOUR, 10**6),
        window(TOKEN, HOUR, 10**6),
    ],
)
OFFICE = rule(
    "office", hours={"zone": "Europe/Zurich", "days": ["wed"], "from": "09:00", "to": "17:00"}
)
KNOWN = rule("known", destinations=["known"])
SANCTIONED = rule("sanctioned", effect="deny", destinations=["sanctioned"])
