"""Caps on fees over HTTP: who may, and what is shown."""

from __future__ import annotations

from tests.unit.api.counter import Counter


async def test_a_cap_is_set_shown_and_taken_away_and_all_of_it_is_kept(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/fee-caps"
    assert (await counter.get(path))["items"] == []
    body = {"network": "ethereum-local", "amount": "0.25", "reason": "a usual day"}
    made = await counter.post(path, body, "admin")
    assert made["cap"] == {"amount": "0.25", "amount_base_units": str(25 * 10**16)}
    assert made["used"]["amount_base_units"] == "0"
    assert (await counter.get(path))["items"] == [made]
    gone = await counter.post(path, {**body, "amount": None, "reason": "a long day"}, "admin")
    assert gone["cap"] is None
    changes = [(each["set_by"], each["reason"]) for each in gone["changes"]]
    assert changes == [("robot", "a usual day"), ("robot", "a long day")]


async def test_a_clients_key_sets_none_and_nonsense_changes_nothing(counter: Counter):
    key = await counter.new_key("admin", "read", client_id=counter.client_id)
    path = f"/v1/vaults/{counter.vault_id}/fee-caps"
    good = {"network": "ethereum-local", "amount": "0.25", "reason": "a usual day"}
    before = await counter.tables()
    for who, at, change, status, code in (
        (key, path, {}, 403, "key_bound_to_client"),
        ("admin", "/v1/vaults/vlt_00000000000000000000000000/fee-caps", {}, 404, "vault_not_found"),
        ("admin", path, {"network": "nowhere"}, 422, "network_unknown"),
        ("admin", path, {"amount": "0"}, 422, "amount_zero"),
        ("admin", path, {"reason": " "}, 422, "reason_invalid"),
    ):
        answer = await counter.call("POST", at, {**good, **change}, key=who)
        assert (answer.status_code, answer.json()["code"]) == (status, code), change
    assert await counter.tables() == before
