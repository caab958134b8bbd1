"""While the signer is ahead of the database: 503 with a stable code, and nothing is spent on it."""

from __future__ import annotations

import pytest

from custody.errors import Unavailable
from tests.unit.api.counter import Counter


@pytest.fixture
async def ahead(counter: Counter) -> Counter:
    """Somebody had the signer open a vault that this database does not know."""
    for vault, (client, account) in counter.signer.accounts.items():
        # The furniture's signer is another one: what it did is known.
        counter.signer.write(kind="vault", client=client, vault=vault, account=account)
    await counter.app.state.services.journal.check()
    await counter.signer.open_vault("cli_other", "vlt_other")
    with pytest.raises(Unavailable):
        await counter.app.state.services.journal.check()
    return counter


async def test_whatever_moves_money_or_makes_something_waits_for_the_operator(ahead: Counter):
    before = {name: rows for name, rows in (await ahead.tables()).items() if name != "idempotency"}
    headers = {"Idempotency-Key": "k"}
    for path, body, key in (
        ("/v1/transfers", ahead.transfer(), "transfer"),
        ("/v1/vaults", {"client_id": ahead.client_id, "name": "More"}, "admin"),
        (
            f"/v1/vaults/{ahead.vault_id}/addresses",
            {"network": "bitcoin-regtest"},
            "receive",
        ),
    ):
        answer = await ahead.call("POST", path, body, key=key, headers=headers)
        assert answer.status_code == 503, path
        assert answer.json()["code"] == "signer_ahead"
        assert "custody recover" in answer.json()["detail"]
        assert "retry-after" in answer.headers
    tables = await ahead.tables()
    assert {name: rows for name, rows in tables.items() if name != "idempotency"} == before
    assert tables["idempotency"] == [], "a key that was refused like this is not spent"


async def test_readiness_says_why(ahead: Counter):
    answer = await ahead.call("GET", "/ready", key=None)
    assert (answer.status_code, answer.json()["signer"]) == (503, "ahead")


async def test_what_is_known_is_still_told(ahead: Counter):
    vault = await ahead.get(f"/v1/vaults/{ahead.vault_id}")
    assert vault["id"] == ahead.vault_id
