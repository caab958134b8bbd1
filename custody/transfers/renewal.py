"""What a new version of the policy voids: terms that rest on rules which are not in force any more,
and transfers that it denies.

Where nothing is at the signer that ends at once, and the same terms are offered again where the
policy lets them. What the signer may have seen waits for its word: it refuses what rests on other
rules and what is denied, so a transfer comes back, and is looked at then, or has ended. Of a
transfer in flight only a version that people have not agreed to is withdrawn: nothing of it was
ever sent.

Where the signer wants approvals and custody saw none missing, its windows hold more than custody's
do, as after a clock that was set or a database that was restored. Then people are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

import structlog

from custody.db.leases import Lease
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import MandateRow, TransferRow
from custody.errors import Unprocessable
from custody.ledger.service import Ledger
from custody.policies.judge import Judge, is_denied_for_good
from custody.policies.source import PolicySource
from custody.transactions.apply import abandon_claimed
from custody.transactions.outcomes import signer_code
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.consent import Consent, Word, decide
from custody.transfers.mandates import reason_of, stored_mandate
from custody.transfers.state import WAITING, Event, State, can
from custody.transfers.versions import mandate_row, next_version, offer_event, refuse_version
from signer.policy import Evaluation, Policy, Ruling, basis_of
from signer.wire import Mandate, RefusalCode

_LIVE: Final = (Consent.OFFERED, Consent.AGREED)

log = structlog.get_logger()


class Renewal:
    """One per process."""

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
        self._under: Policy | None = None

    async def renew(self, lease: Lease | None = None) -> int:
        """How many transfers have changed. After a change of the policy all that is under way is
        looked at; else what has come back from the signer because of its rules. Raises LeaseLost,
        SignerError, Unprocessable policy_missing."""
        policy = await self._policies.current()
        async with self._database.read() as reading:
            ids = await self._to_look_at(reading, policy)
        renewed = 0
        for transfer_id in ids:
            try:
                renewed += await self._renew(policy, transfer_id, lease)
            except Unprocessable as error:
                # One whose terms nobody can read keeps no other from being looked at.
                log.error("not_renewed", transfer=transfer_id, code=error.code)
        self._under = policy
        if renewed:
            self._wake()
        return renewed

    async def _to_look_at(self, session: ReadSession, policy: Policy) -> Sequence[str]:
        if policy is not self._under:
            return await repository.ids_in_states(session, (*WAITING, State.IN_FLIGHT))
        codes = [signer_code(code) for code in (RefusalCode.BASIS, RefusalCode.NEEDS_APPROVALS)]
        return await repository.ids_that_wait_for(session, State.APPROVED, codes)

    async def _renew(self, policy: Policy, transfer_id: str, lease: Lease | None) -> bool:
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            row = await repository.lock_transfer(session, transfer_id)
            assert row is not None
            return await self._look(session, policy, row)

    async def _look(self, session: WriteSession, policy: Policy, row: TransferRow) -> bool:
        mandates = await repository.mandates_of(session, row.id)
        live = [each for each in mandates if each.state in _LIVE]
        stale = [each for each in live if not _stands(each, policy)]
        standing = [each for each in live if each not in stale]
        if row.state == State.IN_FLIGHT:
            return await self._withdraw(session, row, _offered_beside(stale, live))
        if row.state not in WAITING or not live:
            return False
        if not stale:
            if await _wants_people(session, row, live[-1]):
                return await self._ask_people(session, policy, row, live, mandates[-1].version + 1)
            return await self._judge_again(session, policy, row, live)
        if standing:
            return await self._keep(session, row, stale, standing)
        return await self._offer_again(session, policy, row, live, mandates[-1].version + 1)

    async def _judge_again(
        self, session: WriteSession, policy: Policy, row: TransferRow, live: Sequence[MandateRow]
    ) -> bool:
        """Deny rules, and who may ask, are no part of what terms rest on."""
        now = self._clock()
        verdict = await Judge(policy, now).judge(session, stored_mandate(live[-1]), ())
        if not is_denied_for_good(verdict):
            return False
        _void(live, now)
        await transition(session, self._ledger, row, Event.VOID, now, reason_of(verdict))
        return True

    async def _keep(
        self,
        session: WriteSession,
        row: TransferRow,
        stale: Sequence[MandateRow],
        standing: Sequence[MandateRow],
    ) -> bool:
        """Some versions are void and others are not: what only the void ones held comes back, and
        a version that is only on offer needs people before anything is signed."""
        now, newest = self._clock(), standing[-1].version
        _void([each for each in stale if each.version < newest], now)
        later = [each for each in stale if each.version > newest]
        if any(each.state == Consent.AGREED for each in later):
            await abandon_claimed(session, row.id, "the policy changed", now)
        await self._withdraw(session, row, later)
        agreed = any(each.state == Consent.AGREED for each in standing)
        if not agreed and can(load(row), Event.ASK):
            await transition(session, self._ledger, row, Event.ASK, now, "the policy changed")
        return True

    async def _withdraw(
        self, session: WriteSession, row: TransferRow, versions: Sequence[MandateRow]
    ) -> bool:
        """Later versions, the newest first: what each held beyond the ones before comes back."""
        now = self._clock()
        for each in reversed(versions):
            _void([each], now)
            if repository.agreed(await repository.mandates_of(session, row.id)) is not None:
                await refuse_version(session, self._ledger, row, each, now)
        return bool(versions)

    async def _offer_again(
        self,
        session: WriteSession,
        policy: Policy,
        row: TransferRow,
        live: Sequence[MandateRow],
        version: int,
    ) -> bool:
        """The newest terms again, with what all of them held."""
        now = self._clock()
        mandate = await self._offer(session, policy, row, live, version)
        verdict = await Judge(policy, now).judge(session, mandate, ())
        await self._follow(session, row, verdict, now)
        return True

    async def _ask_people(
        self,
        session: WriteSession,
        policy: Policy,
        row: TransferRow,
        live: Sequence[MandateRow],
        version: int,
    ) -> bool:
        """The same terms again, for people to agree to, as the signer wants it."""
        await self._offer(session, policy, row, live, version)
        reason = "the signer asks for approvals"
        await transition(session, self._ledger, row, Event.ASK, self._clock(), reason)
        return True

    async def _offer(
        self,
        session: WriteSession,
        policy: Policy,
        row: TransferRow,
        live: Sequence[MandateRow],
        version: int,
    ) -> Mandate:
        now, newest = self._clock(), live[-1]
        _void(live, now)
        mandate = next_version(stored_mandate(newest), version, newest.costs_max, policy, now)
        session.add(mandate_row(mandate, now, agreed=False))
        session.add(offer_event(row, f"version {version}", now))
        await session.flush()
        return mandate

    async def _follow(
        self, session: WriteSession, row: TransferRow, verdict: Evaluation, now: datetime
    ) -> None:
        """What the policy in force makes of a transfer whose terms were offered again."""
        if verdict.ruling is Ruling.DENY:
            reason = reason_of(verdict)
            await transition(session, self._ledger, row, Event.VOID, now, reason)
            return
        if can(load(row), Event.ASK):
            await transition(session, self._ledger, row, Event.ASK, now, "the policy changed")
        if verdict.ruling is not Ruling.NEEDS_APPROVALS:
            await transition(session, self._ledger, row, Event.ACCEPT, now)


async def _wants_people(session: ReadSession, row: TransferRow, terms: MandateRow) -> bool:
    """The signer does, and nobody has spoken yet: of what was given it is the signer's to say."""
    if row.waiting != signer_code(RefusalCode.NEEDS_APPROVALS) or not can(load(row), Event.ASK):
        return False
    return row.state == State.APPROVED and not await repository.verdicts_on(session, terms)


def _stands(terms: MandateRow, policy: Policy) -> bool:
    """Raises Unprocessable for terms that can't be read."""
    mandate = stored_mandate(terms)
    return mandate.basis == basis_of(policy, mandate.core)


def _offered_beside(
    stale: Collection[MandateRow], live: Collection[MandateRow]
) -> list[MandateRow]:
    """What waits for people beside terms that were agreed."""
    if not any(each.state == Consent.AGREED for each in live):
        return []
    return [each for each in stale if each.state == Consent.OFFERED]


def _void(versions: Collection[MandateRow], now: datetime) -> None:
    for each in versions:
        each.state, each.decided_at = decide(Consent(each.state), Word.VOID), now
