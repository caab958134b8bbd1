"""One row that went bad is one row that can't be read: everything beside it goes on."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from tests.unit.api.counter import Counter

KEY = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))


async def overwrite(counter: Counter, transfer: str, document: bytes) -> None:
    """As a bad disk would, or somebody with the file: our triggers let nothing do it."""
    async with counter.database._engines.write.connect() as connection:
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
    await overwrite(counter, broken, document)
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
