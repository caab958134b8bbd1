"""What was signed, for whom, and what that forbids from now on.

The guard rule, for each transfer of a request against every transaction ever signed for it, dead or
alive: another transaction must share a binding key with it, so that at most one of them is ever in
a block, whatever custody's database says; and what the transfer is (its core) must be the same.
Being in a block is what counts, not success: a transaction that fails there pays its fee. Chains
without binding keys (TRON, Solana) thus get one transaction per transfer. And a transaction is
signed for one set of transfers and one purpose, ever: two receipts for one payment would prove a
payment that never was. That set again is a retry and gets the same signature.

So an effect happens at most once and a bound is spent at most once, whoever the partners are.

Also here, because they are durable and the signer's own: rolling windows, the account number of
each vault, the policy in force, since when approvals are complete. All of it is read from the
journal; everything recorded here is durable when `transaction` returns, and nothing is signed
before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chains.keys import HARDENED
from chains.transaction import TxSummary
from signer.accounts import Account
from signer.case import Case
from signer.clock import Adoption, corrected, furthest_forward
from signer.entries import Entry, signed_entry
from signer.errors import JournalBehind, Refused
from signer.history import History, history_of
from signer.inforce import PolicyInForce, policy_record
from signer.journal import Journal, Record
from signer.policy import (
    CLOCK_SKEW,
    Administrators,
    Policy,
    SignedPolicy,
    Spend,
    Usage,
    Window,
)
from signer.usage import RollingSums
from signer.wire import RefusalCode, format_time, parse_time

CHANGE_AHEAD_MAX: Final = 10_000
"""Addresses above the highest that change was ever signed to. As many are searched in seconds."""
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vault:
    """`record`: the journal's on its opening."""

    client: str
    account: int
    record: Record


