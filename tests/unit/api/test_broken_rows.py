"""One row that went bad is one row that can't be read: everything beside it goes on."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text, update

from custody.db.session import Database
from custody.db.tables import LedgerAccountRow
from custody.ledger.model import AccountKey, AccountKind
from tests.support.networks import find_network
from tests.unit.api.counter import Counter

TOTALS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
KEY = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))


async def overwrite(database: Database, transfer: str, document: bytes) -> None:
    """As a bad disk would, or somebody with the file: our triggers let nothing do it."""
    async with database._engines.write.connect() as connection:
        named = text(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'mandates'"
        )
        for (name,) in (await connection.execute(named)).all():
            await connection.execute(text(f"DROP TRIGGER {name}"))
        change = text("UPDATE mandates SET document = :to WHERE transfer_id = :of")
        await connection.execute(change, {"to": document, "of": transfer})
        await connection.commit()


@pytest.mark.parametrize("document", [b"", b"{}", b"\xff\xfe", b'{"core":1}', b"null"])
async def test_a_broken_mandate(counter: Counter, document: bytes):
    credential = {"kind": "ed25519", "key": KEY.public_key().public_bytes_raw().hex()}
    counter.use_policy(
        persons=[{"id": "bob", "credentials": [credential]}],
        groups=[{"id": "treasury", "members": ["bob"]}],
        grant={"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}},
    )
    broken, whole = [
        (await counter.send(counter.transfer(), name)).json()["id"] for name in ("one", "two")
    ]
    await overwrite(counter.database, broken, document)
    waiting = (await counter.get("/v1/approvals"))["items"]
    assert [(each["transfer"]["id"], each["unreadable"]) for each in waiting] == [
        (broken, True),
        (whole, False),
    ]
    assert waiting[0]["needs"] == []
    (for_bob,) = (await counter.get("/v1/approvals?approver=bob"))["items"]
    assert for_bob["transfer"]["id"] == whole
    listed = (await counter.get("/v1/transfers"))["items"]
    assert [each["id"] for each in listed] == [broken, whole]
    assert (await counter.get(f"/v1/transfers/{broken}"))["state"] == "awaiting_approval"
    body = {"approver": "bob", "verdict": "approve", "signature": "00" * 64}
    for method, path, sent, key in (
        ("GET", f"/v1/transfers/{broken}/mandate", None, "read"),
        ("POST", f"/v1/transfers/{broken}/approvals", body, "approve"),
    ):
        answer = await counter.call(method, path, sent, key=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "mandate_unreadable")
    await counter.post(f"/v1/transfers/{broken}/cancel", {}, "transfer")


@pytest.mark.parametrize("kind", [AccountKind.SHORTFALL, AccountKind.VAULT, AccountKind.SUSPENSE])
async def test_broken_books_are_shown_as_they_are(counter: Counter, kind: AccountKind):
    """A shortfall that was covered twice, an account below zero: both have an alarm, and neither
    keeps anybody from seeing balances."""
    native = find_network("bitcoin-regtest").native
    key = AccountKey(kind, native.id, counter.vault_id)
    side = ("credits_posted", "debits_posted")[kind is not AccountKind.SHORTFALL]
    async with counter.database.write() as session:
        changed = await session.execute(
            update(LedgerAccountRow).where(LedgerAccountRow.id == key.id).values({side: 10**30})
        )
        if not changed:
            totals = dict.fromkeys(TOTALS, 0) | {side: 10**30}
            whose = {"id": key.id, "vault_id": key.vault, "asset": key.asset, "kind": kind}
            await session.insert(LedgerAccountRow, [whose | totals])
    field = {AccountKind.SHORTFALL: "owed", AccountKind.VAULT: "available"}.get(kind, "suspense")
    for path in (
        "/v1/balances",
        f"/v1/vaults/{counter.vault_id}/balances",
        f"/v1/clients/{counter.client_id}/balances",
    ):
        answer = await counter.get(f"{path}?asset={native.id}")
        (item,) = answer["items"]
        assert int(item[field]["amount_base_units"]) < -(10**29), path
        assert item[field]["amount"].startswith("-")
