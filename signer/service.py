"""Whether to sign: the eight steps, in order, for an auditor to read from top to bottom.

 1. authenticate the caller
 2. decode the transaction and summarize it
 3. check the mandate: vault, policy version, expiry, approvers' signatures over its digest
 4. the decoded summary is the mandate
 5. evaluate the policy against the signer's own counters
 6. record the decision, durably, before any signature exists
 7. derive through a path-scoped keychain, sign, wipe
 8. append to the audit log, return a receipt

The caller, its database and everybody between are assumed to be hostile. Only a request that passes
every step gets a signature; there is no other way to one in this program. A batch passes steps 2
to 6 request by request, is made durable with one fsync, and only then goes on to step 7.

A retry, the same transaction under the same mandate as an earlier decision, is not decided again
(steps 3, 5, 6): its signature must be assumed to have left the house already, and signing is
deterministic, so it gets what it got.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from chains.codec import TransactionCodec
from chains.errors import ChainError
from chains.keys import parse_path
from chains.model import Signature, SigningInput, UnsignedTx
from chains.transaction import TxSummary
from signer.accounts import Account, Accounts
from signer.auditlog import AuditLog
from signer.clock import Moment, TrustedClock
from signer.curves import SigningFailed
from signer.errors import JournalFault, Refused
from signer.guard import Guard, Vault, change_record
from signer.history import History
from signer.journal import Record
from signer.mandate import check_approvals, check_current, check_same
from signer.policy import (
    Detail,
    Evaluation,
    Facts,
    Policy,
    Ruling,
    Usage,
    Window,
    evaluate,
    explain,
    facts_of,
)
from signer.records import approvals_digest, record_fields
from signer.wire import (
    SIGNATURES_MAX,
    Outcome,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    format_time,
    tx_digest,
)

T = TypeVar("T")
_MESSAGE_MAX = 1000
_CODE_OF = {
    Ruling.DENY: RefusalCode.DENIED,
    Ruling.NEEDS_APPROVALS: RefusalCode.NEEDS_APPROVALS,
    Ruling.NOT_YET: RefusalCode.NOT_YET,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end. `name`: for the log. `allowed`: on the list of who may call."""

    name: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request that can't be read, but for its transfer; `why`, for people."""

    transfer: str
    why: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a transaction does, and the signatures it needs, from its bytes alone."""

    summary: TxSummary
    inputs: tuple[SigningInput, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Whose keys sign: one account, and one path for each input. `change`: the index of the address
    that the rest returns to."""

    account: Account
    paths: tuple[str, ...]
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A request with its digests and everything recorded about its transfer before."""

    request: SignRequest
    mandate_digest: bytes
    tx_digest: bytes
    history: History


@dataclass(frozen=True, slots=True)
class Granted:
    """The decision to sign. `record` is where the journal says so, since `at`."""

    case: Case
    inputs: tuple[SigningInput, ...]
    source: Source
    record: Record
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
        self, caller: Caller, requests: Sequence[SignRequest | Unreadable]
    ) -> tuple[Outcome, ...]:
        """One outcome per request, in order; what goes wrong with one is that one's refusal. Raises
        Refused for a caller who may not ask."""
        step1_authenticate(caller)
        moment = self._clock.moment()
        try:
            with self._guard.transaction():
                decided = [self._decide(caller, request, moment) for request in requests]
            # Durable from here on, and only from here on may a signature exist.
            outcomes = tuple(self._fulfil(caller, decision, moment) for decision in decided)
            self._log.append()
        except Refused as refused:
            detail, message = refused.detail, str(refused)
            return tuple(_unavailable(request, detail, message) for request in requests)
        except (sqlite3.Error, OSError):
            message = "the decision can't be made durable; the same request may be repeated"
            return tuple(_unavailable(request, "not-durable", message) for request in requests)
        return outcomes

    def _decide(
        self, caller: Caller, request: SignRequest | Unreadable, moment: Moment
    ) -> Granted | Refusal:
        if isinstance(request, Unreadable):
            return self._record_unreadable(caller, request, moment.now)
        mandate = request.mandate
        history = self._guard.history(mandate.transfer)
        case = Case(request, mandate.digest(), tx_digest(request.tx), history)
        try:
            decoded = step2_decode(self._accounts.codec(mandate.network), request.tx)
            vault = self._vault(mandate.client, mandate.vault)
            retried = history.retried(case.mandate_digest, case.tx_digest)
            if retried is not None:
                source = step4_compare(case, decoded, vault, self._accounts)
                return Granted(case, decoded.inputs, source, retried.record, retried.at)
            policy = self._guard.in_force.require()
            approvers = step3_check_mandate(case, policy, moment)
            source = step4_compare(case, decoded, vault, self._accounts)
            self._check_lifetime(request.tx, moment)
            facts = facts_of(mandate)
            evaluation = step5_evaluate(
                case, decoded, source, facts, policy, approvers, self._guard, moment
            )
            about = {
                "caller": caller.name,
                "policy": policy.version,
                "policy_digest": self._guard.in_force.digest.hex(),
                "rule": evaluation.rule,
                "approvers": list(approvers),
                "approvals": approvals_digest(request.approvals).hex(),
                **record_fields(mandate, request.tx),
            }
            record = step6_record(case, decoded, source, facts, about, self._guard, moment.now)
            return Granted(case, decoded.inputs, source, record, moment.now)
        except Refused as refused:
            return self._record_refusal(caller, case, refused, moment.now)
        except (sqlite3.Error, OSError, JournalFault):
            raise  # the disk fails all requests alike
        except Exception as error:  # noqa: BLE001 - a bug met by one request harms no other
            self._guard.forget()
            return self._record_refusal(caller, case, _fault(error), moment.now)

    def _fulfil(self, caller: Caller, decision: Granted | Refusal, moment: Moment) -> Outcome:
        if isinstance(decision, Refusal):
            return decision
        try:
            return step8_receipt(decision, step7_sign(decision, self._accounts))
        except Exception as error:  # noqa: BLE001 - as above; nothing of it is given out
            with self._guard.transaction():
                return self._record_refusal(caller, decision.case, _fault(error), moment.now)

    def _record_unreadable(self, caller: Caller, request: Unreadable, now: datetime) -> Refusal:
        refusal = Refusal(request.transfer, RefusalCode.MALFORMED, "request", request.why)
        self._guard.journal.append(
            {
                "kind": "refused",
                "at": format_time(now),
                "caller": caller.name,
                "transfer": refusal.transfer,
                "code": refusal.code.value,
                "detail": refusal.detail,
                "message": refusal.message,
            }
        )
        return refusal

    def _vault(self, client: str, vault: str) -> Vault:
        """From the signer's own registry: which keys are whose is not custody's to say."""
        found = self._guard.vault(vault)
        if found is None or found.client != client:
            raise Refused(
                RefusalCode.UNKNOWN_VAULT, "vault", "this client has no vault of that name"
            )
        return found

    def _check_lifetime(self, tx: UnsignedTx, moment: Moment) -> None:
        codec = self._accounts.codec(tx.network)

        def check(now: datetime) -> None:
            try:
                codec.check_lifetime(tx, int(now.timestamp()))
            except ChainError as error:
                raise Refused(RefusalCode.MALFORMED, "lifetime", str(error)) from error

        whatever_the_time(moment, check)

    def _record_refusal(
        self, caller: Caller, case: Case, refused: Refused, now: datetime
    ) -> Refusal:
        mandate, message = case.request.mandate, printable(str(refused))
        self._guard.journal.append(
            {
                "kind": "refused",
                "at": format_time(now),
                "caller": caller.name,
                "transfer": mandate.transfer,
                "client": mandate.client,
                "vault": mandate.vault,
                "network": mandate.network,
                "mandate": case.mandate_digest.hex(),
                "tx": case.tx_digest.hex(),
                "policy": self._guard.in_force.version,
                "code": refused.code.value,
                "detail": refused.detail,
                "message": message,
                "reasons": [printable(reason) for reason in refused.reasons],
            }
        )
        return Refusal(mandate.transfer, refused.code, refused.detail, message, refused.needs)


def step1_authenticate(caller: Caller) -> None:
    """Only who is on the list may ask. Raises Refused."""
    if not caller.allowed:
        raise Refused(RefusalCode.UNAUTHENTICATED, "caller", "this caller is not on the list")


def step2_decode(codec: TransactionCodec, tx: UnsignedTx) -> Decoded:
    """From the bytes that will be signed, never from what stands beside them. Raises Refused."""
    try:
        summary = codec.summarize(tx)
        # Codecs name no inputs of what they can't explain; step 4 refuses it in their words.
        inputs = () if summary.unexplained else codec.signing_inputs(tx)
    except ChainError as error:
        raise Refused(RefusalCode.MALFORMED, error.code, str(error)) from error
    except Exception as error:  # a decoder's bug refuses this request and harms no other
        message = f"the decoder failed: {type(error).__name__}"
        raise Refused(RefusalCode.MALFORMED, "undecodable", message) from error
    if len(inputs) > SIGNATURES_MAX:  # nor would its record fit into a line of the log
        message = f"a receipt holds at most {SIGNATURES_MAX} signatures"
        raise Refused(RefusalCode.MALFORMED, "too-many-inputs", message)
    return Decoded(summary, inputs)


def step3_check_mandate(case: Case, policy: Policy, moment: Moment) -> tuple[str, ...]:
    """Who approved exactly this mandate, which is in time and under this policy. Raises Refused."""
    whatever_the_time(moment, lambda now: check_current(case.request.mandate, policy, now))
    return check_approvals(
        case.request.mandate, case.mandate_digest, case.request.approvals, policy
    )


def step4_compare(case: Case, decoded: Decoded, vault: Vault, accounts: Accounts) -> Source:
    """The transaction does what the mandate says, from this vault's keys alone. Raises Refused."""
    account, paths = check_same(
        case.request.mandate, decoded.summary, decoded.inputs, vault.account, accounts
    )
    indices = [parse_path(each.path)[-1] for each in decoded.summary.returns if each.path]
    return Source(account, paths, max(indices, default=None))


