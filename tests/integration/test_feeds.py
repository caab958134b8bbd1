"""Whoever follows a feed by its numbers sees every committed row once, in order, without a gap:
also rows that are committed late, beside rows that never are, and while the numbering dies."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import delete, func, select, text

from custody.db.feed_tables import EventRow, SequencedEventRow, UnsequencedRow
from custody.db.ids import new_id
from custody.db.leases import LeaseLost, Leases
from custody.db.session import Database
from custody.db.tables import LedgerEntryRow
from custody.errors import Conflict
from custody.feeds.repository import Cursor, is_waiting
from custody.feeds.sequencer import Sequencer
from custody.workers.feeds import FeedWorker
from tests.integration.test_db_leases import replaced
from tests.support.database import PostgresServer
from tests.support.feeds import (
    Reader,
    add_vault,
    book,
    book_between,
    end_lease,
    happen,
    number_all,
)

CLIENTS = ("cli_a", "cli_b", "cli_c")
WRITERS = 12
TRANSACTIONS = 12
LIMIT_S = 60.0
KILLED = 9


class Undone(Exception):
    """The transaction is rolled back."""


@dataclass
class Load:
    """Writers with all kinds of bad luck. By client, what they committed."""

    database: Database
    luck: random.Random
    longest_s: float
    events: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    entries: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def write(self, client: str, vault: str) -> None:
        for _ in range(TRANSACTIONS):
            with suppress(Undone):
                events, entries = await self._one(vault)
                self.events[client].update(events)
                self.entries[client].update(entries)

    async def _one(self, vault: str) -> tuple[list[str], list[str]]:
        events, entries = [], []
        async with self.database.write() as session:
            for _ in range(self.luck.randint(1, 3)):
                events.append(await happen(session, vault, new_id("trf")))
                if self.luck.random() < 0.5:
                    entries.append(await book(session, vault))
            await asyncio.sleep(self.luck.random() * self.longest_s)
            if self.luck.random() < 0.25:
                raise Undone
        return events, entries


@asynccontextmanager
async def numbering(database: Database, luck: random.Random) -> AsyncIterator[None]:
    """Two processes that would both number, one of which is stopped and started all the time."""

    async def live(lives: float) -> None:
        while True:
            worker = FeedWorker(Leases(database, period_s=0.3), Sequencer(database), 0.01)
            with suppress(TimeoutError, LeaseLost):
                async with asyncio.timeout(lives * luck.random()):
                    await worker.run()

    tasks = [asyncio.create_task(live(lives)) for lives in (0.4, 3.0)]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_readers_see_each_committed_row_once_and_in_order(database: Database, seed: int):
    luck = random.Random(seed)
    longest_s = 0.005 if database._engines.is_sqlite else 0.1
    load = Load(database, luck, longest_s)
    vaults = [
        (client, await add_vault(database, client, at))
        for at, client in enumerate(CLIENTS * (WRITERS // len(CLIENTS)))
    ]
    readers = [Reader(client, entries) for client in (*CLIENTS, None) for entries in (False, True)]

    async def follow(reader: Reader) -> None:
        while True:
            await reader.read(database)
            await asyncio.sleep(0.01)

    async with asyncio.timeout(LIMIT_S), numbering(database, luck):
        following = [asyncio.create_task(follow(reader)) for reader in readers]
        await asyncio.gather(*(load.write(client, vault) for client, vault in vaults))
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    assert [each for each in following if not each.cancelled()] == []
    await end_lease(database)
    await number_all(database)
    for reader in readers:
        seen = await reader.read_all(database)
        made = load.entries if reader.entries else load.events
        expected = set().union(*made.values()) if reader.client is None else made[reader.client]
        assert len(seen) == len(set(seen)), "seen twice"
        assert set(seen) == expected
        assert expected


async def test_a_row_that_is_committed_late_is_missed_by_ids_and_not_by_numbers(
    database: Database,
):
    """The reason for all this: what it took to lose it, on the database where it was lost."""
    if database._engines.is_sqlite:
        return  # one writer at a time
    vault = await add_vault(database, "cli_a", 0)
    reader, by_id = Reader("cli_a"), 0
    missed: list[str] = []

    async def read_by_id() -> None:
        nonlocal by_id
        async with database.read() as session:
            after = select(EventRow).where(EventRow.seq > by_id).order_by(EventRow.seq)
            for row in await session.all(after):
                by_id = row.seq
                missed.remove(row.subject)

    async with database.write() as slow:
        missed.append(await happen(slow, vault, "slow"))
        async with database.write() as quick:
            missed.append(await happen(quick, vault, "quick"))
        await read_by_id()
        await number_all(database)
        assert await reader.read_all(database) == ["quick"]
    await read_by_id()
    assert missed == ["slow"]
    await number_all(database)
    assert await reader.read_all(database) == ["quick", "slow"]


async def test_what_happens_to_one_subject_keeps_its_order(database: Database):
    """Its states are written by whoever holds its lock, as those of transfers are."""
    luck = random.Random(3)
    vaults = [await add_vault(database, "cli_a", at) for at in range(4)]
    states = dict.fromkeys(vaults, 0)

    async def move(vault: str) -> None:
        async with database.write() as session:
            # Other subjects first, so that transactions overlap in what they write.
            await happen(session, vault, f"aside {new_id('x')}")
            await session.execute(
                text("UPDATE vaults SET name = name WHERE id = :id").bindparams(id=vault)  # type: ignore[arg-type]
            )
            states[vault] += 1
            await happen(session, vault, vault, str(states[vault]))
            await asyncio.sleep(luck.random() * 0.01)

    async with asyncio.timeout(LIMIT_S), numbering(database, luck):
        await asyncio.gather(*(move(luck.choice(vaults)) for _ in range(120)))
    await end_lease(database)
    await number_all(database)
    reader = Reader("cli_a")
    await reader.read_all(database)
    for vault in vaults:
        seen = [state for subject, state in reader.states if subject == vault]
        assert seen == [str(at + 1) for at in range(states[vault])]


# The numbering dies

DYING = """
import asyncio, os, signal, sys
from custody.db import leases, session
from custody.db.leases import Lease
from custody.db.session import Database
from custody.feeds import repository, sequencer
from custody.feeds.sequencer import Sequencer

