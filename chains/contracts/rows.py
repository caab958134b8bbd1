"""Reads rows in which administrators describe contracts. Strict, as `chains.rows` is. Pure.

A fragment must be there whole, since a name decides what people are shown. What could be read in
two ways is refused: two functions of one selector, and one that the house itself reads there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from chains.contracts.described import Contract, Described, Move, Path, parse_path, type_at
from chains.contracts.functions import Function, parse_function
from chains.contracts.nested import Reader, ReaderKind, check_reader
from chains.contracts.types import PATH, Kind, Type
from chains.errors import InvalidAddress, MalformedDescription, NetworkInvalid
from chains.model import Address, AssetId, ParsedAddress
from chains.networks import Network
from chains.schema import listed, located, matching, members, one_of

FUNCTIONS_MAX: Final = 64
MOVES_MAX: Final = 8
SIGNATURE_MAX: Final = 512
_ROW: Final = frozenset({"network", "address", "name", "functions"})
_PATH: Final = "v3path"
_name = matching("[!-~]([ -~]{0,62}[!-~])?", "Uniswap v2 router, in at most 64 characters")


def place_of(row: object) -> str:
    """Network and address, by which rows are told apart, as far as it says them."""
    found = row if isinstance(row, Mapping) else {}
    place = f"{found.get('network')}/{found.get('address')}"
    return place if place.isprintable() and len(place) <= 200 else "a contract"


def read_contract(
    row: object,
    network: Network,
    parse: Callable[[str], ParsedAddress],
    reads: Callable[[Network, Address], Collection[bytes]],
) -> Contract:
    """`parse`: any spelling of an address to its canonical form. `reads`: selectors that the house
    itself reads there. Raises NetworkInvalid."""
    where = place_of(row)
    found = located(where, "", lambda: members(row, _ROW, frozenset()))
    address = located(where, "address", lambda: _address(found["address"], parse))
    name = located(where, "name", lambda: _name(found["name"]))
    reserved = reads(network, address)
    functions = located(
        where, "functions", lambda: _functions(found["functions"], network, reserved)
    )
    return Contract(address, name, MappingProxyType(functions))


def _address(value: object, parse: Callable[[str], ParsedAddress]) -> Address:
    try:
        address = parse(value).address if isinstance(value, str) else None
    except InvalidAddress as error:
        raise NetworkInvalid(str(error)) from error
    if address is None or address != value:
        raise NetworkInvalid(f"must be written {address}" if address else "an address")
    return address


def _functions(
    rows: object, network: Network, reserved: Collection[bytes]
) -> dict[bytes, Described]:
    if not isinstance(rows, list) or not 0 < len(rows) <= FUNCTIONS_MAX:
        raise NetworkInvalid(f"a list of 1 to {FUNCTIONS_MAX}")
    found = dict[bytes, Described]()
    for each in rows:
        described = _function(each, network)
        function = described.function
        if function.selector in reserved:
            raise NetworkInvalid("the house reads this selector itself", member=function.signature)
        if function.selector in found:
            other = found[function.selector].function.signature
            raise NetworkInvalid(f"has the selector of {other}", member=function.signature)
        found[function.selector] = described
    return found


def _function(row: object, network: Network) -> Described:
    found = members(row, frozenset({"abi"}), frozenset({"moves", "opaque", "readers"}))
    try:
        function = parse_function(found["abi"])
    except MalformedDescription as error:
        raise NetworkInvalid(str(error), member="abi") from error
    signature = function.signature
    if len(signature) > SIGNATURE_MAX:
        raise NetworkInvalid(f"a signature of more than {SIGNATURE_MAX} letters", member="abi")
    if not function.changes:
        raise NetworkInvalid("a question, which nobody signs", member=signature)

    return located("", signature, lambda: _described(found, function, network))


def _described(row: Mapping[str, Any], function: Function, network: Network) -> Described:
    rows = row.get("readers", {})
    if not isinstance(rows, Mapping):
        raise NetworkInvalid("not a table", member="readers")
    paths = _paths(rows)
    for path in paths:
        located("", "readers", partial(_argument, path, function, Kind.BYTES))
        function = replace(function, arguments=_with_path(function.arguments, parse_path(path)))
    moves = tuple(_moves(row.get("moves", []), function, network))
    opaque = frozenset(listed(row.get("opaque", []), lambda each: _opaque(each, function)))
    readers = _readers({name: rows[name] for name in rows if name not in paths}, function)
    read = [(name,) for name in readers]
    read += [(each.inputs,) for each in readers.values() if each.inputs is not None]
    said = opaque.union(read)
    unread = sorted(".".join(path) for path in places_of(Kind.BYTES, function) if path not in said)
    if unread:
        raise NetworkInvalid(f"nothing says how its octets are read: {unread[0]}")
    if len(said) < len(opaque) + len(read):
        raise NetworkInvalid("octets that are read twice, or shown as they are", member="readers")
    return Described(function, moves, MappingProxyType(readers), opaque)


def _paths(rows: Mapping[str, Any]) -> set[str]:
    """The arguments that are ways through pools, which is all that is said of them."""
    return {name for name, row in rows.items() if row == {"is": _PATH}}


def _with_path(arguments: tuple[tuple[str, Type], ...], path: Path) -> tuple[tuple[str, Type], ...]:
    """Octets at `path` read as a way through pools."""
    step, *rest = path

    def inner(type_: Type) -> Type:
        if not rest:
            return PATH
        if type_.kind is not Kind.TUPLE:
            raise NetworkInvalid("a path is an argument or a member of one", member="readers")
        return replace(type_, members=_with_path(type_.members, tuple(rest)))

    return tuple((name, inner(each) if name == step else each) for name, each in arguments)


def _moves(rows: object, function: Function, network: Network) -> Iterator[Move]:
    if not isinstance(rows, list) or len(rows) > MOVES_MAX:
        raise NetworkInvalid(f"a list of up to {MOVES_MAX}", member="moves")
    for row in rows:
        yield located("", "moves", partial(_move, row, function, network))


def _move(row: object, function: Function, network: Network) -> Move:
    by = "token" if isinstance(row, Mapping) and "token" in row else "asset"
    found = members(row, frozenset({by, "argument"}), frozenset())
    units = _argument(found["argument"], function, Kind.UINT)
    if by == "token":
        return Move(units, None, _argument(found["token"], function, Kind.ADDRESS))
    asset = found["asset"]
    if not isinstance(asset, str) or not network.is_listed(AssetId(asset)):
        raise NetworkInvalid(f"{asset} is not listed on {network.alias}", member="asset")
    return Move(units, AssetId(asset))


def _readers(rows: Mapping[str, Any], function: Function) -> dict[str, Reader]:
    found = dict[str, Reader]()
    for name, row in rows.items():
        read = partial(members, row, frozenset({"is"}), frozenset({"to", "value", "inputs"}))
        said = located("", "readers", read)
        kind = located("", "readers", partial(one_of(*ReaderKind), said["is"]))
        others = (said.get(each) for each in ("to", "value", "inputs"))
        reader = Reader(ReaderKind(kind), *others)
        try:
            check_reader(reader, name, function)
        except (MalformedDescription, TypeError) as error:
            raise NetworkInvalid(f"{name}: {error}", member="readers") from error
        found[name] = reader
    return found


def _opaque(value: object, function: Function) -> Path:
    path = _path(value)
    if path not in places_of(Kind.BYTES, function):
        raise NetworkInvalid(f"{'.'.join(path)} are no octets of any length", member="opaque")
    return path


def _argument(value: object, function: Function, kind: Kind) -> Path:
    path = _path(value)
    try:
        type_ = type_at(function, path)
    except MalformedDescription as error:
        raise NetworkInvalid(str(error)) from error
    if type_.kind is not kind:
        raise NetworkInvalid(f"{'.'.join(path)} is {type_.name}, not {kind.value}")
    return path


def _path(value: object) -> Path:
    try:
        return parse_path(value)
    except MalformedDescription as error:
        raise NetworkInvalid(str(error)) from error


def places_of(kind: Kind, function: Function) -> Iterator[Path]:
    """Where it has arguments of the kind. Of a list's elements the path ends with the list."""
    yield from _places(kind, Type(Kind.TUPLE, None, function.arguments), ())


def _places(kind: Kind, type_: Type, path: Path) -> Iterator[Path]:
    if type_.kind is kind:
        yield path
    for name, each in type_.members:
        inner = path if type_.kind is Kind.ARRAY else (*path, name)
        yield from _places(kind, each, inner)
