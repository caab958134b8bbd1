"""Who asks a vault as a wallet, and from where: an API key in a header, or a token in the URL.

A token is a secret in a path: no log, no answer and no exception of ours has a path in it.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.auth import Requires
from api.context import ServicesDependency
from api.errors import Unauthenticated
from chains.evm.eip1193 import speaks
from custody.apikeys.model import Scope
from custody.apikeys.service import authenticate
from custody.errors import Forbidden, Invalid, NotFound
from custody.provider.model import Door
from custody.provider.tokens import door_of
from custody.services import Services
from custody.vaults import repository as vaults

_SCHEME: Final = "bearer "


class ByKey(Requires):
    """`Authorization: Bearer ck_…`, also of a WebSocket's first request."""

    async def __call__(  # type: ignore[override]
        self,
        vault_id: str,
        network: str,
        connection: HTTPConnection,
        services: ServicesDependency,
    ) -> Door:
        """Raises Unauthenticated, Forbidden scope_missing, NotFound vault_not_found,
        network_not_found, Invalid network_without_rpc."""
        given = connection.headers.get("authorization", "")
        if not given.lower().startswith(_SCHEME):
            raise Unauthenticated("send an API key: Authorization: Bearer ck_…")
        async with services.custody.database.look() as look:
            caller = await authenticate(look, given[len(_SCHEME) :].strip())
        if caller is None:
            raise Unauthenticated("this API key is not valid")
        caller.check_scope(self.scope)
        named = network_named(services, network)
        async with services.custody.database.read() as session:
            await vaults.vault(session, vault_id, only=caller.client_id)
        return Door(caller, vault_id, named)


class ByToken(Requires):
    """`/v1/rpc/cu_…`."""

    async def __call__(  # type: ignore[override]
        self, token: str, connection: HTTPConnection, services: ServicesDependency
    ) -> Door:
        """Raises Unauthenticated, Forbidden origin_forbidden."""
        async with services.custody.database.look() as look:
            door = await door_of(look, token)
        if door is None:
            raise Unauthenticated("this token is not valid")
        if not door.lets(connection.headers.get("origin")):
            raise Forbidden("origin_forbidden", "this token is for other pages, or for none")
        return door


KeyDoor = Annotated[Door, Depends(ByKey(Scope.ASK))]
TokenDoor = Annotated[Door, Depends(ByToken(Scope.ASK))]


async def still_open(connection: HTTPConnection, services: Services, door: Door) -> bool:
    """Whether who came by this door may still be there: its key or token is in force."""
    async with services.custody.database.look() as look:
        if door.origins is not None:
            found = await door_of(look, connection.path_params["token"])
            return found is not None
        given = connection.headers.get("authorization", "")
        return await authenticate(look, given[len(_SCHEME) :].strip()) is not None


def network_named(services: Services, named: str) -> str:
    """The id of a network that is served here and speaks to apps in these words, by its id or its
    alias. Raises NotFound, Invalid."""
    for network in services.custody.networks.values():
        if named in (network.id, network.alias):
            if not speaks(network):
                words = "apps ask wallets of this network in other words"
                raise Invalid("network_without_rpc", words, field="network")
            return network.id
    raise NotFound("network_not_found", "There is no such network.")
