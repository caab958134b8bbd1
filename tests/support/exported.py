"""Bundles of a running house's transfers, as an auditor gets and checks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from custody_verify import bundle
from custody_verify.claims import Claim, Pins, examine
from custody_verify.log import LogKey

from tests.support.token_house import TokenHouse


async def claims_about(house: TokenHouse[Any], transfer: str) -> Sequence[Claim]:
    """With the log's key pinned. Waits for the block's proof, which is kept a moment later."""
    path, found = f"/v1/transfers/{transfer}/evidence", b""

    async def there() -> bool:
        nonlocal found
        answer = await house.http.get(path)
        found = answer.content
        assert answer.is_success or b"evidence_proof_missing" in found, found
        return answer.is_success

    await house.until(there)
    key = (await house.services.custody.signer.status()).verifier_key
    claims = examine(bundle.read(found), Pins(log_key=LogKey.parse(key)))
    assert [each for each in claims if each.state == "refuted"] == []
    return claims


def graded(claims: Sequence[Claim]) -> dict[str, tuple[str, str]]:
    """Of each claim its state and grade; of several by one name the last."""
    return {each.claim: (each.state, each.grade) for each in claims}
