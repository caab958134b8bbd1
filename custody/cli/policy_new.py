"""`custody policy new`: questions to an operator, and the draft that the answers mean.

Two rules come out of it: small payments that nobody has to approve, if wanted, and payments that
people approve. What is more is added to the draft by hand, with docs/policy.md beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import typer

from chains.assets import Amount
from chains.catalogue import Catalogue, built_in
from chains.errors import InvalidInput
from chains.networks import Network
from custody.cli.access import now
from custody.cli.documents import check_destinations
from custody.cli.output import Misuse, note
from custody.cli.policy_words import people_lines, rule_lines
from signer.policy import InvalidPolicy, Policy
from signer.wire import Action, MalformedMessage, canonical_json, format_time

_APPROVERS: Final = "approvers"
_ALLOWED: Final = "allowed destinations"
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
T = TypeVar("T")
Ask = Callable[[str, str], str]
"""A question and the answer that an empty line means; the answer."""


@dataclass(slots=True)
class Answers:
    """Amounts in base units, by network alias: `small`, what may leave without approval in one
    transfer (0: nothing); `daily`, in a day without approval; `most`, in one transfer at all."""

    networks: list[Network] = field(default_factory=list)
    administrators: list[dict[str, Any]] = field(default_factory=list)
    threshold: int = 2
    persons: list[dict[str, Any]] = field(default_factory=list)
    approvals: int = 1
    machines: list[dict[str, Any]] = field(default_factory=list)
    small: dict[str, int] = field(default_factory=dict)
    daily: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    listed: bool = True
    cooling_s: int = _DAY_S
    entries: list[dict[str, Any]] = field(default_factory=list)
    time_lock_s: int = 0


def ask_on_terminal(question: str, usual: str) -> str:
    """From standard input, whether a person types there or a file is read. The question goes to
    standard error. Raises Misuse when the input ends early."""
    shown = f" [{usual}]" if usual else ""
    try:
        answer = typer.prompt(question + shown, default="", show_default=False, err=True)
    except typer.Abort:
        raise Misuse(f"the answers ended at: {question}") from None
    return str(answer).strip() or usual


def asked(ask: Ask, catalogue: Catalogue | None = None) -> Answers:
    """All answers. What can't be is said at once and asked again."""
    catalogue = built_in() if catalogue is None else catalogue
    found = Answers()
    aliases = ", ".join(catalogue.aliases)
    note(f"Networks: {aliases}")
    found.networks = _until(ask, "Networks, with commas", "ethereum", _networks(catalogue))
    note("Public lines, as custody policy keygen and custody approver keygen print them.")
    found.administrators = [*_lines(ask, "An administrator's line, empty ends", _public_line)]
    most = len(found.administrators)
    found.threshold = _until(
        ask, "How many of them sign a new version", str(min(2, most)), _between(1, most)
    )
    found.persons = [*_lines(ask, "An approver's line, empty ends", _public_line)]
    if found.persons:
        words = "How many of them approve a payment"
        found.approvals = _until(ask, words, "1", _between(1, len(found.persons)))
    found.machines = [*_lines(ask, "A machine that asks: NAME=OPERATOR, empty ends", _machine)]
    for network in found.networks:
        symbol, least = network.native.symbol, 1
        where = f"{network.alias}: most {symbol} in one transfer"
        small = _until(ask, f"{where} without approval", "0", _amount(network, 0))
        found.small[network.alias] = small
        if small:
            least = small
            words = f"{network.alias}: most {symbol} in a day without approval"
            found.daily[network.alias] = _until(ask, words, "", _amount(network, least))
        found.most[network.alias] = _until(
            ask, f"{where} with approval", "", _amount(network, least)
        )
    found.listed = _until(ask, "Only to listed destinations (yes, no)", "yes", _yes_or_no)
    if found.listed:
        hours = _until(ask, "Hours until a new destination may be paid", "24", _between(0, 8760))
        found.cooling_s = hours * _HOUR_S
        found.entries = [
            *_lines(ask, "A destination: NETWORK ADDRESS, empty ends", _entry(found, catalogue))
        ]
    minutes = _until(
        ask, "Minutes from the last approval to the signature", "0", _between(0, 10_080)
    )
    found.time_lock_s = minutes * 60
    return found


def draft_of(answers: Answers) -> str:
    """The draft, with what it says in words above each part. Raises Misuse if it would not be a
    policy."""
    document = _document(answers)
    try:
        policy = Policy.parse(canonical_json(document))
        check_destinations(policy)
    except (InvalidPolicy, MalformedMessage) as error:
        raise Misuse(f"these answers make no policy: {error}") from None
    lines = [
        "// A draft. Lines like this are comments: they are not part of what is signed.",
        "// Every field is explained in docs/policy.md. Amounts are in base units.",
        "//",
        *(f"// {line}" for line in people_lines(policy)),
        "{",
    ]
    parts = [json.dumps(name) + ": " + _spelled(document[name], 1) for name in document]
    rules = [
        "".join(f"    // {line}\n" for line in rule_lines(rule, policy.catalogue))
        + "    "
        + _spelled(document["rules"][at], 2)
        for at, rule in enumerate(policy.rules)
    ]
    parts[list(document).index("rules")] = '"rules": [\n' + ",\n".join(rules) + "\n  ]"
    return "\n".join([*lines, ",\n".join(f"  {part}" for part in parts), "}", ""])


