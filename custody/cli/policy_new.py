"""`custody policy new`: a plan from a file or from questions at a terminal, and the draft of it.

The questions ask for a plan's fields one by one (`policy_plan`). An answer that can't be is said at
once and asked again; answers that contradict each other are refused when all are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import typer

from chains.catalogue import Catalogue
from custody.cli.output import Misuse, note
from custody.cli.policy_plan import Ground, catalogue_of
from custody.cli.policy_sentences import (
    PlanInvalid,
    amount_of,
    asset_of,
    entry_of,
    hours_of,
    need_of,
    public_line_of,
    seconds_of,
    sentence,
    window_of,
)
from custody.cli.policy_words import people_lines, rule_lines
from signer.policy import Policy

T = TypeVar("T")
Ask = Callable[[str, str], str]
"""A question and the answer that an empty line means; the answer."""
_ANY: Final = "any"
_ALWAYS: Final = "always"


def ask_on_terminal(question: str, usual: str) -> str:
    """From standard input, whether a person types there or a file is read. The question goes to
    standard error. Raises Misuse when the input ends early."""
    shown = f" [{usual}]" if usual else ""
    try:
        answer = typer.prompt(question + shown, default="", show_default=False, err=True)
    except typer.Abort:
        raise Misuse(f"the answers ended at: {question}") from None
    return str(answer).strip() or usual


def asked(ask: Ask, ground: Ground) -> dict[str, Any]:
    """A plan."""
    file = ask("A file with networks and assets of your own, empty for none", "")
    rows = {"networks": file} if file else {}
    catalogue = catalogue_of(rows, ground)
    note("People: public lines, as custody policy keygen and custody approver keygen print them.")
    plan: dict[str, Any] = {**rows, **_people(ask, ground)}
    note("Lists of addresses. A new address waits before it may be paid.")
    lists = dict(_lines(ask, "A list: NAME = TIME to wait, empty ends", _list))
    for name, row in lists.items():
        question = f"An address of {name}: ADDRESS on NETWORK, empty ends"
        texts = _lines(ask, question, lambda text: _entry(text, catalogue, ground))
        lists[name] = {**row, "entries": list(texts)}
    plan["destinations"] = lists
    note("Rules, the first that fits decides. Amounts are like 1.5 ETH on ethereum.")
    note(f"Networks: {', '.join(catalogue.aliases)}")
    plan["rules"] = []
    while name := ask("A rule's name, empty ends", ""):
        plan["rules"].append({"name": name, **_rule(ask, name, catalogue)})
    return plan


def draft_of(document: dict[str, Any], policy: Policy) -> str:
    """The draft, with what it says in words above each part."""
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
    if rules:
        parts[list(document).index("rules")] = '"rules": [\n' + ",\n".join(rules) + "\n  ]"
    return "\n".join([*lines, ",\n".join(f"  {part}" for part in parts), "}", ""])


def unused(policy: Policy) -> Iterator[str]:
    """Lists and groups that no rule names: who wrote them thinks that they do something."""
    lists = {name for rule in policy.rules for name in rule.scope.destinations or ()}
    groups = {need.group for rule in policy.rules if rule.grant for need in rule.grant.needs}
    for name in sorted(policy.destinations.keys() - lists):
        yield f"no rule names the list {name}: it has no effect"
    for name in sorted(policy.groups.keys() - groups):
        yield f"no rule names the group {name}: it has no effect"


def _spelled(value: Any, depth: int) -> str:
    return json.dumps(value, indent=2).replace("\n", "\n" + "  " * depth)


# Questions


def _people(ask: Ask, ground: Ground) -> dict[str, Any]:
    def line(text: str) -> str:
        public_line_of(text, ground.folder)
        return text

    members = list(_lines(ask, "An administrator's line, empty ends", line, least=1))
    most = len(members)
    question = "How many of them sign a new version"
    sign = _until(ask, question, str(min(2, most)), _between(1, most))
    return {
        "administrators": {"sign": sign, "members": members},
        "persons": list(_lines(ask, "A person's line, empty ends", line)),
        "groups": dict(_lines(ask, "A group: NAME = PERSON, PERSON, empty ends", _named)),
        "machines": dict(
            _lines(ask, "A machine that asks: NAME = OPERATOR, OPERATOR, empty ends", _named)
        ),
    }


def _rule(ask: Ask, name: str, catalogue: Catalogue) -> dict[str, Any]:
    def of(question: str) -> str:
        return f"{name}: {question}"

    rule: dict[str, Any] = {
        "deny": _until(ask, of("allow or deny"), "allow", _choice("allow", "deny")) == "deny",
        "assets": _until(
            ask, of("of which assets (SYMBOL on NETWORK, with commas; any)"), _ANY,
            _each(lambda text: asset_of(text, catalogue)),
        ),
        "networks": _any_of(ask(of("on which networks (any: all those of the assets)"), _ANY)),
        "vaults": _any_of(ask(of("from which vaults (ids, with commas; any)"), _ANY)),
        "asked_by": _any_of(ask(of("asked for by whom (with commas; any)"), _ANY)),
        "to": _any_of(ask(of("to which lists (with commas; any)"), _ANY)),
        "most": _list_of(_until(
            ask, of("most in one transfer (AMOUNT, with commas; any)"), _ANY,
            _each(lambda text: amount_of(text, catalogue)),
        )),
        "windows": list(_lines(
            ask, of("most in a time (AMOUNT in TIME, and if so: to one destination), empty ends"),
            _read(lambda text: window_of(text, catalogue)),
        )),
    }  # fmt: skip
    if rule["networks"] == _ANY and rule["assets"] != _ANY:
        del rule["networks"]
    hours = _until(ask, of("when (mon-fri 08:00-18:00 Europe/Zurich; always)"), _ALWAYS, _hours)
    rule |= {} if hours == _ALWAYS else {"hours": hours}
    return rule if rule["deny"] else {**rule, **_terms(ask, name)}


def _terms(ask: Ask, name: str) -> dict[str, Any]:
    needs = _until(
        ask, f"{name}: approved by (2 of GROUP, with commas; nobody)", "nobody", _each(need_of)
    )
    if needs == "nobody":
        return {}
    terms: dict[str, Any] = {"approvals": needs}
    if len(needs) > 1:
        question = f"{name}: one group after the other (yes, no)"
        terms["in_order"] = _until(ask, question, "no", _choice("yes", "no")) == "yes"
    question = f"{name}: time from the last approval to the signature"
    return {**terms, "wait": _until(ask, question, "at once", _read(seconds_of))}


# Reading answers


def _until(ask: Ask, question: str, usual: str, read: Callable[[str], T]) -> T:
    while True:
        try:
            return read(ask(question, usual))
        except PlanInvalid as error:
            note(f"{error}")


def _lines(ask: Ask, question: str, read: Callable[[str], T], least: int = 0) -> Iterator[T]:
    count = 0

    def read_if_any(text: str) -> T | None:
        if not text and count < least:
            raise sentence("one at least")
        return read(text) if text else None

    while (found := _until(ask, question, "", read_if_any)) is not None:
        count += 1
        yield found


def _read(check: Callable[[str], object]) -> Callable[[str], str]:
    """The text itself, once `check` has read it."""

    def read(text: str) -> str:
        check(text)
        return text

    return read


def _each(check: Callable[[str], object]) -> Callable[[str], Any]:
    """A list of texts, or the one word that stands for none or all."""

    def read(text: str) -> Any:
        if text in (_ANY, "nobody"):
            return text
        for each in (texts := _split(text)):
            check(each)
        return texts

    return read


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _any_of(text: str) -> Any:
    return text if text == _ANY else _split(text)


def _list_of(found: Any) -> list[str]:
    return [] if found == _ANY else found


def _named(text: str) -> tuple[str, list[str]]:
    name, equals, rest = text.partition("=")
    if not name.strip() or not equals:
        raise sentence("NAME = one, another; or NAME = for nobody")
    return name.strip(), _split(rest)


def _list(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, time = text.partition("=")
    if not name.strip() or not equals:
        raise sentence("NAME = TIME, like suppliers = 24 hours")
    seconds_of(time.strip())
    return name.strip(), {"cooling": time.strip()}


def _entry(text: str, catalogue: Catalogue, ground: Ground) -> str:
    entry_of(text, catalogue, lambda row: ground.now)
    return text


def _hours(text: str) -> str:
    if text != _ALWAYS:
        hours_of(text)
    return text


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise sentence(f"a number from {least} to {most}")
        return int(text)

    return read


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise sentence(" or ".join(words))
        return text

    return read
