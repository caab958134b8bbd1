"""One signed transaction of a transfer, check by check: the log, the bytes, the consent.

Each check returns what it compared with what, or raises `Differs`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.codec import TransactionCodec
from chains.costs import INSIDE, CostKind, above, sum_of
from chains.errors import ChainError
from chains.model import UnsignedTx
from chains.transaction import TxSummary
from custody.audit.logcopy import Decision, LogCopy
from custody.audit.paper import Paper, Terms, Transaction
from custody.transactions.messages import reader_of
from signer.checkpoint import open_checkpoint
from signer.clock import Adoption, corrected
from signer.policy import (
    NOTHING,
    NotSigned,
    Policy,
    basis_of,
    check_signed,
    evaluate,
    facts_of,
    missing_approvals,
)
from signer.records import approvals_digest
from signer.tree import ProofInvalid
from signer.wire import (
    MalformedMessage,
    Mandate,
    Purpose,
    Receipt,
    Verdict,
    approval_message,
    format_time,
    parse_time,
    tx_digest,
)


class Differs(Exception):
    """A check failed; the message says how."""


@dataclass(frozen=True)
class Case:
    """The checks of one transaction that was signed."""

    paper: Paper
    log: LogCopy
    log_key: bytes
    built: Transaction
    receipt: Receipt

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "checkpoint", self._checkpoint
        yield "record", self._record
        yield "unsigned", self._unsigned
        yield "effects", self._effects
        yield "keys", self._keys
        yield "consent", self._consent
        yield "signed", self._signed

    def _checkpoint(self) -> str:
        """The receipt's checkpoint is the log's own word, and the log goes on from it."""
        try:
            told = open_checkpoint(self.receipt.checkpoint, self.log_key)
        except (MalformedMessage, ProofInvalid) as error:
            raise Differs(f"the receipt's checkpoint: {error}") from None
        root = self.log.roots.get((told.origin, told.size))
        if root != told.root:
            raise Differs("the receipt's checkpoint is of another log")
        if any(place.leaf >= told.size for place in self.receipt.records):
            raise Differs("the receipt's checkpoint does not cover its records")
        return f"the receipt's, of {told.size} leaves, is the beginning of the log"

    def _record(self) -> str:
        """The log has a decision for each transfer of the receipt, at the place that it names."""
        same("purpose", self.receipt.purpose, self.built.purpose)
        if set(self.receipt.transfers) != set(self.built.carries):
            raise Differs("the receipt is for other transfers than the transaction carries")
        for transfer, digest, decision in self._decisions():
            body = decision.record.body
            same("transfer", body["transfer"], transfer)
            same("mandate", body["mandate"], digest.hex())
            same("transaction", body["tx"], self.receipt.tx_digest.hex())
            same("purpose", body["purpose"], self.receipt.purpose)
            same("mandate's bytes", _mandate_of(decision).digest, digest)
        at = self._decision(0).record.body["at"]
        same("time of the decision", format_time(self.receipt.signed_at), at)
        same("head", self._decision(-1).record.head, self.receipt.head)
        mine, terms = self._mine(), self._terms()
        same("mandate that was agreed to", mine.record.body["mandate"], terms.digest.hex())
        return f"number {mine.record.sequence} of the log, leaf {mine.leaf}, says so"

    def _unsigned(self) -> str:
        """The unsigned bytes are those that the signer decided about."""
        tx = self._tx()
        digest = tx_digest(tx)
        same("digest that is shown", self.built.digest, digest)
        same("digest in the receipt", self.receipt.tx_digest, digest)
        logged = bytes.fromhex(self._decision(0).record.body["payload"])
        same("bytes in the log", logged, tx.payload)
        return f"{len(tx.payload)} bytes have the signer's digest {digest.hex()}"

    def _effects(self) -> str:
        """What the bytes do is what the mandates say together, within their bounds."""
        summary = self._summary()
        mandates = [_mandate_of(decision) for _, _, decision in self._decisions()]
        if summary.unexplained:
            raise Differs(f"the bytes do more: {'; '.join(summary.unexplained)}")
        agreed = [effect for mandate in mandates for effect in mandate.core.effects]
        if self.built.purpose is Purpose.CANCEL:
            agreed = []
        if Counter(summary.effects) != Counter(agreed):
            raise Differs("the bytes do something else than the mandates say")
        bounds = sum_of(mandate.costs_max for mandate in mandates)
        # Mandates that are older than this word say nothing of what is withheld.
        named = {each: units for each, units in summary.costs.most.items() if each in bounds}
        beside = {each: u for each, u in summary.costs.most.items() if each[1] not in INSIDE}
        over = above(beside | named, bounds)
        if over is not None:
            raise Differs(f"the bytes may cost more {over[1]} than was agreed to")
        source = mandates[0].core.source_address
        if source is not None:
            same("payer", summary.sources, (source,))
        return f"the bytes do {len(agreed)} effects, as agreed, and nothing else"

    def _keys(self) -> str:
        """What it takes for itself, as decoded, as shown, and as the log has it."""
        summary = self._summary()
        decoded = {(key.text, key.excludes.value) for key in summary.conflict_keys}
        if decoded != self.built.keys:
            raise Differs("the bytes take other keys than those that are shown")
        body = self._decision(0).record.body
        same("identity in the log", body["identity"], summary.identity)
        same("keys in the log", body["conflicts"], sorted(key for key, _ in decoded))
        binding = sorted(key.text for key in summary.binding_keys)
        same("binding keys in the log", body["binding"], binding)
        return f"it takes {', '.join(sorted(key for key, _ in decoded)) or 'nothing'}"

    def _consent(self) -> str:
        """The policy in force at that record allowed it, with the approvals that it rests on."""
        mine = self._mine()
        body = mine.record.body
        in_force = (mine.version, mine.digest.hex())
        same("policy in force", (body["policy"], body["policy_digest"]), in_force)
        if self.built.purpose is Purpose.CANCEL:
            return "a cancel pays nobody and needs no consent"
        policy = self._policy()
        mandate, approvers = _mandate_of(mine), body["approvers"]
        same("basis", mandate.basis, basis_of(policy, mandate.core))
        self._approvals(mandate, approvers, policy)
        self._rule(mandate, body, policy)
        names = ", ".join(approvers) or "nobody, as the rule says"
        said = f"rule {body['rule']} of policy version {mine.version}, approved by {names}"
        return said + time_lock(self.log, mine, policy)

    def _rule(self, mandate: Mandate, body: Mapping[str, Any], policy: Policy) -> None:
        """The rule that the log names speaks about this, allows it, and has its approvals. What
        others took of its windows is not looked at."""
        name, asked = body["rule"], mandate.core.initiator
        uncapped = frozenset(map(CostKind, body["uncapped"]))
        facts = facts_of(mandate, policy.catalogue, uncapped)
        at, approvers = parse_time(body["at"]), body["approvers"]
        trace = evaluate(policy, facts, lambda _: NOTHING, at, approvers).trace
        denying = [each.rule for each in trace if each.applies and not each.allows]
        if denying:
            raise Differs(f"the policy denies it, by rule {denying[0]}")
        rule = next((each for each in policy.rules if each.id == name), None)
        if rule is None or rule.grant is None:
            raise Differs(f"the policy has no rule {name} that allows anything")
        broken = next(each for each in trace if each.rule == name)
        if not broken.applies:
            words = "; ".join(reason.text for reason in broken.reasons)
            raise Differs(f"the rule {name} does not allow it: {words}")
        missing = missing_approvals(policy, rule.grant, asked, approvers)
        if missing:
            needs = ", ".join(f"{need.count} of {need.group}" for need in missing)
            raise Differs(f"the rule {name} needs more approvals: {needs}")

    def _approvals(self, mandate: Mandate, approvers: Sequence[str], policy: Policy) -> None:
        """The log's approvers signed exactly this mandate, with keys of the policy in force."""
        message = approval_message(mandate.digest, Verdict.APPROVE)
        given = {
            said.approver: said
            for said in self._terms().said
            if said.verdict is Verdict.APPROVE and said.approver in approvers
        }
        for name in approvers:
            person = policy.persons.get(name)
            if name not in given or person is None:
                raise Differs(f"there is no approval by {name}, whom the log names")
            try:
                check_signed(person.credentials, given[name].signature, message)
            except NotSigned:
                raise Differs(f"{name} did not sign this mandate") from None
        digest = approvals_digest([said.approval for said in given.values()])
        same("approvals in the log", bytes.fromhex(self._mine().record.body["approvals"]), digest)

    def _signed(self) -> str:
        """Unsigned bytes and the receipt's signatures give exactly the signed bytes and the txid.
        Each signature is verified against the address that pays."""
        try:
            made = self._codec().attach(self._tx(), self.receipt.signatures)
        except ChainError as error:
            raise Differs(f"the receipt's signatures: {error}") from None
        same("signed bytes", self.built.signed, made.raw)
        same("txid", self.built.txid, made.txid)
        return f"the signatures are the payer's, and the bytes hash to {made.txid}"

    def _decisions(self) -> Iterator[tuple[str, bytes, Decision]]:
        """For each transfer of the receipt: its id, its mandate's digest, the log's record."""
        for at, (transfer, digest) in enumerate(
            zip(self.receipt.transfers, self.receipt.mandates, strict=True)
        ):
            yield transfer, digest, self._decision(at)

    def _decision(self, at: int) -> Decision:
        place = self.receipt.records[at]
        found = self.log.decisions.get(place.sequence)
        if found is None or found.leaf != place.leaf:
            raise Differs(f"the log has no decision number {place.sequence} at leaf {place.leaf}")
        return found

    def _mine(self) -> Decision:
        if self.paper.id not in self.receipt.transfers:
            raise Differs("the receipt is for other transfers")
        return self._decision(self.receipt.transfers.index(self.paper.id))

    def _terms(self) -> Terms:
        version = self.built.carries.get(self.paper.id)
        found = next((each for each in self.paper.terms if each.version == version), None)
        if found is None:
            raise Differs(f"the terms have no version {version}")
        return found

    def _policy(self) -> Policy:
        policy = self._mine().policy
        if policy is None:
            raise Differs("no policy was in force that this program can read")
        return policy

    def _codec(self) -> TransactionCodec:
        catalogue = self._policy().catalogue
        if self.built.network not in catalogue.networks:
            raise Differs(f"the policy describes no network {self.built.network}")
        return catalogue.codec(self.built.network)

    def _tx(self) -> UnsignedTx:
        built = self.built
        if built.unsigned is None:
            raise Differs("there are no unsigned bytes")
        return UnsignedTx(built.network, built.unsigned, built.sender)

    def _summary(self) -> TxSummary:
        try:
            return reader_of(self._codec(), self.built.purpose).summarize(self._tx())
        except ChainError as error:
            raise Differs(f"the unsigned bytes can't be decoded: {error}") from None


