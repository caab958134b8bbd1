"""The life of a transfer, as one table. What is not in the table cannot happen.

    requested -> [awaiting_approval] -> approved <-> in_flight -> final
         \\-> denied   \\-> rejected/expired/cancelled     \\-> failed/cancelled/denied/expired

A transfer is in flight from the moment its transaction's bytes are stored, because the signer may
see them from then on. Then no person and no clock of ours moves it, only what its transactions say
(`settlement.settle`). `return` leads back to `approved`, and only when the signer has said of each
of its transactions that it did not sign it. `recover` leads from wherever custody believes that
nothing was signed to the bytes that were, and `revive` from a failure that the chain proved wrong.

Pure: no clock, no database, no chain, no bytes. `advance` says what should happen; `apply` makes
it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from custody.errors import IllegalTransition


class State(StrEnum):
    REQUESTED = "requested"
    """Only within the transaction that creates it."""
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    IN_FLIGHT = "in_flight"
    """The signer may have seen it, or the chain may have it: see its transactions."""
    FINAL = "final"
    DENIED = "denied"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """By a person before it was signed, or by a transaction that took the place of the payment."""
    FAILED = "failed"
    """Nobody was paid and nobody will be. Its costs may be spent: it failed in a final block."""


class Event(StrEnum):
    """What can happen."""

    DENY = "deny"
    """The policy says no before anything was reserved."""
    ASK = "ask"
    """The policy wants people to agree first."""
    ACCEPT = "accept"
    """Nothing more is needed before signing: a standing rule allows it, or people have agreed."""
    REJECT = "reject"
    """An approver says no."""
    CANCEL = "cancel"
    EXPIRE = "expire"
    """Our clock passed the mandate's expiry and the signer has seen nothing yet."""
    VOID = "void"
    """What was agreed rests on a policy that is not in force any more."""
    GIVE_UP = "give_up"
    """No transaction for it can ever be built."""
    LAUNCH = "launch"
    """Unsigned bytes are being stored; the signer may see them from now on."""
    RETURN = "return"
    """The signer has signed none of its transactions: another may be built later."""
    REFUSE = "refuse"
    """The signer says never, and has signed nothing for this transfer."""
    LAPSE = "lapse"
    """The signer says that the mandate has expired, and has signed nothing for it."""
    LAND = "land"
    """A transaction that pays it is final."""
    UNDO = "undo"
    """A transaction that takes the payment's place is final."""
    FAIL = "fail"
    """Its transaction failed in a final block, or none can ever be included any more."""
    RECOVER = "recover"
    """The signer's journal says that bytes for it were signed, whatever we believed."""
    UNSETTLE = "unsettle"
    """A person rewound our chain below its block: what was settled is open again."""
    REVIVE = "revive"
    """A transaction that was proven dead is in a block after all."""


class Effect(StrEnum):
    """What is to be done in the transaction that stores the new state."""

    SIGN = "sign"
    """Have it built and signed by a worker."""
    ABANDON = "abandon"
    """Transactions that were only claimed for it are given up."""
    VOID = "void"
    """Nothing left: everything reserved comes back."""
    SETTLE_COSTS = "settle_costs"
    """Nobody is paid: what its transaction cost is gone, everything else comes back."""
    SETTLE = "settle"
    """It is paid, and what that cost is gone."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The part of a transfer that its life depends on. `version` counts the transitions."""

    id: str
    state: State = State.REQUESTED
    version: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    to: State
    effects: tuple[Effect, ...] = ()


_ACCEPT = _Rule(State.APPROVED, (Effect.SIGN,))
_END = (Effect.ABANDON, Effect.VOID)
_RECOVER: Mapping[Event, _Rule] = {Event.RECOVER: _Rule(State.IN_FLIGHT, (Effect.SIGN,))}
_WAITING: Mapping[Event, _Rule] = {
    Event.REJECT: _Rule(State.REJECTED, _END),
    Event.CANCEL: _Rule(State.CANCELLED, _END),
    Event.EXPIRE: _Rule(State.EXPIRED, _END),
    Event.VOID: _Rule(State.REJECTED, _END),
    **_RECOVER,
}
# Whoever unsettles or revives holds the money again, in the same transaction.
_UNSETTLE: Mapping[Event, _Rule] = {Event.UNSETTLE: _Rule(State.IN_FLIGHT)}

TABLE: Mapping[State, Mapping[Event, _Rule]] = {
    State.REQUESTED: {
        Event.DENY: _Rule(State.DENIED),
        Event.ASK: _Rule(State.AWAITING_APPROVAL),
        Event.ACCEPT: _ACCEPT,
        **_RECOVER,
    },
    State.AWAITING_APPROVAL: {Event.ACCEPT: _ACCEPT, **_WAITING},
    State.APPROVED: {
        Event.LAUNCH: _Rule(State.IN_FLIGHT),
        Event.GIVE_UP: _Rule(State.DENIED, _END),
        # Another version of its terms is offered.
        Event.ASK: _Rule(State.AWAITING_APPROVAL, (Effect.ABANDON,)),
        **_WAITING,
    },
    State.IN_FLIGHT: {
        Event.RETURN: _Rule(State.APPROVED),
        Event.REFUSE: _Rule(State.DENIED, (Effect.VOID,)),
        Event.LAPSE: _Rule(State.EXPIRED, (Effect.VOID,)),
        Event.LAND: _Rule(State.FINAL, (Effect.SETTLE,)),
        Event.UNDO: _Rule(State.CANCELLED, (Effect.SETTLE_COSTS,)),
        Event.FAIL: _Rule(State.FAILED, (Effect.SETTLE_COSTS,)),
        **_RECOVER,
    },
    State.FINAL: _UNSETTLE,
    State.FAILED: {Event.REVIVE: _Rule(State.IN_FLIGHT), **_UNSETTLE},
    # Custody believes that nothing was signed for these. A restored database may believe that
    # wrongly.
    State.DENIED: _RECOVER,
    State.REJECTED: _RECOVER,
    State.EXPIRED: _RECOVER,
    State.CANCELLED: {**_RECOVER, **_UNSETTLE},
}

WAITING = (State.AWAITING_APPROVAL, State.APPROVED)
"""For people, or for us."""
NEVER_SIGNED = frozenset({State.DENIED, State.REJECTED, State.EXPIRED, State.CANCELLED})
"""Custody believes that nothing was signed for these, or that a cancel undid what was."""
REPEATABLE = NEVER_SIGNED | {State.FAILED}
"""Ends after which the same payment may be asked for again, as a retry of this one."""
TERMINAL = REPEATABLE | {State.FINAL}


def can(transfer: Transfer, event: Event) -> bool:
    """Whether the table has a rule for `event` here."""
    return event in TABLE[transfer.state]


def advance(
    transfer: Transfer, event: Event, reason: str | None = None
) -> tuple[Transfer, tuple[Effect, ...]]:
    """The transfer after `event`, and what must happen in the same transaction. `reason`: why, for
    people; it stands until the next change.

    Raises IllegalTransition where the table has no rule.
    """
    rule = TABLE[transfer.state].get(event)
    if rule is None:
        raise IllegalTransition(f"{event} on {transfer.id} in state {transfer.state}")
    after = replace(transfer, state=rule.to, version=transfer.version + 1, reason=reason)
    return after, rule.effects