def step5_evaluate(
    case: Case,
    decoded: Decoded,
    source: Source,
    facts: Facts,
    policy: Policy,
    approvers: tuple[str, ...],
    guard: Guard,
    moment: Moment,
) -> Evaluation:
    """The guard rule, then the policy with the guard's own counters. Raises Refused.

    Seeing all approvals for the first time starts the rule's time lock, durably.
    """
    mandate, history = case.request.mandate, case.history
    guard.check(history, mandate.transfer, case.tx_digest, decoded.summary, mandate.requested_at)
    guard.check_change(source.account, source.change)
    usage = _GuardUsage(guard, moment.earliest, mandate.transfer)
    complete = guard.complete_since(history, case.mandate_digest)
    evaluation = whatever_the_time(
        moment, lambda now: evaluate(policy, facts, usage, now, approvers, complete)
    )
    if evaluation.ruling is Ruling.ALLOW:
        return evaluation
    rule = evaluation.rule
    if evaluation.detail is Detail.TIME_LOCK and rule is not None and rule not in complete:
        guard.record_complete(mandate.transfer, case.mandate_digest, rule, moment.now)
    raise Refused(
        _CODE_OF[evaluation.ruling],
        evaluation.detail.value,
        _advice(evaluation),
        needs=evaluation.needs,
        reasons=explain(evaluation),
    )


