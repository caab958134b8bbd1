"""What was signed, for whom, and what that forbids from now on.

The guard rule: the same transaction for the same mandate is a retry and gets the same signature;
another transaction for a transfer is signed only if it shares a binding key with *every* earlier
one, so that at most one of them is ever in a block, whatever custody's database says. Being in a
block is what counts, not success: a transaction that fails there pays its fee. Chains without
binding keys (TRON, Solana) thus get one transaction per transfer. And a transaction is signed for
one transfer only, ever: two receipts for one payment would prove a payment that never was.

Also here, because they are durable and the signer's own: rolling windows, the account number of
each vault, the policy in force, since when approvals are complete. All of it is read from the
journal; everything recorded here is durable when `transaction` returns, and nothing is signed
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chains.keys import HARDENED
from chains.model import ConflictKey
from chains.transaction import TxSummary
from signer.accounts import Account
from signer.clock import Adoption, corrected, furthest_forward
from signer.errors import JournalBehind, Refused
from signer.history import History, history_of
from signer.inforce import PolicyInForce, policy_record
from signer.journal import Journal, Record
from signer.policy import (
    CLOCK_SKEW,
    Administrators,
    Facts,
    Policy,
    SignedPolicy,
    Usage,
    Window,
    spends_of,
)
from signer.usage import RollingSums, most_of, spend_row, spends_in
from signer.wire import RefusalCode, format_time, parse_time

CHANGE_AHEAD_MAX: Final = 10_000
"""Addresses above the highest that change was ever signed to. As many are searched in seconds."""
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vault:
    client: str
    account: int


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

    def check(
        self,
        history: History,
        transfer: str,
        tx_digest: bytes,
        summary: TxSummary,
        requested_at: datetime,
    ) -> None:
        """The guard rule for a transaction that is no retry. Raises Refused."""
        for record in self.journal.signed_as(summary.identity):
            if record.body["transfer"] != transfer:
                raise Refused(
                    RefusalCode.CONFLICT,
                    "another-transfer",
                    f"record {record.sequence} signed this transaction for another transfer:"
                    " one payment can't serve both",
                )
        binding = frozenset(_texts(summary.binding_keys))
        for signed in history.signed:
            if signed.tx_digest != tx_digest and not signed.binding_keys & binding:
                raise Refused(
                    RefusalCode.CONFLICT,
                    "both-could-confirm",
                    f"record {signed.record.sequence} signed another transaction for this"
                    " transfer, and nothing keeps both from being included",
                )
        # What was signed in the lost stretch of a restored journal is unknown, so nothing that
        # could have been asked for in it is signed again.
        recovered = self._recovered_at()
        if recovered is not None and requested_at <= recovered + CLOCK_SKEW:
            raise Refused(
                RefusalCode.CONFLICT,
                "before-recovery",
                "requested before this signer was recovered from a backup: perhaps signed already",
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
        facts: Facts,
        history: History,
        transfer: str,
        digests: tuple[bytes, bytes],
        summary: TxSummary,
        now: datetime,
        decision: Mapping[str, Any],
    ) -> Record:
        """Remember the decision to sign. `digests`: mandate's and transaction's. `decision`: what
        else the audit log says about it. Only when the transaction has ended may a signature be
        made."""
        spends = spends_of(facts, transfer, now)
        if history.signed:
            spends = most_of(spends, spends_in(history.signed[-1].record, now), now)
        mandate_digest, tx_digest = digests
        record = self.journal.append(
            {
                **decision,
                "kind": "signed",
                "at": format_time(now),
                "transfer": transfer,
                "client": facts.core.client,
                "vault": facts.core.vault,
                "network": facts.core.network,
                "mandate": mandate_digest.hex(),
                "tx": tx_digest.hex(),
                "identity": summary.identity,
                "conflicts": _texts(summary.conflict_keys),
                "binding": _texts(summary.binding_keys),
                "spends": [spend_row(spend) for spend in spends],
            }
        )
        self._sums.put(spends)
        return record

    def usage(self, window: Window, now: datetime, transfer: str) -> Usage | None:
        """What other transfers than `transfer` took in `window`. None if a recovery lost part of
        it."""
        recovered = self._recovered_at()
        if recovered is not None and now - timedelta(seconds=window.seconds) <= recovered:
            return None
        return self._sums.usage(window, now, transfer)

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
            found = self._vaults[vault] = Vault(record.body["client"], record.body["account"])
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
        self.journal.append(
            {
                "kind": "vault",
                "at": format_time(now),
                "client": client,
                "vault": vault,
                "account": account,
            }
        )
        self._accounts += 1
        self._vaults[vault] = Vault(client, account)
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


def _texts(keys: Iterable[ConflictKey]) -> list[str]:
    return sorted(key.text for key in keys)


def change_record(account: Account, index: int | None) -> dict[str, Any]:
    """What a record says about where change returns to."""
    return (
        {} if index is None else {"change": {"account": _change_account(account), "index": index}}
    )


def _change_account(account: Account) -> str:
    return f"{account.network} {account.scope}"
