"""Whether somebody asks for what was paid, or is about to be, a moment ago: the same amount of the
same asset, from the same vault, to the same payee.

Asked while the vault is locked, so of two such requests that come together the second one sees the
first. What ended without paying anybody is no duplicate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chains.effects import Pay
from custody.db.clock import database_now
from custody.db.session import ReadSession
from custody.errors import Conflict
from custody.transfers import repository
from custody.transfers.asking import Ask


class Warned(StrEnum):
    """What a transfer is accepted with."""

    SAME_PAYEE_AND_AMOUNT = "same_payee_and_amount"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest transfer that pays the same, and when it was asked for."""

    transfer: str
    at: datetime


class Duplicates:
    """`window`: how long ago counts, by `now`, a clock that all processes share; zero looks for
    none."""

    def __init__(
        self,
        window: timedelta,
        now: Callable[[ReadSession], Awaitable[datetime]] = database_now,
    ) -> None:
        self._window = window
        self._now = now

    async def find(self, session: ReadSession, ask: Ask) -> Earlier | None:
        """Of any payment of the request. Raises Conflict duplicate_payment where that is wanted."""
        if self._window <= timedelta():
            return None
        newest = await self._newest(session, ask)
        if newest is None or newest.at <= await self._now(session) - self._window:
            return None
        if ask.request.reject_duplicates:
            raise Conflict(
                "duplicate_payment",
                f"the transfer {newest.transfer} pays the same to the same payee",
                named={"transfer_id": newest.transfer},
            )
        return newest

    async def _newest(self, session: ReadSession, ask: Ask) -> Earlier | None:
        found: list[Earlier] = []
        payments: dict[Pay, None] = dict.fromkeys(ask.payments)
        for payment in payments:
            same = repository.same_payments(session, ask.request.vault_id, payment)
            found += [Earlier(transfer, at) for transfer, at in await same]
        return max(found, key=lambda each: (each.at, each.transfer), default=None)


def warning_fields(transfer: str, earlier: Earlier) -> dict[str, Any]:
    return {
        "transfer_id": transfer,
        "code": Warned.SAME_PAYEE_AND_AMOUNT,
        "other": earlier.transfer,
        "at": earlier.at,
    }