def whatever_the_time(moment: Moment, judge: Callable[[datetime], T]) -> T:
    """What `judge` says of every reading of the time. Raises Refused, also where they differ: who
    asks again when the clocks agree loses nothing."""
    verdicts = [_outcome(judge, now) for now in moment.readings]
    if len({_gist(verdict) for verdict in verdicts}) > 1:
        raise Refused(
            RefusalCode.UNAVAILABLE,
            "clock-disagrees",
            f"it is {format_time(moment.now)}, the wall clock says {format_time(moment.wall)}, and"
            " the answer depends on it",
        )
    if isinstance(verdicts[0], Refused):
        raise verdicts[0]
    return verdicts[0]


def _outcome(judge: Callable[[datetime], T], now: datetime) -> T | Refused:
    try:
        return judge(now)
    except Refused as refused:
        return refused


def _gist(verdict: object) -> tuple[object, ...]:
    if isinstance(verdict, Refused):
        return verdict.code, verdict.detail
    if isinstance(verdict, Evaluation):
        return verdict.ruling, verdict.detail, verdict.rule
    return (verdict,)


def step6_record(
    case: Case,
    decoded: Decoded,
    source: Source,
    facts: Facts,
    about: Mapping[str, Any],
    guard: Guard,
    now: datetime,
) -> Record:
    """What is about to be signed and what it takes from the windows; durable at the end of the
    batch's transaction, before the first signature."""
    return guard.record_signed(
        facts,
        case.history,
        case.request.mandate.transfer,
        (case.mandate_digest, case.tx_digest),
        decoded.summary,
        now,
        {**about, **change_record(source.account, source.change)},
    )


