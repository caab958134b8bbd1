"""What people, or a standing rule, agree to: the core, the mandate, and consent to it.

A transfer has one **core**, which never changes, and one **mandate** for each version of its terms:
the core, the most that it may cost, what approvals rest on, and how long it is offered. Approvers
sign the mandate's digest. The same bytes are what an approver is shown, what custody stores and
what the signer hashes: RFC 8785 JSON. A parser here refuses unknown fields, missing fields and
non-canonical values (MalformedMessage).

Public. Knows no key, no policy and no chain code beyond the value types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, TypeVar

from chains.costs import CostKind, Costs
from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.model import Address, AssetId, NetworkId
from signer.canonical import (
    MalformedMessage,
    amount,
    canonical_json,
    exact_fields,
    format_time,
    identifier,
    integer,
    listed,
    octets,
    parse_time,
    text,
)

T = TypeVar("T")
_E = TypeVar("_E", bound=StrEnum)

MANDATE_FORMAT: Final = 2
EFFECTS_MAX: Final = 1024
COSTS_MAX: Final = 64
_ARGUMENTS_MAX: Final = 256
_CONTENT_BYTES_MAX: Final = 64 * 1024
_CORE_DOMAIN: Final = b"custody-wallet/core/v2\n"
_MANDATE_DOMAIN: Final = b"custody-wallet/mandate/v2\n"
_APPROVAL_DOMAIN: Final = b"custody-wallet/approval/v2\n"
_REJECTION_DOMAIN: Final = b"custody-wallet/rejection/v2\n"
_SET_DOMAIN: Final = b"custody-wallet/set/v2\n"
_APPROVALS_MAX: Final = 256


class Action(StrEnum):
    """What a rule names to allow it: one for each kind of effect."""

    TRANSFER = "transfer"
    ALLOW = "allow"
    CALL = "call"
    SIGN = "sign"
    DELEGATE = "delegate"


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class Purpose(StrEnum):
    """What a transaction is for: to do what transfers want, or to keep that from being done."""

    PAY = "pay"
    CANCEL = "cancel"


def action_of(effect: Effect) -> Action:
    """The action that a rule must name for `effect`."""
    match effect:
        case Pay():
            return Action.TRANSFER
        case Allow():
            return Action.ALLOW
        case Call():
            return Action.CALL
        case Sign():
            return Action.SIGN
        case Delegate():
            return Action.DELEGATE


@dataclass(frozen=True)
class Core:
    """What never changes between a transfer's versions. Its digest is in every record of it.

    `retry_of`: the transfer that failed or died and that this one repeats, shown to who approves.
    `initiator`: the person or named machine who asked. `source_path`: the paying address's full
    derivation path on account chains; the account's hardened prefix on UTXO chains, where
    `source_address` is None. `effects`: at least one.
    """

    transfer: str
    retry_of: str | None
    client: str
    vault: str
    network: NetworkId
    action: Action
    initiator: str
    source_path: str
    source_address: Address | None
    effects: tuple[Effect, ...]
    requested_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "transfer": self.transfer,
            "retry_of": self.retry_of,
            "client": self.client,
            "vault": self.vault,
            "network": self.network,
            "action": self.action.value,
            "initiator": self.initiator,
            "source_path": self.source_path,
            "source_address": self.source_address,
            "effects": [effect_to_json(effect) for effect in self.effects],
            "requested_at": format_time(self.requested_at),
        }

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_CORE_DOMAIN + canonical_json(self.to_json())).digest()

    @classmethod
    def parse(cls, row: object) -> Core:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _CORE_FIELDS)
        effects = listed(fields["effects"], maximum=EFFECTS_MAX)
        if not effects:
            raise MalformedMessage("effects")
        return cls(
            transfer=identifier(fields["transfer"]),
            retry_of=_optional(identifier, fields["retry_of"]),
            client=identifier(fields["client"]),
            vault=identifier(fields["vault"]),
            network=NetworkId(identifier(fields["network"])),
            action=_enum(Action, fields["action"]),
            initiator=identifier(fields["initiator"]),
            source_path=identifier(fields["source_path"]),
            source_address=_optional(_address, fields["source_address"]),
            effects=tuple(parse_effect(effect) for effect in effects),
            requested_at=parse_time(fields["requested_at"]),
        )


_CORE_FIELDS: Final = frozenset(
    "transfer retry_of client vault network action initiator source_path source_address effects "
    "requested_at".split()
)


@dataclass(frozen=True)
class Mandate:
    """One version of a transfer's terms. `version` counts from 1. `costs_max`: the most that may
    leave the source beside the effects, by asset and kind. `basis`: what approvals rest on, 32
    bytes (`signer.policy.basis`). A rule's lifetime counts from `offered_at`."""

    core: Core
    version: int
    costs_max: Costs
    basis: bytes
    offered_at: datetime
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "format": MANDATE_FORMAT,
            "core": self.core.to_json(),
            "version": self.version,
            "costs_max": costs_to_json(self.costs_max),
            "basis": self.basis.hex(),
            "offered_at": format_time(self.offered_at),
            "expires_at": format_time(self.expires_at),
        }

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 bytes: the document that an approver is shown and signs."""
        return canonical_json(self.to_json())

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_MANDATE_DOMAIN + self.canonical).digest()

    @classmethod
    def parse(cls, row: object) -> Mandate:
        """From decoded JSON. Raises MalformedMessage."""
        if isinstance(row, Mapping) and row.get("format") != MANDATE_FORMAT:
            raise MalformedMessage(f"mandate: not of format {MANDATE_FORMAT}")
        fields = exact_fields(row, _MANDATE_FIELDS)
        version = integer(fields["version"])
        if version < 1:
            raise MalformedMessage("version")
        return cls(
            core=Core.parse(fields["core"]),
            version=version,
            costs_max=parse_costs(fields["costs_max"]),
            basis=octets(fields["basis"], 32),
            offered_at=parse_time(fields["offered_at"]),
            expires_at=parse_time(fields["expires_at"]),
        )


_MANDATE_FIELDS: Final = frozenset(
    "format core version costs_max basis offered_at expires_at".split()
)


def approval_message(mandate_digest: bytes, verdict: Verdict) -> bytes:
    """What an approver's key signs. Approving and rejecting are different bytes."""
    domain = _APPROVAL_DOMAIN if verdict is Verdict.APPROVE else _REJECTION_DOMAIN
    return domain + mandate_digest


