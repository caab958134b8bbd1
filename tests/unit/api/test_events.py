"""The feed over HTTP: what a reader who follows the cursor sees, and how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import update

from api import feedcursors
from api.v1 import events
from custody.db.leases import Leases
from custody.db.session import Database
from custody.db.tables import DepositRow
from custody.feeds.repository import is_waiting
from custody.feeds.sequencer import Sequencer
from custody.workers.feeds import FeedWorker
from tests.support.feeds import happen, number_all
from tests.unit.api.counter import Counter
from tests.unit.api.test_routes import _insert_deposit

WRITERS = 40
EACH = 3
ALIAS = "ethereum-local"


@asynccontextmanager
async def numbering(database: Database) -> AsyncIterator[None]:
    """As a worker does, in whichever process."""
    worker = asyncio.create_task(FeedWorker(Leases(database), Sequencer(database), 0.01).run())
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def page(counter: Counter, cursor: str = "", scope: str = "read", **more: Any) -> Any:
    asked = {"cursor": cursor, **more} if cursor else more
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return await counter.get(f"/v1/events?{query}", scope)


async def everything(counter: Counter, scope: str = "read", **more: Any) -> list[Any]:
    found, cursor = [], ""
    while (answer := await page(counter, cursor, scope, **more))["items"]:
        found += answer["items"]
        cursor = answer["cursor"]
    return found


async def test_one_reader_beside_forty_writers_misses_nothing_and_sees_nothing_twice(
    database: Database,
):
    """As it failed when states were polled: a deposit changes its state behind the cursor of
    whoever reads a list, and a row that commits late is passed over."""
    counter = Counter(database, aliases=(ALIAS,))
    await counter.open()
    deposits = [await _insert_deposit(counter, f"{at:064x}") for at in range(WRITERS)]
    sent: list[str] = []

    async def write(at: int) -> None:
        for number in range(EACH):
            body = counter.transfer(ALIAS, amount="0.001")
            answer = await counter.send(body, f"{at}-{number}")
            assert answer.status_code == 201, answer.text
            sent.append(answer.json()["id"])
        async with database.write() as session:
            await session.execute(
                update(DepositRow).where(DepositRow.id == deposits[at]).values(state="credited")
            )

    seen: list[Any] = []
    async with asyncio.timeout(120), numbering(database):
        writing = asyncio.gather(*(write(at) for at in range(WRITERS)))
        cursor, last = "", False
        while not last:
            last = writing.done() and not await _waits(counter)
            answer = await page(counter, cursor, client_id=counter.client_id, wait=1, limit=17)
            seen += answer["items"]
            cursor = answer["cursor"]
            last = last and not answer["items"]
        await writing
    assert [each["sequence"] for each in seen] == list(range(1, len(seen) + 1)), "a gap"
    credited = [e["subject"] for e in seen if (e["kind"], e["state"]) == ("deposit", "credited")]
    assert sorted(credited) == sorted(deposits)
    asked = [e["subject"] for e in seen if (e["kind"], e["state"]) == ("transfer", "approved")]
    assert sorted(asked) == sorted(sent)
    assert len(sent) == WRITERS * EACH


async def _waits(counter: Counter) -> bool:
    async with counter.database.read() as session:
        return await is_waiting(session)


async def test_the_cursor_is_never_null_and_leads_on(counter: Counter):
    empty = await page(counter, client_id=counter.client_id)
    assert empty["items"] == [] and empty["cursor"]
    assert (await page(counter, empty["cursor"], client_id=counter.client_id)) == empty
    await counter.send(counter.transfer(ALIAS), "k1")
    await number_all(counter.database)
    answer = await page(counter, empty["cursor"], client_id=counter.client_id)
    (made,) = answer["items"]
    assert (made["sequence"], made["kind"], made["event"]) == (1, "transfer", "accept")
    shown = await counter.get(made["href"])
    assert shown["id"] == made["subject"]
    assert (await page(counter, answer["cursor"], client_id=counter.client_id))["items"] == []
    newest = await page(counter, feedcursors.NEWEST, client_id=counter.client_id)
    assert newest == {"items": [], "cursor": answer["cursor"]}


async def test_a_reader_who_waits_is_answered_when_something_happens(counter: Counter):
    waiting = asyncio.create_task(page(counter, client_id=counter.client_id, wait=30))
    pool = counter.database._engines.read.pool
    async with asyncio.timeout(20):
        while not counter.app.state.services.feed._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await counter.send(counter.transfer(ALIAS), "k1")
        await number_all(counter.database)
        answer = await waiting
    assert [each["sequence"] for each in answer["items"]] == [1]
    assert pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_wait_that_nothing_ends_is_answered_empty(counter: Counter):
    answer = await page(counter, client_id=counter.client_id, wait=1)
    assert answer["items"] == []


async def test_so_many_may_wait_with_one_key(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    readers = [
        asyncio.create_task(page(counter, client_id=counter.client_id, wait=30))
        for _ in range(events.WAITING_MAX)
    ]
    async with asyncio.timeout(20):
        while counter.app.state.services.feed._waiting < events.WAITING_MAX:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        refused = await counter.call("GET", "/v1/events?wait=1")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_waiting")
        assert refused.headers["Retry-After"]
        assert (await counter.call("GET", "/v1/events")).status_code == 200
        await counter.send(counter.transfer(ALIAS), "k1")
        await number_all(counter.database)
        await asyncio.gather(*readers)
    assert not events._WAITS


async def test_a_key_of_a_client_reads_its_clients_feed_alone(counter: Counter):
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    vault = await counter.new_vault(other)
    counter.keys["mine"] = await counter.new_key("read", client_id=counter.client_id)
    await counter.send(counter.transfer(ALIAS), "k1")
    async with counter.database.write() as session:
        await happen(session, vault, "tfr_other")
        await happen(session, None, "alm_house")
    await number_all(counter.database)
    mine = await everything(counter, "mine")
    assert mine and all(each["vault_id"] == counter.vault_id for each in mine)
    assert [each["sequence"] for each in mine] == list(range(1, len(mine) + 1))
    assert mine == await everything(counter, client_id=counter.client_id)
    answer = await counter.call("GET", f"/v1/events?client_id={other}", key="mine")
    assert (answer.status_code, answer.json().get("code")) == (404, "client_not_found"), answer.text
    house = {each["subject"] for each in await everything(counter)}
    assert {"tfr_other", "alm_house"} < house


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1.", "01.00", "9" * 19 + ".", "1.g", "%00", ".", "-1."]
)
async def test_a_cursor_that_nobody_gave_is_refused(counter: Counter, cursor: str):
    answer = await counter.call("GET", f"/v1/events?cursor={cursor}")
    assert answer.status_code in (409, 422), answer.text
    assert answer.json()["code"] in ("cursor_invalid", "cursor_unknown", "field_invalid")


async def test_a_cursor_from_before_a_restore_is_told(counter: Counter):
    await counter.send(counter.transfer(ALIAS), "k1")
    await number_all(counter.database)
    cursor = (await page(counter, client_id=counter.client_id))["cursor"]
    number, _, mark = cursor.partition(".")
    other = f"{number}.{'f' * len(mark)}"
    assert other != cursor
    asked = f"/v1/events?cursor={other}&client_id={counter.client_id}"
    answer = await counter.call("GET", asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "cursor_unknown")
