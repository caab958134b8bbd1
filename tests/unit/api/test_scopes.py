"""What each scope opens, and that it opens nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Final

import pytest

from api.auth import api_routes, scope_of
from custody.apikeys.model import Scope
from tests.support.cli import done
from tests.unit.api.counter import Counter

SCOPES: Final = {
    "GET /metrics": "read",
    "GET /v1/networks": "read",
    "GET /v1/networks/{network}": "read",
    "GET /v1/networks/{network}/fees": "read",
    "GET /v1/assets": "read",
    "GET /v1/assets/{asset:path}": "read",
    "POST /v1/clients": "admin",
    "GET /v1/clients": "read",
    "GET /v1/clients/{client_id}": "read",
    "POST /v1/vaults": "admin",
    "GET /v1/vaults": "read",
    "GET /v1/vaults/{vault_id}": "read",
    "POST /v1/vaults/{vault_id}/addresses": "receive",
    "GET /v1/vaults/{vault_id}/addresses": "read",
    "GET /v1/addresses/{address_id}": "read",
    "GET /v1/addresses/{address_id}/attestation": "read",
    "GET /v1/balances": "read",
    "GET /v1/clients/{client_id}/balances": "read",
    "GET /v1/vaults/{vault_id}/balances": "read",
    "GET /v1/entries": "read",
    "GET /v1/events": "read",
    "GET /v1/deposits": "read",
    "GET /v1/deposits/{deposit_id}": "read",
    "POST /v1/deposits/{deposit_id}/quarantine": "compliance",
    "POST /v1/deposits/{deposit_id}/release": "compliance",
    "GET /v1/quarantine-rules": "read",
    "POST /v1/quarantine-rules": "compliance",
    "POST /v1/quarantine-rules/{rule_id}/end": "compliance",
    "GET /v1/foreign-debits": "read",
    "POST /v1/transfers": "transfer",
    "POST /v1/transfers:estimate": "transfer",
    "GET /v1/transfers": "read",
    "GET /v1/transfers/{transfer_id}": "read",
    "POST /v1/transfers/{transfer_id}/cancel": "transfer",
    "POST /v1/transfers/{transfer_id}/costs": "transfer",
    "POST /v1/transfers/{transfer_id}/speed-up": "transfer",
    "GET /v1/transfers/{transfer_id}/sooner": "read",
    "POST /v1/messages": "transfer",
    "GET /v1/messages": "read",
    "GET /v1/messages/{message_id}": "read",
    "POST /v1/calls": "transfer",
    "POST /v1/calls:estimate": "transfer",
    "GET /v1/vaults/{vault_id}/allowances": "read",
    "POST /v1/vaults/{vault_id}/allowances/revoke": "transfer",
    "POST /v1/payout-files": "transfer",
    "GET /v1/payout-files": "read",
    "GET /v1/payout-files/{payout_file_id}": "read",
    "GET /v1/payout-files/{payout_file_id}/lines": "read",
    "GET /v1/payout-files/{payout_file_id}/result": "read",
    "GET /v1/approvals": "read",
    "GET /v1/transfers/{transfer_id}/mandate": "read",
    "POST /v1/transfers/{transfer_id}/approvals": "approve",
    "GET /v1/alarms": "read",
    "GET /v1/alarms/{alarm_id}": "read",
    "POST /v1/alarms/{alarm_id}/clear": "admin",
    "GET /v1/vaults/{vault_id}/freezes": "read",
    "GET /v1/vaults/{vault_id}/reconciliation": "read",
    "POST /v1/vaults/{vault_id}/freeze": "admin",
    "POST /v1/vaults/{vault_id}/unfreeze": "admin",
    "GET /v1/reconciliations": "audit",
    "GET /v1/reconciliations/{report_id}": "audit",
    "POST /v1/reconciliations": "admin",
    "GET /v1/vaults/{vault_id}/fee-caps": "read",
    "POST /v1/vaults/{vault_id}/fee-caps": "admin",
    "GET /v1/vaults/{vault_id}/refill-rules": "read",
    "POST /v1/vaults/{vault_id}/refill-rules": "transfer",
    "GET /v1/vaults/{vault_id}/refills": "read",
    "GET /v1/vaults/{vault_id}/gas": "read",
    "GET /v1/vaults/{vault_id}/sweeps": "read",
    "GET /v1/vaults/{vault_id}/coin-moves": "read",
    "GET /v1/pauses": "read",
    "GET /v1/unlisted": "read",
    "POST /v1/pauses": "admin",
    "POST /v1/pauses/{pause_id}/resume": "admin",
    "GET /v1/contract-stops": "read",
    "POST /v1/contract-stops/{stop_id}/lift": "admin",
    "GET /v1/transfers/{transfer_id}/evidence": "audit",
    "GET /v1/log/bundles/{digest}": "audit",
    "GET /v1/audit/transfers/{transfer_id}": "audit",
    "GET /v1/audit/policies": "audit",
    "GET /v1/audit/policies/{digest}": "audit",
    "GET /v1/audit/keys": "audit",
    "GET /v1/audit/alarms": "audit",
    "GET /v1/audit/entries": "audit",
    "GET /v1/audit/transfers": "audit",
    "GET /v1/audit/deposits": "audit",
    "POST /v1/vaults/{vault_id}/rpc-tokens": "ask",
    "GET /v1/vaults/{vault_id}/rpc-tokens": "read",
    "POST /v1/vaults/{vault_id}/rpc-tokens/{token_id}/revoke": "ask",
    "POST /v1/vaults/{vault_id}/rpc/{network}": "ask",
    "POST /v1/rpc/{token}": "ask",
    "OPTIONS /v1/rpc/{token}": "ask",
}
"""By hand, so that a route that takes another scope is a change that somebody sees."""


def test_every_route_is_in_the_table(counter: Counter):
    found = {
        f"{method} {route.path}": scope.value
        for route in api_routes(counter.app)
        if (scope := scope_of(route)) is not None
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert found == SCOPES


@pytest.mark.parametrize("held", list(Scope))
async def test_a_scope_opens_its_routes_and_no_others(counter: Counter, held: Scope):
    before = await counter.tables()
    opened: set[str] = set()
    for route, scope in SCOPES.items():
        method, _, path = route.partition(" ")
        asked = re.sub(r"\{[\w:]+\}", "nothing", path)
        body: dict[str, str] | None = {} if method == "POST" else None
        answer = await counter.call(method, asked, body, key=held)
        if "{token}" in route:  # the secret in the URL opens it, and no key
            assert answer.status_code == 401, route
            opened.update({route} if scope == held else ())
        elif answer.status_code == 403:
            assert answer.json()["code"] == "scope_missing", route
            assert answer.json()["detail"].endswith(f"scope {scope}")
        else:
            opened.add(route)
    assert opened == {route for route, scope in SCOPES.items() if scope == held}
    assert await counter.tables() == before


async def test_a_shop_that_only_receives_and_an_approver_can_not_ask_for_payments(
    counter: Counter,
):
    for scopes in ((Scope.READ, Scope.RECEIVE), (Scope.READ, Scope.APPROVE)):
        key = await counter.new_key(*scopes, client_id=counter.client_id)
        answer = await counter.send(counter.transfer(), key=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_a_key_made_by_a_command_asks_in_its_owners_name(counter: Counter, tmp_path: Path):
    """From the command line to the mandate that approvers sign; a second key of the owner's too.
    Who is nobody in the policy can't ask."""
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'counter.sqlite3'}"}
    create = (
        "apikey",
        "create",
        "--name",
        "k",
        "--scope",
        "transfer",
        "--initiator",
        "payout-desk",
    )
    first, successor = [(await asyncio.to_thread(done, *create, env=env)).strip() for _ in range(2)]
    denied = (await counter.send(counter.transfer(), key=first)).json()
    assert denied["code"] == "policy_denied" and "initiator-unknown" in denied["detail"]
    counter.use_policy(machines=[{"id": "payout-desk", "operators": []}])
    for name, key in (("one", first), ("two", successor)):
        made = (await counter.send(counter.transfer(), name, key=key)).json()
        mandate = (await counter.get(f"/v1/transfers/{made['id']}/mandate"))["mandate"]
        assert json.loads(mandate)["core"]["initiator"] == "payout-desk"
