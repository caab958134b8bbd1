"""What contracts of tokens on the small chain do, honest ones and others.

A payment is what its contract logs. One that moves nothing of what it was told to has not been
made, though its transaction did not fail, as the real adapters judge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from chains.errors import BalanceFrozen, BuildError, PayeeFrozen, TokenPaused
from chains.model import Address, AssetId

COLLECTOR: Final = Address("collector")
"""Who gets what a contract keeps: nobody of ours."""
_WHOLE: Final = 10_000


class Mode(StrEnum):
    PAYS = "pays"
    DOES_NOTHING = "does nothing"
    """It returns false, and moves and logs nothing."""
    DIVERTS = "diverts"
    """The payer loses it, and somebody else gets it."""


class Log(NamedTuple):
    payer: str
    payee: str
    asset: AssetId
    units: int


@dataclass
class Contract:
    """`fee`: what it keeps of a payment, in hundredths of a percent, rounded down. `frozen`: who
    can neither pay nor be paid."""

    mode: Mode = Mode.PAYS
    fee: int = 0
    is_paused: bool = False
    frozen: set[str] = field(default_factory=set)

    def refusal(self, payer: str, payee: str) -> type[BuildError] | None:
        """As which error an adapter says beforehand that a payment would revert."""
        if payer in self.frozen:
            return BalanceFrozen
        if payee in self.frozen:
            return PayeeFrozen
        return TokenPaused if self.is_paused else None

    def moves(self, payer: str, payee: str, asset: AssetId, units: int) -> tuple[Log, ...] | None:
        """What a payment does and logs, in that order; None: it reverts."""
        if self.refusal(payer, payee) is not None:
            return None
        if self.mode is Mode.DOES_NOTHING:
            return ()
        if self.mode is Mode.DIVERTS:
            return (Log(payer, COLLECTOR, asset, units),)
        kept = units * self.fee // _WHOLE
        taken = (Log(payer, COLLECTOR, asset, kept),) if kept else ()
        return (*taken, Log(payer, payee, asset, units - kept))

    def heal(self) -> None:
        self.mode, self.fee, self.is_paused = Mode.PAYS, 0, False
        self.frozen.clear()


HONEST: Final = Contract()


def contract_of(contracts: Mapping[AssetId, Contract], asset: AssetId) -> Contract:
    return contracts.get(asset, HONEST)