def time_lock(log: LogCopy, mine: Decision, policy: Policy) -> str:
    """The rule's time lock had run since the signer saw all approvals. On its own clock, of which
    no step forward counts. Raises Differs."""
    body = mine.record.body
    name = body["rule"]
    lock_s = next(each.grant.time_lock_s for each in policy.rules if each.id == name and each.grant)
    if not lock_s:
        return ""
    started = log.complete.get((body["mandate"], name))
    if started is None or started.sequence > mine.record.sequence:
        raise Differs(f"the log does not say since when the time lock of {name} ran")
    steps = [
        Adoption(each.sequence, parse_time(each.body["before"]), parse_time(each.body["at"]))
        for each in log.clocks
        if each.sequence < mine.record.sequence
    ]
    since = corrected(parse_time(started.body["at"]), started.sequence, steps)
    ran_s = int((parse_time(body["at"]) - since).total_seconds())
    if ran_s < lock_s:
        raise Differs(f"the time lock of {name} had run {ran_s} s of {lock_s}")
    return f", after its time lock of {lock_s} s"


def _mandate_of(decision: Decision) -> Mandate:
    """As the log has it, whole."""
    body: Mapping[str, Any] = decision.record.body
    try:
        return Mandate.parse(body["document"])
    except MalformedMessage as error:
        raise Differs(f"the log's mandate can't be read: {error}") from None


def same(what: str, one: object, other: object) -> None:
    if one != other:
        raise Differs(f"another {what}: {_shown(one)}, not {_shown(other)}")


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
