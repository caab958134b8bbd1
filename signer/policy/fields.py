"""Strict readers for the fields of a policy document. Pure.

Each returns the value or raises InvalidPolicy; none has a default, because a policy with a gap in
it must not be filled by us. `located` adds where in the document the complaint belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from chains.model import AssetId, NetworkId
from signer.policy import zones
from signer.wire import MalformedMessage, exact_fields, identifier, integer, octets, text

T = TypeVar("T")

SECONDS_MAX: Final = 366 * 24 * 3600
"""Longest cooling time, window, time lock and mandate lifetime."""
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES: Final = 24 * 60
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Encodings of the points of order 1, 2, 4 and 8, without the sign bit (RFC 8032, 5.1.3)."""


class InvalidPolicy(ValueError):
    """The document is not a policy. The message says where."""


def located(where: str, read: Callable[[], T]) -> T:
    """What `read` returns; its complaint becomes an InvalidPolicy that says where."""
    try:
        return read()
    except (InvalidPolicy, MalformedMessage) as error:
        raise InvalidPolicy(f"{where}: {error}") from error


def fields(row: object, names: str, maybe: str = "") -> Mapping[str, Any]:
    """`row` if it is an object with exactly these fields, of which `maybe` may be absent: what came
    later than documents that are in force."""
    absent = frozenset(maybe.split()) - (row.keys() if isinstance(row, dict) else frozenset())
    return exact_fields(row, frozenset((*names.split(), *maybe.split())) - absent)


def rows(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidPolicy("not a list")
    return value


def table(value: object, parse: Callable[[object], T], name: Callable[[T], str]) -> dict[str, T]:
    """A list of named things, by name. Two of one name are an error."""
    items: list[T] = []
    for position, row in enumerate(rows(value)):
        try:
            items.append(parse(row))
        except (InvalidPolicy, MalformedMessage) as error:
            raise InvalidPolicy(f"[{position}]: {error}") from error
    distinct(name(item) for item in items)
    return {name(item): item for item in items}


def distinct(values: Iterable[object]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise InvalidPolicy("the same twice")


def names(value: object) -> frozenset[str]:
    listed = [identifier(name) for name in rows(value)]
    distinct(listed)
    return frozenset(listed)


def some(value: object, parse: Callable[[object], T]) -> frozenset[T]:
    """A list of distinct values, at least one."""
    listed = [parse(item) for item in rows(value)]
    distinct(listed)
    if not listed:
        raise InvalidPolicy("empty")
    return frozenset(listed)


def memo(value: object) -> str | None:
    """What an address's owner tells people apart by; null where it is not used."""
    return None if value is None else identifier(value)


def positive(value: object) -> int:
    number = integer(value)
    if number == 0:
        raise InvalidPolicy("must not be 0")
    return number


def seconds(value: object, *, minimum: int = 0) -> int:
    number = integer(value)
    if not minimum <= number <= SECONDS_MAX:
        raise InvalidPolicy(f"seconds must be {minimum} to {SECONDS_MAX}")
    return number


def network(value: object) -> NetworkId:
    """A CAIP-2 id. Whether there is such a network is looked up once the document is read."""
    return NetworkId(identifier(value))


def asset(value: object) -> AssetId:
    """A CAIP-19 id. Whether such a token exists, nobody here can know."""
    name = identifier(value)
    if not name.partition("/")[2]:
        raise InvalidPolicy(f"not a CAIP-19 asset: {name}")
    return AssetId(name)


def ed25519_key(value: object) -> bytes:
    """32 bytes; not a point of small order, for which anybody can make a signature."""
    key = octets(value, 32)
    if key[:31] + bytes([key[31] & 0x7F]) in _SMALL_ORDER:
        raise InvalidPolicy("a key of small order protects nothing")
    return key


def time_zone(value: object) -> str:
    zone = identifier(value)
    try:
        zones.time_zone(zone)
    except KeyError as error:
        raise InvalidPolicy(f"unknown time zone {zone}") from error
    return zone


def weekdays(value: object) -> frozenset[int]:
    """Names to numbers; 0 is Monday, as in `datetime.weekday`."""
    days = names(value)
    if not days or not days <= set(WEEKDAYS):
        raise InvalidPolicy(f"days: some of {' '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(day) for day in days)


def minute_of_day(value: object) -> int:
    """``08:30`` to minutes; ``24:00`` is the end of the day."""
    clock = text(value)
    digits = clock[:2] + clock[3:]
    if len(clock) != 5 or clock[2] != ":" or not (digits.isascii() and digits.isdigit()):
        raise InvalidPolicy("hours: HH:MM")
    hours, minutes = int(clock[:2]), int(clock[3:])
    if minutes > 59 or hours * 60 + minutes > _DAY_MINUTES:
        raise InvalidPolicy("hours: HH:MM")
    return hours * 60 + minutes
