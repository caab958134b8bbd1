"""Tokens in URLs, with which an app's wallet asks one vault on one network."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api.auth import Asker, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.rpc.doors import network_named
from api.schemas import Ascii, Body, Identifier, NetworkName, View, body_example, with_example
from custody.db.rpc_tables import RpcTokenRow
from custody.provider import tokens
from custody.provider.model import ORIGINS_MAX
from custody.vaults import repository as vaults

router = APIRouter(prefix="/vaults/{vault_id}/rpc-tokens", tags=["apps"])

Origin = Annotated[Ascii, StringConstraints(min_length=1, max_length=255)]

TOKEN_EXAMPLE = {
    "id": "tok_01k9zv8f6g7h8j9k0m1n2p3q4r",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "network": "eip155:31337",
    "initiator": "robot",
    "origins": ["https://app.example.org"],
    "created_at": "2026-03-02T06:00:00Z",
    "revoked_at": None,
}


class NewRpcToken(Body):
    model_config = body_example(
        {"network": "ethereum-local", "origins": ["https://app.example.org"]}
    )

    network: NetworkName = Field(description="CAIP-2 id or alias")
    origins: list[Origin] = Field(
        default_factory=list,
        max_length=ORIGINS_MAX,
        description="web pages that may use it, as `https://HOST`; without one, programs alone",
    )


class RpcTokenView(View):
    model_config = with_example(TOKEN_EXAMPLE)

    id: str
    vault_id: str
    network: str
    initiator: str = Field(description="as whom it asks: who made it")
    origins: list[str]
    created_at: datetime
    revoked_at: datetime | None


class MadeRpcToken(RpcTokenView):
    model_config = with_example(TOKEN_EXAMPLE | {"path": "/v1/rpc/cu_…"})

    path: str = Field(description="of the URL, with the secret in it: shown this once")


class RpcTokens(View):
    """The newest first, at most 1000, those that were revoked too."""

    model_config = with_example({"items": [TOKEN_EXAMPLE]})

    items: list[RpcTokenView]


@router.post(
    "", status_code=201, summary="Make a token for a URL", responses=problems(404, 409, writes=True)
)
async def create_rpc_token(
    vault_id: Identifier, body: NewRpcToken, caller: Asker, services: ServicesDependency
) -> MadeRpcToken:
    """It can ask what the API key that makes it could ask of this vault on this network, and
    nothing else; it ends with that key. There is no retry key: an answer that got lost is a token
    to revoke."""
    network = network_named(services, body.network)
    custody = services.custody
    async with custody.database.write() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        made = await tokens.create_token(
            session,
            vault_id=vault_id,
            network=network,
            initiator=caller.initiator,
            origins=body.origins,
            api_key_id=caller.key_id,
            now=custody.clock(),
        )
        shown = _view(made.row).model_dump()
    return MadeRpcToken(**shown, path=f"/v1/rpc/{made.secret}")


@router.get("", summary="List a vault's tokens for URLs", responses=problems(404))
async def list_rpc_tokens(
    vault_id: Identifier, caller: Reader, services: ServicesDependency
) -> RpcTokens:
    """Without their secrets, which nobody has but who was given them."""
    async with services.custody.database.read() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        found = await tokens.list_tokens(session, vault_id)
    return RpcTokens(items=[_view(each) for each in found])


@router.post(
    "/{token_id}/revoke", summary="Revoke a token for a URL", responses=problems(404, writes=True)
)
async def revoke_rpc_token(
    vault_id: Identifier, token_id: Identifier, caller: Asker, services: ServicesDependency
) -> RpcTokens:
    """From the next request on it is nobody's; connections that it opened end. Answers with what
    the vault has then."""
    custody = services.custody
    async with custody.database.write() as session:
        await vaults.vault(session, vault_id, only=caller.client_id)
        await tokens.revoke_token(session, token_id, custody.clock(), vault_id=vault_id)
        found = await tokens.list_tokens(session, vault_id)
        return RpcTokens(items=[_view(each) for each in found])


def _view(row: RpcTokenRow) -> RpcTokenView:
    return RpcTokenView(
        id=row.id,
        vault_id=row.vault_id,
        network=row.network,
        initiator=row.initiator,
        origins=row.origins.split(),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
