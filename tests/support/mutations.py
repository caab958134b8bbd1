"""Each single change of a JSON value: another value, another kind, a field or row less or more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def changes(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """(path, how, changed value) for whatever is in `value`."""
    if isinstance(value, dict):
        yield path, "more", {**value, "unknown": None}
        for name, each in value.items():
            yield f"{path}/{name}", "less", {n: v for n, v in value.items() if n != name}
            for where, how, changed in changes(each, f"{path}/{name}"):
                yield where, how, {**value, name: changed}
    elif isinstance(value, list):
        if value:
            yield path, "row less", value[:-1]
            yield path, "row twice", [*value, value[-1]]
        for at, each in enumerate(value[:2]):
            for where, how, changed in changes(each, f"{path}/{at}"):
                yield where, how, [*value[:at], changed, *value[at + 1 :]]
    elif isinstance(value, str):
        yield path, "value", value[:-1] + ("0" if value[-1:] != "0" else "1")
        yield path, "kind", 7
    elif isinstance(value, bool) or value is None:
        yield path, "kind", "text"
    else:
        yield path, "value", value + 1
        yield path, "kind", str(value)
