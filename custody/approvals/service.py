"""Approvals: who still has to give one, what they are shown, and what they hand in.

The authority is the approver's own credential, named by the signed policy, over the digest of the
mandate's bytes; an API key only carries the message. Everything checked here the signer checks
again with its own copy of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from custody.apikeys.model import Caller
from custody.db.ids import new_id
from custody.db.listing import Window
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import ApprovalRow, MandateRow, TransferRow
from custody.errors import Conflict, Forbidden, NotFound, Unprocessable
from custody.journal.repository import check_open
from custody.ledger.service import Ledger
from custody.policies.judge import Judge
from custody.policies.source import PolicySource
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.consent import Consent, Word, decide
from custody.transfers.mandates import stored_mandate
from custody.transfers.request import Shown
from custody.transfers.showing import shown
from custody.transfers.state import Event, State, Transfer, can
from custody.transfers.versions import refuse_version
from signer.policy import (
    Evaluation,
    Grant,
    NotSigned,
    Policy,
    Ruling,
    basis_of,
    check_signed,
    missing_approvals,
    supports_of,
)
from signer.wire import Mandate, Need, Verdict, approval_message


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mandate that waits for people, with its transfer. `needs`: what is still missing; `given`:
    who has spoken; `unreadable`: nobody can decide on it."""

    transfer: Shown
    mandate: MandateRow
    needs: tuple[Need, ...]
    given: Sequence[ApprovalRow]
    unreadable: bool = False


LOOKED_AT_MAX: Final = 200
"""Mandates, for one page: that nothing waits for somebody is found out page by page too."""


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """`last`: the transfer after which the next page begins; None on the last page."""

    items: Sequence[Waiting]
    last: TransferRow | None


