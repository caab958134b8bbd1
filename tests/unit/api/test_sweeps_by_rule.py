"""Sweeps by rule over HTTP: what is shown, and to whom."""

from __future__ import annotations

from sqlalchemy import select

from custody.db.sweep_tables import SweepRow
from custody.db.tables import ApiKeyRow
from custody.sweeps.service import NewRule, set_rule
from tests.unit.api.counter import Counter

NATIVE = "eip155:31337/slip44:60"


async def test_rules_and_sweeps_are_shown_to_whom_the_vault_belongs(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/sweeps"
    assert await counter.get(path) == {"rules": [], "items": []}
    custody = counter.custody
    asset = custody.catalogue.find_asset(NATIVE)
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id).where(ApiKeyRow.scopes == "transfer")))[0]
        network = custody.networks[asset.network]
        new = NewRule(10**17, 3600, None, 1, None, key)
        place = (counter.vault_id, network, asset)
        await set_rule(session, *place, new, "customers", custody.clock(), by="olivia")
        row = {
            "network": network.id,
            "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "number": 1,
            "vault_id": counter.vault_id,
            "asset": NATIVE,
            "destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "key_id": key,
            "amount": 10**17,
            "cost": 10**16,
            "cost_max": None,
            "state": "failed",
            "open_key": None,
            "transfer_id": None,
            "code": "sweep_too_dear",
            "created_at": custody.clock(),
            "ended_at": custody.clock(),
        }
        await session.insert(SweepRow, [row])
    shown = await counter.get(path)
    (rule,) = shown["rules"]
    assert (rule["threshold"]["amount"], rule["percent"], rule["set_by"]) == ("0.1", 1, "olivia")
    (item,) = shown["items"]
    assert (item["cost"]["amount"], item["code"]) == ("0.01", "sweep_too_dear")
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    stranger = await counter.new_key("read", client_id=other)
    answer = await counter.call("GET", path, key=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
