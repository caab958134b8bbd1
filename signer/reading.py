"""One strict reader for all messages: what a field may be is said by its type. Pure.

A frozen dataclass that is a `Message` gets `parse` and `to_json` from its fields' types. Reading
turns nothing into something else and fills nothing in: unknown and missing fields, other types,
other spellings and what is out of bounds raise MalformedMessage. A type that says not enough (plain
text, bytes, a list without a bound) has no form, which raises TypeError when the class is first
used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from chains.model import Address, AssetId, NetworkId
from signer.canonical import (
    MalformedMessage,
    amount,
    boolean,
    exact_fields,
    format_time,
    identifier,
    integer,
    listed,
    octets,
    parse_time,
    text,
)


@dataclass(frozen=True, slots=True)
class Form:
    """`read`: decoded JSON to the value, or MalformedMessage. `write`: the inverse."""

    read: Callable[[object], Any]
    write: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of `least` to `most` of what the tuple's type says, or of `each`."""

    most: int
    least: int = 0
    each: Form | None = None


def _same(value: Any) -> Any:
    return value


def hex_of(length: int | None = None, most: int | None = None) -> Form:
    """Bytes as lower-case hex: exactly `length`, or at most `most`."""

    def read(value: object) -> bytes:
        data = octets(value, length)
        if most is not None and len(data) > most:
            raise MalformedMessage("hex")
        return data

    return Form(read, bytes.hex)


ID: Final = Form(identifier, _same)
HASH: Final = hex_of(32)

Identifier = Annotated[str, ID]
Network = Annotated[NetworkId, ID]
Account = Annotated[Address, ID]
Asset = Annotated[AssetId, ID]
Words = Annotated[str, Form(text, _same)]
Prose = Annotated[str, Form(partial(text, maximum=4096), _same)]
Units = Annotated[int, Form(amount, str)]
Hash = Annotated[bytes, HASH]
Octets = Annotated[bytes, hex_of()]
Signed = Annotated[bytes, hex_of(64)]

_PLAIN: Final[Mapping[Any, Form]] = {
    int: Form(integer, _same),
    bool: Form(boolean, _same),
    datetime: Form(parse_time, format_time),
}


class Message:
    """Base of what is read and written by its fields' types. `CONSTANTS`: fields that always say
    the same."""

    __slots__ = ()
    CONSTANTS: ClassVar[Mapping[str, str | int]] = {}

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = _message_form(type(self)).write(self)
        return written

    @classmethod
    def parse(cls, row: object) -> Self:
        """From decoded JSON. Raises MalformedMessage; verifies no signature."""
        made: Self = _message_form(cls).read(row)
        made.check()
        return made

    def check(self) -> None:
        """What no field can say alone. Raises MalformedMessage."""


def form_of(hint: Any) -> Form:
    """Of a type. Raises TypeError for one that says not enough."""
    if get_origin(hint) is Annotated:
        return _annotated(*get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        if len(kinds) == 1:
            return optional(form_of(kinds[0]))
    if isinstance(hint, type) and issubclass(hint, Message):
        return Form(hint.parse, hint.to_json)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return one_of(hint)
    if hint not in _PLAIN:
        raise TypeError(f"{hint} says not enough to be read")
    return _PLAIN[hint]


def optional(form: Form) -> Form:
    """Or null."""
    return Form(
        lambda value: None if value is None else form.read(value),
        lambda value: None if value is None else form.write(value),
    )


def one_of(kind: type[StrEnum]) -> Form:
    """One of its words."""
    words = {word.value: word for word in kind}

    def read(value: object) -> StrEnum:
        found = words.get(value) if isinstance(value, str) else None
        if found is None:
            raise MalformedMessage(kind.__name__)
        return found

    return Form(read, lambda word: word.value)


def many(form: Form, most: int, least: int = 0) -> Form:
    """A list of so many."""

    def read(value: object) -> tuple[Any, ...]:
        rows = listed(value, maximum=most)
        if len(rows) < least:
            raise MalformedMessage(f"a list of at least {least}")
        return tuple(form.read(row) for row in rows)

    return Form(read, lambda values: [form.write(value) for value in values])


def pair(first: Form, second: Form, make: Callable[[Any, Any], Any]) -> Form:
    """A list of exactly two, of a tuple of two."""

    def read(value: object) -> Any:
        rows = listed(value, maximum=2)
        if len(rows) != 2:
            raise MalformedMessage("a list of two")
        return make(first.read(rows[0]), second.read(rows[1]))

    return Form(read, lambda value: [first.write(value[0]), second.write(value[1])])


def object_of(
    make: Callable[..., Any],
    forms: Mapping[str, Form],
    constants: Mapping[str, str | int] | None = None,
    names: Mapping[str, str] | None = None,
) -> Form:
    """An object with exactly these fields, of a value with attributes of these names. `names`: as
    the object calls them, where it calls them otherwise."""
    constants = constants or {}
    parts = [(name, (names or {}).get(name, name), form) for name, form in forms.items()]
    expected = frozenset([*constants, *(said for _, said, _ in parts)])

    def read(row: object) -> Any:
        for name, always in constants.items():
            found = row.get(name) if isinstance(row, dict) else None
            if type(found) is not type(always) or found != always:
                raise MalformedMessage(f"not of {name} {always}")
        given, values = exact_fields(row, expected), {}
        for name, said, form in parts:
            try:
                values[name] = form.read(given[said])
            except MalformedMessage as error:
                raise MalformedMessage(f"{said}: {error}") from error
        return make(**values)

    def write(value: Any) -> dict[str, Any]:
        written = {said: form.write(getattr(value, name)) for name, said, form in parts}
        return {**constants, **written}

    return Form(read, write)


def tagged(tag: str, kinds: Mapping[str, tuple[type, Form]]) -> Form:
    """One of a closed set of objects, each told by what its field `tag` says."""
    by_type = dict(kinds.values())

    def read(row: object) -> Any:
        word = row.get(tag) if isinstance(row, dict) else None
        found = kinds.get(word) if isinstance(word, str) else None
        if found is None:
            raise MalformedMessage(f"{tag}: one of {', '.join(kinds)}")
        return found[1].read(row)

    return Form(read, lambda value: by_type[type(value)].write(value))


def either(kinds: Mapping[str, type[Message]]) -> Form:
    """An object with one field, whose name says what it holds."""
    names = {kind: name for name, kind in kinds.items()}

    def read(row: object) -> Any:
        for name, kind in kinds.items():
            if isinstance(row, dict) and row.keys() == {name}:
                return kind.parse(row[name])
        raise MalformedMessage(f"exactly one of {', '.join(kinds)}")

    return Form(read, lambda value: {names[type(value)]: value.to_json()})


def _annotated(kind: Any, *extras: Any) -> Form:
    for extra in extras:
        if isinstance(extra, Form):
            return extra
        if isinstance(extra, Many):
            return many(extra.each or form_of(get_args(kind)[0]), extra.most, extra.least)
    return form_of(kind)


def _message_form(kind: Any) -> Form:
    """Of a class, worked out once."""
    found = _FORMS.get(kind)
    if found is None:
        hints = get_type_hints(kind, include_extras=True)
        forms = {field.name: form_of(hints[field.name]) for field in fields(kind)}
        found = _FORMS[kind] = object_of(kind, forms, kind.CONSTANTS)
    return found


_FORMS: Final[dict[Any, Form]] = {}
