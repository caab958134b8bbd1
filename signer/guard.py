"""What was signed, for whom, and what that forbids from now on.

The guard rule, for each transfer of a request against every transaction ever signed for it, dead or
alive: another transaction must share a binding key with it, so that at most one of them is ever in
a block, whatever custody's database says; and what the transfer is (its core) must be the same.
Being in a block is what counts, not success: a transaction that fails there pays its fee. Chains
without binding keys (TRON, Solana) thus get one transaction per transfer. And a transaction is
signed for one set of transfers and one purpose, ever: two receipts for one payment would prove a
payment that never was. That set again is a retry and gets the same signature.

So an effect happens at most once and a bound is spent at most once, whoever the partners are.

Also here, because they are durable and the signer's own: rolling windows, the registry of vaults,
the policy in force, since when approvals are complete. All of it is read from the journal;
everything recorded here is durable when `transaction` returns, and nothing is signed before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chains.transaction import TxSummary
from signer.accounts import Account
from signer.case import Case
from signer.chain import Record
from signer.clock import Adoption, corrected, furthest_forward
from signer.entries import Entry, change_account
from signer.errors import JournalBehind, conflict, mismatch, unavailable
from signer.history import History, history_of
from signer.inforce import PolicyInForce
from signer.journal import Journal
from signer.policy import CLOCK_SKEW, Administrators, Spend, Usage, Window
from signer.registry import Registry
from signer.usage import RollingSums
from signer.wire import format_time, parse_time

CHANGE_AHEAD_MAX: Final = 10_000
"""Addresses above the highest that change was ever signed to. As many are searched in seconds."""
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)


class Guard:
    """Owns the journal. One thread."""

    def __init__(self, journal: Journal, pinned: Administrators | None) -> None:
        """Raises JournalDamaged if a recorded policy was not signed by who had the say then."""
        self.journal = journal
        self._sums = RollingSums(self._signed_since)
        self.registry = Registry(journal)
        self.in_force = PolicyInForce(pinned)
        self._recovered: Record | None = None
        self._adoptions: tuple[Adoption, ...] = ()
        self._behind = ""
        self._replay_rare()

    def expect(self, sequence: int, head: bytes) -> None:
        """Compare with the newest receipt that a caller holds. Raises Refused, as everything does
        from then on that would write or sign: what was forgotten would be done again."""
        try:
            self.journal.expect(sequence, head)
        except JournalBehind as error:
            self._behind = f"{error}; see custody-keys recover"
        self.check_not_behind()

    def check_not_behind(self) -> None:
        """Raises Refused."""
        if self._behind:
            raise unavailable("journal-behind", self._behind)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All records inside are durable when this returns, or none is. Raises Refused while the
        journal is behind."""
        self.check_not_behind()
        following = self.registry.next
        try:
            with self.journal.transaction():
                yield
        except BaseException:
            self.forget()
            self.registry.next = following
            raise

    def forget(self) -> None:
        """What is only remembered from the journal; it is read again when next asked for."""
        self._sums.forget()
        self.registry.forget()

    def _append(self, kind: str, now: datetime, **said: Any) -> Record:
        return self.journal.append({"kind": kind, "at": format_time(now), **said})

    # Transactions

    def history(self, transfer: str) -> History:
        """Everything ever recorded for a transfer, under whichever mandate."""
        return history_of(self.journal.of_transfer(transfer))

    def check(self, case: Case, summary: TxSummary) -> None:
        """The guard rule for a request that is no retry. Raises Refused."""
        for record in self.journal.signed_as(summary.identity):
            if record.body["set"] != case.named.hex():
                said = f"record {record.sequence} signed this transaction for other transfers or"
                raise conflict("another-set", f"{said} otherwise: one payment can't serve both")
        self.check_cores(case)
        for mandate, history in case.each():
            core = mandate.core
            for signed in history.signed:
                shared = signed.binding_keys & summary.binding_keys
                if signed.tx_digest != case.tx_digest and not shared:
                    said = f"record {signed.record.sequence} signed another transaction for"
                    said += f" {core.transfer}, and nothing keeps both from being included"
                    raise conflict("both-could-confirm", said, core.transfer)

    def check_cores(self, case: Case) -> None:
        """That each transfer is what it was when something was signed for it, and was asked for
        since the last recovery: what was signed in the lost stretch of a restored journal is
        unknown, so nothing that could have been asked for in it is signed again. Raises Refused."""
        recovered = self._recovered_at()
        for mandate, history in case.each():
            core = mandate.core
            for signed in history.signed:
                # Other words under the same name: what was agreed to once would be paid twice.
                if signed.core_digest != core.digest:
                    said = f"record {signed.record.sequence} signed something else by the name of"
                    raise conflict("another-core", f"{said} {core.transfer}", core.transfer)
            if recovered is not None and core.requested_at <= recovered + CLOCK_SKEW:
                said = "requested before this signer was recovered from a backup: perhaps signed"
                raise conflict("before-recovery", f"{said} already", core.transfer)

    def check_change(self, account: Account, index: int | None) -> None:
        """Raises Refused for change to an address so far ahead that nobody would look there."""
        if index is None:
            return
        highest = self.journal.highest_change(change_account(account))
        if index > highest + CHANGE_AHEAD_MAX:
            said = f"change to address {index}, where the highest signed is {highest}"
            raise mismatch("change-index", said)

    def record_signed(
        self, entries: Sequence[Entry], takes: Sequence[Sequence[Spend]]
    ) -> tuple[Record, ...]:
        """Remember the decision to sign, one record for each transfer. `takes`: of the windows.
        Only when the transaction has ended may a signature be made."""
        for spends in takes:
            self._sums.put(spends)
        return tuple(self.journal.append(entry) for entry in entries)

    def usage(self, window: Window, now: datetime, without: Collection[str]) -> Usage | None:
        """What other transfers than `without` took in `window`. None if a recovery lost part of
        it."""
        recovered = self._recovered_at()
        if recovered is not None and now - timedelta(seconds=window.seconds) <= recovered:
            return None
        return self._sums.usage(window, now, without)

    # Time

    def written_at(self, record: Record) -> datetime:
        """On the clock of today."""
        return corrected(parse_time(record.body["at"]), record.sequence, self._adoptions)

    def adopt_clock(self, adoption: Adoption) -> None:
        self._adoptions = (*self._adoptions, adoption)
        self._sums.forget()

    def _signed_since(self, vault: str, after: datetime) -> Iterator[tuple[Record, datetime]]:
        oldest = after - min(furthest_forward(self._adoptions), after - _EPOCH)
        for record in self.journal.signed_since(vault, format_time(oldest)):
            at = self.written_at(record)
            if at > after:
                yield record, at

    def _recovered_at(self) -> datetime | None:
        return None if self._recovered is None else self.written_at(self._recovered)

    # Approvals

    def complete_since(self, history: History, mandate_digest: bytes) -> dict[str, datetime]:
        """By rule: when this signer first saw the mandate with all approvals of the rule."""
        completed = history.completed(mandate_digest)
        return {rule: self.written_at(record) for rule, record in completed.items()}

    def record_complete(
        self, transfer: str, mandate_digest: bytes, rule: str, now: datetime
    ) -> None:
        """Start a time lock. Durable, so that a restart does not start it again."""
        self._append("complete", now, transfer=transfer, mandate=mandate_digest.hex(), rule=rule)

    def _replay_rare(self) -> None:
        """Policies, whose signatures are checked again from the pinned keys on, recoveries, and
        where the wall clock was believed."""
        for record in self.in_force.read_all(self.journal.rare):
            if record.body["kind"] == "recovered":
                self._recovered = record
                self.registry.next = max(self.registry.next, record.body["account_min"])
        for record in self.journal.rare("clock"):
            times = parse_time(record.body["before"]), parse_time(record.body["at"])
            self.adopt_clock(Adoption(record.sequence, *times))
