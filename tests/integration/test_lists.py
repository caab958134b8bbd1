"""Whoever follows a list from page to page sees every row once, however many write meanwhile and
in whichever order they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from custody.db.listing import Window, open_list
from custody.db.session import Database
from custody.db.transfer_tables import TransferRow
from custody.transfers.filters import TransferFilter
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT

WRITERS = 12
EACH = 4
PAGE = 3


@pytest_asyncio.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    yield Desk(database, ACCOUNT)


async def next_page(desk: Desk, after: int | None) -> tuple[list[str], int | None]:
    """The ids, and the number to go on after."""
    async with open_list(desk.database, TransferRow) as (session, settled):
        window = Window(after=after, limit=PAGE, settled=settled)
        rows = await desk.services.transfers.page(session, TransferFilter(), window)
    return [each.row.id for each in rows], rows[-1].row.serial if rows else after


async def test_many_write_and_one_reads(desk: Desk):
    vaults = [await desk.open_funded(10**18) for _ in range(WRITERS)]
    made: list[str] = []
    seen: list[str] = []

    async def write(vault: Any) -> None:
        for _ in range(EACH):
            made.append(await desk.send(vault, 1_000))

    writing = asyncio.gather(*(write(vault) for vault in vaults))
    after: int | None = None
    while not writing.done() or len(seen) < len(made):
        ids, after = await next_page(desk, after)
        seen += ids
        await asyncio.sleep(0)
    await writing
    assert (await next_page(desk, after))[0] == []
    assert sorted(seen) == sorted(made)
    assert len(made) == WRITERS * EACH


@pytest.mark.postgres
async def test_one_begins_first_and_ends_last(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    database = Database(postgres_url)
    desk = Desk(database, ACCOUNT)
    slow, quick = await desk.open_funded(10**18), await desk.open_funded(10**18)
    transfers = desk.services.transfers
    hold, held, go_on = transfers._hold, asyncio.Event(), asyncio.Event()

    async def wait_first(*given: Any) -> None:
        await hold(*given)
        if not held.is_set():
            held.set()
            await go_on.wait()

    monkeypatch.setattr(transfers, "_hold", wait_first)
    late = asyncio.create_task(desk.send(slow, 1_000))
    await asyncio.wait(
        [late, asyncio.ensure_future(held.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    assert held.is_set()
    others = [await desk.send(quick, 1_000) for _ in range(PAGE + 1)]
    first, after = await next_page(desk, None)
    go_on.set()
    made = [await late, *others]
    seen = list(first)
    while ids := (page := await next_page(desk, after))[0]:
        seen += ids
        after = page[1]
    assert first == []
    assert seen == made
    await database.close()
