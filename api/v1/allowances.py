"""What a vault lets others take of its tokens, and taking that back."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from api.auth import Reader, Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.idempotency import RequiredKey, idempotency_of
from api.schemas import AssetName, Body, Identifier, NetworkName, View, body_example, with_example
from api.v1.networks import named_in_request
from api.v1.transfer_bodies import Destination
from api.v1.transfer_views import TRANSFER_EXAMPLE, TransferView
from api.v1.transfers import TransferRenderer
from chains.assets import Amount
from chains.catalogue import Catalogue
from custody.transfers import names
from custody.transfers.allowances import Open, open_of
from custody.transfers.request import Answer, Idempotency, TransferRequest
from custody.vaults import repository as vaults
from signer.wire import canonical_json

router = APIRouter(prefix="/vaults/{vault_id}/allowances", tags=["calls"])

OPEN_EXAMPLE: dict[str, Any] = {
    "network": "eip155:1",
    "owner": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "spender": "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
    "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "symbol": "USDC",
    "agreed": "25",
    "left": "25",
    "left_base_units": "25000000",
    "transfer_id": TRANSFER_EXAMPLE["id"],
    "since": "2026-03-02T06:30:00Z",
    "expires_at": None,
}
_REVOKED = {"allowance": OPEN_EXAMPLE, "transfer": TRANSFER_EXAMPLE, "problem": None}


class OpenAllowanceView(View):
    """`spender` may take of what the vault's address `owner` has of the asset."""

    model_config = with_example(OPEN_EXAMPLE)

    network: str
    owner: str
    spender: str
    asset: str
    symbol: str
    agreed: str | None = Field(description="as much was agreed to; null: any amount")
    left: str | None = Field(description="by the token's own word now; null: no node says it")
    left_base_units: str | None
    transfer_id: str = Field(description="that made it")
    since: datetime
    expires_at: datetime | None = Field(description="when it ends, by Permit2; null: never")


class AllowanceList(View):
    model_config = with_example({"items": [OPEN_EXAMPLE]})

    items: list[OpenAllowanceView]


class RevokedView(View):
    """One that is to be taken back, and the transfer that does it, or why there is none."""

    model_config = with_example(_REVOKED)

    allowance: OpenAllowanceView
    transfer: TransferView | None
    problem: dict[str, Any] | None


class RevokedList(View):
    model_config = with_example({"items": [_REVOKED]})

    items: list[RevokedView]


class Revocation(Body):
    """Which: all that are open, where nothing is named."""

    model_config = body_example({"spender": OPEN_EXAMPLE["spender"]})

    network: NetworkName | None = Field(None, description="CAIP-2 id or alias")
    asset: AssetName | None = Field(None, description="CAIP-19 id")
    spender: Destination | None = None


@router.get("", summary="List open allowances", responses=problems(404))
async def list_allowances(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> AllowanceList:
    """Those that the vault's own transfers made, and of permits that it signed those that somebody
    submitted. A node is asked what is left of each; who spends it leaves a foreign debit of the
    verdict `allowed`. What somebody signed away elsewhere is not known here.
    """
    custody = services.custody
    async with custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
    found = await open_of(custody.database, custody.adapters, vault_id)
    return AllowanceList(items=[_view(each, custody.catalogue) for each in found])


@router.post("/revoke", summary="Revoke open allowances", responses=problems(404, 503, writes=True))
async def revoke_allowances(
    vault_id: Identifier,
    body: Revocation,
    caller: Spender,
    services: ServicesDependency,
    idempotency_key: RequiredKey,
) -> RevokedList:
    """For each that is open and named, a transfer of the kind `allowance` that allows nothing. Each
    is judged by the policy for itself. With the same key none is asked for twice; what was
    allowed again later wants another key."""
    custody = services.custody
    async with custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
    network = None if body.network is None else named_in_request(services, body.network)
    found = [
        each
        for each in await open_of(custody.database, custody.adapters, vault_id)
        if (network is None or each.network == network.id)
        and body.asset in (None, each.asset)
        and (body.spender is None or body.spender.lower() == each.spender.lower())
    ]
    asked = idempotency_of(idempotency_key, None, "POST /v1/vaults/allowances/revoke", body)
    items = []
    for each in found:
        name = names.revocation(asked.key, each.network, *each.place)
        request = TransferRequest(vault_id, each.network, each.asset, (), told=each.nothing)
        said = canonical_json({"vault": vault_id, "name": name})
        key = Idempotency(asked.route, name, sha256(said).digest())
        renderer = TransferRenderer(custody.catalogue)
        answer = await services.transfers.create(request, caller, key, renderer)
        items.append(_revoked(_view(each, custody.catalogue), answer))
    return RevokedList(items=items)


def _revoked(allowance: OpenAllowanceView, answer: Answer) -> RevokedView:
    made = answer.status < 400
    return RevokedView(
        allowance=allowance,
        transfer=TransferView.model_validate_json(answer.body) if made else None,
        problem=None if made else json.loads(answer.body),
    )


def _view(found: Open, catalogue: Catalogue) -> OpenAllowanceView:
    asset = catalogue.find_asset(found.asset)
    agreed, left = found.agreed, found.left
    return OpenAllowanceView(
        network=found.network,
        owner=found.owner,
        spender=found.spender,
        asset=asset.id,
        symbol=asset.symbol,
        agreed=None if agreed is None else Amount(asset, agreed).decimal,
        left=None if left is None else Amount(asset, left).decimal,
        left_base_units=None if left is None else str(left),
        transfer_id=found.transfer,
        since=found.since,
        expires_at=found.expires_at,
    )
