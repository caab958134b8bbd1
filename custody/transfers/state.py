"""The life of a transfer, as one table. What is not in the table cannot happen.

    requested -> [awaiting_approval] -> queued -> signed -> broadcast -> included -> final
         \\-> denied   \\-> rejected/expired/cancelled   \\-> dropped   \\-> reverted

A queued transfer is *built* while unsigned bytes are stored that the signer may see or have seen:
then only the signer's word moves it, never a person or our clock. If that word is "not now, and I
signed nothing", it is unbuilt again, so that a time lock can be waited out and cancelled in.
After `signed` no event leads to a state in which a transaction could be built again; what is
signed is broadcast byte for byte until it is final or proven dead: never in a block, so never
charged. One that failed in a block is not dead; it ends as `reverted`, with its fee settled.
`recover` leads from wherever custody believes that nothing was signed to the bytes that were.

Pure: no clock, no database, no chain. `advance` says what should happen; `apply` makes it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from chains.model import BlockRef, TxId


class State(StrEnum):
    REQUESTED = "requested"
    """Only within the transaction that creates it."""
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    INCLUDED = "included"
    """In a block that a reorg may still remove. `reason` is set if the chain says it failed."""
    FINAL = "final"
    DENIED = "denied"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DROPPED = "dropped"
    """Proven never to be in a block: nothing left, not even a fee."""
    REVERTED = "reverted"
    """Finally in a block, the fee spent, the payments not made."""


TERMINAL = frozenset(
    {
        State.FINAL,
        State.DENIED,
        State.REJECTED,
        State.EXPIRED,
        State.CANCELLED,
        State.DROPPED,
        State.REVERTED,
    }
)
NEVER_SIGNED = frozenset({State.DENIED, State.REJECTED, State.EXPIRED, State.CANCELLED})
"""Ends that took nothing out of any window."""
ON_CHAIN = (State.SIGNED, State.BROADCAST, State.INCLUDED)
"""May be in a block without our knowing: looked at with every new block."""


class IllegalTransition(AssertionError):
    """A programmer's error: the caller did not look at the state it holds a lock on."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The part of a transfer that its life depends on. `fee` and `locked` are native base units,
    known from inclusion on; `version` counts the transitions."""

    id: str
    state: State = State.REQUESTED
    version: int = 0
    built: bool = False
    txid: TxId | None = None
    block: BlockRef | None = None
    fee: int | None = None
    locked: int | None = None
    reason: str | None = None


# What can happen. The class names the event, its fields carry what the event brings.


@dataclass(frozen=True, slots=True)
class Deny:
    """The policy says no before anything was reserved."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskApprovals:
    """The policy wants people to agree first."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Nothing more is needed before signing: a standing rule allows it, or people have agreed."""


@dataclass(frozen=True, slots=True)
class Reject:
    """An approver says no."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    reason: str


@dataclass(frozen=True, slots=True)
class Expire:
    """Our clock passed the mandate's expiry and the signer has seen nothing yet."""


@dataclass(frozen=True, slots=True)
class Build:
    """Unsigned bytes are being stored; the signer may see them from now on."""


@dataclass(frozen=True, slots=True)
class Postpone:
    """The signer says not now, and has signed nothing: other bytes may be built later."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No transaction for it can ever be built."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The signer says never, and has signed nothing for this mandate."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lapse:
    """The signer says that the mandate has expired, and has signed nothing for it."""


@dataclass(frozen=True, slots=True)
class Recover:
    """The signer's journal says that bytes for it were signed, whatever we believed: they are being
    stored, to ask for the signature again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sign:
    """Signed bytes are being stored."""

    txid: TxId


@dataclass(frozen=True, slots=True)
class Publish:
    """A node took the bytes or knew them already."""


