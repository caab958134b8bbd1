"""What the journal holds about one transfer, read into values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signer.canonical import octets, parse_time
from signer.journal import Record


@dataclass(frozen=True, slots=True)
class Signed:
    """An earlier decision to sign. `binding_keys`: texts, see `TxSummary`."""

    record: Record
    mandate_digest: bytes
    tx_digest: bytes
    binding_keys: frozenset[str]

    @property
    def at(self) -> datetime:
        return parse_time(self.record.body["at"])


@dataclass(frozen=True, slots=True)
class History:
    """What the journal holds about one transfer. `complete`: records of approvals being so."""

    signed: tuple[Signed, ...]
    complete: tuple[Record, ...]

    def retried(self, mandate_digest: bytes, tx_digest: bytes) -> Signed | None:
        """The earlier decision that this request repeats, if it does."""
        wanted = (mandate_digest, tx_digest)
        same = (s for s in self.signed if (s.mandate_digest, s.tx_digest) == wanted)
        return next(same, None)

    def completed(self, mandate_digest: bytes) -> dict[str, Record]:
        """By rule: where this signer first saw the mandate with all approvals of the rule."""
        return {
            record.body["rule"]: record
            for record in reversed(self.complete)
            if record.body["mandate"] == mandate_digest.hex()
        }


def history_of(records: Sequence[Record]) -> History:
    """From records of kinds `signed` and `complete`, oldest first."""
    signed = tuple(_signed(record) for record in records if record.body["kind"] == "signed")
    return History(signed, tuple(r for r in records if r.body["kind"] == "complete"))


def _signed(record: Record) -> Signed:
    body = record.body
    return Signed(
        record=record,
        mandate_digest=octets(body["mandate"], 32),
        tx_digest=octets(body["tx"], 32),
        binding_keys=frozenset(body["binding"]),
    )
