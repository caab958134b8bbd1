"""Which calls a rule is about: contract, function, the coins that go with it, and what its
arguments must be. Pure.

An argument is compared as the text that people are shown and sign, of which a value has one; so a
rule says exactly what approvers see. Whether there is such an argument is checked when the policy
is read, against the description of the same document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from chains import outcomes
from chains.codec import TransactionCodec
from chains.contracts import texts
from chains.contracts.calling import contract_of
from chains.contracts.described import Path, parse_path, type_at, within
from chains.contracts.functions import Function
from chains.contracts.types import Kind
from chains.contracts.values import encode
from chains.effects import Allow, Call, Effect
from chains.errors import InvalidAddress, MalformedDescription
from chains.model import Address, AssetId, NetworkId
from signer.agreement import Core
from signer.policy import fields as read
from signer.policy.fields import InvalidPolicy, located
from signer.policy.payees import Payee
from signer.policy.verdicts import Broken, Detail, Reason
from signer.wire import amount, identifier, text

if TYPE_CHECKING:
    from signer.policy.document import Policy

CALLS_MAX: Final = 64
CONDITIONS_MAX: Final = 32
_VALUES_MAX: Final = 64
_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,77}", re.ASCII)


class Is(StrEnum):
    """What an argument must be."""

    EQUALS = "equals"
    ONE_OF = "one_of"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    OWN_ADDRESS = "own_address"
    IN_DESTINATIONS = "in_destinations"
    WITHIN_S = "within_s"
    RATIO_AT_LEAST = "ratio_at_least"


_NUMBERS: Final = frozenset({Kind.UINT, Kind.INT})
_KINDS: Final = {
    Is.AT_MOST: _NUMBERS,
    Is.AT_LEAST: _NUMBERS,
    Is.OWN_ADDRESS: frozenset({Kind.ADDRESS}),
    Is.IN_DESTINATIONS: frozenset({Kind.ADDRESS}),
    Is.WITHIN_S: frozenset({Kind.UINT}),
    Is.RATIO_AT_LEAST: frozenset({Kind.UINT}),
}
"""Which arguments can be asked that; the others any."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`values`: what it is compared with, as texts. `groups`: of destinations. `seconds`: from now
    to the latest. `of`: the argument that it is compared with; it is at least `numerator` for each
    `denominator` of that."""

    argument: Path
    kind: Is
    values: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    seconds: int = 0
    of: Path = ()
    numerator: int = 0
    denominator: int = 1

    def __str__(self) -> str:
        match self.kind:
            case Is.EQUALS:
                words = f"is {self.values[0]}"
            case Is.ONE_OF:
                words = f"is one of {', '.join(self.values)}"
            case Is.AT_MOST:
                words = f"is at most {self.values[0]}"
            case Is.AT_LEAST:
                words = f"is at least {self.values[0]}"
            case Is.OWN_ADDRESS:
                words = "is the address that calls"
            case Is.IN_DESTINATIONS:
                words = f"is in {', '.join(self.groups)}"
            case Is.WITHIN_S:
                words = f"is within {self.seconds} s from now"
            case _:
                rate = f"{self.numerator}/{self.denominator}"
                words = f"is at least {rate} of {'.'.join(self.of)}"
        return f"{'.'.join(self.argument)} {words}"


@dataclass(frozen=True, slots=True)
class Give:
    """The function fails unless whom the argument at `to` names (nothing: who calls) gets as many
    base units of `asset` as the argument at `units` says, or more."""

    asset: AssetId
    units: Path
    to: Path


@dataclass(frozen=True, slots=True)
class CallScope:
    """`value_max`: native base units that may go with it, None: any. `enforced`: its outcome has
    bounds, and an argument takes care of each, as `gives` and the description's moves say."""

    network: NetworkId
    contract: Address
    function: str
    value_max: int | None
    conditions: tuple[Condition, ...]
    enforced: bool = False
    gives: tuple[Give, ...] = ()

    @property
    def groups(self) -> frozenset[str]:
        """Of destinations, that its conditions name."""
        return frozenset(name for each in self.conditions for name in each.groups)

    def sentences(self) -> Iterator[str]:
        """What must hold, each in words."""
        if self.value_max is not None:
            yield f"at most {self.value_max} base units of coins go with it"
        yield from map(str, self.conditions)
        if self.enforced:
            yield "its outcome is bounded, each bound by an argument"
        if self.value_max is None and not self.conditions:
            yield "ANY ARGUMENTS AND COINS"

    def is_of(self, network: NetworkId, call: Call) -> bool:
        """Whether it speaks about this function, whatever the arguments are."""
        told = network, call.contract, call.function
        return told == (self.network, self.contract, self.function)


