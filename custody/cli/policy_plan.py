"""A plan for a policy, in an operator's words, and the document that it means.

The plan is TOML: people by the files that hold their public lines, groups and lists by name, and
rules in sentences (`policy_sentences`). Reading is strict: what is not known is refused, and what
contradicts itself too (`policy_checks`), so that nothing is written which its writer did not mean.

    PlanInvalid   a Misuse with a code: plan_field, plan_sentence, plan_unknown_name,
                  plan_contradiction, plan_no_policy
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from chains.catalogue import Catalogue, built_in
from chains.networks import Network
from custody.cli.documents import check_destinations
from custody.cli.policy_checks import contradictions
from custody.cli.policy_sentences import (
    PlanInvalid,
    Row,
    amount_of,
    asset_of,
    cost_of,
    entry_of,
    hours_of,
    located,
    need_of,
    network_of,
    public_line_of,
    seconds_of,
    window_of,
)
from custody.cli.rows import with_rows
from signer.policy import InvalidPolicy, Policy
from signer.wire import Action, MalformedMessage, canonical_json, parse_time

FIELDS: Final = "administrators persons machines groups destinations networks rules".split()
ADMINISTRATOR_FIELDS: Final = "sign members".split()
LIST_FIELDS: Final = "cooling entries".split()
SCOPE_FIELDS: Final = "name deny clients vaults networks assets to actions asked_by".split()
LIMIT_FIELDS: Final = "most windows hours".split()
GRANT_FIELDS: Final = "approvals in_order wait offered costs".split()
_ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan stands on: where its files are, the time, and the policy that it follows, as
    decoded JSON."""

    folder: Path
    now: datetime
    current: Mapping[str, Any] | None = None


