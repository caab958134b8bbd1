"""What one version of a policy says otherwise than another, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from chains.errors import NetworkFixed
from chains.lasting import Lasting
from custody.cli.rows import difference_lines
from signer.policy import Policy
from signer.wire import parse_json

_NAMED: Final = {
    "persons": "person",
    "machines": "machine",
    "groups": "group",
    "destinations": "destinations",
    "rules": "rule",
}


def differences(before: bytes, after: bytes) -> Iterator[str]:
    """A line each, of two canonical documents. Last comes why the signer would refuse the second
    after the first, if its networks and assets are a reason."""
    was, becomes = parse_json(before), parse_json(after)
    yield f"version         {was['version']} becomes {becomes['version']}"
    if was["administrators"] != becomes["administrators"]:
        yield "ADMINISTRATORS  change"
    for section, word in _NAMED.items():
        yield from _section(word, _by_id(was[section]), _by_id(becomes[section]))
        if section == "rules" and list(_by_id(was[section])) != list(_by_id(becomes[section])):
            yield f"rules           stand in this order: {', '.join(_by_id(becomes[section]))}"
    earlier, later = Policy.parse(before).catalogue, Policy.parse(after).catalogue
    yield from difference_lines(earlier, later)
    fixed = Lasting()
    fixed.add(was["networks"], was["assets"])
    try:
        fixed.check(later)
    except NetworkFixed as error:
        yield f"REFUSED         the signer refuses this: {error.code}: {error}"


def _section(word: str, was: Mapping[str, Any], becomes: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*was, *becomes]):
        if name not in becomes:
            yield f"{f'GONE {word}':<15} {name}"
        elif name not in was:
            yield f"{f'NEW {word}':<15} {name}: {_text(becomes[name])}"
        elif was[name] != becomes[name]:
            yield f"{word:<15} {name}: {_text(was[name])} becomes {_text(becomes[name])}"


def _by_id(rows: Any) -> dict[str, Any]:
    return {row["id"]: row for row in rows}


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name != "id"})
