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


STAYING: Final = frozenset({Kind.SWEEP, Kind.CONSOLIDATION, Kind.SPLITTING})


def empties(kind: str) -> bool:
    """Whether its transaction leaves nothing where it pays from."""
    return kind in (Kind.EMPTYING, Kind.SWEEP)


def stays(kind: str) -> bool:
    """Whether what it pays stays the vault's: then it is nobody's deposit."""
    return kind in STAYING


def coins_first(kind: str) -> CoinsFirst | None:
    """Which coins it spends, where it is about these and not about whom it pays."""
    return {
        Kind.CONSOLIDATION: CoinsFirst.SMALLEST,
        Kind.SPLITTING: CoinsFirst.LARGEST,
    }.get(Kind(kind))