@dataclass(frozen=True, slots=True)
class Approval:
    """`approver`: the person's id in the policy document. `signature`: 64 bytes over
    `approval_message(mandate.digest, APPROVE)`."""

    approver: str
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        return {"approver": self.approver, "signature": self.signature.hex()}

    @classmethod
    def parse(cls, row: object) -> Approval:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"approver", "signature"}))
        return cls(identifier(fields["approver"]), octets(fields["signature"], 64))


@dataclass(frozen=True, slots=True)
class Consent:
    """A mandate, and who agreed to exactly it. Nobody, where a standing rule or a cancel asks for
    nobody."""

    mandate: Mandate
    approvals: tuple[Approval, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "mandate": self.mandate.to_json(),
            "approvals": [approval.to_json() for approval in self.approvals],
        }

    @classmethod
    def parse(cls, row: object) -> Consent:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"mandate", "approvals"}))
        approvals = listed(fields["approvals"], maximum=_APPROVALS_MAX)
        return cls(
            Mandate.parse(fields["mandate"]), tuple(Approval.parse(item) for item in approvals)
        )


def set_digest(purpose: Purpose, transfers: Iterable[str]) -> bytes:
    """Names what a transaction is signed for: the purpose and the transfers, in whatever order."""
    return sha256(_SET_DOMAIN + canonical_json([purpose.value, sorted(transfers)])).digest()


def effect_to_json(effect: Effect) -> dict[str, Any]:
    match effect:
        case Pay(address, asset, units, memo):
            return {
                "kind": "pay",
                "address": address,
                "memo": memo,
                "asset": asset,
                "amount": str(units),
            }
        case Allow(spender, asset, most, expires_at):
            return {
                "kind": "allow",
                "spender": spender,
                "asset": asset,
                "amount": None if most is None else str(most),
                "expires_at": None if expires_at is None else format_time(expires_at),
            }
        case Call(contract, function, arguments, value, outcome):
            return {
                "kind": "call",
                "contract": contract,
                "function": function,
                "arguments": [list(pair) for pair in arguments],
                "value": str(value),
                "outcome": list(outcome),
            }
        case Sign(kind, domain, content):
            return {"kind": "sign", "of": kind, "domain": domain, "content": content.hex()}
        case Delegate(account, code, chain, nonce):
            return {
                "kind": "delegate",
                "account": account,
                "code": code,
                "chain": chain,
                "nonce": nonce,
            }


