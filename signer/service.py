"""Whether to sign: the eight steps, in order, for an auditor to read from top to bottom.

 1. authenticate the caller
 2. decode the transaction or the message, and summarize it
 3. check the mandates: one source, its vault, their basis and time, approvers' signatures
 4. the decoded summary is what the mandates say together
 5. the guard rule; then the policy for each mandate, against the signer's own counters
 6. record the decision, one record for each mandate, durably, before any signature exists
 7. derive through a path-scoped keychain, sign, wipe
 8. append to the audit log, return a receipt

The caller, its database and everybody between are assumed to be hostile. Only a request that passes
every step gets a signature; there is no other way to one in this program. A request is signed whole
or not at all. A batch of requests passes steps 2 to 6 one by one, is made durable with one fsync,
and only then goes on to step 7. What a caller wants only after the one before it waits for that one
in both halves.

Two kinds of requests are not decided like that. A retry, the same bytes for the same transfers and
purpose as an earlier decision, passes steps 2 and 4 as it was recorded: its signature must be
assumed to have left the house already, and signing is deterministic, so it gets what it got. A
cancel pays nobody and costs no more than was agreed to when its transfers were signed for; so it
needs no new consent (step 3, and the policy in step 5), also while the policy denies everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from chains.codec import Reader
from chains.errors import ChainError
from chains.keys import parse_path
from chains.model import Signature, SigningInput, UnsignedTx
from chains.transaction import TxSummary
from signer.accounts import Account, Accounts
from signer.agreement import Consent, Core, Purpose
from signer.answers import Agreed, Opinion, Outcome, Place, Receipt, Refusal, RefusalCode
from signer.auditlog import AuditLog
from signer.batches import in_turn
from signer.case import Case, case_of, check_together
from signer.chain import Record
from signer.clock import Moment, TrustedClock, whatever_the_time
from signer.entries import about, changed, refused_entry, signed_entries
from signer.errors import JournalFault, Refused, malformed
from signer.guard import Guard
from signer.inforce import PolicyInForce
from signer.judging import Takes, judge_each, takes_of
from signer.mandate import check_approvals, check_cancelled, check_current, check_payable, compare
from signer.refusals import fault_of, not_durable, printable, refusal_of
from signer.registry import Vault
from signer.wire import SET_BYTES_MAX, SIGNATURES_MAX, SignRequest


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end. `name`: for the log. `allowed`: on the list of who may call."""

    name: str
    allowed: bool


Asked = SignRequest | Refused
"""Refused: it can't be read."""

Inputs = tuple[SigningInput, ...]
"""The signatures that a transaction needs."""