class Guard:
    """Owns the journal. One thread."""

    def __init__(self, journal: Journal, pinned: Administrators | None) -> None:
        """Raises JournalDamaged if a recorded policy was not signed by who had the say then."""
        self.journal = journal
        self._sums = RollingSums(self._signed_since)
        self._vaults: dict[str, Vault] = {}
        self._accounts = journal.accounts_next()
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
            self._behind = f"{error}; see custody-signer recover"
        self.check_not_behind()

    def check_not_behind(self) -> None:
        """Raises Refused."""
        if self._behind:
            raise Refused(RefusalCode.UNAVAILABLE, "journal-behind", self._behind)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All records inside are durable when this returns, or none is. Raises Refused while the
        journal is behind."""
        self.check_not_behind()
        accounts = self._accounts
        try:
            with self.journal.transaction():
                yield
        except BaseException:
            self.forget()
            self._accounts = accounts
            raise

    def forget(self) -> None:
        """What is only remembered from the journal; it is read again when next asked for."""
        self._sums.forget()
        self._vaults.clear()

    # Transactions

    def history(self, transfer: str) -> History:
        """Everything ever recorded for a transfer, under whichever mandate."""
        return history_of(self.journal.of_transfer(transfer))

    def check(self, case: Case, summary: TxSummary) -> None:
        """The guard rule for a request that is no retry. Raises Refused."""
        for record in self.journal.signed_as(summary.identity):
            if record.body["set"] != case.named.hex():
                raise Refused(
                    RefusalCode.CONFLICT,
                    "another-set",
                    f"record {record.sequence} signed this transaction for other transfers or"
                    " otherwise: one payment can't serve both",
                )
        self.check_cores(case)
        for core, history in zip(case.cores, case.histories, strict=True):
            for signed in history.signed:
                shared = signed.binding_keys & summary.binding_keys
                if signed.tx_digest != case.tx_digest and not shared:
                    raise Refused(
                        RefusalCode.CONFLICT,
                        "both-could-confirm",
                        f"record {signed.record.sequence} signed another transaction for"
                        f" {core.transfer}, and nothing keeps both from being included",
                        transfer=core.transfer,
                    )

    def check_cores(self, case: Case) -> None:
        """That each transfer is what it was when something was signed for it, and was asked for
        since the last recovery: what was signed in the lost stretch of a restored journal is
        unknown, so nothing that could have been asked for in it is signed again. Raises Refused."""
        recovered = self._recovered_at()
        for core, history in zip(case.cores, case.histories, strict=True):
            for signed in history.signed:
                # Other words under the same name: what was agreed to once would be paid twice.
                if signed.core_digest != core.digest:
                    raise Refused(
                        RefusalCode.CONFLICT,
                        "another-core",
                        f"record {signed.record.sequence} signed something else by the name of"
                        f" {core.transfer}",
                        transfer=core.transfer,
                    )
            if recovered is not None and core.requested_at <= recovered + CLOCK_SKEW:
                raise Refused(
                    RefusalCode.CONFLICT,
                    "before-recovery",
                    "requested before this signer was recovered from a backup: perhaps signed"
                    " already",
                    transfer=core.transfer,
                )

    def check_change(self, account: Account, index: int | None) -> None:
        """Raises Refused for change to an address so far ahead that nobody would look there."""
        if index is None:
            return
        highest = self.journal.highest_change(_change_account(account))
        if index > (-1 if highest is None else highest) + CHANGE_AHEAD_MAX:
            raise Refused(
                RefusalCode.MISMATCH,
                "change-index",
                f"change to address {index}, where the highest signed is {highest}",
            )

    def record_signed(
        self,
        case: Case,
        summary: TxSummary,
        takes: Sequence[Sequence[Spend]],
        now: datetime,
        decisions: Sequence[Entry],
    ) -> tuple[Record, ...]:
        """Remember the decision to sign, one record for each transfer. `takes`: of the windows.
        `decisions`: what else the audit log says of each. Only when the transaction has ended may
        a signature be made."""
        records = []
        for mandate, spends, decision in zip(case.mandates, takes, decisions, strict=True):
            entry = signed_entry(case, summary, mandate, spends, now, decision)
            records.append(self.journal.append(entry))
            self._sums.put(spends)
        return tuple(records)

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

    def record_adoption(self, before: datetime, after: datetime) -> Adoption:
        """Durably, the wall clock is believed. `adopt_clock` once the transaction has ended."""
        body = {"kind": "clock", "before": format_time(before), "at": format_time(after)}
        return Adoption(self.journal.append(body).sequence, before, after)

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
        self.journal.append(
            {
                "kind": "complete",
                "at": format_time(now),
                "transfer": transfer,
                "mandate": mandate_digest.hex(),
                "rule": rule,
            }
        )

    # Vaults

    def vault(self, vault: str) -> Vault | None:
        found = self._vaults.get(vault)
        if found is None:
            record = self.journal.vault(vault)
            if record is None:
                return None
            client, account = record.body["client"], record.body["account"]
            found = self._vaults[vault] = Vault(client, account, record)
        return found

    def open_vault(self, client: str, vault: str, now: datetime) -> Vault:
        """The vault's account number, assigned here and once, because whoever could bind a name to
        another account could apply one vault's policy to another vault's keys. Raises Refused."""
        known = self.vault(vault)
        if known is not None and known.client != client:
            raise Refused(
                RefusalCode.UNKNOWN_VAULT, "other-client", "this client has no vault of that name"
            )
        if known is not None:
            return known
        account = self._accounts
        if account >= HARDENED:
            raise Refused(RefusalCode.UNAVAILABLE, "accounts", "all account numbers are taken")
        record = self.journal.append(
            {
                "kind": "vault",
                "at": format_time(now),
                "client": client,
                "vault": vault,
                "account": account,
            }
        )
        self._accounts += 1
        self._vaults[vault] = Vault(client, account, record)
        return self._vaults[vault]

    # Policy

    @property
    def policy(self) -> Policy | None:
        return self.in_force.policy

    def record_policy(self, signed: SignedPolicy, policy: Policy, now: datetime) -> None:
        """Make it durable; it is in force once the transaction has ended."""
        self.journal.append(policy_record(signed, policy.version, now))

    def _replay_rare(self) -> None:
        """Policies, whose signatures are checked again from the pinned keys on, recoveries, and
        where the wall clock was believed."""
        for record in self.in_force.read_all(self.journal):
            if record.body["kind"] == "recovered":
                self._recovered = record
                self._accounts = max(self._accounts, record.body["account_min"])
        for record in self.journal.rare("clock"):
            times = parse_time(record.body["before"]), parse_time(record.body["at"])
            self.adopt_clock(Adoption(record.sequence, *times))


def change_record(account: Account, index: int | None) -> Entry:
    """What a record says about where change returns to."""
    return (
        {} if index is None else {"change": {"account": _change_account(account), "index": index}}
    )


def _change_account(account: Account) -> str:
    return f"{account.network} {account.scope}"
