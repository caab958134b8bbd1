"""Entries, transfers and deposits of a time range, in the order of their numbers, part by part.

An order by number is the order of commits and never changes, so what is numbered later comes after
all that was exported before (ADR 0037). Each part is read in a transaction of its own: an export
holds none open, however slowly somebody reads it. It ends with how far it went; without that last
line something is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chains.assets import Amount
from chains.catalogue import Catalogue
from chains.effects import Pay
from custody.audit import export_repository as repository
from custody.db.session import Database, ReadSession
from custody.db.transfer_tables import SEVERAL, TransferRow
from custody.feeds.repository import Places
from custody.transfers.repository import payments_of
from signer.wire import canonical_json

PART: Final = 500
"""Numbers that are looked at in one transaction."""
DISORDER: Final = timedelta(hours=1)
"""Numbers follow commits and times are taken before: by no more than this do the two differ."""

Line = dict[str, str | int | None]
"""One row of an export, by column."""
Read = Callable[[ReadSession, Catalogue, str | None, int, int], Awaitable[list[Line]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be exported: its name, its columns in their order, the feed whose numbers it goes
    by, and the column that the time range is about."""

    name: str
    columns: tuple[str, ...]
    places: Places
    time: str
    read: Read


@dataclass(frozen=True, slots=True)
class Range:
    """From `first` on and before `before`, either of which may be open; what has a number above
    `after`; of one client, or of all."""

    first: datetime | None
    before: datetime | None
    after: int
    client: str | None

    def holds(self, at: datetime) -> bool:
        return (self.first is None or self.first <= at) and (
            self.before is None or at < self.before
        )


@dataclass(frozen=True, slots=True)
class Part:
    """`through`: everything up to this number was looked at. The last part says `is_last`."""

    lines: list[Line]
    through: int
    is_last: bool


async def parts(
    database: Database, catalogue: Catalogue, subject: Subject, wanted: Range
) -> AsyncIterator[Part]:
    """All that has a number when it begins. At least one part."""
    async with database.read() as session:
        newest = await repository.newest_number(session, subject.places, wanted.client)
        at = max(wanted.after, await _before_first(session, subject, wanted, newest))
    is_last = False
    while not is_last:
        last = min(at + PART, newest)
        async with database.read() as session:
            lines = await subject.read(session, catalogue, wanted.client, at, last)
            is_last = last >= newest or await _is_past(session, subject, wanted, last)
        at = max(at, last)
        yield Part([line for line in lines if wanted.holds(_time(line, subject))], at, is_last)


async def _before_first(session: ReadSession, subject: Subject, wanted: Range, newest: int) -> int:
    """The number below which nothing is in the range: found by halving, since numbers have no gaps
    and times follow them, up to some disorder."""
    if wanted.first is None:
        return 0
    early, low, high = wanted.first - DISORDER, 0, newest
    while low < high:
        middle = (low + high + 1) // 2
        at = await repository.time_of(session, subject.places, wanted.client, middle)
        low, high = (middle, high) if at < early else (low, middle - 1)
    return low


async def _is_past(session: ReadSession, subject: Subject, wanted: Range, last: int) -> bool:
    if wanted.before is None:
        return False
    at = await repository.time_of(session, subject.places, wanted.client, last)
    return at >= wanted.before + DISORDER


def _time(line: Line, subject: Subject) -> datetime:
    return datetime.fromisoformat(str(line[subject.time]))


def _money(catalogue: Catalogue, asset: str, units: int) -> Mapping[str, str | int | None]:
    """An asset that no row describes any more has no decimals, and its units all the same."""
    decimals, amount = None, None
    with suppress(KeyError):
        known = catalogue.find_asset(asset)
        decimals, amount = known.decimals, Amount(known, units).decimal
    return {
        "asset": asset,
        "decimals": decimals,
        "amount_base_units": str(units),
        "amount": amount,
    }


async def _entries(
    session: ReadSession, catalogue: Catalogue, client: str | None, after: int, last: int
) -> list[Line]:
    return [
        {
            "sequence": number,
            "id": row.id,
            "created_at": row.created_at.isoformat(),
            "client_id": owner,
            "kind": row.kind,
            "reason": row.reason,
            "subject": row.subject,
            **_money(catalogue, row.asset, row.amount),
            "debit_kind": debit.kind,
            "debit_vault_id": debit.vault_id,
            "credit_kind": credit.kind,
            "credit_vault_id": credit.vault_id,
            "ends": row.pending_id,
        }
        for number, owner, row, debit, credit in await repository.entries(
            session, client, after, last
        )
    ]


async def _transfers(
    session: ReadSession, catalogue: Catalogue, client: str | None, after: int, last: int
) -> list[Line]:
    rows = await repository.transfers(session, client, after, last)
    txids = await repository.txids(session, [row.id for _, row in rows])
    payments = await payments_of(session, [row for _, row in rows])
    return [
        {
            "sequence": number,
            "id": row.id,
            "requested_at": row.requested_at.isoformat(),
            "updated_at": row.updated_at.isoformat(),
            "client_id": row.client_id,
            "vault_id": row.vault_id,
            "network": row.network,
            **_money(catalogue, row.asset, row.amount),
            "destination": None if row.destination == SEVERAL else row.destination,
            "memo": row.memo,
            "outputs": _outputs(row, payments[row.id]),
            "initiator": row.initiator,
            "note": row.note,
            "state": row.state,
            "reason": row.reason,
            "txids": " ".join(txids[row.id]),
        }
        for number, row in rows
    ]


def _outputs(row: TransferRow, payments: Sequence[Pay]) -> str | None:
    """Of a transfer that pays several, each of them, as JSON."""
    if row.destination != SEVERAL:
        return None
    return canonical_json(
        [
            {"destination": each.address, "memo": each.memo, "amount_base_units": str(each.amount)}
            for each in payments
        ]
    ).decode()


async def _deposits(
    session: ReadSession, catalogue: Catalogue, client: str | None, after: int, last: int
) -> list[Line]:
    return [
        {
            "sequence": number,
            "id": row.id,
            "created_at": row.created_at.isoformat(),
            "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
            "client_id": row.client_id,
            "vault_id": row.vault_id,
            "network": row.network,
            **_money(catalogue, row.asset, row.amount),
            "address": address,
            "txid": row.txid,
            "place": row.place,
            "block_height": row.block_height,
            "block_hash": row.block_hash,
            "state": row.state,
        }
        for number, row, address in await repository.deposits(session, client, after, last)
    ]


_MONEY: Final = ("asset", "decimals", "amount_base_units", "amount")
ENTRIES: Final = Subject(
    "entry",
    (
        *("sequence", "id", "created_at", "client_id", "kind", "reason", "subject"),
        *_MONEY,
        *("debit_kind", "debit_vault_id", "credit_kind", "credit_vault_id", "ends"),
    ),
    repository.ENTRIES,
    "created_at",
    _entries,
)
TRANSFERS: Final = Subject(
    "transfer",
    (
        *("sequence", "id", "requested_at", "updated_at", "client_id", "vault_id", "network"),
        *_MONEY,
        *("destination", "memo", "outputs", "initiator", "note", "state", "reason", "txids"),
    ),
    repository.EVENTS,
    "requested_at",
    _transfers,
)
DEPOSITS: Final = Subject(
    "deposit",
    (
        *("sequence", "id", "created_at", "decided_at", "client_id", "vault_id", "network"),
        *_MONEY,
        *("address", "txid", "place", "block_height", "block_hash", "state"),
    ),
    repository.EVENTS,
    "created_at",
    _deposits,
)