class Approvals:
    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        policies: PolicySource,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._policies = policies
        self._clock = clock
        self._wake = wake

    async def waiting(
        self, session: ReadSession, caller: Caller, approver: str | None, window: Window
    ) -> WaitingPage:
        """A page of the transfers that wait for approvals, one less than the window's limit; with
        `approver`, of those that wait for this person. Raises SignerError, Unprocessable
        policy_missing."""
        policy = await self._policies.current()
        looked_at = replace(window, limit=LOOKED_AT_MAX + 1)
        rows = await repository.awaiting_approval(session, caller.client_id, looked_at)
        given = await repository.verdicts_by_mandate(session, [mandate for _, mandate in rows])
        found: list[Waiting] = []
        last: TransferRow | None = None
        for row, mandate in rows[:LOOKED_AT_MAX]:
            if len(found) == window.limit - 1:
                return WaitingPage(found, last)
            waiting = await self._waiting(session, policy, row, mandate, given[mandate.digest])
            if approver is None or _waits_for(policy, waiting, approver):
                found.append(waiting)
            last = row
        return WaitingPage(found, last if len(rows) > LOOKED_AT_MAX else None)

    async def needs(self, session: ReadSession, transfer: Shown) -> tuple[Need, ...]:
        """Who still has to approve it, of one that waits for that. Raises SignerError,
        Unprocessable policy_missing."""
        if transfer.row.state != State.AWAITING_APPROVAL:
            return ()
        terms = repository.current(transfer.mandates)
        given = (await repository.verdicts_by_mandate(session, [terms]))[terms.digest]
        policy = await self._policies.current()
        return tuple((await self._waiting(session, policy, transfer.row, terms, given)).needs)

    async def needed(
        self, session: ReadSession, row: TransferRow
    ) -> Sequence[tuple[str, int, tuple[str, ...]]]:
        """Of a transfer that waits for people: each group, how many of it are missing, and who may
        decide and has not. Raises SignerError, Unprocessable policy_missing."""
        policy = await self._policies.current()
        terms = repository.current(await repository.mandates_of(session, row.id))
        given = await repository.verdicts_on(session, terms)
        waiting = await self._waiting(session, policy, row, terms, given)
        behind = policy.behind(row.initiator) | {each.approver for each in given}
        return [
            (need.group, need.count, tuple(sorted(set(policy.groups[need.group]) - behind)))
            for need in waiting.needs
        ]

    async def mandate(
        self, session: ReadSession, transfer_id: str, caller: Caller, version: int | None = None
    ) -> MandateRow:
        """What approvers sign: the version that counts now, or the one asked for. Raises NotFound
        (transfer_not_found, mandate_not_found)."""
        row = await repository.find_transfer(session, transfer_id, caller.client_id)
        if row is None:
            raise NotFound("transfer_not_found", "no such transfer")
        return _version(await repository.mandates_of(session, transfer_id), version)

    async def submit(
        self,
        transfer_id: str,
        caller: Caller,
        approver: str,
        verdict: Verdict,
        signature: bytes,
        version: int | None = None,
    ) -> Shown:
        """Take an approval or a rejection of a mandate, by default the one that counts now; the
        last approval needed lets the transfer go on, a rejection ends it and releases what it
        holds. Repeating the same one changes nothing.

        Raises NotFound(transfer_not_found, mandate_not_found, approver_not_found),
        Forbidden(approver_is_initiator, approver_not_asked, approval_signature_invalid),
        Conflict(transfer_not_awaiting_approval, transfer_expired, approval_exists),
        Unprocessable(policy_changed, policy_missing),
        Unavailable(signer_ahead), SignerError.
        """
        policy = await self._policies.current()
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            if row is None or not caller.sees(row.client_id):
                raise NotFound("transfer_not_found", "no such transfer")
            terms = _version(await repository.mandates_of(session, transfer_id), version)
            mandate = stored_mandate(terms)
            _check_signature(policy, mandate, approver, verdict, signature)
            given = await repository.verdicts_on(session, terms)
            if not _is_repetition(given, approver, verdict):
                await self._take(session, policy, row, terms, given, approver, verdict, signature)
            (after,) = await shown(session, [row])
        self._wake()
        return after

    async def _take(
        self,
        session: WriteSession,
        policy: Policy,
        row: TransferRow,
        terms: MandateRow,
        given: Sequence[ApprovalRow],
        approver: str,
        verdict: Verdict,
        signature: bytes,
    ) -> None:
        now, mandate = self._clock(), stored_mandate(terms)
        _check_state(load(row), terms, verdict, now)
        await check_open(session)
        judge = Judge(policy, now)
        asked = await judge.judge(session, mandate, ())
        _check_is_asked(policy, mandate, asked, approver)
        session.add(_row(terms, approver, verdict, signature, now))
        beside = terms.state == Consent.OFFERED and row.state != State.AWAITING_APPROVAL
        if verdict is Verdict.REJECT:
            if beside:
                terms.state, terms.decided_at = decide(Consent.OFFERED, Word.REJECT), now
                await refuse_version(session, self._ledger, row, terms, now)
            else:
                reason = f"by {approver}"
                await transition(session, self._ledger, row, Event.REJECT, now, reason)
            return
        approvers = [*(a.approver for a in given if a.verdict == Verdict.APPROVE), approver]
        result = await judge.judge(session, mandate, approvers)
        if not _is_complete(policy, mandate, result, approvers):
            return
        if beside:
            terms.state, terms.decided_at = decide(Consent.OFFERED, Word.AGREE), now
        else:
            await transition(session, self._ledger, row, Event.ACCEPT, now)

    async def _waiting(
        self,
        session: ReadSession,
        policy: Policy,
        row: TransferRow,
        mandate: MandateRow,
        given: Sequence[ApprovalRow],
    ) -> Waiting:
        (transfer,) = await shown(session, [row])
        try:
            terms = stored_mandate(mandate)
        except Unprocessable:
            return Waiting(transfer, mandate, (), given, unreadable=True)
        approvers = [each.approver for each in given if each.verdict == Verdict.APPROVE]
        result = await Judge(policy, self._clock()).judge(session, terms, approvers)
        needs = result.needs or _asked_before(policy, terms, _grant(policy, result))
        return Waiting(transfer, mandate, needs, given)


def _version(mandates: Sequence[MandateRow], version: int | None) -> MandateRow:
    """Raises NotFound mandate_not_found."""
    if version is None:
        return repository.current(mandates)
    found = next((each for each in mandates if each.version == version), None)
    if found is None:
        raise NotFound("mandate_not_found", "the transfer has no such version of its terms")
    return found