WHOLE = {each.__file__ for each in (repository, sequencer)}
PARTS = {leases.__file__: {"check"}, session.__file__: {"commit", "_transaction", "end_part"}}

def die_at(number):
    seen = {}
    def lines(frame, event, _):
        if event == "line":
            seen.setdefault((id(frame), frame.f_lineno), frame)
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return lines
    def calls(frame, event, _):
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if name[0] != "<" and (file in WHOLE or name in PARTS.get(file, ())):
            return lines
    sys.settrace(calls)

url, holder, epoch = sys.argv[1:]
database = Database(url)

async def once(number):
    die_at(number)
    await Sequencer(database).number(Lease("feeds", holder, int(epoch)))
    sys.settrace(None)
    await database.close()

asyncio.run(once(-1))  # so that each child finds its statements compiled
number = 0
for _ in sys.stdin:
    number += 1
    child = os.fork()
    if child == 0:
        asyncio.run(once(number))
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


async def test_killed_at_every_line_it_leaves_no_gap(database: Database, database_url: str):
    """Between two deaths something is undone and, once nothing waits any more, more happens."""
    one, other = [await add_vault(database, client, at) for at, client in enumerate(CLIENTS[:2])]
    readers = [Reader(CLIENTS[0]), Reader(CLIENTS[0], entries=True), Reader(None)]
    made: list[str] = []
    booked: list[str] = []

    async def go_on() -> None:
        with suppress(Undone):
            async with database.write() as session:
                await happen(session, one, "undone")
                raise Undone
        async with database.write() as session:
            if not await is_waiting(session):
                made.append(await happen(session, one, new_id("trf")))
                booked.append(await book(session, one))
                await happen(session, other, "elsewhere")

    await go_on()
    async with Leases(database).hold("feeds") as lease:
        assert lease is not None
        led_by = (lease._holder, str(lease.epoch))
        deaths = 0
        async with dying(database_url, *led_by) as numbered:
            while not await numbered():
                deaths += 1
                await go_on()
                for reader in readers:
                    await reader.read(database)
    assert deaths > 25
    await number_all(database)
    events, entries, everything = [await reader.read_all(database) for reader in readers]
    assert events == made
    assert entries == booked
    assert len(made) > 1
    assert len(everything) == 2 * len(made)


