"""What a reconciliation found: for the command line, the API and the demo. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chains.model import AssetId, NetworkId
from custody.ledger.model import Fault


class Verdict(StrEnum):
    EQUAL = "equal"
    SHORTAGE = "shortage"
    """Less is on the chain than the ledger says: somebody may have a key. Freezes the vault."""
    SURPLUS = "surplus"
    """More is on the chain than the ledger knows of: anybody can bring that about by paying in a
    way that the node does not show. It never freezes."""
    INCONCLUSIVE = "inconclusive"
    """The question could not be asked fairly now (`reason`); ask again."""


DIFFERENT = (Verdict.SHORTAGE, Verdict.SURPLUS)


def compare(ledger: int, chain: int) -> Verdict:
    """Only sums are known, so a surplus that hides a smaller shortage can't be told apart."""
    if chain == ledger:
        return Verdict.EQUAL
    return Verdict.SURPLUS if chain > ledger else Verdict.SHORTAGE


@dataclass(frozen=True, slots=True)
class Line:
    """One vault, one asset, base units. `ledger`: what the books say must be on the chain at
    `height`. `chain`: what the node says is there, None if it didn't. `owned`: what the books had
    then, whatever of it had left."""

    vault: str
    network: NetworkId
    asset: AssetId
    height: int | None
    ledger: int | None
    chain: int | None
    verdict: Verdict
    reason: str = ""
    owned: int | None = None

    @property
    def surplus(self) -> int:
        """What the chain has beyond the ledger; below 0 for a shortage. 0 if it is not known."""
        return 0 if self.chain is None or self.ledger is None else self.chain - self.ledger


def still_accepted(line: Line, accepted: int) -> int:
    """How much of a shortage that a person accepted counts after this line: what has come back is
    not accepted a second time. Without a verdict nothing changes."""
    if line.verdict is Verdict.INCONCLUSIVE:
        return accepted
    return min(accepted, max(0, -line.surplus))


def in_words(line: Line) -> str:
    """The difference alone: ledger and chain move with every transfer, and it doesn't."""
    if line.verdict is Verdict.INCONCLUSIVE:
        return f"{line.asset}: could not be compared: {line.reason}"
    more_or_less = "more" if line.surplus > 0 else "less"
    return f"{line.asset}: {abs(line.surplus)} {more_or_less} on the chain than in the ledger"


@dataclass(frozen=True, slots=True)
class Report:
    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]
    entries: int
    """How many ledger entries were added up."""
    made_at: datetime

    @property
    def differences(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.verdict in DIFFERENT)

    @property
    def inconclusive(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.verdict is Verdict.INCONCLUSIVE)

    @property
    def is_clean(self) -> bool:
        """Everything was compared, and everything is equal."""
        return not (self.faults or self.differences or self.inconclusive)
