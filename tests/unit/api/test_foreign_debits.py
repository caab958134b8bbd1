"""GET /v1/foreign-debits: what left without a transfer, as a list like the others."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from api.v1.foreign_debits import FoundAs
from chains.model import NetworkId
from custody.apikeys.model import Scope
from custody.db.ids import new_id
from custody.db.tables import ForeignDebitRow
from custody.deposits.deciding import DEBITS
from tests.unit.api.counter import Counter

ETHEREUM, BSC = NetworkId("eip155:31337"), NetworkId("eip155:31338")


async def taken(counter: Counter, vault: str, client: str, **more: Any) -> str:
    network = more.pop("network", ETHEREUM)
    values = {
        "id": new_id("fdb"), "network": network, "client_id": client, "vault_id": vault,
        "asset": counter.custody.catalogue.networks[network].native.id,
        "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "txid": "bb" * 32, "place": f"call:{new_id('x')}", "amount": 1_250_000_000_000_000_000,
        "account": "vault", "verdict": "foreign", "explained_by": None, "state": "pending",
        "block_height": 7, "block_hash": "aa", "final_height": 12, "owed": 250_000_000_000_000_000,
        "reservation_id": None, "owed_reservation_id": None, "created_at": counter.clock(),
        "decided_at": None,
    }  # fmt: skip
    async with counter.database.write() as session:
        session.add(ForeignDebitRow(**values | more))
    return str((values | more)["id"])


async def ids(counter: Counter, query: str = "", key: str = "read") -> list[str]:
    answer = await counter.get(f"/v1/foreign-debits?{query}", key)
    return [each["id"] for each in answer["items"]]


async def test_a_debit_is_shown_with_all_that_is_known(counter: Counter):
    debit = await taken(counter, counter.vault_id, counter.client_id)
    (found,) = (await counter.get("/v1/foreign-debits"))["items"]
    assert (found["id"], found["vault_id"], found["symbol"]) == (debit, counter.vault_id, "ETH")
    assert (found["amount"], found["amount_base_units"]) == ("1.25", "1250000000000000000")
    assert (found["owed"], found["owed_base_units"]) == ("0.25", "250000000000000000")
    assert (found["verdict"], found["state"], found["decided_at"]) == ("foreign", "pending", None)
    assert found["block"] == {"height": 7, "hash": "aa"}


async def test_it_is_narrowed_and_comes_in_pages(counter: Counter):
    other = await counter.new_vault(counter.client_id)
    vault, client = counter.vault_id, counter.client_id
    first = await taken(counter, vault, client)
    second = await taken(counter, other, client, network=BSC, state="booked")
    third = await taken(counter, vault, client, state="reversed", verdict="excess")
    every = [first, second, third]
    assert await ids(counter) == every
    assert await ids(counter, "order=desc") == every[::-1]
    assert await ids(counter, f"vault_id={other}") == [second]
    assert await ids(counter, "network=bsc-local") == [second]
    assert await ids(counter, "state=pending&state=reversed") == [first, third]
    page = await counter.get("/v1/foreign-debits?limit=2")
    assert [each["id"] for each in page["items"]] == every[:2]
    assert await ids(counter, f"limit=2&cursor={page['next_cursor']}") == [third]


async def test_a_key_of_one_client_sees_its_own(counter: Counter):
    await taken(counter, counter.vault_id, counter.client_id)
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    mine = await taken(counter, await counter.new_vault(other), other)
    key = await counter.new_key(*Scope, client_id=other)
    assert await ids(counter, key=key) == [mine]
    answer = await counter.call("GET", f"/v1/foreign-debits?vault_id={counter.vault_id}", key=key)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("network=atlantis", 422),
        ("state=gone", 422),
        ("vault=x", 422),
        ("cursor=nonsense", 422),
        ("vault_id=vlt_" + "0" * 26, 404),
    ],
)
async def test_what_does_not_exist_is_said(counter: Counter, query: str, status: int):
    assert (await counter.call("GET", f"/v1/foreign-debits?{query}")).status_code == status


def test_each_verdict_of_a_debit_can_be_shown():
    assert {each.value for each in DEBITS} == set(get_args(FoundAs))
