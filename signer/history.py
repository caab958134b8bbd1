"""What the journal holds about one transfer, read into values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from chains.costs import CostKind
from chains.model import ConflictKey, Excludes
from signer.agreement import Mandate
from signer.canonical import octets, parse_time
from signer.chain import Record


@dataclass(frozen=True)
class Signed:
    """An earlier decision to sign. `named`: digest of the purpose and all transfers that the
    transaction was signed for."""

    record: Record
    mandate_digest: bytes
    core_digest: bytes
    tx_digest: bytes
    named: bytes
    binding_keys: frozenset[ConflictKey]

    @property
    def at(self) -> datetime:
        return parse_time(self.record.body["at"])

    @cached_property
    def mandate(self) -> Mandate:
        """As it was agreed to, whole."""
        return Mandate.parse(self.record.body["document"])


@dataclass(frozen=True, slots=True)
class History:
    """What the journal holds about one transfer. `complete`: records of approvals being so."""

    signed: tuple[Signed, ...]
    complete: tuple[Record, ...]

    def signed_as(self, named: bytes, tx_digest: bytes) -> Signed | None:
        """The decision to sign these bytes for this purpose and these transfers, if there is one:
        asking for that again is a retry."""
        same = (s for s in self.signed if (s.named, s.tx_digest) == (named, tx_digest))
        return next(same, None)

    def versions_signed(self) -> frozenset[bytes]:
        """Digests of the mandates that something was signed for."""
        return frozenset(signed.mandate_digest for signed in self.signed)

    def uncapped(self) -> frozenset[CostKind]:
        """Kinds of cost without a bound that a rule named, of those by which it was signed."""
        return frozenset(
            CostKind(kind) for signed in self.signed for kind in signed.record.body["uncapped"]
        )

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
        core_digest=octets(body["core"], 32),
        tx_digest=octets(body["tx"], 32),
        named=octets(body["set"], 32),
        binding_keys=frozenset(ConflictKey(key, Excludes.INCLUSION) for key in body["binding"]),
    )