def step7_sign(granted: Granted, accounts: Accounts) -> tuple[Signature, ...]:
    """One signature per input, by a keychain that reaches this account and nothing else."""
    with accounts.keychain(granted.source.account) as keychain:
        return tuple(
            keychain.sign(path, item.algorithm, item.message)
            for path, item in zip(granted.source.paths, granted.inputs, strict=True)
        )


def step8_receipt(granted: Granted, signatures: tuple[Signature, ...]) -> Receipt:
    """The proof of signing; the record that it names is in the log before it leaves."""
    case, record = granted.case, granted.record
    return Receipt(
        transfer=case.request.mandate.transfer,
        mandate_digest=case.mandate_digest,
        tx_digest=case.tx_digest,
        signatures=signatures,
        sequence=record.sequence,
        head=record.head,
        signed_at=granted.at,
    )


class _GuardUsage(Mapping[Window, Usage]):
    """The windows that the policy looks at, each read from the guard when it does."""

    def __init__(self, guard: Guard, now: datetime, transfer: str) -> None:
        self._guard = guard
        self._now = now
        self._transfer = transfer

    def __getitem__(self, window: Window) -> Usage:
        usage = self._guard.usage(window, self._now, self._transfer)
        if usage is None:
            raise KeyError(window)
        return usage

    def __iter__(self) -> Iterator[Window]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _advice(evaluation: Evaluation) -> str:
    if evaluation.needs:
        missing = ", ".join(f"{need.count} of {need.group}" for need in evaluation.needs)
        return f"approvals missing: {missing}"
    if evaluation.not_before is not None:
        return f"the time lock runs until {format_time(evaluation.not_before)}"
    if evaluation.rule is not None:
        return f"the policy says {evaluation.detail.value}, by rule {evaluation.rule}"
    return "no rule of the policy allows this"


def _unavailable(request: SignRequest | Unreadable, detail: str, message: str) -> Refusal:
    named = request if isinstance(request, Unreadable) else request.mandate
    return Refusal(named.transfer, RefusalCode.UNAVAILABLE, detail, message)


def _fault(error: Exception) -> Refused:
    """Its text may name what is ours alone."""
    if isinstance(error, SigningFailed):
        message = "the curve library refused; the decision is recorded, nothing was given out"
        return Refused(RefusalCode.UNAVAILABLE, "signing-failed", message)
    return Refused(RefusalCode.UNAVAILABLE, "fault", f"internal fault: {type(error).__name__}")


def printable(message: str) -> str:
    """What a stranger's bytes made a decoder say must not reach a terminal unfiltered."""
    kept = "".join(c if c.isprintable() else "?" for c in message[:_MESSAGE_MAX])
    return kept or "no reason given"
