"""A package of a period: all that was asked for, signed and moved between two instants, as one file
that `custody-verify period` checks offline (ADR 0117).

Custody's rows are of one snapshot. The signer's records are read from a copy of its log, which says
all of them. A sample's bundle is made as any other. Whole in memory, as the file is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from custody.apikeys.model import Caller
from custody.audit import period_repository as repository
from custody.audit import repository as audit
from custody.audit.bundle import Packed, Part, pack
from custody.audit.bundling import Bundling
from custody.audit.controls_repository import vaults
from custody.audit.period_controls import NOT_RECORDED, Line, controls, encumbrances, told
from custody.audit.period_log import Stretch, stretch
from custody.audit.period_repository import Cut
from custody.db.feed_tables import SequencedEntryRow, SequencedEventRow
from custody.db.session import Database, ReadSession
from custody.db.tables import LedgerAccountRow
from custody.journal.repository import checkpoint_rows
from custody.ledger.chain import Placed
from custody.ledger.head_repository import placed_after
from custody.ledger.model import Kind
from custody.transactions.looking import unsigned_of
from custody.transfers.state import State
from signer.wire import Receipt, canonical_json, format_time, parse_json, tx_digest

ROWS_MAX: Final = 5_000
"""In one part of the file."""
SEED_BYTES: Final = 32


class NoPeriod(Exception):
    """It can't be shown, for the reason that the message says."""


class Asked(NamedTuple):
    """From `first` on and before `before`. `seed`: the auditor's, of which `samples` are drawn."""

    first: datetime
    before: datetime
    seed: bytes
    samples: int


def drawn(numbers: Iterable[int], seed: bytes, count: int) -> list[int]:
    """So many of the numbers as have the smallest SHA-256(seed || number, 8 bytes big-endian)."""
    return sorted(numbers, key=lambda each: sha256(seed + each.to_bytes(8, "big")).digest())[:count]


@dataclass(slots=True)
class _Found:
    """All rows of the package, by kind; `final`: of the period's requests by number, those that
    have a bundle."""

    head: dict[str, Any]
    rows: dict[str, list[Line]] = field(default_factory=dict)
    single: dict[str, Any] = field(default_factory=dict)
    requests: dict[int, str] = field(default_factory=dict)
    final: dict[int, str] = field(default_factory=dict)
    policies: list[Part] = field(default_factory=list)


