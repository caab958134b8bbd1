"""Readers of feeds who complain about gaps, and what happens for them to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import update

from chains.model import AssetId
from custody.db.feed_tables import EventRow
from custody.db.ids import new_id
from custody.db.leases import Leases
from custody.db.session import Database, WriteSession
from custody.db.tables import ClientRow, LeaseRow, LedgerEntryRow, VaultRow
from custody.feeds import repository
from custody.feeds.repository import Cursor
from custody.feeds.sequencer import Sequencer
from custody.ledger.model import Post, Reason, chain_account, vault_account
from custody.ledger.service import Ledger

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASSET = AssetId("eip155:1/slip44:60")
PAGE = 7
"""Small, so that pages end everywhere."""


async def add_vault(database: Database, client: str, account: int) -> str:
    """Of a client who is made if need be."""
    vault = new_id("vlt")
    async with database.write() as session:
        await session.insert_missing(ClientRow, [{"id": client, "name": "C", "created_at": NOW}])
        session.add(VaultRow(id=vault, client_id=client, name="V", account=account, created_at=NOW))
    return vault


async def happen(
    session: WriteSession, vault: str | None, subject: str, state: str = "done"
) -> str:
    """An event; returns `subject`."""
    event = {
        "kind": "transfer",
        "subject": subject,
        "vault_id": vault,
        "event": "test",
        "state": state,
        "detail": None,
        "created_at": NOW,
    }
    await session.insert(EventRow, [event])
    return subject


async def book(session: WriteSession, vault: str, amount: int = 1) -> str:
    """A ledger entry; returns its id."""
    post = Post(chain_account(ASSET), vault_account(vault, ASSET), amount, "x", Reason.DEPOSIT)
    (entry,) = await Ledger(lambda: NOW).post(session, post)
    return entry


async def book_between(session: WriteSession, payer: str, payee: str) -> str:
    """An entry between two vaults, which nothing of ours makes yet."""
    debit, credit = (vault_account(vault, ASSET).id for vault in (payer, payee))
    entry = new_id("ent")
    row = {
        "id": entry,
        "kind": "post",
        "debit_account": debit,
        "credit_account": credit,
        "asset": ASSET,
        "amount": 1,
        "pending_id": None,
        "subject": "x",
        "reason": "transfer",
        "created_at": NOW,
    }
    await session.insert(LedgerEntryRow, [row])
    return entry


async def number_all(database: Database) -> None:
    """As a worker that nobody disturbs."""
    async with Leases(database).hold("feeds") as lease:
        assert lease is not None
        while await Sequencer(database).number(lease):
            pass


async def end_lease(database: Database) -> None:
    """As if the time of a leader who died had passed."""
    async with database.write() as session:
        await session.execute(update(LeaseRow).values(until=LeaseRow.since))


@dataclass
class Reader:
    """Follows one feed (`client` None: everybody's) by what the repository says, and nothing else.
    `seen`: subjects of events or ids of entries, in order."""

    client: str | None
    entries: bool = False
    cursor: Cursor = field(default_factory=Cursor)
    seen: list[str] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)

    async def read(self, database: Database) -> int:
        """One page; fails where a number is missing."""
        async with database.read() as session:
            if self.entries:
                page = await repository.entries_after(session, self.client, self.cursor, PAGE)
                found = [(cursor, row.id, row.reason) for cursor, row in page]
            else:
                events = await repository.events_after(session, self.client, self.cursor, PAGE)
                found = [(cursor, row.subject, row.state) for cursor, row in events]
        for cursor, name, state in found:
            assert cursor.number == self.cursor.number + 1, "a gap"
            self.cursor = cursor
            self.seen.append(name)
            self.states.append((name, state))
        return len(found)

    async def read_all(self, database: Database) -> list[str]:
        while await self.read(database):
            pass
        return self.seen
