"""Alarms, freezes and metrics over HTTP: who sees them, who ends them, and what is kept."""

from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.apikeys.model import Scope
from custody.ledger.service import Ledger
from custody.reconcile.actions import act_on_vault
from custody.reconcile.report import Line, Verdict
from custody.reconcile.repository import snapshot
from tests.unit.api.counter import Counter


async def raised(counter: Counter, vault: str | None = None) -> str:
    network = next(iter(counter.custody.networks))
    async with counter.database.write() as session:
        await raise_alarm(
            session, AlarmCode.SURPLUS, "7 more", counter.clock(), network=network, vault=vault
        )
    newest: str = (await counter.get("/v1/alarms"))["items"][-1]["id"]
    return newest


async def test_alarms_are_listed_shown_and_cleared(counter: Counter):
    assert (await counter.get("/v1/alarms"))["items"] == []
    alarm = await raised(counter, counter.vault_id)
    (listed,) = (await counter.get("/v1/alarms?code=chain_above_ledger"))["items"]
    assert listed == await counter.get(f"/v1/alarms/{alarm}")
    assert (listed["is_open"], listed["clears_itself"]) == (True, True)
    assert listed["runbook"] == "docs/runbook.md#chain_above_ledger"
    assert (await counter.get("/v1/alarms?code=books_broken"))["items"] == []
    path = f"/v1/alarms/{alarm}/clear"
    assert (await counter.call("POST", path, {"reason": " "}, key="admin")).status_code == 422
    assert (await counter.call("POST", path, {"reason": "x"}, key="read")).status_code == 403
    cleared = await counter.post(path, {"reason": "looked"}, "admin")
    assert (cleared["is_open"], cleared["cleared_reason"]) == (False, "looked")
    assert cleared["cleared_by"] == "robot"
    again = await counter.call("POST", path, {"reason": "x"}, key="admin")
    assert (again.status_code, again.json()["code"]) == (409, "alarm_not_open")
    assert (await counter.get("/v1/alarms"))["items"] == []
    assert len((await counter.get("/v1/alarms?include_cleared=true"))["items"]) == 1
    missing = await counter.call("GET", "/v1/alarms/alm_" + "0" * 26)
    assert missing.json()["code"] == "alarm_not_found"


async def test_a_key_of_one_client_sees_the_alarms_of_its_vaults_and_ends_none(counter: Counter):
    house, mine = await raised(counter), await raised(counter, counter.vault_id)
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    both = (Scope.READ, Scope.ADMIN)
    key = await counter.new_key(*both, client_id=counter.client_id)
    stranger = await counter.new_key(*both, client_id=other)
    assert [each["id"] for each in (await counter.get("/v1/alarms", key))["items"]] == [mine]
    assert (await counter.get("/v1/alarms", stranger))["items"] == []
    assert (await counter.call("GET", f"/v1/alarms/{house}", key=key)).status_code == 404
    for path, body in (
        (f"/v1/alarms/{mine}/clear", {"reason": "x"}),
        (f"/v1/vaults/{counter.vault_id}/unfreeze", {"reason": "x"}),
    ):
        answer = await counter.call("POST", path, body, key=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "key_bound_to_client")
    frozen = f"/v1/vaults/{counter.vault_id}/freeze"
    assert (await counter.call("POST", frozen, {"reason": "x"}, key=stranger)).status_code == 404
    assert (await counter.call("POST", frozen, {"reason": "x"}, key=key)).status_code == 200
    answer = await counter.call("GET", "/metrics", key=key)
    assert answer.json()["code"] == "key_bound_to_client"