def parse_effect(row: object) -> Effect:
    """From decoded JSON. Raises MalformedMessage, also for a payment of nothing."""
    kind = row.get("kind") if isinstance(row, Mapping) else None
    parse = _EFFECTS.get(kind) if isinstance(kind, str) else None
    if parse is None:
        raise MalformedMessage("effect")
    return parse(row)


def _pay(row: object) -> Pay:
    fields = exact_fields(row, frozenset("kind address memo asset amount".split()))
    return Pay(
        _address(fields["address"]),
        _asset(fields["asset"]),
        _positive(fields["amount"]),
        _optional(identifier, fields["memo"]),
    )


def _allow(row: object) -> Allow:
    fields = exact_fields(row, frozenset("kind spender asset amount expires_at".split()))
    return Allow(
        _address(fields["spender"]),
        _asset(fields["asset"]),
        _optional(amount, fields["amount"]),
        _optional(parse_time, fields["expires_at"]),
    )


def _call(row: object) -> Call:
    fields = exact_fields(row, frozenset("kind contract function arguments value outcome".split()))
    arguments = listed(fields["arguments"], maximum=_ARGUMENTS_MAX)
    outcome = listed(fields["outcome"], maximum=_ARGUMENTS_MAX)
    return Call(
        _address(fields["contract"]),
        identifier(fields["function"]),
        tuple(_argument(pair) for pair in arguments),
        amount(fields["value"]),
        tuple(text(bound, maximum=4096) for bound in outcome),
    )


def _argument(row: object) -> tuple[str, str]:
    pair = listed(row, maximum=2)
    if len(pair) != 2:
        raise MalformedMessage("argument")
    return identifier(pair[0]), text(pair[1], maximum=4096)


def _sign(row: object) -> Sign:
    fields = exact_fields(row, frozenset("kind of domain content".split()))
    content = octets(fields["content"])
    if len(content) > _CONTENT_BYTES_MAX:
        raise MalformedMessage("content")
    return Sign(identifier(fields["of"]), identifier(fields["domain"]), content)


def _delegate(row: object) -> Delegate:
    fields = exact_fields(row, frozenset("kind account code chain nonce".split()))
    return Delegate(
        _address(fields["account"]),
        _address(fields["code"]),
        _optional(identifier, fields["chain"]),
        _optional(integer, fields["nonce"]),
    )


_EFFECTS: Final[Mapping[str, Callable[[object], Effect]]] = {
    "pay": _pay,
    "allow": _allow,
    "call": _call,
    "sign": _sign,
    "delegate": _delegate,
}


def costs_to_json(costs: Costs) -> list[dict[str, str]]:
    """Sorted; a kind of which nothing may be paid is not named."""
    return [
        {"asset": asset, "kind": kind.value, "amount": str(units)}
        for (asset, kind), units in sorted(costs.items())
        if units
    ]


def parse_costs(value: object) -> Costs:
    """The inverse of `costs_to_json`. Raises MalformedMessage, also for another order."""
    costs: dict[tuple[AssetId, CostKind], int] = {}
    for row in listed(value, maximum=COSTS_MAX):
        fields = exact_fields(row, frozenset({"asset", "kind", "amount"}))
        costs[_asset(fields["asset"]), _enum(CostKind, fields["kind"])] = amount(fields["amount"])
    if costs_to_json(costs) != value:
        raise MalformedMessage("costs")
    return costs


def _positive(value: object) -> int:
    units = amount(value)
    if units == 0:
        raise MalformedMessage("a payment of nothing")
    return units


def _address(value: object) -> Address:
    return Address(identifier(value))


def _asset(value: object) -> AssetId:
    return AssetId(identifier(value))


def _optional(parse: Callable[[object], T], value: object) -> T | None:
    return None if value is None else parse(value)


def _enum(kind: type[_E], value: object) -> _E:
    try:
        return kind(text(value))
    except ValueError as error:
        raise MalformedMessage(kind.__name__) from error