def parse_calls(value: object) -> tuple[CallScope, ...]:
    """Raises InvalidPolicy, MalformedMessage."""
    rows = read.rows(value)
    if not 0 < len(rows) <= CALLS_MAX:
        raise InvalidPolicy(f"1 to {CALLS_MAX} calls")
    return tuple(_entry(row) for row in rows)


def _entry(row: object) -> CallScope:
    said = {"enforced": False, "gives": [], **row} if isinstance(row, dict) else row
    entry = read.fields(said, "network contract function value_max conditions enforced gives")
    if not isinstance(entry["enforced"], bool):
        raise InvalidPolicy("enforced: true or false")
    rows = read.rows(entry["conditions"])
    if len(rows) > CONDITIONS_MAX:
        raise InvalidPolicy(f"at most {CONDITIONS_MAX} conditions")
    return CallScope(
        read.network(entry["network"]),
        Address(identifier(entry["contract"])),
        identifier(entry["function"]),
        None if entry["value_max"] is None else amount(entry["value_max"]),
        tuple(located("conditions", partial(_condition, each)) for each in rows),
        entry["enforced"],
        tuple(located("gives", partial(_give, each)) for each in read.rows(entry["gives"])),
    )


def _give(row: object) -> Give:
    found = read.fields(row, "asset argument to")
    to = () if found["to"] is None else _path(found["to"])
    return Give(read.asset(found["asset"]), _path(found["argument"]), to)


def _condition(row: object) -> Condition:
    """Each kind has fields of its own."""
    kind = row.get("is") if isinstance(row, dict) else None
    match kind:
        case Is.EQUALS | Is.AT_MOST | Is.AT_LEAST:
            found = read.fields(row, "argument is value")
            parts: dict[str, Any] = {"values": (_text(found["value"]),)}
        case Is.ONE_OF:
            found = read.fields(row, "argument is values")
            parts = {"values": tuple(_text(each) for each in read.rows(found["values"]))}
            read.distinct(parts["values"])
            if not 0 < len(parts["values"]) <= _VALUES_MAX:
                raise InvalidPolicy(f"1 to {_VALUES_MAX} values")
        case Is.OWN_ADDRESS:
            found = read.fields(row, "argument is")
            parts = {}
        case Is.IN_DESTINATIONS:
            found = read.fields(row, "argument is destinations")
            parts = {"groups": tuple(sorted(read.some(found["destinations"], identifier)))}
        case Is.WITHIN_S:
            found = read.fields(row, "argument is seconds")
            parts = {"seconds": read.seconds(found["seconds"], minimum=1)}
        case Is.RATIO_AT_LEAST:
            found = read.fields(row, "argument is of numerator denominator")
            top, bottom = amount(found["numerator"]), amount(found["denominator"])
            if not top or not bottom:
                raise InvalidPolicy("a ratio has two numbers above 0")
            parts = {"of": _path(found["of"]), "numerator": top, "denominator": bottom}
        case _:
            raise InvalidPolicy(f"is: one of {', '.join(Is)}")
    return Condition(_path(found["argument"]), Is(kind), **parts)


def _text(value: object) -> str:
    return "" if value == "" else text(value, maximum=4096)


def _path(value: object) -> Path:
    try:
        return parse_path(value)
    except MalformedDescription as error:
        raise InvalidPolicy(str(error)) from error


