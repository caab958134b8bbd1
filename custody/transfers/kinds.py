"""What a transfer is, beside who gets how much: decided when it is asked for, and never changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from chains.transaction import CoinsFirst


class Kind(StrEnum):
    PAYMENT = "payment"
    EMPTYING = "emptying"
    """Pays all that the vault could pay when it was asked for, less what that costs."""
    SWEEP = "sweep"
    """Brings all that lies on one of the vault's later addresses to the one that pays."""
    CONSOLIDATION = "consolidation"
    """Makes one coin of the vault's smallest ones."""
    SPLITTING = "splitting"
    """Makes several coins of the vault's largest one."""
    GAS = "gas"
    """Brings an address of ours the coins that a token payment costs."""
    GAS_CHARGED = "gas_charged"
    """The same, and whose address it is owes it to who paid."""
    CHILD = "child"
    """Brings a coin that is in no block yet to the vault, and pays for its parent too."""
    CALL = "call"
    """Has a contract do what was agreed to, in the words of its mandate."""
    CALL_CHARGED = "call_charged"
    """The same, a payment that another vault signed apart, which owes what bringing it cost."""
    MESSAGE = "message"
    """Has an address sign something that is no transaction: it is final when it is signed."""
    ALLOWANCE = "allowance"
    """Lets somebody take of a token later, so much and no more; of nothing, it takes that back."""


STAYING: Final = frozenset({Kind.SWEEP, Kind.CONSOLIDATION, Kind.SPLITTING, Kind.CHILD})
TOPPING_UP: Final = frozenset({Kind.GAS, Kind.GAS_CHARGED})


def tells(kind: str) -> bool:
    """Whether a contract is told something, and nobody is paid."""
    return kind in (Kind.CALL, Kind.CALL_CHARGED, Kind.ALLOWANCE)


def empties(kind: str) -> bool:
    """Whether its transaction leaves nothing where it pays from."""
    return kind in (Kind.EMPTYING, Kind.SWEEP)


def stays(kind: str) -> bool:
    """Whether what it pays stays the vault's: then it is nobody's deposit."""
    return kind in STAYING


def tops_up(kind: str) -> bool:
    """Whether it brings an address of ours coins for fees: that is nobody's deposit either, and its
    own entries give them to the vault."""
    return kind in TOPPING_UP


def calls(kind: str) -> bool:
    """Whether it has a contract do something and pays nobody itself."""
    return kind in (Kind.CALL, Kind.CALL_CHARGED)


def coins_first(kind: str) -> CoinsFirst | None:
    """Which coins it spends, where it is about these and not about whom it pays."""
    return {
        Kind.CONSOLIDATION: CoinsFirst.SMALLEST,
        Kind.SPLITTING: CoinsFirst.LARGEST,
        Kind.CHILD: CoinsFirst.SMALLEST,  # it has one
    }.get(Kind(kind))
