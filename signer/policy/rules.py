"""A rule as values: what it speaks about, its limits, and on which terms it allows.

Reading is strict: an unknown field, value or spelling refuses the whole document. Actions are named
one by one, so that a kind of action which this program learns later never slips under an old
signature. Pure: no I/O, no clock. What rules mean for a transfer is in `evaluate.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chains.costs import GRANTED, CostKind
from chains.messages.model import Kind as Signed
from chains.model import AssetId, NetworkId
from chains.networks import Network
from signer.agreement import Action
from signer.policy import fields as read
from signer.policy.calls import CallScope, parse_calls
from signer.policy.fields import InvalidPolicy, located
from signer.wire import Need, amount, identifier, integer


class Order(StrEnum):
    """Whether groups approve in any order, or each only after the one before it."""

    ANY = "any"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule speaks about. None means any; a set is never empty. `calls`: of action `call`,
    those of which one entry holds whole."""

    clients: frozenset[str] | None
    vaults: frozenset[str] | None
    networks: frozenset[str] | None
    assets: frozenset[str] | None
    destinations: frozenset[str] | None
    actions: frozenset[Action]
    initiators: frozenset[str] | None
    calls: tuple[CallScope, ...] | None = None


@dataclass(frozen=True, slots=True)
class AmountLimit:
    """At most `amount` base units of `asset` in one transfer."""

    asset: AssetId
    amount: int


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """At most `amount` base units and `count` transfers of `asset` out of one vault in any
    `seconds`, this transfer and all that it may cost included; per destination if so said. None:
    no such limit."""

    asset: AssetId
    seconds: int
    amount: int | None
    count: int | None
    per_destination: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekdays (0 is Monday) and minutes of the day [start, end) in an IANA time zone."""

    zone: str
    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    per_transfer: tuple[AmountLimit, ...]
    windows: tuple[WindowLimit, ...]
    hours: Hours | None

    def empty(self) -> bool:
        return not self.per_transfer and not self.windows and self.hours is None


@dataclass(frozen=True, slots=True)
class Grant:
    """On which terms an allow rule allows. `costs`: the most that a transfer may cost, in the
    network's own asset, by network and kind; a kind that is not named may cost nothing. `needs` is
    empty for a standing permission. `time_lock_s`: from complete approval to signature.
    `mandate_lifetime_s`: from `offered_at` to `expires_at`. `unlimited`: what somebody may be
    allowed to take any amount of. `messages`: by kind, the domains for which messages are signed;
    none that is not named."""

    costs: Mapping[tuple[NetworkId, CostKind], int]
    order: Order
    needs: tuple[Need, ...]
    time_lock_s: int
    mandate_lifetime_s: int
    unlimited: frozenset[AssetId] = frozenset()
    messages: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows what is in scope and within its limits; without `grant`, denies what is in scope and
    not within its limits (without limits: all that is in scope). `row`: as the document says it."""

    id: str
    scope: Scope
    limits: Limits
    grant: Grant | None
    row: Mapping[str, Any]

    @classmethod
    def parse(cls, row: object) -> Rule:
        """From decoded JSON. Raises InvalidPolicy, MalformedMessage."""
        rule = read.fields(row, "id effect scope limits grant")
        grant = rule["grant"]
        if rule["effect"] != ("deny" if grant is None else "allow"):
            raise InvalidPolicy("effect: allow with a grant, or deny without")
        return cls(
            id=identifier(rule["id"]),
            scope=located("scope", lambda: _scope(rule["scope"])),
            limits=located("limits", lambda: _limits(rule["limits"])),
            grant=None if grant is None else located("grant", lambda: _grant(grant)),
            row=rule,
        )


def networks_in(rule: Rule) -> Iterator[NetworkId]:
    """Every network that it names, by itself or in an asset."""
    assets = [*(rule.scope.assets or ()), *(each.asset for each in rule.limits.per_transfer)]
    assets += [each.asset for each in rule.limits.windows]
    yield from (NetworkId(name) for name in rule.scope.networks or ())
    yield from (each.network for each in rule.scope.calls or ())
    yield from (NetworkId(asset.partition("/")[0]) for asset in assets)
    yield from (network for network, _ in (rule.grant.costs if rule.grant else ()))
    unlimited = rule.grant.unlimited if rule.grant else ()
    yield from (NetworkId(asset.partition("/")[0]) for asset in unlimited)


def check_cost_windows(rule: Rule, networks: Mapping[NetworkId, Network]) -> None:
    """A rule that bounds what leaves bounds the costs too: whoever splits a transfer in a thousand
    pays a thousand fees, and a window of another asset or for one destination sees none of them.
    Raises InvalidPolicy."""
    bounds = [each for each in rule.limits.windows if each.amount is not None]
    limited = {each.asset for each in bounds if not each.per_destination}
    for name in _paying_networks(rule) if rule.limits.windows else ():
        asset = networks[NetworkId(name)].native.id
        if asset not in limited:
            raise InvalidPolicy(
                f"rules: {rule.id} has windows, but none with an amount of {asset} per vault,"
                f" in which costs are paid on {name}"
            )


def _paying_networks(rule: Rule) -> Iterable[str]:
    """Where transfers in the scope of a rule with windows cost something. A deny rule names no
    costs; of an asset without a window it lets nothing pass."""
    if rule.grant is not None:
        named = [network for (network, _), most in rule.grant.costs.items() if most]
    else:
        named = [NetworkId(limit.asset.partition("/")[0]) for limit in rule.limits.windows]
    return (n for n in named if rule.scope.networks is None or n in rule.scope.networks)