def check_described(entry: CallScope, codec: TransactionCodec) -> None:
    """That the policy describes the function, and that its arguments can be what they must be.
    Raises InvalidPolicy."""
    contract = contract_of(codec.network, entry.contract)
    described = None if contract is None else contract.told.get(entry.function)
    if described is None:
        raise InvalidPolicy(f"nothing describes {entry.function} of {entry.contract}")
    for condition in entry.conditions:
        try:
            _check_argument(condition, described.function, codec)
        except (MalformedDescription, ValueError, InvalidAddress) as error:
            raise InvalidPolicy(f"{condition}: {error}") from error
    for give in entry.gives:
        for path, kind in ((give.units, Kind.UINT), (give.to, Kind.ADDRESS)):
            try:
                fits = not path or type_at(described.function, path).kind is kind
            except MalformedDescription as error:
                raise InvalidPolicy(f"gives: {error}") from error
            if not fits:
                raise InvalidPolicy(f"gives: {'.'.join(path)} is no {kind.value}")


def _check_argument(condition: Condition, function: Function, codec: TransactionCodec) -> None:
    kinds = _KINDS.get(condition.kind)
    for path in (condition.argument, condition.of):
        type_ = type_at(function, path) if path else None
        if type_ is not None and kinds is not None and type_.kind not in kinds:
            raise InvalidPolicy(f"{'.'.join(path)} is {type_.name}")
    type_ = type_at(function, condition.argument)
    spelled: dict[bytes, Address] = {}

    def octets(said: str) -> bytes:
        """Any that stand for the address: only that it comes back is asked."""
        found = codec.parse_address(said).address
        made = sha256(found.encode()).digest()[:20]
        spelled[made] = found
        return made

    for value in condition.values:
        meant = texts.parse(type_, value, octets)
        encode((type_,), (meant,))  # else it is more than the type holds
        if (again := texts.spell(type_, meant, spelled.__getitem__)) != value:
            raise InvalidPolicy(f"{value} must be written {again}")


def with_handed_on(effect: Effect, policy: Policy, network: NetworkId) -> tuple[Call, ...]:
    """A call, and those that it hands on; none of another effect."""
    if not isinstance(effect, Call):
        return ()
    known = policy.catalogue.networks.get(network)
    return (effect,) if known is None else (effect, *within(effect, partial(contract_of, known)))


def unmet(entries: Sequence[CallScope] | None, policy: Policy, core: Core, now: datetime) -> Broken:
    """Of each call, and of each that it hands on, why no entry holds whole: of the first that
    speaks about its function. Nothing where one holds, and under a rule that names no calls."""
    for effect in core.effects if entries is not None else ():
        for call in with_handed_on(effect, policy, core.network):
            found = _of_entries(entries or (), policy, core, call, now)
            if not found:
                said = f"no entry speaks about {call.function} of {call.contract}"
                yield Reason(Detail.CALL_CONDITION, said)
            yield from found[0] if found and all(found) else ()


def untouched(
    entries: Sequence[CallScope] | None, policy: Policy, core: Core, now: datetime
) -> Broken:
    """Why a rule that denies calls does not deny: no entry holds for any, handed on or not."""
    if entries is None or not all(isinstance(effect, Call) for effect in core.effects):
        return
    calls = [c for effect in core.effects for c in with_handed_on(effect, policy, core.network)]
    tried = [each for c in calls for each in _of_entries(entries, policy, core, c, now)]
    yield from tried[0] if tried and all(tried) else ()


def _of_entries(
    entries: Sequence[CallScope], policy: Policy, core: Core, call: Call, now: datetime
) -> list[tuple[Reason, ...]]:
    """Of each entry that speaks about its function, what of it does not hold."""
    return [
        tuple(_unmet(entry, policy, core, call, now))
        for entry in entries
        if entry.is_of(core.network, call)
    ]


def _unmet(entry: CallScope, policy: Policy, core: Core, call: Call, now: datetime) -> Broken:
    if entry.value_max is not None and call.value > entry.value_max:
        said = f"{call.value} base units go with it, at most {entry.value_max}"
        yield Reason(Detail.CALL_VALUE, said)
    for condition in entry.conditions:
        text = argument_of(call, condition.argument)
        if text is None or not _holds(condition, text, policy, core, call, now):
            deadline = condition.kind is Is.WITHIN_S
            detail = Detail.CALL_DEADLINE if deadline else Detail.CALL_CONDITION
            yield Reason(detail, f"not so: {condition}; it is {text}")
    if entry.enforced:
        native = policy.catalogue.networks[core.network].native.id
        yield from _unenforced(entry, core, call, native)


