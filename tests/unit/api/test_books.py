"""The ledger over HTTP: balances of the past, and its whole history by cursor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from custody.db.tables import FollowerRow
from tests.support.feeds import number_all
from tests.unit.api.counter import Counter

NETWORK = "bitcoin-regtest"


async def native(counter: Counter, query: str, key: str = "read") -> dict[str, Any]:
    items = (await counter.get(f"/v1/balances?network={NETWORK}{query}", key))["items"]
    assert len(items) == 1, "one network, one asset"
    found: dict[str, Any] = items[0]
    return found


async def test_balances_of_a_moment(either: Counter):
    before = (either.clock() - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    opened = either.clock().isoformat().replace("+00:00", "Z")
    either.clock.forward(hours=1)
    assert (await either.send(either.transfer(amount="0.05"))).status_code == 201
    now = await native(either, "")
    assert int(now["reserved"]["amount_base_units"]) > 5_000_000
    then = await native(either, f"&at={opened}")
    assert (then["available"]["amount_base_units"], then["reserved"]["amount_base_units"]) == (
        str(10**18),
        "0",
    )
    assert (await native(either, f"&at={before}"))["available"]["amount_base_units"] == "0"
    for path in (f"/v1/vaults/{either.vault_id}", f"/v1/clients/{either.client_id}"):
        items = (await either.get(f"{path}/balances?at={opened}"))["items"]
        assert {each["available"]["amount_base_units"] for each in items} == {str(10**18)}


async def test_balances_of_a_block_are_of_final_ones(either: Counter):
    """What was booked without a block, as the counter's opening balance, is in none."""
    network = next(each for each in either.custody.networks.values() if each.alias == NETWORK)
    async with either.database.write() as session:
        session.add(
            FollowerRow(network=network.id, coins_version=None, final_height=9, final_by=None)
        )
    assert (await native(either, "&block=9"))["available"]["amount_base_units"] == "0"
    answer = await either.call("GET", f"/v1/balances?network={NETWORK}&block=10")
    assert (answer.status_code, answer.json()["code"]) == (409, "block_not_final")


async def history(counter: Counter, key: str = "read", **more: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = "0."
    while True:
        asked = "&".join(f"{name}={value}" for name, value in {"cursor": cursor, **more}.items())
        answer = await counter.get(f"/v1/entries?limit=2&{asked}", key)
        if not answer["items"]:
            assert answer["cursor"] == cursor
            return found
        found, cursor = found + answer["items"], answer["cursor"]


async def test_the_history_is_read_to_its_end_by_cursor(either: Counter):
    assert (await either.send(either.transfer(amount="0.05"))).status_code == 201
    await number_all(either.database)
    entries = await history(either)
    assert [each["sequence"] for each in entries] == list(range(1, len(entries) + 1))
    *opening, amount, fee = entries
    assert {(each["kind"], each["reason"]) for each in opening} == {("post", "deposit")}
    assert (amount["reason"], fee["reason"]) == ("transfer", "fee")
    assert amount["amount"] == {"amount": "0.05", "amount_base_units": "5000000"}
    assert amount["debit"] == {"account": "vault", "vault_id": either.vault_id}
    assert fee["credit"] == {"account": "fees", "vault_id": None}
    assert amount["subject"] == fee["subject"]
    assert await history(either, client_id=either.client_id) == entries


async def test_a_key_of_one_client_reads_that_clients_entries_alone(counter: Counter):
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    vault = await counter.new_vault(other)
    await number_all(counter.database)
    key = await counter.new_key("read", client_id=other)
    found = await history(counter, key)
    assert {each["credit"]["vault_id"] for each in found} == {vault}
    assert [each["sequence"] for each in found] == list(range(1, len(found) + 1))
    answer = await counter.call("GET", f"/v1/entries?client_id={counter.client_id}", key=key)
    assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")