@dataclass(frozen=True, slots=True)
class Source:
    """Whose keys sign: one account, and one path for each input. `change`: the highest index of an
    address that something returns to."""

    account: Account
    paths: tuple[str, ...]
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The decision to sign. `records` are where the journal says so, since `at`."""

    case: Case
    inputs: Inputs
    source: Source
    records: tuple[Record, ...]
    at: datetime


class Signer:
    """Decides and signs. Lives while unlocked; one thread."""

    def __init__(
        self, accounts: Accounts, guard: Guard, log: AuditLog, clock: TrustedClock
    ) -> None:
        self._accounts = accounts
        self._guard = guard
        self._log = log
        self._clock = clock

    def sign(
        self, caller: Caller, requests: Sequence[Asked], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        """One outcome per request, in order; what goes wrong with one is that one's refusal, also
        that it could not be read. Those at the positions `follows` are looked at only if the one
        before them is signed. Raises Refused for a caller who may not ask."""
        step1_authenticate(caller)
        moment = self._clock.moment()
        try:
            with self._guard.transaction():
                decided = in_turn(
                    lambda each: self._decide(caller, each, moment), requests, follows
                )
            # Durable from here on, and only from here on may a signature exist.
            outcomes = in_turn(lambda each: self._fulfil(caller, each, moment), decided, follows)
            self._log.append()
        except (Refused, sqlite3.Error, OSError) as error:
            return (not_durable(error),) * len(requests)
        return outcomes

    def consider(self, caller: Caller, consents: Sequence[Consent]) -> tuple[Opinion, ...]:
        """What would be said of each consent in a request of its own, as far as that depends on no
        transaction. Starts time locks, durably; nothing else is recorded. Raises Refused for a
        caller who may not ask."""
        step1_authenticate(caller)
        moment = self._clock.moment()
        try:
            with self._guard.transaction():
                opinions = tuple(self._consider(consent, moment) for consent in consents)
            self._log.append()
        except (Refused, sqlite3.Error, OSError) as error:
            return (not_durable(error),) * len(consents)
        return opinions

    def _decide(self, caller: Caller, request: Asked, moment: Moment) -> Granted | Refusal:
        if isinstance(request, Refused):
            return self._refuse(caller, None, request, moment)
        case = case_of(request, self._guard.history)
        try:
            return self._decide_case(caller, case, moment)
        except Refused as refused:
            return self._refuse(caller, case, refused, moment)
        except (sqlite3.Error, OSError, JournalFault):
            raise  # the disk fails all requests alike
        except Exception as error:  # noqa: BLE001 - a bug met by one request harms no other
            self._guard.forget()
            return self._refuse(caller, case, fault_of(error), moment)

    def _decide_case(self, caller: Caller, case: Case, moment: Moment) -> Granted:
        guard, accounts = self._guard, self._accounts
        core = check_together(case.cores)
        summary, inputs = step2_decode(accounts.reader(core.network, case.purpose), case)
        vault = self._vault(core)
        retried = case.retried()
        if retried:
            case = case.as_recorded(retried)
            source = step4_compare(case, summary, inputs, vault, accounts)
            records = tuple(signed.record for signed in retried)
            return Granted(case, inputs, source, records, retried[0].at)
        approvers = step3_check_mandates(case, guard.in_force, moment)
        source = step4_compare(case, summary, inputs, vault, accounts)
        self._check_lifetime(case, moment)
        takes = takes_of(case, moment.now, guard.in_force.catalogue)
        rules = step5_evaluate(case, summary, source, takes, approvers, guard, moment)
        told = about(caller.name, guard.in_force, moment.now)
        told |= changed(source.account, source.change)
        entries = signed_entries(case, summary, takes, approvers, rules, told)
        # Step 6: what is about to be signed and what it takes from the windows; durable at the end
        # of the batch's transaction, before the first signature.
        records = guard.record_signed(entries, takes)
        return Granted(case, inputs, source, records, moment.now)

    def _consider(self, consent: Consent, moment: Moment) -> Opinion:
        core, history = consent.mandate.core, self._guard.history(consent.mandate.core.transfer)
        case = Case(Purpose.PAY, UnsignedTx(core.network, b""), (consent,), (history,))
        try:
            codec = self._accounts.codec(core.network)
            self._vault(core)
            approvers = step3_check_mandates(case, self._guard.in_force, moment)
            check_payable(codec, case.cores)
            self._guard.check_cores(case)
            takes = takes_of(case, moment.now, self._guard.in_force.catalogue)
            rules = judge_each(case, takes, approvers, self._guard, moment)
        except Refused as refused:
            return refusal_of(refused, case)
        return Agreed(core.transfer, consent.mandate.digest, rules[0])

    def _fulfil(self, caller: Caller, decision: Granted | Refusal, moment: Moment) -> Outcome:
        if isinstance(decision, Refusal):
            return decision
        try:
            return step8_receipt(decision, step7_sign(decision, self._accounts), self._guard)
        except Exception as error:  # noqa: BLE001 - as above; nothing of it is given out
            with self._guard.transaction():
                return self._refuse(caller, decision.case, fault_of(error), moment)

    def _vault(self, core: Core) -> Vault:
        """From the signer's own registry: which keys are whose is not custody's to say."""
        found = self._guard.registry.vault(core.vault)
        if found is None or found.client != core.client:
            said = "this client has no vault of that name"
            raise Refused(RefusalCode.UNKNOWN_VAULT, "vault", said)
        return found

    def _check_lifetime(self, case: Case, moment: Moment) -> None:
        reader = self._accounts.reader(case.tx.network, case.purpose)

        def check(now: datetime) -> None:
            try:
                reader.check_lifetime(case.tx, int(now.timestamp()))
            except ChainError as error:
                raise malformed("lifetime", str(error)) from error

        whatever_the_time(moment, check)

    def _refuse(
        self, caller: Caller, case: Case | None, refused: Refused, moment: Moment
    ) -> Refusal:
        """The refusal, recorded."""
        refusal = refusal_of(refused, case)
        told = about(caller.name, self._guard.in_force, moment.now)
        reasons = [printable(reason) for reason in refused.reasons]
        self._guard.journal.append(refused_entry(case, refusal, reasons, told))
        return refusal


def step1_authenticate(caller: Caller) -> None:
    """Only who is on the list may ask. Raises Refused."""
    if not caller.allowed:
        raise Refused(RefusalCode.UNAUTHENTICATED, "caller", "this caller is not on the list")


def step2_decode(reader: Reader, case: Case) -> tuple[TxSummary, Inputs]:
    """From the bytes that will be signed, never from what stands beside them. Raises Refused."""
    try:
        summary = reader.summarize(case.tx)
        # Codecs name no inputs of what they can't explain; step 4 refuses it in their words.
        inputs = () if summary.unexplained else reader.signing_inputs(case.tx)
    except ChainError as error:
        raise malformed(error.code, str(error)) from error
    except Exception as error:  # a decoder's bug refuses this request and harms no other
        raise malformed("undecodable", f"the decoder failed: {type(error).__name__}") from error
    if len(inputs) > SIGNATURES_MAX:  # nor would its record fit into a line of the log
        raise malformed("too-many-inputs", f"a receipt holds at most {SIGNATURES_MAX} signatures")
    if case.size() > SET_BYTES_MAX:  # nor would custody be told its records in one message
        raise malformed("too-large", "too much for one transaction")
    return summary, inputs


def step3_check_mandates(
    case: Case, in_force: PolicyInForce, moment: Moment
) -> tuple[tuple[str, ...], ...]:
    """Who approved exactly each mandate, which is in time and rests on the rules in force. A cancel
    asks nobody, since somebody was asked before. Raises Refused."""
    if case.purpose is Purpose.CANCEL:
        check_cancelled(case)
        return ((),) * len(case.consents)
    policy = in_force.require()
    for mandate in case.mandates:
        whatever_the_time(moment, partial(check_current, mandate, policy))
    return tuple(check_approvals(consent, policy) for consent in case.consents)


def step4_compare(
    case: Case, summary: TxSummary, inputs: Inputs, vault: Vault, accounts: Accounts
) -> Source:
    """The transaction does what the mandates say, from this vault's keys alone. Raises Refused."""
    account, paths = compare(case, summary, inputs, vault.account, accounts)
    indices = [parse_path(back.path)[-1] for back in summary.returns if back.path]
    return Source(account, paths, max(indices, default=None))


