"""An estimate says what a transfer would meet, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.counter import Counter

CREDENTIAL = {"kind": "ed25519"}
STATES = {"allow": "approved", "needs-approvals": "awaiting_approval"}


def four_eyes(counter: Counter, **more: Any) -> None:
    names = ("ann", "bob", "eve")
    counter.use_policy(
        persons=[
            {"id": name, "credentials": [CREDENTIAL | {"key": f"{at:02x}" * 32}]}
            for at, name in enumerate(names, start=1)
        ],
        machines=[{"id": "robot", "operators": ["eve"]}],
        groups=[{"id": "treasury", "members": list(names)}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 2}]}},
        **more,
    )


async def estimate(counter: Counter, **changes: Any) -> Any:
    body = counter.transfer(**changes)
    answer = await counter.call("POST", "/v1/transfers:estimate", body, key="transfer")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "tron-local"])
@pytest.mark.parametrize("asked", [False, True])
async def test_it_is_what_the_transfer_then_meets(counter: Counter, alias: str, asked: bool):
    if asked:
        four_eyes(counter)
    told = await estimate(counter, alias=alias, amount="0.00001")
    made = (await counter.send(counter.transfer(alias, amount="0.00001"))).json()
    assert told["costs_max"] == made["costs_max"]
    assert STATES[told["ruling"]] == made["state"]
    assert (told["covered"], told["rule"], told["reason"]) == (True, "everything", None)
    (held,) = told["holds"].values()
    costs = sum(int(each["amount_base_units"]) for each in made["costs_max"].values())
    assert int(held["amount_base_units"]) == int(made["amount_base_units"]) + costs
    waiting = (await counter.get("/v1/approvals"))["items"]
    needs = [{"group": each["group"], "count": each["count"]} for each in told["needs"]]
    assert [each["needs"] for each in waiting] == ([needs] if asked else [])


@pytest.mark.parametrize("alias", ["ethereum-local", "tron-local"])
async def test_all_is_a_number_and_the_transfer_pays_it(counter: Counter, alias: str):
    told = await estimate(counter, alias=alias, amount="all")
    made = (await counter.send(counter.transfer(alias, amount="all"))).json()
    assert told["amount"]["amount_base_units"] == made["amount_base_units"]
    assert (made["kind"], told["costs_max"]) == ("emptying", made["costs_max"])
    ((asset, held),) = told["holds"].items()
    assert held == told["available"][asset]
    vault = await counter.get(f"/v1/vaults/{made['vault_id']}/balances")
    has = [each["available"]["amount_base_units"] for each in vault["items"]]
    assert "0" in has


async def test_it_names_who_may_approve_and_not_who_asks(counter: Counter):
    """Eve operates the machine that asks."""
    four_eyes(counter)
    (need,) = (await estimate(counter))["needs"]
    assert need == {"group": "treasury", "count": 2, "people": ["ann", "bob"]}


async def test_a_denial_says_why(counter: Counter):
    counter.use_policy(machines=[{"id": "other", "operators": []}])
    told = await estimate(counter)
    assert told["ruling"] == "deny"
    assert "initiator-unknown" in told["reason"]


async def test_too_little_is_said(counter: Counter):
    poor = await counter.new_vault(counter.client_id, amount=1_000)
    told = await estimate(counter, vault_id=poor)
    assert told["covered"] is False
    assert [each["amount_base_units"] for each in told["available"].values()] == ["1000"]


async def test_whatever_is_asked_the_whole_database_stays_as_it_was(counter: Counter):
    before, woken = await counter.tables(), counter.woken
    four_eyes(counter)
    other = "vlt_" + "0" * 26
    for changes, status in (
        ({}, 200),
        ({"fee_max": "0.1"}, 200),
        ({"amount": "0"}, 422),
        ({"destination": "nowhere"}, 422),
        ({"vault_id": other}, 404),
        ({"retry_of": "tfr_" + "0" * 26}, 404),
    ):
        body = counter.transfer(**changes)
        answer = await counter.call("POST", "/v1/transfers:estimate", body, key="transfer")
        assert answer.status_code == status, (changes, answer.text)
    counter.use_policy(machines=[])
    assert (await estimate(counter))["ruling"] == "deny"
    assert await counter.tables() == before
    assert counter.woken == woken


async def test_a_stranger_learns_nothing_of_a_vault(counter: Counter):
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    key = await counter.new_key("transfer", client_id=other)
    answer = await counter.call("POST", "/v1/transfers:estimate", counter.transfer(), key=key)
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
