"""Payout files over HTTP: judged as a whole, paid once however often they are sent, and told line
by line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from api.v1 import payout_files, payout_lines
from custody.payouts.paying import PayingFiles
from custody.payouts.reading import LINE_CHARACTERS_MAX
from tests.support.feeds import number_all
from tests.unit.api.counter import OUTSIDE, Counter

TO = OUTSIDE["ethereum-local"]
OTHER = OUTSIDE["bsc-local"]
JSONL = "application/jsonl"
LINES = [
    {"destination": TO, "amount": "0.01", "external_id": "inv-1", "note": "first"},
    {"destination": OTHER, "amount": "0.02", "external_id": "inv-2", "priority": "high"},
    {"destination": TO, "amount": "0.03"},
]


def as_csv(lines: list[dict[str, str]], **how: Any) -> bytes:
    text = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line))
    writing = csv.DictWriter(text, names, restval="", **how)
    writing.writeheader()
    writing.writerows(lines)
    return text.getvalue().encode()


def as_jsonl(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


async def send(
    counter: Counter,
    data: bytes,
    kind: str = "text/csv",
    headers: Mapping[str, str] | None = None,
    key: str = "transfer",
    **query: str,
) -> httpx2.Response:
    asked = {"vault_id": counter.vault_id, "network": "ethereum-local"} | query
    path = "/v1/payout-files?" + "&".join(f"{k}={v}" for k, v in asked.items() if v)
    told = {"Content-Type": kind, **(headers or {})}
    return await counter.call("POST", path, content=data, headers=told, key=key)


async def sent(counter: Counter, data: bytes, *args: Any, **more: Any) -> dict[str, Any]:
    answer = await send(counter, data, *args, **more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pay(counter: Counter) -> None:
    transfers = counter.app.state.services.transfers
    paying = PayingFiles(counter.database, transfers, counter.clock)
    while await paying.step():
        pass
    await number_all(counter.database)


async def transfers(counter: Counter, file: str) -> list[dict[str, Any]]:
    found = await counter.get(f"/v1/transfers?payout_file={file}&limit=200")
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_each_line_becomes_a_transfer_as_if_it_came_alone(counter: Counter):
    made = await sent(counter, as_csv(LINES), reference="salaries")
    assert (made["state"], made["lines"], made["reference"]) == ("processing", 3, "salaries")
    assert made["lines_by_state"]["pending"] == 3
    assert await transfers(counter, made["id"]) == []
    assert counter.woken == 1
    await pay(counter)
    rows = {row["amount"]: row for row in await transfers(counter, made["id"])}
    assert {row["payout_file"] for row in rows.values()} == {made["id"]}
    assert [rows[n]["destination"] for n in ("0.01", "0.02", "0.03")] == [TO, OTHER, TO]
    assert (rows["0.01"]["external_id"], rows["0.01"]["note"]) == ("inv-1", "first")
    assert [rows[n]["priority"] for n in ("0.01", "0.02")] == ["normal", "high"]
    after = await counter.get(f"/v1/payout-files/{made['id']}")
    assert (after["state"], after["transfers_by_state"]) == ("done", {"approved": 3})
    assert after["lines_by_state"]["created"] == 3
    (total,) = after["totals"]
    assert (total["lines"], total["total"]["amount"]) == (3, "0.06")


async def test_the_same_file_is_the_same_however_it_is_sent_and_pays_once(counter: Counter):
    first = await sent(counter, as_csv(LINES))
    await pay(counter)
    before = await transfers(counter, first["id"])
    bom = b"\xef\xbb\xbf" + as_csv(LINES, lineterminator="\n", quoting=csv.QUOTE_ALL)
    explicit = [{"vault_id": counter.vault_id, "network": "eip155:31337", **x} for x in LINES]
    for data, kind in (
        (as_csv(LINES), "text/csv"),
        (bom, "text/csv; charset=utf-8"),
        (as_csv([dict(reversed(each.items())) for each in LINES]), "TEXT/CSV"),
        (as_jsonl(LINES), JSONL),
        (as_jsonl(explicit), "application/x-ndjson"),
    ):
        answer = await send(counter, data, kind)
        assert (answer.status_code, answer.json()["id"]) == (201, first["id"])
        assert answer.headers["idempotency-replayed"] == "true"
        await pay(counter)
    assert await transfers(counter, first["id"]) == before
    assert len((await counter.get("/v1/transfers"))["items"]) == 3


async def test_another_reference_is_another_file_and_another_list_none_of_its_name(
    counter: Counter,
):
    line = [{"destination": TO, "amount": "0.01"}]
    march = await sent(counter, as_csv(line), reference="2026-03")
    april = await sent(counter, as_csv(line), reference="2026-04")
    assert march["id"] != april["id"]
    before = await counter.tables()
    taken = await send(counter, as_csv(LINES), reference="2026-03")
    assert (taken.status_code, taken.json()["code"]) == (409, "payout_file_reference_taken")
    assert taken.json()["payout_file_id"] == march["id"]
    assert await counter.tables() == before
    await pay(counter)
    ((one,), (two,)) = [await transfers(counter, each["id"]) for each in (march, april)]
    assert one["id"] != two["id"]
    found = await counter.get("/v1/payout-files?reference=2026-04")
    assert [each["id"] for each in found["items"]] == [april["id"]]


BAD = [
    ({"destination": TO, "amount": "1e3"}, "amount", "amount_malformed"),
    ({"destination": TO, "amount": "0,5"}, "amount", "amount_malformed"),
    ({"destination": TO, "amount": "1,000.5"}, "amount", "amount_malformed"),
    ({"destination": TO, "amount": "=1+1"}, "amount", "amount_malformed"),
    ({"destination": TO, "amount": "-1"}, "amount", "amount_negative"),
    ({"destination": TO, "amount": " 1"}, "amount", "amount_malformed"),
    ({"destination": TO, "amount": "0"}, "amount", "amount_zero"),
    ({"destination": TO, "amount": "all"}, "amount", "payout_amount_all"),
    ({"destination": TO, "amount": "0." + "0" * 18 + "1"}, "amount", "amount_too_many_decimals"),
    ({"destination": TO, "amount": "1", "amount_base_units": "1"}, None, "amount_ambiguous"),
    ({"destination": "", "amount": "1"}, "destination", "field_missing"),
    ({"destination": TO[:-1] + "e", "amount": "1"}, "destination", "address_checksum"),
    ({"destination": TO, "amount": "1", "priority": "urgent"}, "priority", "field_invalid"),
    ({"destination": TO, "amount": "1", "network": "nowhere"}, "network", "network_unknown"),
    ({"destination": TO, "amount": "1", "note": "a\tb"}, "note", "text_unprintable"),
    (
        {"destination": TO, "amount": "1", "vault_id": "vlt_" + "0" * 26},
        "vault_id",
        "vault_not_found",
    ),
]


async def test_every_bad_line_is_told_and_nothing_is_created(counter: Counter):
    good = {"destination": TO, "amount": "0.01"}
    before = await counter.tables()
    lines = [good, *(line for line, _, _ in BAD), good]
    answer = await send(counter, as_csv(lines))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "payout_file_invalid")
    assert problem["lines_invalid"] == len(BAD)
    told = [(each["line"], each["column"], each["code"]) for each in problem["lines"]]
    codes = [(at + 3, column, code) for at, (_, column, code) in enumerate(BAD)]
    assert told == codes
    assert await counter.tables() == before
    assert counter.woken == 0


async def test_the_good_lines_go_where_that_is_wanted_and_the_bad_are_told(counter: Counter):
    good = {"destination": TO, "amount": "0.01"}
    lines = [*(line for line, _, _ in BAD), good]
    made = await sent(counter, as_csv(lines), invalid_lines="skip")
    counts = {state: count for state, count in made["lines_by_state"].items() if count}
    assert counts == {"invalid": len(BAD), "pending": 1}
    await pay(counter)
    (only,) = await transfers(counter, made["id"])
    assert only["amount"] == "0.01"
    bad = await counter.get(f"/v1/payout-files/{made['id']}/lines?state=invalid&limit=200")
    assert [(each["column"], each["code"]) for each in bad["items"]] == [each[1:] for each in BAD]
    assert bad["items"][0]["given"] == {"destination": TO, "amount": "1e3"}
    page = await counter.get(f"/v1/payout-files/{made['id']}/lines?limit=10")
    rest = await counter.get(
        f"/v1/payout-files/{made['id']}/lines?limit=10&cursor={page['next_cursor']}"
    )
    assert [each["number"] for each in page["items"] + rest["items"]] == [*range(1, len(lines) + 1)]


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"", "text/csv", 422, "payout_file_empty"),
        (b"destination,amount\r\n", "text/csv", 422, "payout_file_empty"),
        (b"destination,iban\r\n", "text/csv", 422, "payout_column_unknown"),
        (b"destination;amount\r\n", "text/csv", 422, "payout_column_unknown"),
        (b"destination\r\n", "text/csv", 422, "payout_column_missing"),
        (b"\xff\xfe", "text/csv", 422, "payout_file_not_utf8"),
        (b'destination,amount\r\n"a,1\r\n', "text/csv", 422, "payout_file_quote_open"),
        (b"a" * (LINE_CHARACTERS_MAX + 1), "text/csv", 422, "payout_line_too_long"),
        (b"destination,amount\r\na,1\r\n", "application/json", 415, "media_type_unsupported"),
        (b"destination,amount\r\na,1\r\n", "text/csv, x", 415, "media_type_unsupported"),
    ],
)
async def test_what_is_no_file_of_payments_is_refused_with_a_clear_word(
    counter: Counter, data: bytes, kind: str, status: int, code: str
):
    before = await counter.tables()
    answer = await send(counter, data, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await counter.tables() == before


async def test_a_column_that_nothing_gives_must_be_there(counter: Counter):
    answer = await send(counter, b"destination,amount\r\na,1\r\n", network="", vault_id="")
    assert answer.json()["code"] == "payout_column_missing"
    line = {"vault_id": counter.vault_id, "network": "ethereum-local", **LINES[0]}
    assert (await sent(counter, as_csv([line]), network="", vault_id=""))["lines"] == 1


async def test_sizes_are_bounded(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    before = await counter.tables()
    data = as_csv(LINES)
    monkeypatch.setattr(payout_lines, "LINES_MAX", 2)
    answer = await send(counter, data)
    assert (answer.status_code, answer.json()["code"]) == (422, "payout_file_too_long")
    monkeypatch.setattr(payout_files, "FILE_BYTES_MAX", len(data) - 1)
    answer = await send(counter, data)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"
    assert await counter.tables() == before
    monkeypatch.setattr(payout_files, "FILE_BYTES_MAX", len(data))
    monkeypatch.setattr(payout_lines, "LINES_MAX", 3)
    assert (await sent(counter, data))["lines"] == 3


async def test_so_many_at_once_and_others_are_told_to_come_again(counter: Counter):
    async with payout_files._uploads, payout_files._uploads:
        async with payout_files._uploads, payout_files._uploads:
            busy = await send(counter, as_csv(LINES))
            assert (busy.status_code, busy.json()["code"]) == (503, "uploads_busy")
            assert busy.headers["retry-after"]
        await sent(counter, as_csv(LINES))


async def test_lines_that_repeat_are_told_or_refused(counter: Counter):
    same = {"destination": TO, "amount": "0.01"}
    spelled = {"destination": TO, "amount": "0.010"}
    lines = [same, {"destination": TO, "amount": "0.02"}, spelled]
    refused = await send(counter, as_csv(lines), headers={"Reject-Duplicates": "true"})
    assert refused.json()["code"] == "payout_file_invalid"
    (told,) = refused.json()["lines"]
    assert (told["line"], told["code"]) == (4, "duplicate_payment")
    made = await sent(counter, as_csv(lines))
    assert made["lines_repeated"] == 1
    await pay(counter)
    found = (await counter.get(f"/v1/payout-files/{made['id']}/lines"))["items"]
    assert [each["same_as"] for each in found] == [None, None, 1]
    assert len(await transfers(counter, made["id"])) == 3, "they are accepted, and say so"


async def test_a_name_that_two_lines_have_is_told_at_once(counter: Counter):
    lines = [{"destination": TO, "amount": f"0.0{n + 1}", "external_id": "x"} for n in range(2)]
    (told,) = (await send(counter, as_csv(lines))).json()["lines"]
    assert (told["line"], told["column"], told["code"]) == (3, "external_id", "external_id_taken")


async def test_lines_that_money_and_names_refuse_say_so_and_the_others_go(counter: Counter):
    await counter.send(counter.transfer("ethereum-local", external_id="inv-1"), "alone")
    lines = [*LINES, {"destination": TO, "amount": "100", "note": "too much"}]
    made = await sent(counter, as_csv(lines))
    await pay(counter)
    found = (await counter.get(f"/v1/payout-files/{made['id']}/lines"))["items"]
    assert [(each["state"], each["code"], each["column"]) for each in found] == [
        ("refused", "external_id_taken", "external_id"),
        ("created", None, None),
        ("created", None, None),
        ("refused", "amount_above_balance", None),
    ]
    after = await counter.get(f"/v1/payout-files/{made['id']}")
    assert (after["state"], after["lines_by_state"]["refused"]) == ("done", 2)
    assert {each["state"]: each["total"]["amount"] for each in after["totals"]} == {
        "created": "0.05",
        "refused": "100.01",
    }


async def test_the_result_is_in_the_same_format_and_safe_to_open(counter: Counter):
    notes = ["=1+1", "+1", "-1", "@x", 'a "b", c', "Zürich"]
    lines = [
        {"note": note, "destination": TO, "amount": f"0.0{n + 1}"} for n, note in enumerate(notes)
    ]
    made = await sent(counter, as_csv(lines))
    await pay(counter)
    answer = await counter.call("GET", f"/v1/payout-files/{made['id']}/result")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'"{made["id"]}.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0])[:4] == ["note", "destination", "amount", "line"]
    assert [row["note"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", *notes[4:]]
    assert [row["line"] for row in rows] == [str(n + 2) for n in range(len(notes))]
    by_id = {row["id"]: row["note"] for row in await transfers(counter, made["id"])}
    assert [by_id[row["transfer_id"]] for row in rows] == notes
    assert {(row["state"], row["transfer_state"]) for row in rows} == {("created", "approved")}


async def test_the_result_of_json_lines_keeps_what_was_given(counter: Counter):
    data = as_jsonl([{**LINES[0], "metadata": {"order": "A"}}]) + b'{"amount": 1, "x": "\\ud800"}\n'
    made = await sent(counter, data, JSONL, invalid_lines="skip")
    await pay(counter)
    answer = await counter.call("GET", f"/v1/payout-files/{made['id']}/result")
    good, bad = [json.loads(line) for line in answer.text.splitlines()]
    assert good["metadata"] == {"order": "A"}
    assert (good["result"]["state"], good["result"]["line"]) == ("created", 1)
    assert (bad["amount"], bad["result"]["code"]) == (1, "payout_column_unknown")


async def test_a_result_of_many_lines_comes_in_parts(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(payout_files, "_ROWS", 2)
    made = await sent(counter, as_csv([*LINES, {"destination": OTHER, "amount": "0.5"}]))
    answer = await counter.call("GET", f"/v1/payout-files/{made['id']}/result")
    assert [row["line"] for row in csv.DictReader(io.StringIO(answer.text))] == [*"2345"]


async def test_another_client_s_files_and_vaults_are_not_there(counter: Counter):
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    theirs = await counter.new_vault(other)
    key = await counter.new_key("transfer", "read", client_id=other)
    mine = await sent(counter, as_csv(LINES))
    for path in ("", "/lines", "/result"):
        answer = await counter.call("GET", f"/v1/payout-files/{mine['id']}{path}", key=key)
        assert (answer.status_code, answer.json()["code"]) == (404, "payout_file_not_found")
    listed = await counter.call("GET", "/v1/payout-files", key=key)
    assert listed.json()["items"] == []
    refused = await send(counter, as_csv(LINES), key=key)
    assert refused.json()["lines"][0]["code"] == "vault_not_found"
    mixed = [{"vault_id": vault, **LINES[2]} for vault in (counter.vault_id, theirs)]
    (told,) = (await send(counter, as_csv(mixed))).json()["lines"]
    assert (told["line"], told["code"]) == (3, "vault_not_found")
    made = await sent(counter, as_csv(LINES), key=key, vault_id=theirs)
    assert made["id"] != mine["id"], "another client's, and so another file"


async def test_it_needs_the_scope_before_it_reads_a_byte(counter: Counter):
    for key, status in (("read", 403), (None, 401)):
        answer = await send(counter, b"\xff" * 100, key=key)  # type: ignore[arg-type]
        assert answer.status_code == status