def step5_evaluate(
    case: Case,
    summary: TxSummary,
    source: Source,
    takes: Sequence[Takes],
    approvers: Sequence[Sequence[str]],
    guard: Guard,
    moment: Moment,
) -> tuple[str | None, ...]:
    """The guard rule; then, to pay, the policy with the guard's own counters. Returns the rule that
    allows each mandate, None for a cancel. Raises Refused."""
    guard.check(case, summary)
    guard.check_change(source.account, source.change)
    if case.purpose is Purpose.CANCEL:
        return (None,) * len(case.consents)
    return judge_each(case, takes, approvers, guard, moment, summary.costs.uncapped)


def step7_sign(granted: Granted, accounts: Accounts) -> tuple[Signature, ...]:
    """One signature per input, by a keychain that reaches this account and nothing else."""
    with accounts.keychain(granted.source.account) as keychain:
        return tuple(
            keychain.sign(path, item.algorithm, item.message)
            for path, item in zip(granted.source.paths, granted.inputs, strict=True)
        )


def step8_receipt(granted: Granted, signatures: tuple[Signature, ...], guard: Guard) -> Receipt:
    """The proof of signing; the records that it names are in the log before it leaves."""
    case, records = granted.case, granted.records
    return Receipt(
        purpose=case.purpose,
        transfers=case.transfers,
        mandates=tuple(mandate.digest for mandate in case.mandates),
        tx_digest=case.tx_digest,
        signatures=signatures,
        records=tuple(Place(r.sequence, guard.journal.leaf_of(r.sequence)) for r in records),
        head=records[-1].head,
        checkpoint=guard.journal.seal(),
        signed_at=granted.at,
    )
