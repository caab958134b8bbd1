"""Judges a file of payments as it comes in: each line by the rules of a request for a transfer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from pydantic import ValidationError

from api.errors import describe, pointed
from api.v1.transfer_bodies import NewTransfer, request_of
from chains.errors import InvalidInput
from custody.audit.formats import Format
from custody.errors import CustodyError, Invalid
from custody.payouts.model import Digest, Line, payment_of
from custody.payouts.reading import Fault, Reader, Record
from custody.services import Services
from custody.transfers.request import TransferRequest

COLUMNS: Final = (
    *("vault_id", "network", "asset", "destination", "amount", "amount_base_units", "memo"),
    *("fee_max", "priority", "external_id", "note"),
)
"""Of a CSV file. Fields of a request for a transfer."""
OBJECTS: Final = ("costs_max", "metadata")
"""What JSON lines may have besides."""
NEEDED: Final = (frozenset({"destination"}), frozenset({"amount", "amount_base_units"}))
LINES_MAX: Final = 20_000
_AT_ONCE_S: Final = 0.003
_PAUSE_S: Final = 0.002
"""How long lines are judged before others have their turn, and how long that is at least: a request
has it many times."""

VaultOf = Callable[[str], Awaitable[str | None]]
"""The client of a vault, if there is one that the caller may see."""


@dataclass
class Judged:
    """The file so far. `given`: what lines have that don't say it, by column."""

    services: Services
    form: Format
    given: Mapping[str, str]
    client_of: VaultOf
    reject_duplicates: bool
    lines: list[Line] = field(default_factory=list)
    client: str | None = None

    def __post_init__(self) -> None:
        columns = {*COLUMNS, *(OBJECTS if self.form is Format.JSONL else ())}
        # What everybody needs and no line has to say, where it is given beside the file.
        needed = [{name} for name in ("vault_id", "network") if name not in self.given]
        self._reader = Reader(self.form, frozenset(columns), (*map(frozenset, needed), *NEEDED))
        self._digest = Digest()
        self._payments: dict[tuple[object, ...], int] = {}
        self._names: dict[str, int] = {}
        self._clients: dict[str, str | None] = {}
        self._since = monotonic()

    async def feed(self, part: bytes) -> None:
        """Raises Invalid payout_file_too_long, and what the reader does."""
        await self._all(self._reader.feed(part))

    async def end(self) -> None:
        """Raises Invalid payout_file_empty besides."""
        await self._all(self._reader.end())
        if not self.lines:
            raise Invalid("payout_file_empty", "there is no line with a payment")

    @property
    def columns(self) -> tuple[str, ...]:
        if self.form is Format.CSV:
            return self._reader.header
        named = {name for line in self.lines for name in line.cells}
        return tuple(name for name in (*COLUMNS, *OBJECTS) if name in named)

    @property
    def digest(self) -> bytes:
        return self._digest.digest()

    async def _all(self, records: Iterator[Record]) -> None:
        for record in records:
            if len(self.lines) == LINES_MAX:
                raise Invalid("payout_file_too_long", f"more than {LINES_MAX} lines")
            line = await self._line(record)
            self.lines.append(line)
            self._digest.add(line)
            if monotonic() - self._since > _AT_ONCE_S:
                await asyncio.sleep(_PAUSE_S)
                self._since = monotonic()

    async def _line(self, record: Record) -> Line:
        number = len(self.lines) + 1
        fault, request = record.fault, None
        if fault is None:
            request = self._understood(record.cells)
        if isinstance(request, TransferRequest):
            fault = await self._fault(request, number)
        elif request is not None:
            fault = request
        if fault is not None or not isinstance(request, TransferRequest):
            return Line(number, record.line, record.cells, None, fault)
        same_as = self._payments.setdefault(payment_of(request), number)
        same = None if same_as == number else same_as
        if same is not None and self.reject_duplicates:
            words = f"line {self.lines[same - 1].line} pays the same"
            fault = Fault("duplicate_payment", words, "destination")
            return Line(number, record.line, record.cells, None, fault, same)
        return Line(number, record.line, record.cells, request, None, same)

    def _understood(self, cells: Mapping[str, Any]) -> TransferRequest | Fault:
        try:
            body = NewTransfer.model_validate({**self.given, **cells})
            if body.amount == "all":
                words = "a line of a file names its amount"
                return Fault("payout_amount_all", words, "amount")
            request = request_of(self.services, body)
            self.services.transfers.check(request)
        except ValidationError as error:
            first = error.errors()[0]
            found = pointed({**first, "loc": ("body", *first["loc"])})
            return Fault(found["code"], found["detail"], _column(found["pointer"]))
        except (CustodyError, InvalidInput) as error:
            _, said = describe(error)
            at = said.get("errors", [{}])[0].get("pointer", "")
            return Fault(said["code"], said["detail"], _column(at))
        return request

    async def _fault(self, request: TransferRequest, number: int) -> Fault | None:
        """What only other lines and the database know."""
        vault = request.vault_id
        if vault not in self._clients:
            self._clients[vault] = await self.client_of(vault)
        client = self._clients[vault]
        self.client = self.client or client
        if client is None or client != self.client:
            words = "there is no such vault, or it is another client's than the file's first one"
            return Fault("vault_not_found", words, "vault_id")
        if request.external_id is not None:
            first = self._names.setdefault(request.external_id, number)
            if first != number:
                words = f"line {self.lines[first - 1].line} has this external_id"
                return Fault("external_id_taken", words, "external_id")
        return None


def _column(pointer: str) -> str | None:
    return pointer.split("/")[1] if pointer.count("/") else None