def _scope(row: object) -> Scope:
    # A rule from before contracts were described has none.
    said = {"calls": "any", **row} if isinstance(row, dict) else row
    scope = read.fields(
        said, "clients vaults networks assets destinations actions initiators calls"
    )
    calls = scope["calls"]

    def some(field: str, parse: Callable[[object], str] = identifier) -> frozenset[str] | None:
        if scope[field] == "any":
            return None
        return located(field, lambda: read.some(scope[field], parse))

    actions = located("actions", lambda: read.some(scope["actions"], _action))
    if calls != "any" and Action.CALL not in actions:
        raise InvalidPolicy("calls: the rule's actions have no call")
    return Scope(
        clients=some("clients"),
        vaults=some("vaults"),
        networks=some("networks", read.network),
        assets=some("assets", read.asset),
        destinations=some("destinations"),
        actions=actions,
        initiators=some("initiators"),
        calls=None if calls == "any" else located("calls", lambda: parse_calls(calls)),
    )


def _action(value: object) -> Action:
    name = identifier(value)
    if name not in list(Action):
        raise InvalidPolicy(f"unknown action {name}; there are {', '.join(Action)}")
    return Action(name)


def _limits(row: object) -> Limits:
    limits = read.fields(row, "per_transfer windows hours")
    per_transfer = tuple(_amount_limit(item) for item in read.rows(limits["per_transfer"]))
    windows = tuple(_window_limit(item) for item in read.rows(limits["windows"]))
    read.distinct(limit.asset for limit in per_transfer)
    read.distinct((w.asset, w.seconds, w.per_destination) for w in windows)
    hours = limits["hours"]
    return Limits(per_transfer, windows, None if hours is None else _hours(hours))


def _amount_limit(row: object) -> AmountLimit:
    limit = read.fields(row, "asset amount")
    return AmountLimit(read.asset(limit["asset"]), amount(limit["amount"]))


def _window_limit(row: object) -> WindowLimit:
    limit = read.fields(row, "asset seconds amount count per_destination")
    if not isinstance(limit["per_destination"], bool):
        raise InvalidPolicy("per_destination: true or false")
    if limit["amount"] is None and limit["count"] is None:
        raise InvalidPolicy("a window that limits neither amount nor count")
    return WindowLimit(
        asset=read.asset(limit["asset"]),
        seconds=read.seconds(limit["seconds"], minimum=1),
        amount=None if limit["amount"] is None else amount(limit["amount"]),
        count=None if limit["count"] is None else integer(limit["count"]),
        per_destination=limit["per_destination"],
    )


def _hours(row: object) -> Hours:
    hours = read.fields(row, "zone days from to")
    start, end = read.minute_of_day(hours["from"]), read.minute_of_day(hours["to"])
    if start >= end:
        raise InvalidPolicy("hours: from must be before to; a night takes two rules")
    return Hours(read.time_zone(hours["zone"]), read.weekdays(hours["days"]), start, end)


def _grant(row: object) -> Grant:
    # A rule from before allowances were asked for names none without an end.
    said = {"unlimited": [], **row} if isinstance(row, dict) else row
    grant = read.fields(
        said, "costs approvals time_lock_s mandate_lifetime_s unlimited", maybe="messages"
    )
    approvals = read.fields(grant["approvals"], "order needs")
    if approvals["order"] not in list(Order):
        raise InvalidPolicy("approvals: order is any or sequence")
    costs = [_cost(item) for item in read.rows(grant["costs"])]
    read.distinct(named for named, _ in costs)
    return Grant(
        costs=dict(costs),
        order=Order(approvals["order"]),
        needs=tuple(_need(item) for item in read.rows(approvals["needs"])),
        time_lock_s=read.seconds(grant["time_lock_s"]),
        mandate_lifetime_s=read.seconds(grant["mandate_lifetime_s"], minimum=1),
        unlimited=_unlimited(grant["unlimited"]),
        messages=located("messages", lambda: _messages(grant.get("messages", []))),
    )


def _unlimited(value: object) -> frozenset[AssetId]:
    assets = [read.asset(each) for each in read.rows(value)]
    read.distinct(assets)
    return frozenset(assets)


def _cost(row: object) -> tuple[tuple[NetworkId, CostKind], int]:
    cost = read.fields(row, "network kind amount")
    kind = identifier(cost["kind"])
    if kind not in GRANTED:
        raise InvalidPolicy(f"unknown kind of cost {kind}; there are {', '.join(GRANTED)}")
    return (read.network(cost["network"]), CostKind(kind)), amount(cost["amount"])


def _messages(rows: object) -> dict[str, frozenset[str]]:
    """What nobody named is signed by nobody: there is no word for any domain, since a login at an
    unknown site, or typed data for an unknown contract, is whatever that makes of it."""
    named = [read.fields(row, "kind domains") for row in read.rows(rows)]
    kinds = [identifier(row["kind"]) for row in named]
    read.distinct(kinds)
    for kind in kinds:
        if kind not in list(Signed):
            raise InvalidPolicy(f"unknown kind of message {kind}; there are {', '.join(Signed)}")
    domains = (read.some(row["domains"], identifier) for row in named)
    return dict(zip(kinds, domains, strict=True))


def _need(row: object) -> Need:
    need = read.fields(row, "group count")
    return Need(identifier(need["group"]), read.positive(need["count"]))
