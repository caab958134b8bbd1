"""A policy of FORMAT 1 as a draft of FORMAT 2, and what it means otherwise than before.

Nothing else reads FORMAT 1. The draft is nobody's decision: administrators read the differences,
edit what they want otherwise, and sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chains.costs import CostKind
from custody.cli.output import Misuse
from signer.agreement import Action
from signer.policy import InvalidPolicy, Policy
from signer.wire import MalformedMessage, canonical_json, exact_fields, identifier, integer, listed

_ROWS_MAX: Final = 100_000
_KINDS: Final = {
    "solana": (CostKind.FEE, CostKind.RENT),
    "tron": (CostKind.FEE, CostKind.ACTIVATION),
}
"""By namespace (CAIP-2): what FORMAT 1 called the fee."""
_ALWAYS: Final = (
    "a payment of nothing is denied, whatever the rules say",
    "a limit per transaction is one per transfer: several transfers may travel in one transaction",
    "a mandate's lifetime counts from when its terms were offered, not from the request",
    "approvals rest on the rules and groups that speak about the transfer, and outlive a new"
    " version of the policy that leaves these as they were",
)


@dataclass
class _Upgrade:
    """What was found on the way. `machines`: by name, their operators."""

    machines: dict[str, list[str]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def tell(self, difference: str) -> None:
        if difference not in self.differences:
            self.differences.append(difference)


def upgraded(row: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The draft, as decoded JSON, and each difference in meaning, a line each. Raises Misuse for
    what is not a policy of FORMAT 1, or one that FORMAT 2 can't say."""
    try:
        found = _Upgrade()
        draft = _document(row, found)
        Policy.parse(canonical_json(draft))
    except (MalformedMessage, InvalidPolicy, TypeError) as error:
        raise Misuse(f"not a policy of format 1 that can be upgraded: {error}") from None
    return draft, (*found.differences, *_ALWAYS)


def _document(row: object, found: _Upgrade) -> dict[str, Any]:
    if isinstance(row, Mapping) and row.get("format") != 1:
        raise MalformedMessage(f"its format is {row.get('format')}")
    top = exact_fields(
        row,
        frozenset("format version administrators persons groups destinations rules".split()),
    )
    administrators = exact_fields(top["administrators"], frozenset({"threshold", "members"}))
    persons = [_person(each, found) for each in _rows(top["persons"])]
    names = {person["id"] for person in persons}
    groups = [_group(each, found) for each in _rows(top["destinations"])]
    rules = [rule for each in _rows(top["rules"]) if (rule := _rule(each, names, found))]
    machines = [{"id": name, "operators": who} for name, who in sorted(found.machines.items())]
    found.tell(
        "who asks for transfers must be a person or a machine of the policy: each API key that has"
        " no line under machines yet is denied"
    )
    return {
        "format": 2,
        "version": integer(top["version"]) + 1,
        "administrators": {
            "threshold": administrators["threshold"],
            "members": [_member(each) for each in _rows(administrators["members"])],
        },
        "persons": persons,
        "machines": machines,
        "groups": top["groups"],
        "destinations": groups,
        "rules": rules,
        "networks": [],
        "assets": [],
    }


def _member(row: object) -> dict[str, Any]:
    member = exact_fields(row, frozenset({"id", "key"}))
    return {"id": member["id"], "credentials": [{"kind": "ed25519", "key": member["key"]}]}


def _person(row: object, found: _Upgrade) -> dict[str, Any]:
    person = exact_fields(row, frozenset({"id", "key", "initiates_as"}))
    for name in _rows(person["initiates_as"]):
        found.machines.setdefault(identifier(name), []).append(person["id"])
        found.tell(
            f"{name}, a name under which {person['id']} asked, is a machine that they operate"
        )
    return _member({"id": person["id"], "key": person["key"]})


def _group(row: object, found: _Upgrade) -> dict[str, Any]:
    group = dict(exact_fields(row, frozenset({"id", "cooling_s", "entries"})))
    entries = [
        exact_fields(entry, frozenset({"network", "address", "added_at"}))
        for entry in _rows(group["entries"])
    ]
    if entries:
        found.tell(
            "an address is allowed without a memo only, and denied with every memo: a memo is part"
            " of who is paid"
        )
    return {**group, "entries": [{**entry, "memo": None} for entry in entries]}


