"""Canonical JSON and strict readers for its values.

Canonical bytes are RFC 8785, so that what an approver signs, what custody stores and what the
signer hashes are the same bytes. A reader returns the value or raises MalformedMessage; unknown,
missing and differently spelled values never pass. Public through `wire.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from chains.json_text import read_json

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ENCODER = json.JSONEncoder(
    sort_keys=True,
    ensure_ascii=False,
    separators=(",", ":"),
    allow_nan=False,
    check_circular=False,  # our messages are made of fresh objects
)


class MalformedMessage(ValueError):
    """Not a message of this version in canonical form."""


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes, by the standard library's encoder in C.

    The two agree on what our messages are made of: objects with ASCII keys, lists, text, true,
    false, null and integers below 2**53. Numbers with a fraction spell differently; we have none.
    """
    return _ENCODER.encode(value).encode()


def read_strict_json(data: bytes) -> Any:
    """As `read_json`, of JSON alone. A name that occurs twice means one thing to us and another to
    a proxy (RFC 8259 section 4), so it is refused. Raises ValueError."""
    return read_json(data, object_pairs_hook=_distinct, parse_constant=_no_constant)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def parse_json(data: bytes) -> Any:
    """The value of canonical bytes. Raises MalformedMessage for every other spelling of it:
    spaces, another order, a repeated field, a fraction, an exponent."""
    try:
        value = read_json(data, parse_float=_no_number, parse_constant=_no_number)
        canonical = canonical_json(value) == data
    except ValueError as error:
        raise MalformedMessage("not JSON") from error
    if not canonical:
        raise MalformedMessage("not canonical JSON (RFC 8785)")
    return value


def _no_number(_: str) -> None:
    raise MalformedMessage("a number that is not an integer")


def format_time(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds. Asserts that `moment` is aware and has no fraction."""
    assert moment.tzinfo is not None and moment.microsecond == 0
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat()[:-6] + "Z"


def parse_time(value: object) -> datetime:
    """The inverse of `format_time`."""
    spelled = text(value, maximum=20)
    # The one spelling; an hour of 24 would be another spelling of the next day's midnight.
    if not _TIME.fullmatch(spelled) or spelled[11:13] == "24":
        raise MalformedMessage("time")
    try:
        return datetime.fromisoformat(spelled)
    except ValueError as error:
        raise MalformedMessage("time") from error


def exact_fields(row: object, names: frozenset[str]) -> Mapping[str, Any]:
    """`row` if it is an object with exactly these fields."""
    if not isinstance(row, dict) or row.keys() != names:
        raise MalformedMessage(f"fields must be exactly {', '.join(sorted(names))}")
    return row


def listed(value: object, *, maximum: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > maximum:
        raise MalformedMessage(f"a list of at most {maximum}")
    return value


def text(value: object, *, maximum: int = 512) -> str:
    """Printable text: no control characters that could forge a log line or a terminal's display,
    no lone surrogates that have no canonical bytes."""
    if not isinstance(value, str) or not 0 < len(value) <= maximum or not value.isprintable():
        raise MalformedMessage("text")
    return value


def identifier(value: object, *, maximum: int = 512) -> str:
    """A name that is compared with others: printable ASCII, with single spaces within at most. Two
    names that people can't tell apart, by an invisible letter or one of another script, would be
    one vault, person or transfer to them and two to us."""
    name = text(value, maximum=maximum)
    if not name.isascii() or (" " in name and name != " ".join(name.split())):
        raise MalformedMessage("an id is of printable ASCII")
    return name


def integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise MalformedMessage("integer")
    return value


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedMessage("true or false")
    return value


def amount(value: object) -> int:
    """A canonical decimal string of a non-negative integer below 2**256."""
    digits = text(value, maximum=78)
    if not (digits.isascii() and digits.isdigit()) or (digits[0] == "0" and digits != "0"):
        raise MalformedMessage("amount")
    number = int(digits)
    if number >= 2**256:
        raise MalformedMessage("amount")
    return number


def octets(value: object, length: int | None = None) -> bytes:
    """Lower-case hex to bytes."""
    if not isinstance(value, str):
        raise MalformedMessage("hex")
    try:
        data = bytes.fromhex(value)
    except ValueError as error:
        raise MalformedMessage("hex") from error
    if data.hex() != value or (length is not None and len(data) != length):
        raise MalformedMessage("hex")
    return data
