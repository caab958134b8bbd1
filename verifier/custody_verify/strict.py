"""Strict readers of JSON's values. JCS is RFC 8785, of what bundles are made of: no fractions.

A reader returns the value or raises Unreadable. Text is read and written again and compared, so a
repeated name, another order, a space or another spelling of a number is refused.
"""

import json
import re
from base64 import b64decode, b64encode
from typing import Any, Final

from custody_verify.errors import Unreadable, reject

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,77}")
_TIME: Final = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
_TEXT_MAX: Final = 4 * 1024 * 1024
_DEPTH_MAX: Final = 40


def jcs(value: Any) -> bytes:
    """RFC 8785. Names are sorted by UTF-16 code units; below U+10000 that is Python's order."""
    return json.dumps(
        _sorted(value, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


def _sorted(value: Any, depth: int) -> Any:
    reject(depth > _DEPTH_MAX, "JSON nested too deeply")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _sorted(value[name], depth + 1) for name in names}
    if isinstance(value, list):
        return [_sorted(each, depth + 1) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        raise Unreadable("an integer that JSON's readers don't agree on")
    return value


def parse_jcs(data: bytes) -> Any:
    try:
        value = json.loads(data.decode(), parse_float=_refuse, parse_constant=_refuse)
        spelled = jcs(value)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    reject(spelled != data, "not in the one spelling of RFC 8785")
    return value


def _refuse(_: str) -> Any:
    raise Unreadable("a number that is not an integer")


def fields(value: Any, names: str, optional: str = "") -> dict[str, Any]:
    """An object with exactly these names, and perhaps the optional ones."""
    wanted = set(names.split())
    if not isinstance(value, dict) or not wanted <= value.keys() <= wanted | set(optional.split()):
        raise Unreadable(f"not an object of {names}")
    return value


def listed(value: Any, least: int = 0, most: int = 100_000) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Unreadable(f"not a list of {least} to {most}")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX or not value.isprintable():
        raise Unreadable("not printable text")
    return value


def number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise Unreadable("not a whole number from 0")
    return value


def units(value: Any) -> int:
    """An amount: decimal digits in quotes."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or int(value) >= 2**256:
        raise Unreadable("not an amount in base units")
    return int(value)


def octets(value: Any, length: int | None = None) -> bytes:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or data.hex() != value or length not in (None, len(data)):
        raise Unreadable("not hexadecimal, or of another length")
    return data


def moment(value: Any) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise Unreadable("not a time like 2026-01-31T23:59:59Z")
    return value


def base64(value: str, length: int | None = None) -> bytes:
    """In the one spelling there is."""
    try:
        data = b64decode(value, validate=True)
    except ValueError as error:
        raise Unreadable("not base64") from error
    if b64encode(data).decode() != value or length not in (None, len(data)):
        raise Unreadable("not base64, or of another length")
    return data


class Reader:
    """Takes bytes from the front. Raises Unreadable where there are not enough."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        reject(count < 0 or len(taken) != count, "ends too early")
        self.at += count
        return taken

    def little(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def end(self) -> None:
        reject(self.at != len(self.data), "bytes behind the end")
