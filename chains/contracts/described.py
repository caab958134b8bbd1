"""Contracts that administrators described, and what is read and written with their word. Pure.

A contract's functions, by selector, and what each takes of whom calls it. A fragment names the
arguments and nothing in the calldata does, so the words of a call are believed because people
signed them. What a function really moves, its code says; a description says what limits count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from chains.abi import UNITS_MAX
from chains.contracts import texts
from chains.contracts.functions import SELECTOR_BYTES, Function
from chains.contracts.nested import DEPTH_MAX, Handed, Reader, ReaderKind, handed_on, packed
from chains.contracts.types import PATH, Kind, Type, parse_type
from chains.contracts.values import Value
from chains.effects import Call
from chains.errors import CallUnknown, ChainError, MalformedDescription, MalformedTransaction
from chains.model import Address, AssetId

TEXT_MAX: Final = 16 * 1024
"""Characters of an argument. A longer one can't be shown to people."""
Path = tuple[str, ...]
"""To an argument, or to a part of one: names of members, numbers of elements."""


class Spelling(NamedTuple):
    """How a network writes addresses, and what it has there. `spell`: the 20 octets of one.
    `octets`: back, of the one spelling; raises ValueError. `asset_of`: the token of a contract,
    None if it is not listed. `contract`: what is read of calls within calls, None if nobody
    describes it."""

    spell: Callable[[bytes], Address]
    octets: Callable[[str], bytes]
    asset_of: Callable[[Address], AssetId | None]
    contract: Callable[[Address], Contract | None]


@dataclass(frozen=True, slots=True)
class Move:
    """A call takes as many base units as the argument at `units` says: of `asset`, or of the token
    whose contract the argument at `token` is. `where`: only if that argument is true."""

    units: Path
    asset: AssetId | None
    token: Path | None = None
    where: Path | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """A function as administrators describe it. `readers`: of arguments that are calls.
    `opaque`: octets that are shown as they are."""

    function: Function
    moves: tuple[Move, ...] = ()
    readers: Mapping[str, Reader] = field(default_factory=dict)
    opaque: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class Contract:
    """`name`: what people call it. `functions`: by selector."""

    address: Address
    name: str
    functions: Mapping[bytes, Described] = field(default_factory=dict)

    @cached_property
    def signatures(self) -> Mapping[str, Described]:
        return {each.function.signature: each for each in self.functions.values()}

    @cached_property
    def told(self) -> Mapping[str, Described]:
        """By signature, with the steps that it takes where its functions read commands."""
        readers = (reader for each in self.functions.values() for reader in each.readers.values())
        if not any(each.kind is ReaderKind.COMMANDS for each in readers):
            return self.signatures
        steps = {each.function.signature: each for each in STEPS.values()}
        return {**self.signatures, **steps}

    def named(self, name: str) -> Described:
        """By signature; by name alone where one function has it. Raises CallUnknown."""
        return one_named(self.signatures, name)