def _spelled(value: Any, depth: int) -> str:
    return json.dumps(value, indent=2).replace("\n", "\n" + "  " * depth)


def _document(answers: Answers) -> dict[str, Any]:
    rules = [] if not any(answers.small.values()) else [_small(answers)]
    if answers.persons:
        rules.append(_approved(answers))
    listed = {"id": _ALLOWED, "cooling_s": answers.cooling_s, "entries": answers.entries}
    members = [person["id"] for person in answers.persons]
    return {
        "format": 2,
        "version": 1,
        "administrators": {"threshold": answers.threshold, "members": answers.administrators},
        "persons": answers.persons,
        "machines": answers.machines,
        "groups": [{"id": _APPROVERS, "members": members}] if members else [],
        "destinations": [listed] if answers.listed else [],
        "rules": rules,
        "networks": [],
        "assets": [],
    }


def _small(answers: Answers) -> dict[str, Any]:
    """A day's window is on what leaves and on what that costs."""
    networks = [each for each in answers.networks if answers.small[each.alias]]
    windows = [
        {
            "asset": network.native.id,
            "seconds": _DAY_S,
            "amount": str(answers.daily[network.alias]),
            "count": None,
            "per_destination": False,
        }
        for network in networks
    ]
    return _rule("small payments", answers, networks, answers.small, windows, [])


def _approved(answers: Answers) -> dict[str, Any]:
    needs = [{"group": _APPROVERS, "count": answers.approvals}]
    return _rule("approved payments", answers, answers.networks, answers.most, [], needs)


def _rule(
    name: str,
    answers: Answers,
    networks: list[Network],
    most: Mapping[str, int],
    windows: list[dict[str, Any]],
    needs: list[dict[str, Any]],
) -> dict[str, Any]:
    """What a transfer may cost is what it may cost by default on each network."""
    return {
        "id": name,
        "effect": "allow",
        "scope": {
            "clients": "any",
            "vaults": "any",
            "networks": sorted(network.id for network in networks),
            "assets": sorted(network.native.id for network in networks),
            "destinations": [_ALLOWED] if answers.listed else "any",
            "actions": [Action.TRANSFER.value],
            "initiators": "any",
        },
        "limits": {
            "per_transfer": [
                {"asset": network.native.id, "amount": str(most[network.alias])}
                for network in networks
            ],
            "windows": windows,
            "hours": None,
        },
        "grant": {
            "costs": [
                {"network": network.id, "kind": kind.value, "amount": str(units)}
                for network in networks
                for (_, kind), units in sorted(network.costs_max.items())
            ],
            "approvals": {"order": "any", "needs": needs},
            "time_lock_s": answers.time_lock_s if needs else 0,
            "mandate_lifetime_s": _DAY_S,
        },
    }


# Reading answers


def _until(ask: Ask, question: str, usual: str, read: Callable[[str], T]) -> T:
    while True:
        try:
            return read(ask(question, usual))
        except (ValueError, InvalidInput) as error:
            note(f"{error}")


def _lines(ask: Ask, question: str, read: Callable[[str], T]) -> Iterator[T]:
    def read_if_any(text: str) -> T | None:
        return read(text) if text else None

    while (found := _until(ask, question, "", read_if_any)) is not None:
        yield found


def _networks(catalogue: Catalogue) -> Callable[[str], list[Network]]:
    def read(text: str) -> list[Network]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names or len(set(names)) != len(names):
            raise ValueError("one network at least, and each once")
        try:
            return [catalogue.find_network(name) for name in names]
        except KeyError as error:
            raise ValueError(f"no network is called {error.args[0]}") from None

    return read


def _public_line(text: str) -> dict[str, Any]:
    """The line itself, or a file that holds it."""
    try:
        row = json.loads(text if text.startswith("{") else Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{text}: {error.strerror}") from None
    except ValueError:
        raise ValueError("that is no line of keygen's") from None
    if not isinstance(row, dict) or row.keys() != {"id", "credentials"}:
        raise ValueError("a line has an id and credentials, as keygen prints it")
    return row


def _machine(text: str) -> dict[str, Any]:
    name, _, operators = text.partition("=")
    if not name.strip():
        raise ValueError("NAME=OPERATOR, or NAME= for a machine that nobody operates")
    return {"id": name.strip(), "operators": [o.strip() for o in operators.split(",") if o.strip()]}


def _entry(answers: Answers, catalogue: Catalogue) -> Callable[[str], dict[str, Any]]:
    by_alias = {network.alias: network for network in answers.networks}

    def read(text: str) -> dict[str, Any]:
        alias, _, address = text.partition(" ")
        if alias not in by_alias:
            raise ValueError(f"NETWORK ADDRESS, with a network of {', '.join(by_alias)}")
        network = by_alias[alias]
        checked = catalogue.codec(network.id).parse_address(address.strip())
        added = format_time(now())
        return {"network": network.id, "address": checked.address, "memo": None, "added_at": added}

    return read


def _amount(network: Network, least: int) -> Callable[[str], int]:
    """Of at least so many base units: what people approve is no less than what nobody does."""

    def read(text: str) -> int:
        units = 0 if text == "0" else Amount.parse(network.native, text).units if text else -1
        if units < least:
            raise ValueError(f"an amount, at least {Amount(network.native, least)}")
        return units

    return read


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a number from {least} to {most}")
        return int(text)

    return read


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("yes or no")
    return text == "yes"
