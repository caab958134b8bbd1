"""Rules that refill a vault over HTTP: who may, what is shown, and what is refused."""

from __future__ import annotations

from typing import Any

from tests.unit.api.counter import Counter

NATIVE = "eip155:31337/slip44:60"


def body(source: str, **changes: Any) -> dict[str, Any]:
    refill = {"source_vault_id": source, "low": "2", "target": "10"}
    good = {"network": "ethereum-local", "asset": NATIVE, "refill": refill, "reason": "a day's pay"}
    return good | changes


async def test_a_rule_is_set_shown_and_taken_away(counter: Counter):
    hot = await counter.new_vault(counter.client_id, 1)
    path = f"/v1/vaults/{hot}/refill-rules"
    assert await counter.get(path) == {"items": [], "changes": []}
    made = await counter.post(path, body(counter.vault_id), "transfer")
    assert made["target"] == {"amount": "10", "amount_base_units": str(10**19)}
    assert (made["source_vault_id"], made["set_by"]) == (counter.vault_id, "robot")
    assert await counter.get(path) == {"items": [made], "changes": [made]}
    gone = await counter.post(path, body(counter.vault_id, refill=None), "transfer")
    assert (gone["source_vault_id"], gone["low"], gone["key_id"]) == (None, None, None)
    assert await counter.get(path) == {"items": [gone], "changes": [made, gone]}
    assert await counter.get(f"/v1/vaults/{hot}/refills") == {"items": []}


async def test_what_is_refused_says_why_and_changes_nothing(counter: Counter):
    hot = await counter.new_vault(counter.client_id, 1)
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    stranger = await counter.new_key("transfer", "read", client_id=other)
    path, source = f"/v1/vaults/{hot}/refill-rules", counter.vault_id
    before = await counter.tables()
    upside = {"source_vault_id": source, "low": "10", "target": "2"}
    for key, sent, status, code in (
        ("admin", body(source), 403, "scope_missing"),
        (stranger, body(source), 404, "vault_not_found"),
        ("transfer", body(hot), 422, "refill_rule_invalid"),
        ("transfer", body(source, refill=upside), 422, "refill_rule_invalid"),
        ("transfer", body(source, network="nowhere"), 422, "network_unknown"),
        ("transfer", body(source, network="bsc-local"), 422, "asset_unknown"),
        ("transfer", body(source, reason=" "), 422, "reason_invalid"),
        ("transfer", body("vlt_00000000000000000000000000"), 404, "vault_not_found"),
    ):
        answer = await counter.call("POST", path, sent, key=key)
        assert (answer.status_code, answer.json()["code"]) == (status, code), code
    assert await counter.tables() == before
    for route in (path, f"/v1/vaults/{hot}/refills"):
        answer = await counter.call("GET", route, key=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