def _waits_for(policy: Policy, waiting: Waiting, approver: str) -> bool:
    if approver not in policy.persons or approver in policy.behind(waiting.transfer.row.initiator):
        return False
    if any(each.approver == approver for each in waiting.given):
        return False
    return any(approver in policy.groups[need.group] for need in waiting.needs)


def _check_signature(
    policy: Policy, mandate: Mandate, approver: str, verdict: Verdict, signature: bytes
) -> None:
    """That this person, who is not the one who asked, signed exactly this mandate."""
    if mandate.basis != basis_of(policy, mandate.core):
        raise Unprocessable(
            "policy_changed", "the policy changed since; look again at what is asked"
        )
    person = policy.persons.get(approver)
    if person is None:
        raise NotFound("approver_not_found", "the policy knows no such person", field="approver")
    if person.id in policy.behind(mandate.core.initiator):
        raise Forbidden("approver_is_initiator", "nobody decides on what they asked for themselves")
    try:
        check_signed(person.credentials, signature, approval_message(mandate.digest, verdict))
    except NotSigned:
        raise Forbidden(
            "approval_signature_invalid", "not this person's signature of this verdict"
        ) from None


def _is_repetition(given: Sequence[ApprovalRow], approver: str, verdict: Verdict) -> bool:
    earlier = next((each for each in given if each.approver == approver), None)
    if earlier is None:
        return False
    if earlier.verdict != verdict:
        raise Conflict("approval_exists", f"this person already chose to {earlier.verdict}")
    return True


def _check_state(before: Transfer, terms: MandateRow, verdict: Verdict, now: datetime) -> None:
    """Approving is for what is on offer; rejecting works until the signer may have signed, and for
    what is on offer beside terms that were agreed."""
    on_offer = terms.state == Consent.OFFERED
    wanted = on_offer or (verdict is Verdict.REJECT and can(before, Event.REJECT))
    if not wanted or terms.state in (Consent.VOID, Consent.REJECTED, Consent.EXPIRED):
        raise Conflict("transfer_not_awaiting_approval", f"the transfer is {before.state}")
    if terms.expires_at <= now:
        raise Conflict("transfer_expired", "the mandate has expired")


def _check_is_asked(policy: Policy, mandate: Mandate, asked: Evaluation, approver: str) -> None:
    """A voice that no rule asks for would count for nothing."""
    if not any(approver in policy.groups[need.group] for need in _needs(policy, mandate, asked)):
        raise Forbidden("approver_not_asked", "the policy does not ask this person about it")


def _is_complete(
    policy: Policy, mandate: Mandate, result: Evaluation, approvers: Sequence[str]
) -> bool:
    """Whether people have done their part. If the policy now says no for another reason, such as a
    window that others filled meanwhile, that is for the signer to say."""
    if result.ruling in (Ruling.ALLOW, Ruling.NOT_YET):
        return True
    grant = _grant(policy, result)
    if result.ruling is Ruling.NEEDS_APPROVALS or grant is None:
        return False
    return not missing_approvals(policy, grant, mandate.core.initiator, approvers)


def _needs(policy: Policy, mandate: Mandate, asked: Evaluation) -> tuple[Need, ...]:
    """All that the deciding rule asks for, also where a sequence shows only the next group."""
    grant = _grant(policy, asked)
    if grant is None:
        return ()
    return grant.needs or _asked_before(policy, mandate, grant)


def _asked_before(policy: Policy, mandate: Mandate, grant: Grant | None) -> tuple[Need, ...]:
    """A window may have room again, so that the rule that decides now asks nobody. Whoever was
    asked still is: one of them lets it go, or ends it."""
    if grant is None or grant.needs:
        return ()
    grants = [support.rule.grant for support in supports_of(policy, mandate.core)]
    return tuple(need for each in grants if each is not None for need in each.needs)


def _grant(policy: Policy, evaluation: Evaluation) -> Grant | None:
    rule = next((rule for rule in policy.rules if rule.id == evaluation.rule), None)
    return None if rule is None else rule.grant


def _row(
    terms: MandateRow, approver: str, verdict: Verdict, signature: bytes, now: datetime
) -> ApprovalRow:
    return ApprovalRow(
        id=new_id("apr"),
        transfer_id=terms.transfer_id,
        mandate_digest=terms.digest,
        approver=approver,
        verdict=verdict,
        signature=signature,
        created_at=now,
    )