def _rule(row: object, persons: Iterable[str], found: _Upgrade) -> dict[str, Any] | None:
    rule = dict(exact_fields(row, frozenset("id effect scope limits grant".split())))
    rule["scope"] = dict(
        exact_fields(
            rule["scope"],
            frozenset("clients vaults networks assets destinations actions initiators".split()),
        )
    )
    rule["limits"] = _limits(rule["limits"], rule["id"], found)
    _name_actions(rule, found)
    _name_initiators(rule, persons, found)
    return rule if rule["grant"] is None else _granted(rule, found)


def _limits(row: object, rule: str, found: _Upgrade) -> dict[str, Any]:
    limits = exact_fields(row, frozenset("per_transaction windows hours".split()))
    windows = [exact_fields(each, _WINDOW_FIELDS) for each in _rows(limits["windows"])]
    if windows:
        found.tell(f"{rule}: its windows count every kind of cost, at the most that is agreed to")
    if any(window["per_destination"] for window in windows):
        found.tell(f"{rule}: a destination's window counts the whole cost of what is paid there")
    return {
        "per_transfer": limits["per_transaction"],
        "windows": limits["windows"],
        "hours": limits["hours"],
    }


_WINDOW_FIELDS: Final = frozenset("asset seconds amount count per_destination".split())


def _name_actions(rule: dict[str, Any], found: _Upgrade) -> None:
    """FORMAT 1 knew transfers only. "Any" of them is what it allowed; it denied whatever came."""
    if rule["scope"]["actions"] != "any":
        return
    if rule["grant"] is None:
        rule["scope"]["actions"] = [action.value for action in Action]
        found.tell(
            f"{rule['id']}: denies each action that there is, named one by one; of calls, messages"
            " and delegations also what only may reach its assets and destinations"
        )
        return
    rule["scope"]["actions"] = [Action.TRANSFER.value]
    found.tell(f"{rule['id']}: any action is named: payments, and nothing that may come later")


def _name_initiators(rule: dict[str, Any], persons: Iterable[str], found: _Upgrade) -> None:
    initiators = rule["scope"]["initiators"]
    for name in () if initiators == "any" else _rows(initiators):
        if name not in persons and name not in found.machines:
            found.machines[identifier(name)] = []
            found.tell(
                f"{name}, who may ask under {rule['id']}, is a machine that nobody operates: name"
                " its operators, or they approve what they made it ask for"
            )


def _granted(rule: dict[str, Any], found: _Upgrade) -> dict[str, Any] | None:
    grant = exact_fields(
        rule["grant"], frozenset("fees approvals time_lock_s mandate_lifetime_s".split())
    )
    fees = [exact_fields(each, frozenset({"network", "amount"})) for each in _rows(grant["fees"])]
    networks = _narrowed(rule, [identifier(fee["network"]) for fee in fees], found)
    if not networks:
        found.tell(f"{rule['id']}: left out; it granted no fee on any network, so allowed nothing")
        return None
    costs = [
        {"network": fee["network"], "kind": kind.value, "amount": fee["amount"]}
        for fee in fees
        for kind in _kinds(fee["network"])
    ]
    for fee in fees:
        if len(_kinds(fee["network"])) > 1:
            kinds = " and ".join(_kinds(fee["network"]))
            found.tell(
                f"{rule['id']}: on {fee['network']} {kinds} may each cost what the fee could:"
                " together more than before"
            )
    found.tell("costs are granted by kind: one that is not named may cost nothing")
    granted = {name: grant[name] for name in ("approvals", "time_lock_s", "mandate_lifetime_s")}
    scope = {**rule["scope"], "networks": networks}
    return {**rule, "scope": scope, "grant": {**granted, "costs": costs}}


def _narrowed(rule: dict[str, Any], paying: list[str], found: _Upgrade) -> list[str] | str:
    """A network without a fee was allowed nothing; a transfer that costs nothing would now pass."""
    named = rule["scope"]["networks"]
    kept = [name for name in (paying if named == "any" else _rows(named)) if name in paying]
    if named == "any" or len(kept) < len(named):
        found.tell(f"{rule['id']}: names the networks on which it granted fees: {', '.join(kept)}")
    return kept


def _kinds(network: str) -> tuple[CostKind, ...]:
    return _KINDS.get(network.partition(":")[0], (CostKind.FEE,))


def _rows(value: object) -> list[Any]:
    return listed(value, maximum=_ROWS_MAX)
