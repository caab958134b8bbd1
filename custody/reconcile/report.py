"""What a reconciliation found: for the command line, the API and the demo. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chains.model import AssetId, NetworkId
from custody.ledger.model import Fault


class Verdict(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"
    """The question could not be asked fairly now (`reason`); ask again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One vault, one asset, base units. `ledger`: what the books say must be on the chain at
    `height`. `chain`: what the node says is there, None if it didn't."""

    vault: str
    network: NetworkId
    asset: AssetId
    height: int | None
    ledger: int | None
    chain: int | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]
    entries: int
    """How many ledger entries were added up."""
    made_at: datetime

    @property
    def differences(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.verdict is Verdict.DIFFERENT)

    @property
    def inconclusive(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.verdict is Verdict.INCONCLUSIVE)

    @property
    def is_clean(self) -> bool:
        """Everything was compared, and everything is equal."""
        return not (self.faults or self.differences or self.inconclusive)