def read_plan(path: Path) -> dict[str, Any]:
    """Raises PlanInvalid."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PlanInvalid("plan_field", f"{path}: {error}") from None


def document_of(plan: Mapping[str, Any], ground: Ground) -> tuple[dict[str, Any], Policy]:
    """The document, and its meaning. Raises PlanInvalid."""
    _check_fields(plan, FIELDS)
    base = _base(plan, ground)
    catalogue = _catalogue(base)
    document = {
        "format": 2,
        "version": base["version"],
        "administrators": located("administrators", lambda: _administrators(plan, ground)),
        "persons": located("persons", lambda: _lines(plan.get("persons", []), ground)),
        "machines": [
            {"id": name, "operators": _texts(persons, f"machines.{name}")}
            for name, persons in _table(plan, "machines").items()
        ],
        "groups": [
            {"id": name, "members": _texts(persons, f"groups.{name}")}
            for name, persons in _table(plan, "groups").items()
        ],
        "destinations": [
            _list(name, row, catalogue, ground)
            for name, row in _table(plan, "destinations").items()
        ],
        "rules": [_rule(row, catalogue) for row in _rows(plan.get("rules", []), "rules")],
        "networks": base["networks"],
        "assets": base["assets"],
        "contracts": base["contracts"],
    }
    return document, _checked(document)


def _checked(document: Mapping[str, Any]) -> Policy:
    try:
        policy = Policy.parse(canonical_json(document))
        check_destinations(policy)
    except (InvalidPolicy, MalformedMessage) as error:
        raise PlanInvalid("plan_no_policy", f"this makes no policy: {error}") from None
    for contradiction in contradictions(policy):
        raise PlanInvalid("plan_contradiction", contradiction)
    return policy


def catalogue_of(plan: Mapping[str, Any], ground: Ground) -> Catalogue:
    """The networks and assets that its sentences may name. Raises PlanInvalid, Misuse."""
    return _catalogue(_base(plan, ground))


def _catalogue(base: Mapping[str, Any]) -> Catalogue:
    return built_in().with_rows(base["networks"], base["assets"], base["contracts"])


def _base(plan: Mapping[str, Any], ground: Ground) -> dict[str, Any]:
    """Rows of networks and assets stay for good, those of contracts too until somebody takes them
    out, and the version follows."""
    before = {"version": 0, "networks": [], "assets": [], "contracts": [], **(ground.current or {})}
    base = {name: before[name] for name in ("networks", "assets", "contracts")}
    if "networks" in plan:
        base = with_rows(base, ground.folder / _text(plan["networks"], "networks"))
    return {**base, "version": before["version"] + 1}


def _administrators(plan: Mapping[str, Any], ground: Ground) -> Row:
    row = plan.get("administrators", {})
    _check_fields(row, ADMINISTRATOR_FIELDS, needed=ADMINISTRATOR_FIELDS)
    return {"threshold": row["sign"], "members": _lines(row["members"], ground)}


def _lines(value: Any, ground: Ground) -> list[Row]:
    return [public_line_of(text, ground.folder) for text in _texts(value, "public lines")]


def _list(name: str, row: Any, catalogue: Catalogue, ground: Ground) -> Row:
    return located(f"destinations.{name}", lambda: _list_of(name, row, catalogue, ground))


def _list_of(name: str, row: Any, catalogue: Catalogue, ground: Ground) -> Row:
    _check_fields(row, LIST_FIELDS, needed=LIST_FIELDS)
    before = _times_before(name, ground)

    def added(entry: Row) -> datetime:
        return before.get((entry["network"], entry["address"], entry["memo"]), ground.now)

    texts = _texts(row["entries"], "entries")
    return {
        "id": name,
        "cooling_s": seconds_of(_text(row["cooling"], "cooling")),
        "entries": [entry_of(text, catalogue, added) for text in texts],
    }


def _times_before(name: str, ground: Ground) -> dict[tuple[str, str, str | None], datetime]:
    """An entry that was on the list before does not cool again."""
    lists = [] if ground.current is None else ground.current["destinations"]
    entries = [entry for each in lists if each["id"] == name for entry in each["entries"]]
    return {(e["network"], e["address"], e["memo"]): parse_time(e["added_at"]) for e in entries}


def _rule(row: Any, catalogue: Catalogue) -> Row:
    _check_fields(row, [*SCOPE_FIELDS, *LIMIT_FIELDS, *GRANT_FIELDS], needed=["name"])
    name = _text(row["name"], "name")
    return located(f"the rule {name}", lambda: _rule_of(name, row, catalogue))


def _rule_of(name: str, row: Mapping[str, Any], catalogue: Catalogue) -> Row:
    denies = _yes(row, "deny")
    if denies and (terms := [each for each in GRANT_FIELDS if each in row]):
        words = f"a rule that denies has no terms, but this has {', '.join(terms)}"
        raise PlanInvalid("plan_contradiction", words)
    most = [amount_of(text, catalogue) for text in _texts(row.get("most", []), "most")]
    assets = _assets(row, [each.asset.id for each in most], catalogue, denies=denies)
    networks = _networks(row, assets, catalogue, denies=denies)
    hours = row.get("hours")
    return {
        "id": name,
        "effect": "deny" if denies else "allow",
        "scope": {
            "clients": _names(row, "clients"),
            "vaults": _names(row, "vaults"),
            "networks": networks if networks == _ANY else [each.id for each in networks],
            "assets": assets,
            "destinations": _names(row, "to"),
            "actions": _actions(row, denies=denies),
            "initiators": _names(row, "asked_by"),
        },
        "limits": {
            "per_transfer": [{"asset": a.asset.id, "amount": str(a.units)} for a in most],
            "windows": _windows(row, catalogue),
            "hours": None if hours is None else hours_of(_text(hours, "hours")),
        },
        "grant": None if denies else _grant(row, networks, catalogue),
    }


def _assets(
    row: Mapping[str, Any], bounded: list[str], catalogue: Catalogue, *, denies: bool
) -> list[str] | str:
    """Those that are named; else those of which it says how much; else any, to deny."""
    if "assets" in row:
        named = _names(row, "assets")
        return named if named == _ANY else [asset_of(text, catalogue).id for text in named]
    if bounded:
        return bounded
    if denies:
        return _ANY
    raise PlanInvalid("plan_field", 'say of which assets: assets = ["ETH on ethereum"], or "any"')


def _networks(
    row: Mapping[str, Any], assets: list[str] | str, catalogue: Catalogue, *, denies: bool
) -> list[Network] | Any:
    """Those that are named; else those of the assets; else any."""
    if "networks" in row:
        named = _names(row, "networks")
        return named if named == _ANY else [network_of(text, catalogue) for text in named]
    if assets == _ANY and not denies:
        words = 'say on which networks: networks = ["ethereum"], or "any"'
        raise PlanInvalid("plan_field", words)
    if assets == _ANY:
        return _ANY
    of = dict.fromkeys(catalogue.find_asset(asset).network for asset in assets)
    return [catalogue.networks[network] for network in of]


def _actions(row: Mapping[str, Any], *, denies: bool) -> list[str]:
    usual = [each.value for each in Action] if denies else [Action.TRANSFER.value]
    return _texts(row.get("actions", usual), "actions")


def _windows(row: Mapping[str, Any], catalogue: Catalogue) -> list[Row]:
    """An amount and a count of one window are one row of it."""
    found: dict[tuple[Any, ...], Row] = {}
    for text in _texts(row.get("windows", []), "windows"):
        window = window_of(text, catalogue)
        key = tuple(window[name] for name in ("asset", "seconds", "per_destination"))
        before = found.setdefault(key, window)
        if before is window:
            continue
        if any(before[name] is not None and window[name] is not None for name in _BOUNDS):
            raise PlanInvalid("plan_contradiction", f"{text}: this window is bounded twice")
        found[key] = {**before, **{n: window[n] for n in _BOUNDS if window[n] is not None}}
    return list(found.values())


_BOUNDS: Final = ("amount", "count")


def _grant(row: Mapping[str, Any], networks: list[Network] | Any, catalogue: Catalogue) -> Row:
    """What a transfer may cost is what it may cost by default on each network, if nobody says."""
    needs = [need_of(text) for text in _texts(row.get("approvals", []), "approvals")]
    if row.get("wait", "at once") != "at once" and not needs:
        raise PlanInvalid("plan_contradiction", "it waits after approvals, and asks for none")
    return {
        "costs": _costs(row, networks, catalogue),
        "approvals": {"order": "sequence" if _yes(row, "in_order") else _ANY, "needs": needs},
        "time_lock_s": seconds_of(_text(row.get("wait", "at once"), "wait")),
        "mandate_lifetime_s": seconds_of(_text(row.get("offered", "1 day"), "offered")),
    }


def _costs(
    row: Mapping[str, Any], networks: list[Network] | Any, catalogue: Catalogue
) -> list[Row]:
    if "costs" in row:
        return [cost_of(text, catalogue) for text in _texts(row["costs"], "costs")]
    paying: Iterable[Network] = catalogue.networks.values() if networks == _ANY else networks
    return [
        {"network": network.id, "kind": kind.value, "amount": str(units)}
        for network in paying
        for (_, kind), units in sorted(network.costs_max.items())
    ]


# Reading a plan's fields


def _check_fields(row: Any, known: Iterable[str], needed: Iterable[str] = ()) -> None:
    if not isinstance(row, Mapping):
        raise PlanInvalid("plan_field", f"not a table of {', '.join(known)}")
    if strange := [name for name in row if name not in set(known)]:
        words = f"{strange[0]} is not known; there are {', '.join(known)}"
        raise PlanInvalid("plan_field", words)
    if missing := [name for name in needed if name not in row]:
        raise PlanInvalid("plan_field", f"{missing[0]} is missing")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise PlanInvalid("plan_field", f"{where}: text")
    return value


def _texts(value: Any, where: str) -> list[str]:
    return [_text(each, where) for each in _rows(value, where)]


def _rows(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise PlanInvalid("plan_field", f"{where}: a list")
    return value


def _table(plan: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = plan.get(name, {})
    if not isinstance(value, Mapping):
        raise PlanInvalid("plan_field", f"{name}: a table by name")
    return value


def _names(row: Mapping[str, Any], field: str) -> list[str] | Any:
    """A list of names, or any."""
    value = row.get(field, _ANY)
    return value if value == _ANY else _texts(value, field)


def _yes(row: Mapping[str, Any], field: str) -> bool:
    value = row.get(field, False)
    if not isinstance(value, bool):
        raise PlanInvalid("plan_field", f"{field}: true or false")
    return value
