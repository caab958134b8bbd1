"""The signer's policy document, remembered for a moment, and how much of its windows is used.

Custody asks the policy early so that people learn at once what will be needed. Only the signer's
verdict counts: it has its own copy of the document and its own counters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from time import monotonic_ns
from typing import Protocol

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from chains.model import Address, AssetId
from custody.db.session import ReadSession, WriteSession
from custody.db.transfer_tables import TransferRow
from custody.db.types import BaseUnits
from custody.errors import Unprocessable
from custody.transfers.state import NEVER_SIGNED
from signer.client import SignerError
from signer.policy import Payee, Policy, SignedPolicy, Spend, Usage, Window, usage_of

FRESH_NS = 2 * 10**9
"""How long a policy is believed to be in force without asking again, in nanoseconds."""


class PolicyHolder(Protocol):
    """The part of the signer's client that tells the policy."""

    async def policy(self) -> SignedPolicy | None: ...


class PolicySource:
    """One per process. While the signer is away, the last policy it told is used."""

    def __init__(self, signer: PolicyHolder) -> None:
        self._signer = signer
        self._signed: SignedPolicy | None = None
        self._policy: Policy | None = None
        self._fresh_until: int | None = None
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
        return self._fresh_until is not None and monotonic_ns() < self._fresh_until

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
        self._fresh_until = monotonic_ns() + FRESH_NS


_UNITS: ColumnElement[Decimal] = literal_column("1.0", Numeric)


def _total(column: InstrumentedAttribute[int], counted: ColumnElement[bool]) -> ColumnElement[int]:
    """A sum that SQLite makes in floating point, where its integers would overflow."""
    units = case((counted, type_coerce(column, Numeric) * _UNITS), else_=0)
    return type_coerce(func.coalesce(func.sum(units), 0), BaseUnits)


@lru_cache(64)
def _taken(named: tuple[bool, ...]) -> Select[*tuple[int, ...]]:
    """For each window: how many transfers count, what they pay, and the greatest costs of all.
    `named`: which windows count one destination only. Built once for each shape of a policy."""
    columns: list[ColumnElement[int]] = []
    for at, has_destination in enumerate(named):
        inside = TransferRow.requested_at > bindparam(f"after_{at}")
        if has_destination:
            inside &= TransferRow.destination == bindparam(f"destination_{at}")
        counted = inside & (TransferRow.asset == bindparam(f"asset_{at}"))
        columns += [
            func.coalesce(func.sum(case((counted, 1), else_=0)), 0),
            _total(TransferRow.amount, counted),
            _total(TransferRow.costs_max, inside),
        ]
    return select(*columns).where(
        TransferRow.vault_id == bindparam("vault"),
        TransferRow.network == bindparam("network"),
        TransferRow.requested_at > bindparam("after"),
        TransferRow.state.not_in([literal(state.value) for state in NEVER_SIGNED]),
    )


async def usage_at_most(
    session: WriteSession, windows: Sequence[Window], native: AssetId, now: datetime
) -> Mapping[Window, Usage]:
    """`usage`, or a billionth more: added up by the database, in a fraction of the time. What the
    policy allows with this it allows; what it does not is worth asking exactly."""
    if not windows:
        return {}
    parameters: dict[str, object] = {
        "vault": windows[0].vault,
        "network": native.partition("/")[0],
        "after": now - timedelta(seconds=max(window.seconds for window in windows)),
    }
    for at, window in enumerate(windows):
        parameters[f"after_{at}"] = now - timedelta(seconds=window.seconds)
        parameters[f"asset_{at}"] = window.asset
        parameters[f"destination_{at}"] = window.destination and window.destination.address
    shape = tuple(window.destination is not None for window in windows)
    (taken,) = await session.quick_rows(_taken(shape), parameters)
    found = {}
    for at, window in enumerate(windows):
        count, amount, fees = taken[3 * at : 3 * at + 3]
        total = amount + fees if window.asset == native else amount
        found[window] = Usage(total + total // 10**9 + 1 if total else 0, count)
    return found


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
            TransferRow.costs_max,
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
        for transfer, asset, destination, amount, costs_max, at in rows
        if transfer != besides
        for spend in (
            Spend(transfer, vault, AssetId(asset), Payee(Address(destination)), amount, at),
            Spend(transfer, vault, native, None, costs_max, at),
        )
    ]
    return {window: usage_of(spends, window, now) for window in windows}
