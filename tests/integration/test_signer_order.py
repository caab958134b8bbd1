"""A row of requests at the signer's process: each is signed only after the one before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signer.client import SignerClient
from signer.messages import request
from signer.wire import MESSAGE_BYTES_MAX
from tests.integration.test_signer_chains import evm
from tests.integration.test_signer_process import client, signer, signing, state
from tests.support.signer import outcome_word

__all__ = ["client", "signer", "state"]


@pytest.mark.parametrize("older", [False, True])
async def test_what_follows_waits_for_what_comes_before_it(
    client: SignerClient, monkeypatch: pytest.MonkeyPatch, older: bool
):
    """Also over the end of a message, and at a signer of a version that knows no such call."""
    if older:
        monkeypatch.setattr(
            "signer.client.request",
            lambda call, arguments: request(call.replace("sign_in_order", "newer"), arguments),
        )
    number = 6
    name = f"row-{older}"
    asked = [
        await signing(client, f"{name}-{at}", nonce=300 + 10 * older + at) for at in range(number)
    ]
    data = evm("ethereum-local", asked[0].tx.sender, data=bytes(MESSAGE_BYTES_MAX))
    asked[4] = replace(asked[4], tx=data)
    words = [outcome_word(o) for o in await client.sign(asked, {1, 2, 4, 5})]
    assert words == ["signed"] * 4 + ["malformed/too-large", "unavailable/behind"]
    asked[1] = replace(asked[1], tx=replace(asked[1].tx, payload=b"garbage"))
    monkeypatch.setattr("signer.client.BATCH_MAX", 2)
    words = [outcome_word(o) for o in await client.sign(asked[:4], {1, 2, 3})]
    assert words == ["signed", "malformed/transaction_malformed"] + ["unavailable/behind"] * 2
