"""What brings a vault coins for fees, over HTTP: what is shown, and to whom."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from custody.db.gas_tables import GasTopUpRow
from custody.db.tables import ApiKeyRow
from custody.gas.model import Bearer
from custody.gas.service import NewRule, set_rule
from tests.unit.api.counter import Counter

NETWORK = "eip155:31337"


async def test_the_rule_and_each_top_up_are_shown_to_whom_the_vault_belongs(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/gas"
    empty: dict[str, Any] = {"rules": [], "waiting": [], "items": [], "carriers": [], "owed": {}}
    assert await counter.get(path) == empty
    other = (await counter.post("/v1/clients", {"name": "House"}, "admin"))["id"]
    payer = await counter.new_vault(other, 1)
    custody = counter.custody
    (network,) = [each for each in custody.networks.values() if each.id == NETWORK]
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id).where(ApiKeyRow.scopes == "transfer")))[0]
        new = NewRule(payer, 10**15, 10**17, Bearer.CLIENT, key)
        await set_rule(session, network, None, new, "tokens", custody.clock(), by="olivia")
        top_up = {
            "network": NETWORK,
            "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "number": 1,
            "vault_id": counter.vault_id,
            "payer_id": payer,
            "key_id": key,
            "bears": "client",
            "amount": 10**15,
            "state": "failed",
            "open_key": None,
            "transfer_id": None,
            "code": "policy_denied",
            "created_at": custody.clock(),
            "ended_at": custody.clock(),
        }
        await session.insert(GasTopUpRow, [top_up])
    shown = await counter.get(path)
    (rule,) = shown["rules"]
    assert (rule["payer_vault_id"], rule["bears"], rule["set_by"]) == (payer, "client", "olivia")
    assert rule["carries"] is False
    assert rule["most_each"] == {"amount": "0.001", "amount_base_units": str(10**15)}
    (item,) = shown["items"]
    assert (item["state"], item["code"]) == ("failed", "policy_denied")
    assert (await counter.get(f"/v1/vaults/{payer}/gas"))["rules"] == [], "it does not pay itself"
    stranger = await counter.new_key("read", client_id=other)
    answer = await counter.call("GET", path, key=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