@asynccontextmanager
async def dying(*arguments: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Each call lets another process number once and die at the next line. True: it lived."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert program.stdin is not None
    assert program.stdout is not None
    stdin, stdout = program.stdin, program.stdout

    async def number() -> bool:
        stdin.write(b"\n")
        status = int(await stdout.readline())
        assert status in (0, KILLED), "it failed, and was not killed"
        return status == 0

    try:
        yield number
    finally:
        stdin.close()
        await program.wait()


async def test_who_was_replaced_numbers_nothing(database: Database):
    vault = await add_vault(database, "cli_a", 0)
    async with database.write() as session:
        await happen(session, vault, "one")
    async with replaced(database, "feeds") as (lost, taken):
        with pytest.raises(LeaseLost):
            await Sequencer(database).number(lost)
        assert await Reader("cli_a").read_all(database) == []
        assert await Sequencer(database).number(taken) == 1
    assert await Reader("cli_a").read_all(database) == ["one"]


# Whose feed


async def test_each_feed_has_what_is_the_clients_and_the_houses_has_all(database: Database):
    one, other = [await add_vault(database, client, at) for at, client in enumerate(CLIENTS[:2])]
    async with database.write() as session:
        await happen(session, one, "of one")
        await happen(session, None, "of the house")
        entries = [await book(session, one), await book(session, other)]
        await happen(session, other, "of the other")
    async with database.write() as session:
        entries.append(await book_between(session, one, other))
    await number_all(database)
    assert await Reader(CLIENTS[0]).read_all(database) == ["of one"]
    assert await Reader(CLIENTS[1]).read_all(database) == ["of the other"]
    assert await Reader(CLIENTS[2]).read_all(database) == []
    assert await Reader(None).read_all(database) == ["of one", "of the house", "of the other"]
    assert await Reader(CLIENTS[0], entries=True).read_all(database) == [entries[0], entries[2]]
    assert await Reader(CLIENTS[1], entries=True).read_all(database) == entries[1:]
    assert await Reader(None, entries=True).read_all(database) == [*entries, entries[2]]


async def test_a_cursor_of_a_database_that_was_restored_is_refused(database: Database):
    """The numbers after the backup are given away again. Who has read the first ones is told."""
    vault = await add_vault(database, "cli_a", 0)
    for subject in ("before", "after"):
        async with database.write() as session:
            await happen(session, vault, subject)
        await number_all(database)
    reader = Reader("cli_a")
    assert await reader.read_all(database) == ["before", "after"]
    for known in (Cursor(2, "another"), Cursor(3, reader.cursor.mark)):
        for client in ("cli_a", None):
            with pytest.raises(Conflict, match="read it again"):
                await Reader(client, cursor=known).read(database)
    assert reader.cursor.number == 2


# What the database sees to


async def test_what_has_no_number_can_not_be_forgotten(database: Database):
    vault = await add_vault(database, "cli_a", 0)
    async with database.write() as session:
        await happen(session, vault, "event")
        await book(session, vault)
    turns = select(UnsequencedRow.seq).order_by(UnsequencedRow.seq)
    async with database.read() as session:
        event, entry = await session.all(turns)
    for turn in (event, entry):
        with pytest.raises(Exception, match="what has no number is not forgotten"):
            async with database.write() as session:
                await session.execute(delete(UnsequencedRow).where(UnsequencedRow.seq == turn))
    await number_all(database)
    async with database.read() as session:
        assert await session.all(turns) == []


async def test_everything_has_a_place_or_waits_for_one(database: Database):
    """Whoever wrote it: here a statement that knows nothing of feeds."""
    vault = await add_vault(database, "cli_a", 0)
    async with database.write() as session:
        await book(session, vault)
    columns = "debit_account, credit_account, asset, amount, pending_id, subject, reason"
    copy = f"INSERT INTO ledger_entries (id, kind, {columns}, created_at)"
    async with database._engines.write.begin() as connection:
        await connection.execute(
            text(f"{copy} SELECT 'ent_copy', kind, {columns}, created_at FROM ledger_entries")
        )
    await number_all(database)
    assert "ent_copy" in await Reader("cli_a", entries=True).read_all(database)


@pytest.mark.postgres
async def test_the_programs_role_can_number(postgres_server: PostgresServer, postgres_url: str):
    """And can't change a number: what it could otherwise do is in `test_db_roles`."""
    database = Database(postgres_url)
    vault = await add_vault(database, "cli_a", 0)
    async with database.write() as session:
        await happen(session, vault, "event")
    await number_all(database)
    with pytest.raises(Exception, match="permission denied"):
        async with database._engines.write.begin() as connection:
            await connection.execute(text("UPDATE sequenced_events SET sequence = 2"))
    async with database.read() as session:
        assert await session.one(select(func.count()).select_from(SequencedEventRow)) == 1
        assert await session.all(select(LedgerEntryRow)) == []
    await database.close()
