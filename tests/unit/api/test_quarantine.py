"""Holding deposits over HTTP: who may, what is shown, and what is refused."""

from __future__ import annotations

from typing import Any

from tests.unit.api.counter import OUTSIDE, Counter

NATIVE = "eip155:31337/slip44:60"


async def balance(counter: Counter, asset: str) -> tuple[int, int]:
    (found,) = (await counter.get(f"/v1/vaults/{counter.vault_id}/balances?asset={asset}"))["items"]
    pending, quarantined = found["pending"], found["quarantined"]
    return int(pending["amount_base_units"]), int(quarantined["amount_base_units"])


async def test_a_deposit_is_held_shown_and_released(counter: Counter):
    deposit = await counter.come(700, "aa" * 32)
    at = f"/v1/deposits/{deposit}"
    asset = (await counter.get(at))["asset"]
    assert (await counter.get(at))["quarantine"] is None
    assert await balance(counter, asset) == (700, 0)
    held = await counter.post(f"{at}/quarantine", {"reason": "asked about"}, "compliance")
    assert held["state"] == "quarantined"
    said = held["quarantine"]
    assert (said["held_by"], said["reason"], said["rule_id"]) == ("robot", "asked about", None)
    assert await balance(counter, asset) == (0, 700)
    (listed,) = (await counter.get("/v1/deposits?state=quarantined"))["items"]
    assert listed == await counter.get(at) == held
    released = await counter.post(f"{at}/release", {"reason": "it is fine"}, "compliance")
    assert released["state"] == "pending"
    said = released["quarantine"]
    assert (said["released_by"], said["released_reason"]) == ("robot", "it is fine")
    assert await balance(counter, asset) == (700, 0)
    assert (await counter.get("/v1/deposits?state=quarantined"))["items"] == []


async def test_what_is_refused_says_why_and_changes_nothing(counter: Counter):
    deposit = await counter.come(700, "aa" * 32)
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    stranger = await counter.new_key("compliance", "read", client_id=other)
    nobodys = "/v1/deposits/dep_00000000000000000000000000"
    at, good = f"/v1/deposits/{deposit}", {"reason": "asked about"}
    before = await counter.tables()
    for key, path, body, status, code in (
        ("admin", f"{at}/quarantine", good, 403, "scope_missing"),
        (stranger, f"{at}/quarantine", good, 404, "deposit_not_found"),
        (stranger, f"{at}/release", good, 404, "deposit_not_found"),
        ("compliance", f"{nobodys}/quarantine", good, 404, "deposit_not_found"),
        ("compliance", f"{nobodys}/release", good, 404, "deposit_not_found"),
        ("compliance", f"{at}/release", good, 409, "deposit_not_quarantined"),
        ("compliance", f"{at}/quarantine", {"reason": " "}, 422, "reason_invalid"),
    ):
        answer = await counter.call("POST", path, body, key=key)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, code)
    assert await counter.tables() == before


async def test_a_rule_is_set_shown_and_ended(counter: Counter):
    path = "/v1/quarantine-rules"
    body: dict[str, Any] = {
        "vault_id": counter.vault_id,
        "network": "ethereum-local",
        "asset": NATIVE,
        "amount_from": "0.5",
        "senders": [OUTSIDE["ethereum-local"].lower()],
        "reason": "looked at first",
    }
    made = await counter.post(path, body, "compliance")
    assert made["amount_from"] == {"amount": "0.5", "amount_base_units": str(5 * 10**17)}
    assert made["senders"] == [OUTSIDE["ethereum-local"]]
    assert (made["set_by"], made["network"]) == ("robot", "eip155:31337")
    assert (await counter.get(path))["items"] == [made]
    end = f"{path}/{made['id']}/end"
    ended = await counter.post(end, {"reason": "not needed"}, "compliance")
    assert (ended["ended_by"], ended["ended_reason"]) == ("robot", "not needed")
    assert (await counter.get(path))["items"] == []
    assert (await counter.get(f"{path}?include_ended=true"))["items"] == [ended]
    again = await counter.call("POST", end, {"reason": "not needed"}, key="compliance")
    assert (again.status_code, again.json()["code"]) == (409, "quarantine_rule_ended")


async def test_a_rule_that_makes_no_sense_changes_nothing(counter: Counter):
    key = await counter.new_key("compliance", "read", client_id=counter.client_id)
    before = await counter.tables()
    for who, change, status, code in (
        (key, {}, 403, "key_bound_to_client"),
        ("admin", {}, 403, "scope_missing"),
        ("compliance", {"network": "nowhere"}, 422, "network_unknown"),
        ("compliance", {"asset": "eip155:31337/slip44:61"}, 422, "asset_unknown"),
        ("compliance", {"asset": NATIVE}, 422, "quarantine_rule_invalid"),
        ("compliance", {"amount_from": "1"}, 422, "quarantine_rule_invalid"),
        (
            "compliance",
            {"network": "ethereum-local", "asset": NATIVE, "amount_from": "0"},
            422,
            "amount_zero",
        ),
        (
            "compliance",
            {"network": "ethereum-local", "senders": ["nobody"]},
            422,
            "address_malformed",
        ),
        (
            "compliance",
            {"network": "bitcoin-regtest", "senders": [OUTSIDE["bitcoin-regtest"]]},
            422,
            "quarantine_rule_invalid",
        ),
        ("compliance", {"client_id": "cli_00000000000000000000000000"}, 404, "client_not_found"),
        ("compliance", {"reason": " "}, 422, "reason_invalid"),
    ):
        body = {"reason": "looked at first", **change}
        answer = await counter.call("POST", "/v1/quarantine-rules", body, key=who)
        assert (answer.status_code, answer.json()["code"]) == (status, code), change
    assert await counter.tables() == before
    mine = await counter.call(
        "POST", "/v1/quarantine-rules", {"vault_id": counter.vault_id, "reason": "x"}, key=key
    )
    assert mine.status_code == 201
