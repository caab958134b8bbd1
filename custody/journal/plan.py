"""What has to be rebuilt from the signer's journal, in order, and as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass

from chains.effects import Allow, Call, Effect, Pay, Sign
from custody.journal.repository import Place
from signer.records import (
    JournalRecord,
    PolicyRecord,
    RecoveredRecord,
    SignedRecord,
    VaultRecord,
)
from signer.wire import Purpose


@dataclass(frozen=True, slots=True)
class Plan:
    """`place`: what is known. `ending`: the same once `unknown`, a part of `records`, is too."""

    place: Place
    ending: Place
    records: tuple[JournalRecord, ...]
    unknown: tuple[JournalRecord, ...]

    @property
    def vaults(self) -> list[VaultRecord]:
        return [record for record in self.unknown if isinstance(record, VaultRecord)]

    @property
    def transfers(self) -> list[SignedRecord]:
        return [record for record in self.unknown if isinstance(record, SignedRecord)]

    @property
    def transactions(self) -> list[list[SignedRecord]]:
        """`transfers`, those that one transaction carries together. They stand one after the other,
        and a database knows all of them or none: they are stored in one commit."""
        found: list[list[SignedRecord]] = []
        for record in self.transfers:
            if record.part == 0:
                found.append([])
            found[-1].append(record)
        assert all(len(each) == each[0].parts for each in found), "a part of a transaction"
        return found

    @property
    def losses(self) -> list[RecoveredRecord]:
        """Recoveries of the journal itself: what the signer has forgotten for good."""
        return [record for record in self.unknown if isinstance(record, RecoveredRecord)]

    def lines(self) -> list[str]:
        """One for each thing to rebuild."""
        return [_line(record) for record in self.unknown]


def _line(record: JournalRecord) -> str:
    at = f"record {record.sequence} of {record.at:%Y-%m-%dT%H:%M:%SZ}: "
    match record:
        case VaultRecord():
            return f"{at}vault {record.vault} of {record.client}, account {record.account}"
        case SignedRecord(mandate=mandate, purpose=purpose):
            does = ", ".join(map(_words, mandate.core.effects))
            named = f"transfer {mandate.core.transfer} out of {mandate.core.vault}: {does}"
            called_off = purpose is Purpose.CANCEL
            return f"{at}an attempt to call off {named}" if called_off else f"{at}{named}"
        case PolicyRecord():
            return f"{at}version {record.version} of the policy"
        case RecoveredRecord():
            return f"{at}the signer was recovered; it lost what followed record {record.after}"


def _words(effect: Effect) -> str:
    match effect:
        case Pay():
            return f"{effect.amount} of {effect.asset} to {effect.address}"
        case Call():
            return f"{effect.function} of {effect.contract}"
        case Sign():
            return f"a message of kind {effect.kind} for {effect.domain}"
        case Allow():
            most = "any amount" if effect.amount is None else effect.amount
            return f"{effect.spender} may take {most} of {effect.asset}"
        case _:
            return f"the account {effect.account} to {effect.code}"
