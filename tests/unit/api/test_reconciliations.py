"""Reports of reconciliations over HTTP: listed, shown, asked for, and measured."""

from __future__ import annotations

from custody.apikeys.model import Scope
from custody.reconcile.report import Cause, Wanted
from tests.unit.api.counter import Counter

ALIAS = "ethereum-local"


async def made(counter: Counter, vault: str | None = None) -> str:
    reconciliation = counter.app.state.services.reconciliation
    reconciliation._patience_s = 0.01
    (network,) = [each for each in counter.custody.networks.values() if each.alias == ALIAS]
    report: str
    report, _ = await reconciliation.check_network(network, Wanted(Cause.ASKED, "olivia", vault))
    return report


async def test_reports_are_listed_newest_first_and_shown_whole(counter: Counter):
    first, second = await made(counter), await made(counter, counter.vault_id)
    path = f"/v1/reconciliations?network={ALIAS}&limit=1"
    page = await counter.get(path, "audit")
    assert [each["id"] for each in page["items"]] == [second]
    page = await counter.get(f"{path}&cursor={page['next_cursor']}", "audit")
    assert ([each["id"] for each in page["items"]], page["next_cursor"]) == ([first], None)
    assert (await counter.get("/v1/reconciliations?network=tron-local", "audit"))["items"] == []
    report = await counter.get(f"/v1/reconciliations/{second}", "audit")
    (line,) = report["lines"]
    assert (report["cause"], report["asked_by"]) == ("asked", "olivia")
    assert (line["vault_id"], line["verdict"]) == (counter.vault_id, "inconclusive")
    assert (report["inconclusive"], line["reason"]) == (1, "nothing was followed yet")
    missing = await counter.call("GET", "/v1/reconciliations/rec_" + "0" * 26, key="audit")
    assert (missing.status_code, missing.json()["code"]) == (404, "reconciliation_not_found")


async def test_asking_twice_asks_once(counter: Counter):
    body = {"network": ALIAS, "vault_id": counter.vault_id}
    answers = [
        await counter.call("POST", "/v1/reconciliations", body, key="admin") for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["ended_at"] is None
    assert answers[0].json()["asked_by"] == "robot"
    wrong = {"network": ALIAS, "vault_id": "vlt_" + "0" * 26}
    answer = await counter.call("POST", "/v1/reconciliations", wrong, key="admin")
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")


async def test_reports_are_the_houses(counter: Counter):
    report = await made(counter)
    key = await counter.new_key(Scope.AUDIT, Scope.ADMIN, client_id=counter.client_id)
    for method, path, body in (
        ("GET", "/v1/reconciliations", None),
        ("GET", f"/v1/reconciliations/{report}", None),
        ("POST", "/v1/reconciliations", {"network": ALIAS}),
    ):
        answer = await counter.call(method, path, body, key=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "key_bound_to_client")


async def test_metrics_say_how_old_the_last_is_and_what_it_found(counter: Counter):
    assert "custody_reconciliation_balances{" not in (await counter.call("GET", "/metrics")).text
    await made(counter)
    counter.clock.forward(seconds=42)
    await made(counter, counter.vault_id)  # one vault is not all
    text = (await counter.call("GET", "/metrics")).text
    for line in (
        f'custody_reconciliation_age_seconds{{network="{ALIAS}"}} 42.0',
        f'custody_reconciliation_balances{{network="{ALIAS}",verdict="inconclusive"}} 1.0',
        f'custody_reconciliation_balances{{network="{ALIAS}",verdict="shortage"}} 0.0',
    ):
        assert line in text
