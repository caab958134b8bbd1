"""The signer's policy document, remembered for a moment, and how much of its windows is used.

Custody asks the policy early so that people learn at once what will be needed. Only the signer's
verdict counts: it has its own copy of the document and its own counters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select

from chains.model import Address, AssetId
from custody.db.session import ReadSession
from custody.db.tables import TransferRow
from custody.errors import Unprocessable
from custody.transfers.state import State
from signer.client import SignerError
from signer.policy import Policy, SignedPolicy, Spend, Usage, Window, usage_of

FRESH_S = 2.0
"""How long a policy is believed to be in force without asking again."""

NEVER_SIGNED = (State.DENIED, State.REJECTED, State.EXPIRED, State.CANCELLED)
"""Ends that took nothing out of any window."""


class PolicyHolder(Protocol):
    """The part of the signer's client that tells the policy."""

    async def policy(self) -> SignedPolicy | None: ...


class PolicySource:
    """One per process. While the signer is away, the last policy it told is used."""

    def __init__(self, signer: PolicyHolder) -> None:
        self._signer = signer
        self._signed: SignedPolicy | None = None
        self._policy: Policy | None = None
        self._fresh_until: float | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> Policy:
        """Raises SignerError if the signer never answered yet, Unprocessable policy_missing."""
        if not self._is_fresh():
            async with self._asking:
                if not self._is_fresh():
                    await self._ask()
        if self._policy is None:
            raise Unprocessable("policy_missing", "the signer has no policy: nothing may leave")
        return self._policy

    def _is_fresh(self) -> bool:
        return self._fresh_until is not None and _monotonic() < self._fresh_until

    async def _ask(self) -> None:
        try:
            signed = await self._signer.policy()
        except SignerError:
            if self._policy is None:
                raise
        else:
            if signed != self._signed:
                self._policy = None if signed is None else Policy.parse(signed.document)
                self._signed = signed
        self._fresh_until = _monotonic() + FRESH_S


def _monotonic() -> float:  # seconds on the loop's clock: a duration, never a date
    return asyncio.get_running_loop().time()


async def usage(
    session: ReadSession,
    windows: Collection[Window],
    native: AssetId,
    now: datetime,
    *,
    besides: str | None = None,
) -> Mapping[Window, Usage]:
    """What transfers other than `besides` take of `windows`, which are all of one vault and
    network. Transfers that are not signed yet count: they are on their way."""
    if not windows:
        return {}
    vault = next(iter(windows)).vault
    after = now - timedelta(seconds=max(window.seconds for window in windows))
    rows = await session.rows(
        select(
            TransferRow.id,
            TransferRow.asset,
            TransferRow.destination,
            TransferRow.amount,
            TransferRow.fee_max,
            TransferRow.requested_at,
        ).where(
            TransferRow.vault_id == vault,
            TransferRow.network == native.partition("/")[0],
            TransferRow.requested_at > after,
            TransferRow.state.not_in(NEVER_SIGNED),
        )
    )
    spends = [
        spend
        for transfer, asset, destination, amount, fee_max, at in rows
        if transfer != besides
        for spend in (
            Spend(transfer, vault, AssetId(asset), Address(destination), amount, at),
            Spend(transfer, vault, native, None, fee_max, at),
        )
    ]
    return {window: usage_of(spends, window, now) for window in windows}
