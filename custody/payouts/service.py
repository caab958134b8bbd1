"""Stores a file of payments, part by part: none of it is paid before all of it is here.

Each part is a transaction that begins by looking at what is stored, so an upload that died is gone
on with by sending the file again, and two at once store each line once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from custody.apikeys.model import Caller
from custody.audit.formats import Format
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.db.session import Database, WriteSession
from custody.errors import Conflict
from custody.payouts import repository
from custody.payouts.model import (
    FileState,
    Line,
    LineState,
    cells_json,
    document_of,
    file_id_of,
)
from signer.wire import canonical_json

_PART: Final = 200
"""Lines that are stored in one transaction: others write between two."""
_MEETINGS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was read and judged as a whole. `columns`: of its header, in their order."""

    client_id: str
    reference: str | None
    form: Format
    columns: Sequence[str]
    lines: Sequence[Line]
    digest: bytes
    reject_duplicates: bool
    caller: Caller

    @property
    def id(self) -> str:
        return file_id_of(self.client_id, self.reference, self.digest)


class PayoutFiles:
    """`wake`: told that there is something to pay."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake

    async def store(self, sent: Sent) -> bool:
        """Whether it is new. Raises Conflict payout_file_reference_taken."""
        new, trouble = False, 0
        while True:
            try:
                async with self._database.write() as session:
                    row, made = await self._file(session, sent)
                    new = new or made
                    if row.state != FileState.RECEIVING:
                        return new
                    done = await self._part(session, row, sent)
            except IntegrityError:  # the same, or another with its reference, at the same moment
                trouble += 1
                if trouble > _MEETINGS_MAX:
                    raise
                continue
            if done:
                self._wake()
                return new

    async def _file(self, session: WriteSession, sent: Sent) -> tuple[PayoutFileRow, bool]:
        row = await repository.lock_file(session, sent.id)
        if row is not None:
            return row, False
        if sent.reference is not None:
            holder = await repository.with_reference(session, sent.client_id, sent.reference)
            if holder not in (None, sent.id):  # this one: it came since we looked
                raise Conflict(
                    "payout_file_reference_taken",
                    f"the file {holder} has this reference, and says something else",
                    named={"payout_file_id": holder},
                )
        new = {
            "id": sent.id,
            "client_id": sent.client_id,
            "reference": sent.reference,
            "digest": sent.digest,
            "form": sent.form,
            "columns_json": canonical_json(list(sent.columns)).decode(),
            "lines": len(sent.lines),
            "state": FileState.RECEIVING,
            "reject_duplicates": sent.reject_duplicates,
            "initiator": sent.caller.initiator,
            "key_id": sent.caller.key_id,
            "created_at": self._clock(),
            "done_at": None,
        }
        await session.insert(PayoutFileRow, [new])
        row = await repository.lock_file(session, sent.id)
        assert row is not None
        return row, True

    async def _part(self, session: WriteSession, row: PayoutFileRow, sent: Sent) -> bool:
        """Whether the file is whole now. The file's row is locked."""
        begin = await repository.stored(session, sent.id)
        part = sent.lines[begin : begin + _PART]
        await session.insert(PayoutLineRow, [_fields(sent.id, each) for each in part])
        if begin + len(part) < len(sent.lines):
            return False
        row.state = FileState.PROCESSING
        return True


def _fields(file_id: str, line: Line) -> dict[str, Any]:
    fault, asked = line.fault, line.request
    return {
        "file_id": file_id,
        "number": line.number,
        "line": line.line,
        "cells_json": cells_json(line.cells),
        "request_json": None if asked is None else canonical_json(document_of(asked)).decode(),
        "asset": None if asked is None else asked.asset,
        "amount": None if asked is None else asked.outputs[0].amount,
        "same_as": line.same_as,
        "state": LineState.INVALID if asked is None else LineState.PENDING,
        "transfer_id": None,
        "code": None if fault is None else fault.code,
        "field": None if fault is None else fault.field,
        "detail": None if fault is None else fault.detail,
    }
