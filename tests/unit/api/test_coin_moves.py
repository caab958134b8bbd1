"""Coins moved by rule over HTTP: what is shown, and to whom."""

from __future__ import annotations

from sqlalchemy import select

from chains.catalogue import built_in
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.tables import ApiKeyRow
from tests.unit.api.counter import Counter

NETWORK = built_in().find_network("bitcoin-regtest")


async def test_rules_and_moves_are_shown_to_whom_the_vault_belongs(counter: Counter):
    path = f"/v1/vaults/{counter.vault_id}/coin-moves"
    assert await counter.get(path) == {"rules": [], "items": []}
    custody = counter.custody
    async with custody.database.write() as session:
        key = (await session.all(select(ApiKeyRow.id).where(ApiKeyRow.scopes == "transfer")))[0]
        place = {"vault_id": counter.vault_id, "network": NETWORK.id, "number": 1, "key_id": key}
        rule = {
            **place,
            "coins_min": 500,
            "coins_most": 400,
            "rate_max": 3_000,
            "keep": 20,
            "keep_size": 5_000_000,
            "keep_rate_max": 30_000,
            "reason": "payouts",
            "set_by": "olivia",
            "set_at": custody.clock(),
        }
        row = {
            **place,
            "kind": "consolidation",
            "asset": NETWORK.native.id,
            "coins": 400,
            "amount": 410_000_000,
            "destination": "bcrt1q",
            "rate": 1_200,
            "cost": None,
            "cost_max": None,
            "state": "failed",
            "open_key": None,
            "transfer_id": None,
            "code": "policy_denied",
            "created_at": custody.clock(),
            "ended_at": custody.clock(),
        }
        await session.insert(CoinRuleRow, [rule])
        await session.insert(CoinMoveRow, [row])
    shown = await counter.get(path)
    (set_,), (item,) = shown["rules"], shown["items"]
    assert (set_["coins_min"], set_["keep_size"]["amount"], set_["set_by"]) == (
        500,
        "0.05",
        "olivia",
    )
    assert (item["amount"]["amount"], item["cost"], item["rate"]) == ("4.1", None, 1_200)
    assert (item["kind"], item["code"]) == ("consolidation", "policy_denied")
    other = (await counter.post("/v1/clients", {"name": "Other"}, "admin"))["id"]
    stranger = await counter.new_key("read", client_id=other)
    answer = await counter.call("GET", path, key=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "vault_not_found")
