"""What people, or a standing rule, agree to: the core, the mandate, and consent to it.

A transfer has one **core**, which never changes, and one **mandate** for each version of its terms:
the core, the most that it may cost, what approvals rest on, and how long it is offered. Approvers
sign the mandate's digest. The same bytes are what an approver is shown, what custody stores and
what the signer hashes: RFC 8785 JSON. A parser here refuses unknown fields, missing fields and
non-canonical values (MalformedMessage).

Public. Knows no key, no policy and no chain code beyond the value types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Final

from chains import outcomes
from chains.contracts.described import TEXT_MAX
from chains.costs import CostKind, Costs
from chains.effects import Allow, Call, Delegate, Effect, Pay, Sign
from chains.errors import MalformedOutcome
from signer.canonical import MalformedMessage, canonical_json, text
from signer.reading import (
    ID,
    Account,
    Form,
    Hash,
    Identifier,
    Many,
    Message,
    Network,
    Prose,
    Signed,
    Units,
    form_of,
    hex_of,
    many,
    object_of,
    one_of,
    optional,
    pair,
    tagged,
)

MANDATE_FORMAT: Final = 2
EFFECTS_MAX: Final = 1024
COSTS_MAX: Final = 64
CONSENTS_MAX: Final = 64
"""Transfers that one transaction may carry."""
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
    """What a transaction is for: to do what transfers want, or to keep that from being done. Or
    what is signed is a message, and no transaction."""

    PAY = "pay"
    CANCEL = "cancel"
    MESSAGE = "message"


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


_UNITS: Final = form_of(Units)
_PROSE: Final = form_of(Prose)
_ARGUMENT: Final = Form(lambda said: said if said == "" else text(said, maximum=TEXT_MAX), str)
_EFFECTS: Final[Mapping[str, tuple[type, Mapping[str, Form]]]] = {
    "pay": (Pay, {"address": ID, "memo": optional(ID), "asset": ID, "amount": _UNITS}),
    "allow": (
        Allow,
        {
            "spender": ID,
            "asset": ID,
            "amount": optional(_UNITS),
            "expires_at": optional(form_of(datetime)),
        },
    ),
    "call": (
        Call,
        {
            "contract": ID,
            "function": ID,
            "arguments": many(pair(ID, _ARGUMENT, lambda *both: both), _ARGUMENTS_MAX),
            "value": _UNITS,
            "outcome": many(_PROSE, _ARGUMENTS_MAX),
            "moves": many(pair(ID, _UNITS, lambda *both: both), _ARGUMENTS_MAX),
        },
    ),
    "sign": (Sign, {"kind": ID, "domain": ID, "content": hex_of(most=_CONTENT_BYTES_MAX)}),
    "delegate": (
        Delegate,
        {"account": ID, "code": ID, "chain": optional(ID), "nonce": optional(form_of(int))},
    ),
}
_EFFECT: Final = tagged(
    "kind",
    {
        word: (kind, object_of(kind, forms, {"kind": word}, {"kind": "of"}))
        for word, (kind, forms) in _EFFECTS.items()
    },
)


def effect_to_json(effect: Effect) -> dict[str, Any]:
    written: dict[str, Any] = _EFFECT.write(effect)
    return written


def parse_effect(row: object) -> Effect:
    """From decoded JSON. Raises MalformedMessage, also for a payment of nothing, and for a call
    whose bounds are not in their one form."""
    effect: Effect = _EFFECT.read(row)
    _check_payment(effect)
    if isinstance(effect, Call):
        _check_bounds(effect)
    return effect


def _check_payment(effect: Effect) -> None:
    if isinstance(effect, Pay) and effect.amount == 0:
        raise MalformedMessage("a payment of nothing")


def _check_bounds(call: Call) -> None:
    try:
        outcomes.read(call.outcome)
    except MalformedOutcome as error:
        raise MalformedMessage("outcome") from error


_COST: Final = object_of(
    lambda **said: tuple(said.values()), {"asset": ID, "kind": one_of(CostKind), "amount": _UNITS}
)


def costs_to_json(costs: Costs) -> list[dict[str, str]]:
    """Sorted; a kind of which nothing may be paid is not named."""
    return [
        {"asset": asset, "kind": kind.value, "amount": str(units)}
        for (asset, kind), units in sorted(costs.items())
        if units
    ]


def parse_costs(value: object) -> Costs:
    """The inverse of `costs_to_json`. Raises MalformedMessage, also for another order."""
    rows = many(_COST, COSTS_MAX).read(value)
    costs: Costs = {(asset, kind): units for asset, kind, units in rows}
    if costs_to_json(costs) != value:
        raise MalformedMessage("costs")
    return costs


@dataclass(frozen=True)
class Core(Message):
    """What never changes between a transfer's versions. Its digest is in every record of it.

    `retry_of`: the transfer that failed or died and that this one repeats, shown to who approves.
    `initiator`: the person or named machine who asked. `source_path`: the paying address's full
    derivation path on account chains; the account's hardened prefix on UTXO chains, where
    `source_address` is None. `effects`: at least one.
    """

    transfer: Identifier
    retry_of: Identifier | None
    client: Identifier
    vault: Identifier
    network: Network
    action: Action
    initiator: Identifier
    source_path: Identifier
    source_address: Account | None
    effects: Annotated[
        tuple[Effect, ...], Many(EFFECTS_MAX, least=1, each=Form(parse_effect, effect_to_json))
    ]
    requested_at: datetime

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_CORE_DOMAIN + canonical_json(self.to_json())).digest()


@dataclass(frozen=True)
class Mandate(Message):
    """One version of a transfer's terms. `version` counts from 1. `costs_max`: the most that may
    leave the source beside the effects, by asset and kind. `basis`: what approvals rest on, 32
    bytes (`signer.policy.basis`). A rule's lifetime counts from `offered_at`."""

    CONSTANTS = {"format": MANDATE_FORMAT}  # noqa: RUF012 - read alone

    core: Core
    version: int
    costs_max: Annotated[Costs, Form(parse_costs, costs_to_json)]
    basis: Hash
    offered_at: datetime
    expires_at: datetime

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """`to_json`, written once: what is hashed, measured and recorded is the same object."""
        return self.to_json()

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 bytes: the document that an approver is shown and signs."""
        return canonical_json(self.document)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_MANDATE_DOMAIN + self.canonical).digest()

    def check(self) -> None:
        if self.version < 1:
            raise MalformedMessage("version")


def approval_message(mandate_digest: bytes, verdict: Verdict) -> bytes:
    """What an approver's key signs. Approving and rejecting are different bytes."""
    domain = _APPROVAL_DOMAIN if verdict is Verdict.APPROVE else _REJECTION_DOMAIN
    return domain + mandate_digest


@dataclass(frozen=True, slots=True)
class Approval(Message):
    """`approver`: the person's id in the policy document. `signature`: 64 bytes over
    `approval_message(mandate.digest, APPROVE)`."""

    approver: Identifier
    signature: Signed


@dataclass(frozen=True, slots=True)
class Consent(Message):
    """A mandate, and who agreed to exactly it. Nobody, where a standing rule or a cancel asks for
    nobody."""

    mandate: Mandate
    approvals: Annotated[tuple[Approval, ...], Many(_APPROVALS_MAX)] = ()


def set_digest(purpose: Purpose, transfers: Iterable[str]) -> bytes:
    """Names what a transaction is signed for: the purpose and the transfers, in whatever order."""
    return sha256(_SET_DOMAIN + canonical_json([purpose.value, sorted(transfers)])).digest()