async def test_a_vault_is_frozen_and_unfrozen(counter: Counter):
    counter.app.state.services.reconciliation._patience_s = 0.01
    path = f"/v1/vaults/{counter.vault_id}"
    (item,) = (await counter.post(f"{path}/freeze", {"reason": "look"}, "admin"))["items"]
    assert (item["reason"], item["ended_at"]) == ("look", None)
    assert (await counter.get(path))["frozen_reason"] == "look"
    sent = await counter.send(counter.transfer())
    assert (sent.status_code, sent.json()["code"]) == (422, "vault_frozen")
    answer = await counter.call("POST", f"{path}/unfreeze", {"reason": "ok"}, key="admin")
    assert (answer.status_code, answer.json()["code"]) == (409, "vault_still_differs")
    body = {"reason": "ok", "despite_difference": True}
    (item,) = (await counter.post(f"{path}/unfreeze", body, "admin"))["items"]
    assert (item["ended_reason"], item["ended_by"]) == ("ok", "robot")
    assert item["difference"]
    assert (await counter.get(path))["frozen_reason"] is None
    assert (await counter.get(f"{path}/freezes"))["items"] == [item]
    assert (await counter.send(counter.transfer(), "another")).status_code == 201
    answer = await counter.call("POST", f"{path}/unfreeze", body, key="admin")
    assert answer.json()["code"] == "vault_not_frozen"


async def test_a_surplus_is_shown(counter: Counter):
    network = next(iter(counter.custody.networks.values()))
    ledger, vault, native = Ledger(counter.clock), counter.vault_id, network.native.id
    async with counter.database.read() as session:
        owned = (await snapshot(session, network.id, vault)).owned.get(native, 0)
    line = Line(vault, network.id, native, 812, 5, 12, Verdict.SURPLUS, owned=owned)
    await act_on_vault(counter.database, ledger, network.id, vault, [line], counter.clock())
    (shown,) = (await counter.get(f"/v1/vaults/{counter.vault_id}/reconciliation"))["items"]
    assert (shown["verdict"], shown["ledger_base_units"], shown["chain_base_units"]) == (
        "surplus",
        "5",
        "12",
    )
    (alarm,) = (await counter.get("/v1/alarms"))["items"]
    assert alarm["message"] == f"{native}: 7 in suspense"
    assert (await counter.get(f"/v1/vaults/{counter.vault_id}"))["frozen_reason"] is None


async def test_metrics_count_open_alarms_by_code_and_need_a_key(counter: Counter):
    assert (await counter.call("GET", "/metrics", key=None)).status_code == 401
    alarm = await raised(counter)
    await raised(counter, counter.vault_id)
    text = (await counter.call("GET", "/metrics")).text
    for code in AlarmCode:
        count = 2 if code is AlarmCode.SURPLUS else 0
        assert f'custody_alarms_open{{code="{code}"}} {count}.0\n' in text
    assert "custody_vaults_frozen 0.0\n" in text
    await counter.post(f"/v1/alarms/{alarm}/clear", {"reason": "x"}, "admin")
    await counter.post(f"/v1/vaults/{counter.vault_id}/freeze", {"reason": "x"}, "admin")
    text = (await counter.call("GET", "/metrics")).text
    assert 'custody_alarms_open{code="chain_above_ledger"} 1.0\n' in text
    assert "custody_vaults_frozen 1.0\n" in text


async def test_metrics_tell_of_open_transfers_their_age_and_the_signer(counter: Counter):
    network = next(iter(counter.custody.networks.values())).alias
    for key in ("one", "two"):
        assert (await counter.send(counter.transfer(), key)).status_code == 201
        counter.clock.forward(seconds=30)
    text = (await counter.call("GET", "/metrics")).text
    approved = f'{{network="{network}",state="approved"}}'
    assert f"custody_transfers_open{approved} 2.0\n" in text
    assert f"custody_transfers_oldest_seconds{approved} 60.0\n" in text
    awaiting = f'{{network="{network}",state="awaiting_approval"}}'
    assert f"custody_transfers_open{awaiting} 0.0\n" in text
    assert f"custody_transfers_oldest_seconds{awaiting} 0.0\n" in text
    assert 'state="final"' not in text
    (line,) = [each for each in text.splitlines() if each.startswith("custody_signer_answer_sec")]
    assert 0 <= float(line.split()[1]) < 60
