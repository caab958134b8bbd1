"""Makes a transfer of each line, as if it was asked for alone: the same checks, the same policy and
the same approvals, under the line's own retry key.

A transfer is committed before its line says so. Whoever dies in between asks for it again, and gets
the answer that was given. So is whatever two workers do at the same time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from chains.errors import InvalidInput
from custody.apikeys.model import Caller, Scope
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.db.session import Database
from custody.errors import Conflict, CustodyError, Invalid, NotFound, Unprocessable
from custody.payouts import repository
from custody.payouts.model import LineState, key_of, request_from
from custody.payouts.reading import Fault
from custody.transactions.outcomes import trouble
from custody.transfers.request import Answer, Shown
from custody.transfers.service import Transfers
from signer.wire import canonical_json

FILES: Final = 64
"""That are worked on side by side: a long file makes no short one wait."""
LINES: Final = 32
"""Of one file, in one step."""
_DETAIL_MAX: Final = 500
_AGAIN: Final = "try_again"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Word:
    """What became of a line."""

    state: LineState
    transfer: str | None = None
    code: str | None = None
    field: str | None = None
    detail: str | None = None


class PayingFiles:
    """One per process of workers."""

    def __init__(
        self, database: Database, transfers: Transfers, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._transfers = transfers
        self._clock = clock

    async def step(self) -> int:
        """Some lines of each file that has any. How many got their word."""
        async with self._database.look() as look:
            if not await repository.is_any_to_pay(look):
                return 0
        async with self._database.read() as session:
            files = await repository.to_pay(session, FILES)
            revoked = await repository.revoked(session, {each.key_id for each in files})
        told = 0
        for each in files:
            told += await self._some(each, is_revoked=each.key_id in revoked)
        return told

    async def _some(self, row: PayoutFileRow, *, is_revoked: bool) -> int:
        async with self._database.read() as session:
            lines = await repository.pending(session, row.id, LINES)
        words = await asyncio.gather(
            *(self._pay(row, each, is_revoked=is_revoked) for each in lines)
        )
        told = {
            each.number: word for each, word in zip(lines, words, strict=True) if word is not None
        }
        await self._note(row.id, told)
        return len(told)

    async def _note(self, file_id: str, told: Mapping[int, _Word]) -> None:
        async with self._database.write() as session:
            await repository.lock_file(session, file_id)
            for line in await repository.lock_lines(session, file_id, told):
                if line.state == LineState.PENDING:
                    word = told[line.number]
                    line.state, line.transfer_id = word.state, word.transfer
                    line.code, line.field, line.detail = word.code, word.field, word.detail
            await session.flush()
            made: Sequence[str] = [each.transfer for each in told.values() if each.transfer]
            await repository.claim_transfers(session, file_id, made)
            if await repository.finish(session, file_id, self._clock()):
                log.info("payout_file_done", payout_file=file_id)

    async def _pay(
        self, row: PayoutFileRow, line: PayoutLineRow, *, is_revoked: bool
    ) -> _Word | None:
        """None: nobody can say now; it is asked for again."""
        if is_revoked:
            words = "the API key that sent the file was revoked"
            return _refused(Fault("api_key_revoked", words))
        assert line.request_json is not None
        duplicates = row.reject_duplicates
        request = request_from(line.request_json, row.id, reject_duplicates=duplicates)
        caller = Caller(row.key_id, row.initiator, row.client_id, frozenset({Scope.TRANSFER}))
        key = key_of(row.id, line.number, row.client_id, request)
        try:
            answer = await self._transfers.create(request, caller, key, _Told())
        except (Invalid, NotFound, Conflict, InvalidInput) as error:
            if error.code == _AGAIN:
                return None
            return _refused(Fault(error.code, str(error), getattr(error, "field", None)))
        except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
            trouble(error, f"{row.id}:{line.number}")
            return None
        said = json.loads(answer.body)
        return _Word(
            LineState(said["state"]),
            said.get("transfer"),
            said.get("code"),
            said.get("field"),
            said.get("detail"),
        )


def _refused(fault: Fault) -> _Word:
    detail = fault.detail[:_DETAIL_MAX]
    return _Word(LineState.REFUSED, None, fault.code, fault.field, detail)


class _Told:
    """Renders an answer as the line's word."""

    def created(self, made: Shown) -> Answer:
        return _answer(201, state=LineState.CREATED, transfer=made.row.id)

    def denied(self, made: Shown) -> Answer:
        reason = (made.row.reason or "the policy says no")[:_DETAIL_MAX]
        named = {"transfer": made.row.id, "code": "policy_denied", "detail": reason}
        return _answer(422, state=LineState.DENIED, **named)

    def refused(self, error: Unprocessable) -> Answer:
        return _answer(422, state=LineState.REFUSED, **_named(error))


def _named(error: CustodyError) -> dict[str, str]:
    named = {"code": error.code, "detail": str(error)[:_DETAIL_MAX]}
    return named if error.field is None else named | {"field": error.field}


def _answer(status: int, **said: str) -> Answer:
    return Answer(status, canonical_json(said))
