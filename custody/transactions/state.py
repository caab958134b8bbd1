"""The life of a transaction, as one table. What is not in the table cannot happen.

    claimed -> built -> signed -> broadcast -> included -> final | reverted
        \\-> abandoned  \\-> abandoned   \\-> dead
    claimed -> built -> final     a message

Only the signer's word moves what is built. After `signed` nothing is ever built again in its
place without a key that both take: what is signed is broadcast byte for byte until it is final or
proven dead, which means: never in a block, so never charged. Dead and in a block after all is an
alarm, and so is a signature for bytes that were refused once; neither is ever silent.

Pure: no clock, no database, no chain. `advance` says what should happen; `apply` makes it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from chains.costs import Costs
from chains.model import BlockRef, TxId
from custody.errors import IllegalTransition
from signer.agreement import Purpose


class State(StrEnum):
    CLAIMED = "claimed"
    """What it will take for itself is ours; there are no bytes yet."""
    BUILT = "built"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    INCLUDED = "included"
    """In a block that a reorg may still remove. `reason` is set if the chain says it failed."""
    FINAL = "final"
    REVERTED = "reverted"
    """Finally in a block, its costs paid, its effects not done."""
    DEAD = "dead"
    """Proven never to be in a block: nothing left, not even a fee."""
    ABANDONED = "abandoned"
    """Never signed, as far as the signer says."""


ON_CHAIN = (State.SIGNED, State.BROADCAST, State.INCLUDED)
"""May be in a block without our knowing: looked at with every new block."""
REPLACEABLE = (State.SIGNED, State.BROADCAST)
"""In no block that we know of, and another one may still be there before it."""
OPEN = (State.CLAIMED, State.BUILT, *ON_CHAIN)
"""May still be included."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The part of a transaction that its life depends on. `built`: there are bytes, which will
    never be others. `costs`: what it cost by kind; `held`: what of the source's money moved to
    accounts that stay ours; `returned`: what came back out of accounts that were closed; known
    while it is in a block. `version` counts the transitions."""

    id: str
    purpose: Purpose = Purpose.PAY
    state: State = State.CLAIMED
    version: int = 0
    built: bool = False
    txid: TxId | None = None
    block: BlockRef | None = None
    costs: Costs | None = None
    held: Costs | None = None
    returned: Costs | None = None
    reason: str | None = None


# What can happen. The class names the event, its fields carry what the event brings.


@dataclass(frozen=True, slots=True)
class Claim:
    """What was given up before there were bytes is tried again."""


@dataclass(frozen=True, slots=True)
class Build:
    """Unsigned bytes are being stored; the signer may see them from now on."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """It can't be built with what was claimed, or what it was for has ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The signer says that it has not signed these bytes."""

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
    costs: Costs
    held: Costs
    failure: str | None = None
    returned: Costs | None = None


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
class Die:
    """Proven from final blocks: it can never be included any more, neither well nor badly."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsettle:
    """A person rewound our chain below its block."""


Event = (
    Claim
    | Build
    | Abandon
    | Refuse
    | Sign
    | Publish
    | Include
    | Disconnect
    | Finalize
    | Revert
    | Die
    | Unsettle
)


class Effect(StrEnum):
    """What is to be done in the transaction that stores the new state."""

    BROADCAST = "broadcast"
    """Have it sent by a worker."""
    CLAIM = "claim"
    """Take the keys of the bytes again, as far as they are free."""
    RELEASE = "release"
    """It takes nothing any more, or has taken it for good."""
    ALARM = "alarm"
    """Freeze the vault and call a person: what was proven has not come true."""


@dataclass(frozen=True, slots=True)
class _Rule:
    to: State
    effects: tuple[Effect, ...] = ()


_INCLUDE: Mapping[type[Event], _Rule] = {Include: _Rule(State.INCLUDED)}
_DIE: Mapping[type[Event], _Rule] = {Die: _Rule(State.DEAD, (Effect.RELEASE,))}
_ABANDONED = _Rule(State.ABANDONED, (Effect.RELEASE,))
_UNSETTLE = _Rule(State.BROADCAST, (Effect.CLAIM, Effect.BROADCAST))

TABLE: Mapping[State, Mapping[type[Event], _Rule]] = {
    State.CLAIMED: {Build: _Rule(State.BUILT), Abandon: _ABANDONED},
    State.BUILT: {
        # A claim kept would make others wait behind it: a nonce gap as long as a time lock.
        Refuse: _ABANDONED,
        Sign: _Rule(State.SIGNED, (Effect.BROADCAST,)),
    },
    # A broadcast whose reply was lost is found in a block before it is ever "broadcast".
    State.SIGNED: {Publish: _Rule(State.BROADCAST), **_INCLUDE, **_DIE},
    State.BROADCAST: {**_INCLUDE, **_DIE},
    State.INCLUDED: {
        **_INCLUDE,
        Disconnect: _Rule(State.BROADCAST, (Effect.BROADCAST,)),
        Finalize: _Rule(State.FINAL, (Effect.RELEASE,)),
        Revert: _Rule(State.REVERTED, (Effect.RELEASE,)),
    },
    State.FINAL: {Unsettle: _UNSETTLE},
    State.REVERTED: {Unsettle: _UNSETTLE},
    State.DEAD: {Include: _Rule(State.INCLUDED, (Effect.CLAIM, Effect.ALARM))},
    State.ABANDONED: {
        Claim: _Rule(State.CLAIMED),
        Sign: _Rule(State.SIGNED, (Effect.CLAIM, Effect.BROADCAST)),
    },
}


_SAID = _Rule(State.FINAL, (Effect.RELEASE,))
"""A message that is signed: no node is told, no block has it, nothing undoes it."""


def can(transaction: Transaction, event: type[Event]) -> bool:
    """Whether the table has a rule for `event` here."""
    if event not in TABLE[transaction.state]:
        return False
    return transaction.built != (event is Claim) if transaction.state is State.ABANDONED else True


def advance(transaction: Transaction, event: Event) -> tuple[Transaction, tuple[Effect, ...]]:
    """The transaction after `event`, and what must happen in the same transaction of the database.

    Raises IllegalTransition where the table has no rule.
    """
    if not can(transaction, type(event)):
        raise IllegalTransition(
            f"{type(event).__name__} on {transaction.id} in state {transaction.state}"
        )
    rule = TABLE[transaction.state][type(event)]
    if transaction.purpose is Purpose.MESSAGE and isinstance(event, Sign):
        rule = _SAID
    if isinstance(event, Finalize | Revert):
        _check_outcome(transaction, failed=isinstance(event, Revert))
    after = replace(_absorb(transaction, event), state=rule.to, version=transaction.version + 1)
    return after, rule.effects


def _absorb(transaction: Transaction, event: Event) -> Transaction:
    """What the event brings, taken over; the state is the table's affair."""
    match event:
        case Abandon(reason) | Refuse(reason) | Die(reason):
            return replace(transaction, reason=reason)
        case Claim() | Build():
            return replace(transaction, built=isinstance(event, Build), reason=None)
        case Sign(txid):
            return replace(transaction, txid=txid, reason=None)
        case Include(block, costs, held, failure, returned):
            known = replace(transaction, block=block, costs=costs, held=held, reason=failure)
            return replace(known, returned=returned)
        case Disconnect() | Unsettle():
            unknown = replace(transaction, block=None, costs=None, held=None, reason=None)
            return replace(unknown, returned=None)
        case _:
            return transaction


def _check_outcome(transaction: Transaction, *, failed: bool) -> None:
    """Settling a failed payment, or returning a successful one, would each lose its amount."""
    if transaction.block is None or (transaction.reason is not None) != failed:
        raise IllegalTransition(f"outcome of {transaction.id} in state {transaction.state}")