def one_named(functions: Mapping[str, Described], name: str) -> Described:
    """`functions`: by signature. Raises CallUnknown."""
    if name in functions:
        return functions[name]
    found = [each for each in functions.values() if each.function.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise CallUnknown(f"say which: {', '.join(each.function.signature for each in found)}")
    raise CallUnknown(f"no description has a function {name}")


def read(contract: Contract, data: bytes, value: int, spelling: Spelling, depth: int = 0) -> Call:
    """What calldata tells the contract. `value`: native base units that go with it. `depth`: of
    how many calls it is within. Raises CallUnknown, which says why."""
    described = contract.functions.get(data[:SELECTOR_BYTES])
    if described is None:
        selector = data[:SELECTOR_BYTES].hex()
        raise CallUnknown(f"no description of {contract.name} has a function 0x{selector}")
    return call(contract.address, described, data, value, spelling, depth)


def call(
    contract: Address,
    described: Described,
    data: bytes,
    value: int,
    spelling: Spelling,
    depth: int = 0,
) -> Call:
    """As `read`, of a function that is known."""
    function = described.function
    try:
        values = function.read(data)
    except MalformedTransaction as error:
        raise CallUnknown(f"not a call of {function.signature}: {error}") from error
    if value and not function.payable:
        raise CallUnknown(f"{function.signature} takes no coins, and {value} would go with it")
    moves, arguments = list(_moved(described, values, spelling)), []
    for (name, type_), each in zip(function.arguments, values, strict=True):
        if name in described.readers:
            inner = tuple(_handed(contract, described, name, values, spelling, depth))
            moves += (move for within in inner for move in within.moves)
            arguments.append((name, _checked(_words(inner))))
        else:
            arguments.append((name, _checked(texts.spell(type_, each, spelling.spell))))
    return Call(contract, function.signature, tuple(arguments), value, moves=tuple(moves))


def data_of(contract: Contract, said: Call, spelling: Spelling) -> bytes:
    """The calldata. Raises CallUnknown unless `read` finds the same words in it."""
    described = contract.signatures.get(said.function)
    if described is None:
        raise CallUnknown(f"nothing describes {said.function} of {said.contract}")
    data = encoded(described.function, plain(described, said, spelling), spelling.octets)
    if call(said.contract, described, data, said.value, spelling) != said:
        raise CallUnknown("the call is not in the one form that has words")
    return data


def encoded(
    function: Function, arguments: Mapping[str, object], octets: Callable[[str], bytes]
) -> bytes:
    """`arguments`: by name, as `texts` reads them. Raises CallUnknown; what `octets` raises but
    ValueError."""
    names = [name for name, _ in function.arguments]
    if set(names) != set(arguments):
        raise CallUnknown(f"the arguments of {function.signature} are {', '.join(names) or 'none'}")
    values = []
    for name, type_ in function.arguments:
        try:
            values.append(texts.parse(type_, arguments[name], octets))
        except (ValueError, RecursionError) as error:
            if isinstance(error, ChainError):
                raise
            raise CallUnknown(f"{name}: {error}") from error
    try:
        return function.call(values)
    except ValueError as error:
        raise CallUnknown(f"arguments of {function.signature}: {error}") from error


def type_at(function: Function, path: Path) -> Type:
    """Raises MalformedDescription where the function has no such argument."""
    found = Type(Kind.TUPLE, None, function.arguments)
    for step in path:
        if found.kind is Kind.ARRAY and step.isdecimal():
            if found.size is not None and int(step) >= found.size:
                raise MalformedDescription(f"{'.'.join(path)}: beyond its {found.size} elements")
            found = found.element
        else:
            parts = found.members if found.kind in (Kind.TUPLE, Kind.PATH) else ()
            inner = dict(parts).get(step)
            if inner is None:
                raise MalformedDescription(f"no argument {'.'.join(path)}")
            found = inner
    return found


def value_at(function: Function, values: Sequence[Value], path: Path) -> Value:
    """Of a path that `type_at` knows. Raises CallUnknown where a list is too short for it."""
    type_, found = Type(Kind.TUPLE, None, function.arguments), tuple(values)
    at: Value = found
    for step in path:
        assert isinstance(at, tuple)
        if type_.kind is Kind.ARRAY:
            place, inner = int(step), type_.element
        else:
            names = [name for name, _ in type_.members]
            place = names.index(step)
            inner = type_.members[place][1]
        if place >= len(at):
            raise CallUnknown(f"no element {'.'.join(path)}")
        type_, at = inner, at[place]
    return at


def parse_path(text: object) -> Path:
    """`amountIn`, `params.amountIn`, `path.0`. Raises MalformedDescription."""
    if not isinstance(text, str) or not 0 < len(text) <= _PATH_MAX:
        raise MalformedDescription("an argument is named like amountIn or params.amountIn")
    path = tuple(text.split("."))
    if any(step != str(int(step)) for step in path if step.isdecimal()) or "" in path:
        raise MalformedDescription(f"no argument {text!r}")
    return path


def _moved(
    described: Described, values: Sequence[Value], spelling: Spelling
) -> Iterator[tuple[AssetId, int]]:
    function = described.function
    for move in described.moves:
        if move.where is not None and value_at(function, values, move.where) is not True:
            continue
        units, asset = value_at(function, values, move.units), move.asset
        assert isinstance(units, int)
        if move.token is not None:
            account = value_at(function, values, move.token)
            assert isinstance(account, bytes)
            contract = spelling.spell(account)
            asset = spelling.asset_of(contract)
            if asset is None:
                raise CallUnknown(f"it takes {units} of {contract}, a token that is not listed")
        assert asset is not None
        if units:
            yield asset, units


def _handed(
    contract: Address,
    described: Described,
    name: str,
    values: Sequence[Value],
    spelling: Spelling,
    depth: int,
) -> Iterator[Call]:
    """The calls that an argument hands on."""
    if depth >= DEPTH_MAX:
        raise CallUnknown(f"calls within calls, more than {DEPTH_MAX} deep")
    for each in handed_on(described.readers[name], name, described.function, values):
        if each.step is not None:
            yield _step(contract, each.step, each.data, spelling, depth + 1)
            continue
        to = contract if each.to is None else spelling.spell(each.to)
        known = spelling.contract(to)
        if known is None:
            raise CallUnknown(f"it calls {to}, which nobody describes")
        made = read(known, each.data, each.value, spelling, depth + 1)
        if made.function == _APPROVE and dict(made.arguments).get("value") == str(UNITS_MAX):
            raise CallUnknown(f"an allowance of {to} without an end, within a call")
        yield made


def _step(contract: Address, step: int, data: bytes, spelling: Spelling, depth: int) -> Call:
    """One that a router takes by itself, as a call of it that nobody else can make."""
    described = STEPS.get(step)
    if described is None:
        raise CallUnknown(f"command 0x{step:02x}, which has no words")
    return call(contract, described, described.function.selector + data, 0, spelling, depth)


def _words(calls: Sequence[Call]) -> str:
    rows = [
        {
            "arguments": [list(pair) for pair in each.arguments],
            "contract": each.contract,
            "function": each.function,
            "value": str(each.value),
        }
        for each in calls
    ]
    return json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def calls_in(text: str) -> tuple[Call, ...]:
    """Those that an argument hands on, of its text; without what they take. Raises CallUnknown."""
    try:
        rows = json.loads(text)
        if not isinstance(rows, list) or not rows:
            raise ValueError("no list of calls")
        return tuple(
            Call(
                Address(row["contract"]),
                row["function"],
                tuple((name, said) for name, said in row["arguments"]),
                int(row["value"]),
            )
            for row in rows
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CallUnknown("an argument that hands on no calls") from error


def within(call: Call, contracts: Callable[[Address], Contract | None]) -> Iterator[Call]:
    """All calls that it hands on, at any depth. Where its words are none, a call of nothing, which
    no rule covers."""
    known = contracts(call.contract)
    described = None if known is None else known.told.get(call.function)
    for name in {} if described is None else described.readers:
        try:
            inner = calls_in(dict(call.arguments).get(name, ""))
        except CallUnknown:
            inner = (Call(call.contract, "", (), 0),)
        for each in inner:
            yield each
            yield from within(each, contracts)


def plain(described: Described, said: Call, spelling: Spelling) -> dict[str, object]:
    """Its arguments with octets in place of the calls that they hand on. Raises CallUnknown."""
    found: dict[str, object] = dict(said.arguments)
    for name, reader in described.readers.items():
        inner = []
        for each in calls_in(str(found.get(name))):
            known = spelling.contract(each.contract)
            to = known.told.get(each.function) if known is not None else None
            if to is None:
                raise CallUnknown(f"it calls {each.function} of {each.contract}: not described")
            data = encoded(to.function, plain(to, each, spelling), spelling.octets)
            step = _NUMBERS.get(each.function)
            inner.append(Handed(_octets(each.contract, spelling), each.value, data, step))
        texts_of = ["0x" + each.data.hex() for each in inner]
        match reader.kind:
            case ReaderKind.MULTISEND:
                found[name] = "0x" + packed(inner).hex()
            case ReaderKind.CALLS:
                found[name] = texts_of
            case ReaderKind.CALL:
                found[name] = texts_of[0] if texts_of else ""
            case ReaderKind.COMMANDS:
                found[name] = _commands(inner)
                assert reader.inputs is not None
                found[reader.inputs] = ["0x" + each.data[SELECTOR_BYTES:].hex() for each in inner]
    return found


def _commands(steps: Sequence[Handed]) -> str:
    if any(each.step is None for each in steps):
        raise CallUnknown("a call among commands, which is none of a router's steps")
    return "0x" + bytes(each.step or 0 for each in steps).hex()


def _octets(contract: Address, spelling: Spelling) -> bytes:
    try:
        return spelling.octets(contract)
    except ValueError as error:
        raise CallUnknown(str(error)) from error


def _checked(text: str) -> str:
    if len(text) > TEXT_MAX or not text.isprintable():
        raise CallUnknown("an argument that can't be shown")
    return text


_PATH_MAX: Final = 256
_APPROVE: Final = "approve(address,uint256)"


def _permits(details: str) -> Type:
    """What Permit2 is told of one token, or of several."""
    inner = [
        (name, parse_type(kind))
        for name, kind in (
            ("token", "address"),
            ("amount", "uint160"),
            ("expiration", "uint48"),
            ("nonce", "uint48"),
        )
    ]
    ends = (("spender", parse_type("address")), ("sigDeadline", parse_type("uint256")))
    return parse_type("tuple", (("details", parse_type(details, inner)), *ends))


_OF_ROUTER: Final = {"v3path": PATH, "permit": _permits("tuple"), "permits": _permits("tuple[]")}


def _of_router(
    name: str, arguments: str, paid: Path = (), token: Path = (), where: Path | None = None
) -> Described:
    """`arguments`: type and name of each. `paid`: how much the caller pays, of which token."""
    pairs = [each.split() for each in arguments.split(", ")]
    types = tuple((name, _OF_ROUTER.get(kind) or parse_type(kind)) for kind, name in pairs)
    moves = (Move(paid, None, token, where),) if paid else ()
    readers = {"commands": Reader(ReaderKind.COMMANDS, inputs="inputs")}
    nests = dict(types).keys() >= {"commands", "inputs"}
    function = Function(f"command.{name}", types, payable=False, changes=True)
    return Described(function, moves, readers if nests else {})


_SWAP: Final = "address recipient, uint256 {0}, uint256 {1}, {2} path, bool payerIsUser"
_IN, _OUT = ("amountIn", "amountOutMin"), ("amountOut", "amountInMax")
_USER: Final = ("payerIsUser",)
_PAYMENT: Final = "address token, address recipient, {}"
STEPS: Final[Mapping[int, Described]] = {
    0x00: _of_router(
        "V3_SWAP_EXACT_IN",
        _SWAP.format(*_IN, "v3path"),
        ("amountIn",),
        ("path", "first"),
        _USER,
    ),
    0x01: _of_router(
        "V3_SWAP_EXACT_OUT",
        _SWAP.format(*_OUT, "v3path"),
        ("amountInMax",),
        ("path", "last"),
        _USER,
    ),
    0x02: _of_router(
        "PERMIT2_TRANSFER_FROM",
        _PAYMENT.format("uint160 amount"),
        ("amount",),
        ("token",),
    ),
    0x03: _of_router("PERMIT2_PERMIT_BATCH", "permits permitBatch, bytes signature"),
    0x04: _of_router("SWEEP", _PAYMENT.format("uint160 amountMin")),
    0x05: _of_router("TRANSFER", _PAYMENT.format("uint256 value")),
    0x06: _of_router("PAY_PORTION", _PAYMENT.format("uint256 bips")),
    0x08: _of_router(
        "V2_SWAP_EXACT_IN",
        _SWAP.format(*_IN, "address[]"),
        ("amountIn",),
        ("path", "0"),
        _USER,
    ),
    0x09: _of_router(
        "V2_SWAP_EXACT_OUT",
        _SWAP.format(*_OUT, "address[]"),
        ("amountInMax",),
        ("path", "0"),
        _USER,
    ),
    0x0A: _of_router("PERMIT2_PERMIT", "permit permitSingle, bytes signature"),
    0x0B: _of_router("WRAP_ETH", "address recipient, uint256 amount"),
    0x0C: _of_router("UNWRAP_WETH", "address recipient, uint256 amountMin"),
    0x0E: _of_router("BALANCE_CHECK_ERC20", "address owner, address token, uint256 minBalance"),
    0x21: _of_router("EXECUTE_SUB_PLAN", "bytes commands, bytes[] inputs"),
}
"""What Uniswap's universal router does by itself (`Dispatcher.sol`). No step that may fail unseen
(0x80), and none of another protocol. SWEEP looks at 160 bits. A permit takes nothing by itself: it
must be the caller's, and counted as an allowance when it was signed."""
_NUMBERS: Final = {each.function.signature: number for number, each in STEPS.items()}
