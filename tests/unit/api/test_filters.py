"""Lists narrowed down: by what was asked for, by what the chain says, by when."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update

from custody.db.tables import AddressRow, DepositRow
from custody.db.transfer_tables import TransferRow
from tests.unit.api.counter import OUTSIDE, Counter
from tests.unit.api.test_routes import _insert_deposit

METADATA = {"order": "A-17", "note": "bürö ☕"}


async def ids(counter: Counter, path: str, **query: Any) -> list[str]:
    asked = f"/v1/{path}?{urlencode(query, doseq=True)}"
    return [each["id"] for each in (await counter.get(asked))["items"]]


async def made(counter: Counter, key: str, alias: str = "bitcoin-regtest", **more: Any) -> str:
    answer = await counter.send(counter.transfer(alias, **more), key)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def test_a_transfer_is_found_by_the_clients_own_name_and_keeps_its_words(counter: Counter):
    body = counter.transfer(external_id="invoice-17", metadata=METADATA)
    first = (await counter.send(body, "k1")).json()
    assert (first["external_id"], first["metadata"]) == ("invoice-17", METADATA)
    other = await made(counter, "k2")
    assert (await counter.get(f"/v1/transfers/{other}"))["metadata"] == {}
    assert await ids(counter, "transfers", external_id="invoice-17") == [first["id"]]
    assert await ids(counter, "transfers", external_id="invoice-18") == []
    assert (await counter.get(f"/v1/transfers/{first['id']}"))["metadata"] == METADATA
    mandate = await counter.get(f"/v1/transfers/{first['id']}/mandate")
    assert "invoice-17" not in mandate["mandate"]
    assert "A-17" not in mandate["mandate"]


async def test_a_name_stands_for_one_transfer_of_a_client(counter: Counter):
    body = counter.transfer(external_id="invoice-17")
    first = (await counter.send(body, "k1")).json()
    again = await counter.send(body, "k1")
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    before = await counter.tables()
    taken = await counter.send(body, "k2")
    assert taken.status_code == 409
    problem = taken.json()
    assert (problem["code"], problem["transfer_id"]) == ("external_id_taken", first["id"])
    assert problem["errors"][0]["pointer"] == "/external_id"
    assert await counter.tables() == before
    client = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    vault = await counter.new_vault(client)
    await made(counter, "k3", vault_id=vault, external_id="invoice-17")


@pytest.mark.parametrize(
    "more",
    [
        {"external_id": ""},
        {"external_id": "x" * 129},
        {"external_id": "a\x00"},
        {"metadata": {str(n): "v" for n in range(21)}},
        {"metadata": {"k" * 41: "v"}},
        {"metadata": {"": "v"}},
        {"metadata": {"k": "v" * 501}},
        {"metadata": {"k": 1}},
        {"metadata": {"k": "\n"}},
        {"metadata": ["k"]},
    ],
    ids=str,
)
async def test_words_are_bounded(counter: Counter, more: dict[str, Any]):
    before = await counter.tables()
    answer = await counter.send(counter.transfer() | more)
    assert answer.status_code == 422, answer.text
    assert await counter.tables() == before


async def test_of_two_at_once_with_one_name_one_is_made(counter: Counter):
    other = await counter.new_vault(counter.client_id)
    bodies = [counter.transfer(vault_id=v, external_id="e") for v in (counter.vault_id, other)]
    answers = await asyncio.gather(*(counter.send(body, f"k{n}") for n, body in enumerate(bodies)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (refused,) = [each.json() for each in answers if each.status_code == 409]
    (paid,) = [each.json() for each in answers if each.status_code == 201]
    assert (refused["code"], refused["transfer_id"]) == ("external_id_taken", paid["id"])


async def test_transfers_by_each_filter(counter: Counter):
    bitcoin = await made(counter, "k1")
    counter.clock.now += timedelta(hours=1)
    ethereum = await made(counter, "k2", "ethereum-local")
    counter.clock.now += timedelta(hours=1)
    late = await made(counter, "k3", "ethereum-local")
    network = await counter.get("/v1/networks/ethereum-local")
    async with counter.database.write() as session:
        changed = update(TransferRow).where(TransferRow.id == bitcoin)
        await session.execute(changed.values(state="failed", updated_at=counter.clock.now))
    hour = counter.clock.now - timedelta(hours=1)
    both, typed = [ethereum, late], OUTSIDE["ethereum-local"].lower()
    for query, expected in (
        ({}, [bitcoin, *both]),
        ({"order": "desc"}, [late, ethereum, bitcoin]),
        ({"network": "ethereum-local"}, both),
        ({"asset": network["native_asset"]["id"]}, both),
        ({"address": typed}, both),
        ({"address": typed, "network": "ethereum-local"}, both),
        ({"state": "failed"}, [bitcoin]),
        ({"state": ["failed", "approved"]}, [bitcoin, *both]),
        ({"state": ["approved", "failed"], "order": "desc"}, [late, ethereum, bitcoin]),
        ({"state": ["approved", "failed"], "limit": 2}, [bitcoin, ethereum]),
        ({"state": ["failed", "denied"], "address": typed}, []),
        ({"created_from": hour.isoformat()}, both),
        ({"created_from": hour.isoformat(), "created_to": counter.clock.now.isoformat()}, both[:1]),
        ({"created_to": hour.isoformat()}, [bitcoin]),
        ({"updated_from": counter.clock.now.isoformat()}, [bitcoin, late]),
        ({"txid": "ab" * 32}, []),
        ({"vault_id": counter.vault_id, "state": "approved", "network": "bsc-local"}, []),
    ):
        assert await ids(counter, "transfers", **query) == expected, query


async def test_deposits_by_each_filter(counter: Counter):
    deposit_id = await _insert_deposit(counter)
    shown = await counter.get(f"/v1/deposits/{deposit_id}")
    async with counter.database.read() as session:
        other = await session.first(
            select(AddressRow.address).where(
                AddressRow.change.is_(False), AddressRow.network != shown["network"]
            )
        )
        row = await session.get(DepositRow, deposit_id)
        assert row is not None
    at = row.created_at
    for query, found in (
        ({}, True),
        ({"network": shown["network"], "asset": shown["asset"]}, True),
        ({"txid": shown["txid"]}, True),
        ({"txid": shown["txid"].upper()}, True),
        ({"txid": "ab" * 32}, False),
        ({"address": shown["address"]}, True),
        ({"address": other}, False),
        ({"state": [shown["state"], "reversed"]}, True),
        ({"state": "reversed"}, False),
        ({"created_from": at.isoformat()}, True),
        ({"created_to": at.isoformat()}, False),
        ({"updated_from": (at + timedelta(days=900)).isoformat()}, False),
    ):
        assert await ids(counter, "deposits", **query) == [deposit_id] * found, query


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("network=nowhere", "network_unknown"),
        ("asset=eip155:1/slip44:99", "asset_unknown"),
        ("address=nobody", "address_malformed"),
        (f"address={OUTSIDE['tron-local']}&network=bitcoin-regtest", "address_malformed"),
        ("state=lost", "field_invalid"),
        ("state=pending&state=lost", "field_invalid"),
        ("txid=short", "field_invalid"),
        ("created_from=yesterday", "field_invalid"),
        ("created_from=2026-01-01T00:00:00", "field_invalid"),
        ("created_from=2026-01-02T00:00:00Z&created_to=2026-01-02T00:00:00Z", "range_empty"),
        ("updated_from=2026-01-02T00:00:00Z&updated_to=2026-01-01T00:00:00Z", "range_empty"),
        ("asset=a&asset=a", "parameter_repeated"),
        ("order=sideways", "field_invalid"),
        ("colour=blue", "field_unknown"),
    ],
)
@pytest.mark.parametrize("path", ["transfers", "deposits"])
async def test_what_names_nothing_is_refused(counter: Counter, path: str, query: str, code: str):
    answer = await counter.call("GET", f"/v1/{path}?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code


async def test_an_address_that_is_not_ours_was_never_paid(counter: Counter):
    path = f"/v1/deposits?address={OUTSIDE['ethereum-local']}"
    answer = await counter.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (422, "address_unknown")


async def test_pages_backwards(counter: Counter):
    sent = [await made(counter, f"k{n}") for n in range(5)]
    for states in ("", "&state=approved&state=failed"):
        path = f"/v1/transfers?order=desc&limit=2{states}"
        seen: list[str] = []
        page = await counter.get(path)
        while page["next_cursor"]:
            seen += [each["id"] for each in page["items"]]
            page = await counter.get(f"{path}&cursor={page['next_cursor']}")
        assert seen + [each["id"] for each in page["items"]] == sent[::-1]
