"""Exports: every row of a range once, in the order of its number, in constant memory; and a reader
can tell a whole file from one that broke off."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from sqlalchemy import update

from api.v1.exports import _written
from custody.apikeys.model import Scope
from custody.audit import export_repository
from custody.audit.export import DEPOSITS, DISORDER, ENTRIES, PART, TRANSFERS, Range, parts
from custody.audit.formats import CsvWriter, Format
from custody.db.ids import new_id
from custody.db.session import Database
from custody.db.tables import DepositRow
from custody.db.transfer_tables import TransferRow
from custody.ledger.model import Post, Reason, chain_account, vault_account
from custody.ledger.service import Ledger
from tests.support.feeds import number_all
from tests.unit.api.counter import Counter

Rows = list[dict[str, Any]]
NOUNS = ("entries", "transfers", "deposits")


@pytest_asyncio.fixture
async def desk(either: Counter) -> AsyncIterator[Counter]:
    """A client with a vault, three transfers and two deposits, all of them numbered."""
    counter = either
    for note in ("=HYPERLINK(1)", "payout", None):
        answer = await counter.send(counter.transfer("ethereum-local", note=note), note or "k")
        assert answer.status_code == 201, answer.text
    counter.clock.now += timedelta(hours=1)
    await deposit(counter, 5)
    await deposit(counter, 7)
    await number_all(counter.database)
    counter.keys["audit"] = await counter.new_key(Scope.AUDIT)
    yield counter


async def deposit(counter: Counter, units: int) -> None:
    network = next(each for each in counter.custody.networks.values() if each.alias == "bsc-local")
    addresses = await counter.get(f"/v1/vaults/{counter.vault_id}/addresses?network=bsc-local")
    native, ledger = network.native.id, Ledger(counter.clock)
    async with counter.database.write() as session:
        (entry,) = await ledger.post(
            session,
            Post(
                chain_account(native), vault_account(counter.vault_id, native), units, "dep",
                Reason.DEPOSIT,
            ),
        )  # fmt: skip
        session.add(
            DepositRow(
                id=new_id("dep"),
                network=network.id,
                asset=native,
                client_id=counter.client_id,
                vault_id=counter.vault_id,
                address_id=addresses["items"][0]["id"],
                txid=f"0x{units:064x}",
                place="value",
                amount=units,
                state="credited",
                block_height=9,
                block_hash="0x09",
                final_height=9,
                reservation_id=entry,
                created_at=counter.clock(),
                decided_at=None,
            )
        )


async def text_of(desk: Counter, noun: str, key: str = "audit", **query: str) -> str:
    path = f"/v1/audit/{noun}" + (f"?{urlencode(query)}" if query else "")
    answer = await desk.call("GET", path, key=key)
    assert answer.status_code == 200, answer.text
    return answer.text


async def lines_of(desk: Counter, noun: str, key: str = "audit", **query: str) -> Rows:
    text = await text_of(desk, noun, key, **query)
    return [json.loads(line) for line in text.splitlines()]


async def test_transfers_deposits_and_entries_are_all_there_in_both_formats(desk: Counter):
    shown = {
        "transfers": [each["id"] for each in (await desk.get("/v1/transfers"))["items"]],
        "deposits": [each["id"] for each in (await desk.get("/v1/deposits"))["items"]],
    }
    for noun in NOUNS:
        *rows, end = await lines_of(desk, noun)
        assert end == {"record": "end", "sequence": end["sequence"], "rows": len(rows)}
        numbers = [row["sequence"] for row in rows]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] <= end["sequence"]
        if noun in shown:
            assert [row["id"] for row in rows] == shown[noun]
        table = list(csv.DictReader(StringIO(await text_of(desk, noun, format="csv"))))
        assert (table[-1]["record"], table[-1]["sequence"]) == ("end", str(end["sequence"]))
        assert table[-1]["id"] == str(len(rows))
        assert len(table) == len(rows) + 1
        for row, cells in zip(rows, table, strict=False):
            assert list(cells) == list(row), "the columns are those of the JSON lines"
            for name, cell in cells.items():
                assert cell.removeprefix("'") == ("" if row[name] is None else str(row[name]))
    first = (await lines_of(desk, "entries"))[0]
    assert (first["record"], first["kind"], first["credit_vault_id"]) == (
        "entry", "post", desk.vault_id
    )  # fmt: skip
    (paid, *_) = await lines_of(desk, "transfers")
    assert (paid["amount"], paid["amount_base_units"], paid["decimals"]) == (
        "0.05", str(5 * 10**16), 18
    )  # fmt: skip


async def test_what_a_spreadsheet_would_run_is_text(desk: Counter):
    table = list(csv.DictReader(StringIO(await text_of(desk, "transfers", format="csv"))))
    assert table[0]["note"] == "'=HYPERLINK(1)"
    (row, *_) = await lines_of(desk, "transfers")
    assert row["note"] == "=HYPERLINK(1)", "programs get what was written"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_each_beginning_of_a_formula_is_kept_from_being_one(text: str):
    (record, cell), *_ = csv.reader(StringIO(CsvWriter(["note"]).lines("x", [{"note": text}])))
    assert (record, cell) == ("x", f"'{text}")


async def test_a_range_has_its_beginning_and_not_its_end(desk: Counter):
    times = [each["created_at"] for each in await lines_of(desk, "deposits") if "id" in each]
    (at,) = set(times)
    moment = datetime.fromisoformat(at)
    later = (moment + timedelta(microseconds=1)).isoformat()
    assert len(await lines_of(desk, "deposits", **{"from": at})) == 3
    assert len(await lines_of(desk, "deposits", **{"from": later})) == 1
    assert len(await lines_of(desk, "deposits", to=at)) == 1
    assert len(await lines_of(desk, "deposits", to=later)) == 3
    assert len(await lines_of(desk, "transfers", to=at)) == 4


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z", "range_empty"),
        ("from=yesterday", "field_invalid"),
        ("from=2026-01-02T00:00:00", "field_invalid"),
        ("format=xml", "field_invalid"),
        ("after=-1", "field_invalid"),
        ("until=2026-01-02T00:00:00Z", "field_unknown"),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(desk: Counter, query: str, code: str):
    answer = await desk.call("GET", f"/v1/audit/entries?{query}", key="audit")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_csv_for_who_asks_for_it(desk: Counter):
    for accept, kind in (
        ("text/csv", "text/csv"),
        ("text/html, text/csv;q=0.9", "text/csv"),
        ("application/jsonl", "application/jsonl"),
        ("*/*", "application/jsonl"),
    ):
        headers = {"Accept": accept}
        answer = await desk.call("GET", "/v1/audit/deposits", key="audit", headers=headers)
        assert answer.headers["content-type"].startswith(kind)
    answer = await desk.call(
        "GET", "/v1/audit/deposits?format=jsonl", key="audit", headers={"Accept": "text/csv"}
    )
    assert answer.headers["content-type"].startswith("application/jsonl")


async def test_a_key_of_a_client_exports_that_clients_rows(desk: Counter):
    other = (await desk.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    await desk.new_vault(other)
    await number_all(desk.database)
    mine = await desk.new_key(Scope.AUDIT, client_id=desk.client_id)
    strangers = await desk.new_key(Scope.AUDIT, client_id=other)
    for noun in NOUNS:
        *all_rows, _ = await lines_of(desk, noun)
        *rows, end = await lines_of(desk, noun, mine)
        assert {row["client_id"] for row in rows} == {desk.client_id}
        assert [row["id"] for row in rows] == [
            row["id"] for row in all_rows if row["client_id"] == desk.client_id
        ]
        if noun == "entries":
            assert [row["sequence"] for row in rows] == list(range(1, end["sequence"] + 1))
        assert await lines_of(desk, noun, client_id=desk.client_id) == [*rows, end]
        assert not [row for row in (await lines_of(desk, noun, strangers))[:-1]
                    if row["client_id"] != other]  # fmt: skip
        path = f"/v1/audit/{noun}?client_id={desk.client_id}"
        answer = await desk.call("GET", path, key=strangers)
        assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")
        answer = await desk.call("GET", f"/v1/audit/{noun}", key="read")
        assert answer.json()["code"] == "scope_missing"


async def test_the_next_export_goes_on_where_one_ended(desk: Counter):
    *before, end = await lines_of(desk, "deposits")
    await deposit(desk, 9)
    same = await lines_of(desk, "deposits", after=str(end["sequence"]))
    assert [row["record"] for row in same] == ["end"], "what has no number yet is not there"
    await number_all(desk.database)
    *more, _ = await lines_of(desk, "deposits", after=str(end["sequence"]))
    *every, _ = await lines_of(desk, "deposits")
    assert before + more == every
    assert len(more) == 1
    beyond = await lines_of(desk, "deposits", after=str(2**62))
    assert [row["record"] for row in beyond] == ["end"]


async def test_an_asset_that_nothing_describes_any_more_is_exported_all_the_same(desk: Counter):
    async with desk.database.write() as session:
        native = "eip155:999/slip44:1"
        await Ledger(desk.clock).post(
            session,
            Post(
                chain_account(native), vault_account(desk.vault_id, native), 5, "x",  # type: ignore[arg-type]
                Reason.DEPOSIT,
            ),
        )  # fmt: skip
    await number_all(desk.database)
    *_, row, _end = await lines_of(desk, "entries")
    assert (row["asset"], row["amount_base_units"]) == ("eip155:999/slip44:1", "5")
    assert (row["decimals"], row["amount"]) == (None, None)


# Many rows


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=10)


async def book_many(counter: Counter, number: int) -> None:
    """Entries ten minutes apart, every other pair out of order."""
    native = next(iter(counter.custody.networks.values())).native.id
    for start in range(0, number, 100):
        async with counter.database.write() as session:
            for at in range(start, start + 100):
                moment = NOON + STEP * (at ^ 1)
                post = Post(
                    chain_account(native), vault_account(counter.vault_id, native), at + 1, "x",
                    Reason.DEPOSIT,
                )  # fmt: skip
                await Ledger(lambda moment=moment: moment).post(session, post)  # type: ignore[misc]
    await number_all(counter.database)


async def read_parts(database: Database, counter: Counter, wanted: Range) -> list[Any]:
    catalogue = counter.custody.catalogue
    return [part async for part in parts(database, catalogue, ENTRIES, wanted)]


async def test_a_long_export_is_read_in_parts_and_a_short_range_reads_little(either: Counter):
    counter = either
    await book_many(counter, 1_300)
    found = await read_parts(counter.database, counter, Range(None, None, 0, counter.client_id))
    assert [len(part.lines) for part in found[:2]] == [PART, PART]
    assert sum(len(part.lines) for part in found) == found[-1].through == 1_305
    assert [part.is_last for part in found] == [False, False, True]
    for begin in range(600, 616):
        first, before = NOON + STEP * begin, NOON + STEP * (begin + 9)
        wanted = Range(first, before, 0, counter.client_id)
        few = await read_parts(counter.database, counter, wanted)
        times = sorted(str(line["created_at"]) for part in few for line in part.lines)
        assert times == [(NOON + STEP * (begin + at)).isoformat() for at in range(9)]
        assert len(few) == 1, "it begins near the range and stops behind it"
    assert STEP * 2 < DISORDER


async def test_an_answer_that_breaks_off_has_no_last_line(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    """The database goes away in the middle."""
    await book_many(counter, 600)
    read, asked = export_repository.entries, list[int]()

    async def once(session: Any, client: str | None, after: int, last: int) -> Sequence[Any]:
        asked.append(after)
        if len(asked) > 1:
            raise ConnectionResetError
        return await read(session, client, after, last)

    monkeypatch.setattr(export_repository, "entries", once)
    wanted, sent = Range(None, None, 0, None), list[str]()
    found = parts(counter.database, counter.custody.catalogue, ENTRIES, wanted)
    written = _written(ENTRIES, Format.JSONL, await anext(found), found)

    async def send() -> None:
        async for text in written:
            sent.append(text)

    with pytest.raises(ConnectionResetError):
        await send()
    rows = [json.loads(line) for line in "".join(sent).splitlines()]
    assert len(rows) == PART
    assert {row["record"] for row in rows} == {"entry"}


async def test_a_failure_before_the_first_row_is_a_problem(
    desk: Counter, monkeypatch: pytest.MonkeyPatch
):
    async def fails(*_: Any) -> Any:
        raise ConnectionResetError

    monkeypatch.setattr(export_repository, "entries", fails)
    answer = await desk.call("GET", "/v1/audit/entries", key="audit")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


async def test_a_transfer_is_shown_as_it_is_when_it_is_read(desk: Counter):
    async with desk.database.write() as session:
        await session.execute(update(TransferRow).values(state="cancelled", reason="by robot"))
    *rows, _ = await lines_of(desk, "transfers")
    assert {(row["state"], row["reason"]) for row in rows} == {("cancelled", "by robot")}


def test_the_page_for_auditors_names_the_columns():
    page = (Path(__file__).parents[3] / "docs" / "auditing.md").read_text()
    for subject, noun in ((ENTRIES, "entries"), (TRANSFERS, "transfers"), (DEPOSITS, "deposits")):
        (told,) = re.findall(rf"^\| {noun} \| (.*) \|$", page, flags=re.MULTILINE)
        columns = [f"`{name}`" for name in subject.columns]
        assert told == ", ".join([f"`record` ({subject.name})", *columns])
