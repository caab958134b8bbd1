"""Is it already time to build? A transaction built too early grows stale: TRON's die in minutes.

The signer's time lock begins when the signer first sees complete approvals, so it must be asked
once; from then on, and for hours and cooling times, the policy itself says how long to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from custody.db.session import ReadSession
from custody.db.transfer_tables import MandateRow, TransactionRow
from custody.policies.judge import Judge
from custody.policies.source import PolicySource
from custody.transactions import repository as transactions
from custody.transactions.outcomes import Later, signer_code
from custody.transfers import repository
from signer.policy import Detail, Policy, Ruling
from signer.wire import Mandate, RefusalCode


class Precheck:
    def __init__(self, policies: PolicySource, clock: Callable[[], datetime]) -> None:
        self._policies = policies
        self._clock = clock

    async def wait_for(
        self, version: int | None, session: ReadSession, row: MandateRow, mandate: Mandate
    ) -> Later | None:
        """What to wait for before building, or None. `version`: of the policy that is in force, as
        `PolicySource.current` takes it. Raises SignerError, Unprocessable."""
        policy = await self._policies.current(version)
        if not _can_wait(policy):
            return None
        asked = _first_asked(await transactions.contest(session, row.transfer_id))
        since = {} if asked is None else {rule.id: asked for rule in policy.rules}
        approvers = [
            verdict.approver
            for verdict in await repository.verdicts_on(session, row)
            if verdict.verdict == "approve"
        ]
        judge = Judge(policy, self._clock())
        verdict = await judge.judge(session, mandate, approvers, since)
        if verdict.ruling is not Ruling.NOT_YET:
            return None
        if verdict.detail is Detail.TIME_LOCK and asked is None:
            return None
        return Later(signer_code(RefusalCode.NOT_YET), verdict.not_before)


def _can_wait(policy: Policy) -> bool:
    """Whether any rule makes anybody wait for the clock."""
    return any(
        rule.limits.hours is not None
        or rule.scope.destinations is not None
        or (rule.grant is not None and rule.grant.time_lock_s > 0)
        for rule in policy.rules
    )


def _first_asked(transactions: Sequence[TransactionRow]) -> datetime | None:
    """Since when the signer knows that the approvals are complete."""
    times = [tx.created_at for tx in transactions if tx.refusal == RefusalCode.NOT_YET]
    return min(times, default=None)