@dataclass(frozen=True, slots=True)
class Include:
    """It is in a block of the best chain. `failure`: the chain's word if it did nothing."""

    block: BlockRef
    fee: int
    locked: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A reorg removed its block."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """Its block is final and it did what it should."""


@dataclass(frozen=True, slots=True)
class Revert:
    """Its block is final and it failed there."""


@dataclass(frozen=True, slots=True)
class Unsettle:
    """A person rewound our chain below its block: what was settled is open again."""


@dataclass(frozen=True, slots=True)
class Die:
    """Proven from final blocks: it can never be included any more, neither well nor badly."""

    reason: str


Event = (
    Deny
    | AskApprovals
    | Accept
    | Reject
    | Cancel
    | Expire
    | Build
    | Postpone
    | GiveUp
    | Refuse
    | Lapse
    | Recover
    | Sign
    | Publish
    | Include
    | Disconnect
    | Finalize
    | Revert
    | Unsettle
    | Die
)


# What is to be done, in the transaction that stores the new state.


class Work(StrEnum):
    """What a worker does after commit."""

    SIGN = "sign"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Enqueue:
    work: Work


@dataclass(frozen=True, slots=True)
class Settle:
    """The payment happened: the amount, the fee and what the chain locked up are gone for good."""

    fee: int
    locked: int


@dataclass(frozen=True, slots=True)
class SettleFee:
    """The fee is spent, the payment is not made: the amount comes back."""

    fee: int
    locked: int


@dataclass(frozen=True, slots=True)
class Void:
    """Nothing left: everything reserved comes back."""


@dataclass(frozen=True, slots=True)
class ReleaseClaims:
    """Nonces and coins held for it are free again, or spent for good."""


Effect = Enqueue | Settle | SettleFee | Void | ReleaseClaims


class _Built(StrEnum):
    NO = "not built"
    YES = "built"
    ANY = "either"


@dataclass(frozen=True, slots=True)
class _Rule:
    to: State
    built: _Built = _Built.ANY
    effects: tuple[Effect, ...] = ()


_END = (Void(), ReleaseClaims())
_SIGN = (Enqueue(Work.SIGN),)
_BROADCAST = (Enqueue(Work.BROADCAST),)
_RECOVER: Mapping[type[Event], _Rule] = {Recover: _Rule(State.QUEUED, effects=_SIGN)}

TABLE: Mapping[State, Mapping[type[Event], _Rule]] = {
    State.REQUESTED: {
        Deny: _Rule(State.DENIED),
        AskApprovals: _Rule(State.AWAITING_APPROVAL),
        Accept: _Rule(State.QUEUED, effects=_SIGN),
        **_RECOVER,
    },
    State.AWAITING_APPROVAL: {
        Accept: _Rule(State.QUEUED, effects=_SIGN),
        Reject: _Rule(State.REJECTED, effects=_END),
        Cancel: _Rule(State.CANCELLED, effects=_END),
        Expire: _Rule(State.EXPIRED, effects=_END),
        **_RECOVER,
    },
    State.QUEUED: {
        Reject: _Rule(State.REJECTED, _Built.NO, _END),
        Cancel: _Rule(State.CANCELLED, _Built.NO, _END),
        Expire: _Rule(State.EXPIRED, _Built.NO, _END),
        GiveUp: _Rule(State.DENIED, _Built.NO, _END),
        Build: _Rule(State.QUEUED, _Built.NO),
        # A claim kept would make others wait behind it: a nonce gap as long as a time lock.
        Postpone: _Rule(State.QUEUED, _Built.YES, (ReleaseClaims(),)),
        Refuse: _Rule(State.DENIED, _Built.YES, _END),
        Lapse: _Rule(State.EXPIRED, _Built.YES, _END),
        Sign: _Rule(State.SIGNED, _Built.YES, _BROADCAST),
        **_RECOVER,
    },
    State.SIGNED: {
        Publish: _Rule(State.BROADCAST),
        # A broadcast whose reply was lost is found in a block before it is ever "broadcast".
        Include: _Rule(State.INCLUDED),
        Die: _Rule(State.DROPPED, effects=_END),
    },
    State.BROADCAST: {
        Include: _Rule(State.INCLUDED),
        Die: _Rule(State.DROPPED, effects=_END),
    },
    State.INCLUDED: {
        Include: _Rule(State.INCLUDED),
        Disconnect: _Rule(State.BROADCAST, effects=_BROADCAST),
        # Settle and SettleFee need the inclusion's figures: `advance` puts them in.
        Finalize: _Rule(State.FINAL, effects=(ReleaseClaims(),)),
        Revert: _Rule(State.REVERTED, effects=(ReleaseClaims(),)),
    },
    **{state: {} for state in TERMINAL},
    # Whoever makes these holds the money again, in the same transaction (`custody.rewind`).
    State.FINAL: {Unsettle: _Rule(State.BROADCAST, effects=_BROADCAST)},
    State.REVERTED: {Unsettle: _Rule(State.BROADCAST, effects=_BROADCAST)},
    # Ends of transfers of which custody believes that nothing was signed. A restored database may
    # believe that wrongly.
    **dict.fromkeys(NEVER_SIGNED, _RECOVER),
}


def can(transfer: Transfer, event: type[Event]) -> bool:
    """Whether the table has a rule for `event` here."""
    rule = TABLE[transfer.state].get(event)
    return rule is not None and _fits(rule, transfer)


def advance(transfer: Transfer, event: Event) -> tuple[Transfer, tuple[Effect, ...]]:
    """The transfer after `event`, and what must happen in the same transaction.

    Raises IllegalTransition where the table has no rule.
    """
    if not can(transfer, type(event)):
        raise IllegalTransition(f"{type(event).__name__} on {_describe(transfer)}")
    rule = TABLE[transfer.state][type(event)]
    after = replace(_absorb(transfer, event), state=rule.to, version=transfer.version + 1)
    return after, _settlement(transfer, event) + rule.effects


def _fits(rule: _Rule, transfer: Transfer) -> bool:
    return rule.built is _Built.ANY or (rule.built is _Built.YES) == transfer.built


def _absorb(transfer: Transfer, event: Event) -> Transfer:
    """What the event brings, taken over; the state is the table's affair."""
    match event:
        case Deny(reason) | Reject(reason) | Cancel(reason) | Refuse(reason):
            return replace(transfer, reason=reason)
        case GiveUp(reason) | Die(reason):
            return replace(transfer, reason=reason)
        case Build() | Postpone():
            return replace(transfer, built=isinstance(event, Build))
        case Recover():
            return replace(transfer, built=True, reason=None)
        case Sign(txid):
            return replace(transfer, txid=txid)
        case Include(block, fee, locked, failure):
            return replace(transfer, block=block, fee=fee, locked=locked, reason=failure)
        case Disconnect() | Unsettle():
            return replace(transfer, block=None, fee=None, locked=None, reason=None)
        case _:
            return transfer


def _settlement(transfer: Transfer, event: Event) -> tuple[Effect, ...]:
    match event:
        case Finalize():
            _check_outcome(transfer, failed=False)
            return (Settle(transfer.fee or 0, transfer.locked or 0),)
        case Revert():
            _check_outcome(transfer, failed=True)
            return (SettleFee(transfer.fee or 0, transfer.locked or 0),)
        case _:
            return ()


def _check_outcome(transfer: Transfer, *, failed: bool) -> None:
    """Settling a failed payment, or returning a successful one, would each lose its amount."""
    if transfer.block is None or (transfer.reason is not None) != failed:
        raise IllegalTransition(f"outcome of {_describe(transfer)}")


def _describe(transfer: Transfer) -> str:
    built = " (built)" if transfer.built and transfer.state is State.QUEUED else ""
    return f"{transfer.id} in state {transfer.state}{built}"
