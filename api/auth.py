"""Who is calling and whether they may: one dependency, which every route under /v1 declares.

    caller: Annotated[Caller, Depends(requires(Scope.READ))]

`undeclared_routes` finds routes that forgot it; the app refuses to start with one. What a caller
may not see is not found, by the services: their queries take the caller's client.
"""

from collections.abc import Iterator
from typing import Annotated, Final

import structlog
from fastapi import Depends, FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import ServicesDependency
from api.errors import Unauthenticated
from api.queries import check_query
from custody.apikeys.model import Caller, Scope
from custody.apikeys.service import authenticate
from custody.errors import Forbidden

OPEN: Final = frozenset({"/v1/provider.js"})
"""What everybody may have: a script without anything of ours in it."""

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="api-key",
    description="An API key (`ck_…`) made by `custody apikey create`.",
)


class Requires:
    """The dependency itself; `scope` is what the route declared."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        services: ServicesDependency,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    ) -> Caller:
        """The caller. Raises Unauthenticated, Forbidden scope_missing; RequestValidationError for
        a query with strange or repeated names, which is nobody's business before that."""
        if credentials is None:
            raise Unauthenticated("send an API key: Authorization: Bearer ck_…")
        async with services.custody.database.look() as look:
            caller = await authenticate(look, credentials.credentials)
        if caller is None:
            raise Unauthenticated("this API key is not valid")
        structlog.contextvars.bind_contextvars(api_key=caller.key_id, initiator=caller.initiator)
        caller.check_scope(self.scope)
        check_query(request)
        return caller


_requires = {scope: Requires(scope) for scope in Scope}


def requires(scope: Scope) -> Requires:
    """One object per scope, so that FastAPI runs it once per request."""
    return _requires[scope]


Reader = Annotated[Caller, Depends(requires(Scope.READ))]
Receiver = Annotated[Caller, Depends(requires(Scope.RECEIVE))]
Spender = Annotated[Caller, Depends(requires(Scope.TRANSFER))]
Asker = Annotated[Caller, Depends(requires(Scope.ASK))]
Approver = Annotated[Caller, Depends(requires(Scope.APPROVE))]
Auditor = Annotated[Caller, Depends(requires(Scope.AUDIT))]
Compliance = Annotated[Caller, Depends(requires(Scope.COMPLIANCE))]
Administrator = Annotated[Caller, Depends(requires(Scope.ADMIN))]


def check_of_the_house(caller: Caller) -> None:
    """What concerns all clients is not for a key that is bound to one. Raises Forbidden
    key_bound_to_client."""
    if caller.client_id is not None:
        raise Forbidden("key_bound_to_client", "this needs a key that is bound to no client")


def api_routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every route of the application, those of included routers too."""
    yield from iter_route_contexts(app.routes)


def scope_of(route: RouteContext) -> Scope | None:
    """What the route declared, if it declared exactly one."""
    if not isinstance(route.original_route, APIRoute | APIWebSocketRoute):
        return None
    calls = _calls(route.original_route.dependant)
    found = [call.scope for call in calls if isinstance(call, Requires)]
    return found[0] if len(found) == 1 else None


def undeclared_routes(app: FastAPI) -> list[str]:
    """The /v1 routes that do not declare exactly one scope."""
    return [
        str(route.path)
        for route in api_routes(app)
        if str(route.path).startswith("/v1")
        and str(route.path) not in OPEN
        and scope_of(route) is None
    ]


def _calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)