class PeriodExport:
    """`log`: a copy of the signer's audit log, not older than the period's end."""

    def __init__(self, database: Database, bundling: Bundling, log: Path) -> None:
        self._database = database
        self._bundling = bundling
        self._log = log

    async def export(self, asked: Asked, caller: Caller, now: datetime) -> Packed:
        """Raises NoPeriod, JournalDamaged, and as `Bundling.export`."""
        if not asked.first < asked.before <= now:
            raise NoPeriod("a period ends after it begins, and is over")
        async with self._database.read() as session:
            found = await self._gather(session, asked)
        samples = [
            Part(f"samples/{number}", await self._bundling.export(found.final[number], caller, now))
            for number in drawn(found.requests, asked.seed, asked.samples)
            if number in found.final
        ]
        parts = [
            *(Part(name, canonical_json(value)) for name, value in found.single.items()),
            *(part for kind, rows in found.rows.items() for part in _parts(kind, rows)),
            *found.policies,
            *samples,
        ]
        begins, ends = format_time(asked.first), format_time(asked.before)
        made_at = format_time(now.replace(microsecond=0))
        return pack(f"{begins}/{ends}", "all", made_at, parts, "period")

    async def _gather(self, session: ReadSession, asked: Asked) -> _Found:
        if await repository.waiting(session, asked.before):
            raise NoPeriod("something of the period has no number yet: ask again in a moment")
        begins, ends = format_time(asked.first), format_time(asked.before)
        found = _Found({"from": begins, "to": ends, "not_recorded": list(NOT_RECORDED)})
        found.head["seed"] = asked.seed.hex()
        moved = await self._entries(session, found, asked)
        earliest = await self._earliest(session, moved)
        log = await self._records(session, asked, earliest)
        found.head["log"] = log.to_json()
        found.rows["records"] = [
            {"number": each.sequence, "body": each.body} for each in log.records
        ]
        signed = {each.body["transfer"] for each in log.records if each.body["kind"] == "signed"}
        found.rows["transactions"] = [
            _transaction(*each) for each in await repository.signed_for(session, {*signed, *moved})
        ]
        await self._requests(session, found, asked)
        found.single |= {
            "period": found.head,
            "controls": await controls(session, asked.first, asked.before),
            "encumbrances": await encumbrances(session, asked.before),
        }
        for row in await audit.policies_until(session, asked.before):
            said = {"document": row.document.decode(), "signatures": json.loads(row.signatures)}
            found.policies.append(Part(f"policies/{row.version}", canonical_json(said)))
        return found

    async def _entries(self, session: ReadSession, found: _Found, asked: Asked) -> set[str]:
        """With one before and one after, which show where the cut is. Returns the transfers that
        moved something."""
        cut = await repository.cut(session, SequencedEntryRow, asked.first, asked.before)
        start = max(0, cut.after - 1)
        head = await repository.head_below(session, start)
        rows: list[Placed] = []
        at = head.position
        while at <= cut.last and (page := await placed_after(session, at)):
            for placed in page:
                if placed.position <= start:
                    head = head.then(placed)
                elif placed.position <= cut.last + 1:
                    rows.append(placed)
            at = page[-1].position
        ids = {account for row in rows for account in (row.debit, row.credit)}
        known = await repository.accounts(session, ids)
        found.head["before"] = head.digest.hex()
        found.rows["entries"] = [_entry(row, known) for row in rows]
        found.single["balances"] = await _balances(session, cut)
        found.head["vaults"] = [list(each) for each in await vaults(session)]
        return {
            row.subject
            for row in rows
            if row.kind in (Kind.POST, Kind.SETTLE) and row.subject.startswith("tfr_")
        }

    async def _earliest(self, session: ReadSession, moved: set[str]) -> int | None:
        """The first record of the signer's that a movement of the period rests on."""
        signed = await repository.signed_for(session, moved)
        numbers = [
            place.sequence
            for row, _ in signed
            if row.receipt is not None
            for place in Receipt.parse(parse_json(row.receipt)).records
        ]
        return min(numbers, default=None)

    async def _records(self, session: ReadSession, asked: Asked, earliest: int | None) -> Stretch:
        keys = {row.log_key for row in await checkpoint_rows(session)}
        if len(keys) != 1:
            raise NoPeriod("custody has not yet seen the signer's log")
        begins, ends = format_time(asked.first), format_time(asked.before)
        found = stretch(self._log, keys.pop(), begins, ends, earliest)
        newest = await repository.newest_signed(session, asked.before)
        if found.records[-1].sequence < newest:
            ends = f"ends at record {found.records[-1].sequence}"
            raise NoPeriod(f"the copy of the log {ends}, and custody has a receipt for {newest}")
        return found

    async def _requests(self, session: ReadSession, found: _Found, asked: Asked) -> None:
        """Events as entries; and every transfer that one of them is about."""
        cut = await repository.cut(session, SequencedEventRow, asked.first, asked.before)
        events = await repository.events(session, max(0, cut.after - 1), cut.last + 1)
        found.rows["events"] = [_event(*each) for each in events]
        about = {row.subject for _, _, row in events if row.kind == "transfer"}
        rows = await repository.numbered(session, about)
        found.rows["requests"] = [_request(*each) for each in rows]
        mine = [(number, row) for number, row in rows if cut.after < number <= cut.last]
        found.requests = {number: row.id for number, row in mine}
        found.head["samples"] = min(asked.samples, len(mine))
        found.final = {number: row.id for number, row in mine if row.state == State.FINAL}


async def _balances(session: ReadSession, cut: Cut) -> list[Line]:
    opening = await repository.posted(session, cut.after)
    closing = await repository.posted(session, cut.last)
    return [
        {
            "client": client,
            "asset": asset,
            "opening": str(opening.get((client, asset), 0)),
            "closing": str(closing[client, asset]),
        }
        for client, asset in sorted(closing)
    ]


def _entry(row: Placed, known: Mapping[str, LedgerAccountRow]) -> Line:
    debit, credit = known[row.debit], known[row.credit]
    return {
        "number": row.position,
        "at": told(row.created_at),
        "client": row.client,
        "sequence": row.sequence,
        "id": row.id,
        "kind": row.kind,
        "debit": [debit.kind, debit.vault_id],
        "credit": [credit.kind, credit.vault_id],
        "asset": row.asset,
        "amount": str(row.amount),
        "ends": row.pending_id,
        "subject": row.subject,
        "reason": row.reason,
    }


def _event(position: int, client: str | None, row: Any) -> Line:
    return {
        "number": position,
        "at": told(row.created_at),
        "client": client,
        "kind": row.kind,
        "subject": row.subject,
        "event": row.event,
        "state": row.state,
    }


def _request(number: int, row: Any) -> Line:
    return {
        "number": number,
        "id": row.id,
        "client": row.client_id,
        "vault": row.vault_id,
        "network": row.network,
        "kind": row.kind,
        "asset": row.asset,
        "amount": str(row.amount),
        "initiator": row.initiator,
        "requested_at": told(row.requested_at),
        "state": row.state,
    }


def _transaction(row: Any, transfers: Sequence[str]) -> Line:
    """`tx`: how the signer's records name its unsigned bytes."""
    return {
        "id": row.id,
        "purpose": row.purpose,
        "network": row.network,
        "txid": row.txid,
        "tx": tx_digest(unsigned_of(row)).hex(),
        "transfers": list(transfers),
        "state": row.state,
    }


def _parts(kind: str, rows: Sequence[Line]) -> Iterator[Part]:
    for at in range(0, len(rows), ROWS_MAX):
        content = canonical_json(rows[at : at + ROWS_MAX])
        yield Part(f"{kind}/{at // ROWS_MAX + 1}", content)
