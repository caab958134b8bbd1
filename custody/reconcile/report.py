"""What a reconciliation found: for the command line, the API and the demo. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
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


class Cause(StrEnum):
    """Why a network was compared."""

    INTERVAL = "interval"
    ASKED = "asked"
    UNFREEZING = "unfreezing"
    """A frozen vault is to go on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Why, for whom, of which vault (None: of all), and in which report that somebody asked for."""

    cause: Cause
    by: str | None = None
    vault: str | None = None
    report: str | None = None


class Matching(StrEnum):
    """How something does not match."""

    NOT_IN_BOOKS = "not_in_books"
    """A transaction in a block that moves the asset at an address of the vault, and that no
    deposit, foreign debit or transaction of ours is of."""
    OTHERWISE_IN_BOOKS = "otherwise_in_books"
    """A transaction of which the block says another amount than the deposit."""
    NOT_ON_CHAIN = "not_on_chain"
    """A transaction that the books have in one of the blocks, and that none of them has."""
    ENTRY = "entry"
    """A ledger entry whose subject moved nothing in the blocks."""
    UNKNOWN = "unknown"
    """Blocks that could not be read."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`name`: a transaction id, an entry's id, or words. `units`: below zero for what left."""

    kind: Matching
    name: str
    height: int | None = None
    units: int | None = None


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
    block_hash: str | None = None
    """Of the block at `height`."""
    traced_from: int | None = None
    mismatches: tuple[Mismatch, ...] = field(default=())
    """What was found not to match from block `traced_from` on; None: nothing was looked for."""

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
    kept: tuple[str, ...] = ()
    """The ids under which it is kept, one for each network."""

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
