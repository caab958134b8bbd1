"""Calls within a call: octets that a contract hands on, read and written by a closed list of
readers. Pure.

`call`: the argument is calldata. `calls`: a list of such. Both go to the contract itself, as
multicalls do, or to whom another argument names, with the coins that one names. `multisend`: rows
of operation, address, coins, length and calldata without padding (Safe, MultiSend.sol); an
operation other than a call would run another's code as the caller, and has no words. `commands`:
an octet for each step of Uniswap's universal router, beside a list of what each is told
(`chains.contracts.described.STEPS`); one that may fail unseen has no words.

What is handed on must be a call of a described contract again, or what a listed token is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from chains.contracts.functions import Function
from chains.contracts.types import Kind, Type
from chains.contracts.values import ADDRESS_BYTES, Value
from chains.errors import CallUnknown, MalformedDescription

DEPTH_MAX: Final = 4
"""Calls within each other."""
CALLS_MAX: Final = 64
"""That one argument hands on."""
_WORD: Final = 32
_HEAD: Final = 1 + ADDRESS_BYTES + 2 * _WORD


class ReaderKind(StrEnum):
    CALL = "call"
    CALLS = "calls"
    MULTISEND = "multisend"
    COMMANDS = "commands"


@dataclass(frozen=True, slots=True)
class Reader:
    """`to`, `value`: arguments that name whom each call goes to and with how many coins; None: to
    the contract itself, with none. `inputs`: of commands, the argument with what each is told."""

    kind: ReaderKind
    to: str | None = None
    value: str | None = None
    inputs: str | None = None


class Handed(NamedTuple):
    """`to`: 20 octets, None: the contract itself. `step`: of commands, which; `data` has no
    selector then."""

    to: bytes | None
    value: int
    data: bytes
    step: int | None = None


def check_reader(reader: Reader, name: str, function: Function) -> None:
    """Raises MalformedDescription where the function has no such arguments."""
    known = dict(function.arguments)
    listed = reader.kind is ReaderKind.CALLS
    wanted = {name: Kind.BYTES, reader.to: Kind.ADDRESS, reader.value: Kind.UINT}
    for argument, kind in wanted.items():
        type_ = known.get(argument or name)
        if type_ is None or not _is_of(type_, kind if argument else Kind.BYTES, listed=listed):
            many = "a list of " if listed else ""
            raise MalformedDescription(f"{argument}: not {many}{kind.value}")
    says_itself = reader.kind in (ReaderKind.MULTISEND, ReaderKind.COMMANDS)
    if says_itself and (reader.to or reader.value):
        raise MalformedDescription(f"{reader.kind} says itself whom it calls")
    if (reader.kind is ReaderKind.COMMANDS) != (reader.inputs is not None):
        raise MalformedDescription("commands, and nothing else, have inputs")
    inputs = known.get(reader.inputs) if reader.inputs is not None else None
    if reader.inputs is not None and not (inputs and _is_of(inputs, Kind.BYTES, listed=True)):
        raise MalformedDescription(f"{reader.inputs}: not a list of bytes")


def _is_of(type_: Type, kind: Kind, *, listed: bool) -> bool:
    if listed:
        return type_.kind is Kind.ARRAY and type_.size is None and type_.element.kind is kind
    return type_.kind is kind


def handed_on(
    reader: Reader, name: str, function: Function, values: Sequence[Value]
) -> tuple[Handed, ...]:
    """What the argument hands on. Raises CallUnknown."""
    said = dict(zip((each for each, _ in function.arguments), values, strict=True))
    match reader.kind:
        case ReaderKind.MULTISEND:
            found = tuple(_unpacked(said[name]))
        case ReaderKind.COMMANDS:
            found = tuple(_commanded(said[name], _of(said, reader.inputs)))
        case ReaderKind.CALL:
            found = (_handed(said[name], _of(said, reader.to), _of(said, reader.value)),)
        case _:
            found = tuple(_each(reader, name, said))
    if not 0 < len(found) <= CALLS_MAX:
        raise CallUnknown(f"{name}: not 1 to {CALLS_MAX} calls")
    return found


def _of(said: Mapping[str, Value], name: str | None) -> Value | None:
    return None if name is None else said[name]


def _each(reader: Reader, name: str, said: Mapping[str, Value]) -> Iterator[Handed]:
    datas = said[name]
    assert isinstance(datas, tuple)
    nothing: tuple[Value | None, ...] = (None,) * len(datas)
    tos, values = (_of(said, each) or nothing for each in (reader.to, reader.value))
    assert isinstance(tos, tuple)
    assert isinstance(values, tuple)
    if not len(tos) == len(values) == len(datas):
        raise CallUnknown(f"{name}: lists of different lengths")
    for data, to, value in zip(datas, tos, values, strict=True):
        yield _handed(data, to, value)


def _handed(data: Value, to: Value | None, value: Value | None) -> Handed:
    assert isinstance(data, bytes)
    assert to is None or isinstance(to, bytes)
    assert value is None or isinstance(value, int)
    return Handed(to, value or 0, data)


def _commanded(commands: Value, inputs: Value | None) -> Iterator[Handed]:
    assert isinstance(commands, bytes)
    assert isinstance(inputs, tuple)
    if len(commands) != len(inputs):
        raise CallUnknown("not one input for each command")
    for step, data in zip(commands, inputs, strict=True):
        assert isinstance(data, bytes)
        yield Handed(None, 0, data, step)


def _unpacked(packed: Value) -> Iterator[Handed]:
    assert isinstance(packed, bytes)
    at = 0
    while at < len(packed):
        head = packed[at : at + _HEAD]
        end = at + _HEAD + int.from_bytes(head[-_WORD:], "big")
        if len(head) < _HEAD or end > len(packed):
            raise CallUnknown("a multisend that ends within a call")
        if head[0]:
            raise CallUnknown(f"a multisend of operation {head[0]}, which is no call")
        value = int.from_bytes(head[1 + ADDRESS_BYTES : 1 + ADDRESS_BYTES + _WORD], "big")
        yield Handed(head[1 : 1 + ADDRESS_BYTES], value, packed[at + _HEAD : end])
        at = end


def packed(calls: Sequence[Handed]) -> bytes:
    """The inverse of reading a multisend."""
    return b"".join(
        b"\0"
        + (each.to or b"")
        + each.value.to_bytes(_WORD, "big")
        + len(each.data).to_bytes(_WORD, "big")
        + each.data
        for each in calls
    )