def _unenforced(entry: CallScope, core: Core, call: Call, native: AssetId) -> Broken:
    """Worked out of what is signed: whoever asks claims nothing here."""
    bounds = outcomes.read(call.outcome)
    if not bounds:
        yield Reason(Detail.CALL_CONDITION, "nothing bounds its outcome")
    for bound in bounds:
        if not _is_enforced(bound, entry.gives, core, call, native):
            yield Reason(Detail.CALL_CONDITION, f"no argument bounds {bound.asset}")


def enforced(policy: Policy, core: Core, call: Call) -> frozenset[outcomes.Bound]:
    """Bounds of its outcome of which an argument takes care, by what administrators signed about
    the function. Of the others somebody has to show that they hold. Raises MalformedOutcome."""
    native = policy.catalogue.networks[core.network].native.id
    entries = [each for rule in policy.rules for each in rule.scope.calls or ()]
    gives = [give for entry in entries if entry.is_of(core.network, call) for give in entry.gives]
    return frozenset(
        each
        for each in outcomes.read(call.outcome)
        if _is_enforced(each, gives, core, call, native)
    )


def _is_enforced(
    bound: outcomes.Bound, gives: Sequence[Give], core: Core, call: Call, native: AssetId
) -> bool:
    if bound.spender is not None:
        return False
    if bound.at_most is None:
        given = (_gives(each, core, call) for each in gives if each.asset == bound.asset)
        return any(units >= bound.units for units in given)
    taken = {native: call.value}
    for asset, units in call.moves:
        taken[asset] = taken.get(asset, 0) + units
    return taken.get(bound.asset, bound.at_most + 1) <= bound.at_most


def _gives(give: Give, core: Core, call: Call) -> int:
    """What the caller gets at least: nothing, where it is somebody else who gets it."""
    if give.to and argument_of(call, give.to) != core.source_address:
        return 0
    return _number(argument_of(call, give.units) or "") or 0


def endless(named: Collection[AssetId], core: Core) -> Broken:
    """Allowances of any amount, of what a rule does not name for that."""
    for effect in core.effects:
        if isinstance(effect, Allow) and effect.amount is None and effect.asset not in named:
            said = f"any amount of {effect.asset}, which the rule does not name"
            yield Reason(Detail.ALLOWANCE_UNLIMITED, said)


def _holds(
    condition: Condition, said: str, policy: Policy, core: Core, call: Call, now: datetime
) -> bool:
    match condition.kind:
        case Is.EQUALS | Is.ONE_OF:
            return said in condition.values
        case Is.OWN_ADDRESS:
            return said == core.source_address
        case Is.IN_DESTINATIONS:
            groups = [policy.destinations[name] for name in condition.groups]
            return any(each.cooled(core.network, Payee(Address(said)), now) for each in groups)
    number = _number(said)
    if number is None:
        return False
    match condition.kind:
        case Is.AT_MOST:
            return number <= int(condition.values[0])
        case Is.AT_LEAST:
            return number >= int(condition.values[0])
        case Is.WITHIN_S:
            return 0 <= number - int(now.timestamp()) <= condition.seconds
        case _:
            other = _number(argument_of(call, condition.of) or "")
            return other is not None and (
                number * condition.denominator >= other * condition.numerator
            )


def addressed(entries: Sequence[CallScope], policy: Policy, core: Core) -> tuple[Payee, ...]:
    """Whom the arguments of the calls name, where an entry asks that they are destinations."""
    said = [
        argument_of(call, condition.argument)
        for effect in core.effects
        for entry in entries
        for call in with_handed_on(effect, policy, core.network)
        if entry.is_of(core.network, call)
        for condition in entry.conditions
        if condition.kind is Is.IN_DESTINATIONS
    ]
    return tuple(dict.fromkeys(Payee(Address(each)) for each in said if each is not None))


def argument_of(call: Call, path: Path) -> str | None:
    """The text of an argument or of a part of one, None where the call has no such."""
    found: Any = dict(call.arguments).get(path[0])
    try:
        for position, step in enumerate(path[1:]):
            inner = json.loads(found) if position == 0 else found
            found = inner[int(step)] if isinstance(inner, list) else inner[step]
    except (ValueError, LookupError, TypeError):
        return None
    if found is None or isinstance(found, str):
        return found
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _number(said: str) -> int | None:
    return int(said) if _NUMBER.fullmatch(said) else None
