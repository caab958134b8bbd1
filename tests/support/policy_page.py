"""docs/policy.md as a test reads it: the example, the tables of fields, the rules below them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signer.wire import read_json
from tests.support.signer import Person

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text()
_TABLE = re.compile(r"<!-- fields:(?P<at>[^>]*)-->\n(?P<rows>(?:\|.*\n)+)")
_ROW = re.compile(r"\| `(?P<name>\w+)` \| (?P<says>[^|]+) \| `(?P<example>[^|]+)` \|")


@dataclass(frozen=True)
class Table:
    """`path`: where in the example the object stands. `refused`: no policy may have it yet."""

    path: tuple[str | int, ...]
    refused: bool
    examples: dict[str, Any]


def example() -> dict[str, Any]:
    """The page's own policy: a bank's treasury."""
    row: dict[str, Any] = _json()[0]
    return row


def rules() -> list[dict[str, Any]]:
    """Rules that can be added to it."""
    return _json()[1:]


def tables() -> tuple[Table, ...]:
    return tuple(_table(match["at"].split(), match["rows"]) for match in _TABLE.finditer(PAGE))


def objects_that_are_read() -> Iterator[frozenset[str]]:
    """The fields of each object in a policy, as its reader in signer/policy names them."""
    for file in sorted((ROOT / "signer" / "policy").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "read.fields":
                names = node.args[1]
                assert isinstance(names, ast.Constant) and isinstance(names.value, str), file
                yield frozenset(names.value.split())


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _table(said: list[str], rows: str) -> Table:
    path = "" if not said or said[0] == "refused" else said[0]
    keys = [int(key) if key.isdigit() else key for key in re.findall(r"\w+", path)]
    lines = rows.splitlines()[2:]
    found = [_ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, row in zip(lines, found, strict=True) if not row]
    examples = {row["name"]: _read("{" + row["example"] + "}") for row in found if row}
    assert all([*value] == [name] for name, value in examples.items()), path
    return Table(
        tuple(keys), "refused" in said, {name: value[name] for name, value in examples.items()}
    )


def _json() -> list[Any]:
    return [_read(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def _read(text: str) -> Any:
    for name in ("ADM1", "ADM2", "ADA1", "ADA2", "BOB1"):
        text = text.replace(f'"{name}"', f'"{Person(name).public_key.hex()}"')
    return read_json(text.encode())
