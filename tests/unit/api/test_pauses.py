"""Pauses over HTTP: who may, what is shown, and that a request loses nothing by one."""

from __future__ import annotations

from tests.unit.api.counter import Counter

WHY = {"reason": "the network upgrades"}


async def test_what_is_asked_for_during_a_pause_waits_and_says_so(counter: Counter):
    made = await counter.post("/v1/pauses", {"network": "ethereum-local", **WHY}, "admin")
    assert made["network"] == "eip155:31337" and made["paused_by"] == "robot"
    assert await counter.post("/v1/pauses", {"network": "ethereum-local", **WHY}, "admin") == made
    answer = await counter.send(counter.transfer("ethereum-local"))
    assert (answer.status_code, answer.json()["waiting"]) == (201, "paused")
    path = f"/v1/transfers/{answer.json()['id']}"
    assert (await counter.get(path))["waiting"] == "paused"
    other = await counter.send(counter.transfer("bsc-local"), "other")
    assert other.json()["waiting"] is None
    networks = {
        each["alias"]: each["paused"] for each in (await counter.get("/v1/networks"))["items"]
    }
    assert [alias for alias, paused in networks.items() if paused] == ["ethereum-local"]
    nodes = (await counter.call("GET", "/ready", key=None)).json()["nodes"]
    assert [each["network"] for each in nodes if each["paused"]] == ["ethereum-local"]
    (alarm,) = (await counter.get("/v1/alarms"))["items"]
    assert (alarm["code"], alarm["message"]) == ("paused", "paused by robot: the network upgrades")
    resume = f"/v1/pauses/{made['id']}/resume"
    ended = await counter.post(resume, {"reason": "done"}, "admin")
    assert (ended["ended_by"], ended["ended_reason"]) == ("robot", "done")
    assert (await counter.get(path))["waiting"] is None
    assert (await counter.get("/v1/pauses"))["items"] == []
    assert (await counter.get("/v1/pauses?include_ended=true"))["items"] == [ended]
    assert (await counter.get("/v1/alarms"))["items"] == []
    again = await counter.call("POST", resume, {"reason": "done"}, key="admin")
    assert (again.status_code, again.json()["code"]) == (409, "pause_ended")


async def test_a_key_of_one_client_pauses_its_vaults_and_nothing_else(counter: Counter):
    key = await counter.new_key("admin", "read", client_id=counter.client_id)
    stranger = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    theirs = await counter.new_vault(stranger, 1)
    whole = await counter.post("/v1/pauses", {"network": "bsc-local", **WHY}, "admin")
    other = await counter.post("/v1/pauses", {"vault_id": theirs, **WHY}, "admin")
    before = await counter.tables()
    for body, status, code in (
        ({"network": "bsc-local", **WHY}, 403, "key_bound_to_client"),
        ({"vault_id": theirs, **WHY}, 404, "vault_not_found"),
        (WHY, 403, "key_bound_to_client"),
        ({"network": "nowhere", "vault_id": counter.vault_id, **WHY}, 422, "network_unknown"),
        ({"vault_id": counter.vault_id, "reason": " "}, 422, "reason_invalid"),
    ):
        answer = await counter.call("POST", "/v1/pauses", body, key=key)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    for made, status in ((whole, 403), (other, 404)):
        answer = await counter.call("POST", f"/v1/pauses/{made['id']}/resume", WHY, key=key)
        assert answer.status_code == status
    assert await counter.tables() == before
    mine = await counter.post("/v1/pauses", {"vault_id": counter.vault_id, **WHY}, key)
    assert (await counter.get("/v1/pauses", key))["items"] == [whole, mine]
    await counter.post(f"/v1/pauses/{mine['id']}/resume", {"reason": "done"}, key)
