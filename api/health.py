"""Is the process alive, and can it do its work? No key needed, and nothing of the inside told."""

from datetime import datetime
from enum import StrEnum
from functools import cache

import structlog
from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Select, String, column, select, table
from sqlalchemy.exc import SQLAlchemyError

from api.context import NodesDependency, ServicesDependency
from api.nodes import NodeState
from api.schemas import View, with_example
from custody.db.migrate import newest_revision
from custody.services import Services
from signer.client import SignerError

router = APIRouter(tags=["health"])

log = structlog.get_logger()


class Part(StrEnum):
    OK = "ok"
    LOCKED = "locked"
    """The signer runs and waits for its passphrase."""
    UNAVAILABLE = "unavailable"
    OUTDATED = "outdated"
    """The database's schema is not this version's: run `custody migrate`."""


class Health(View):
    model_config = with_example({"status": "ok"})

    status: str


_NODE_EXAMPLE = {
    "network": "bitcoin-regtest",
    "state": "reachable",
    "height": 812,
    "answered_at": "2026-03-02T06:00:09.481000Z",
    "age_seconds": 1,
    "error": None,
}


class NodeReadiness(View):
    model_config = with_example(_NODE_EXAMPLE)

    network: str
    state: NodeState
    height: int | None
    answered_at: datetime | None
    age_seconds: int | None = Field(description="how old the node's last answer is")
    error: str | None = Field(description="code of its last failure")


class Readiness(View):
    """`ready`: requests can be served. Nodes may be away: transfers then wait."""

    model_config = with_example(
        {"ready": True, "database": "ok", "signer": "ok", "nodes": [_NODE_EXAMPLE]}
    )

    ready: bool
    database: Part
    signer: Part
    nodes: list[NodeReadiness]


@router.get("/health", summary="Is the process alive?")
async def get_health() -> Health:
    """Answers as long as the process does. Asks nobody."""
    return Health(status="ok")


@router.get(
    "/ready",
    summary="Can it do its work?",
    responses={503: {"model": Readiness, "description": "the database or the signer is not ready"}},
)
async def get_ready(
    response: Response, services: ServicesDependency, nodes: NodesDependency
) -> Readiness:
    """Asks the database, the signer and every node. 503 unless database and signer are ready."""
    database = await _database(services)
    signer = await _signer(services)
    readiness = Readiness(
        ready=database is Part.OK and signer is Part.OK,
        database=database,
        signer=signer,
        nodes=await _nodes(services, nodes),
    )
    if not readiness.ready:
        response.status_code = 503
    return readiness


async def _database(services: Services) -> Part:
    version: Select[str] = select(column("version_num", String)).select_from(
        table("alembic_version")
    )
    try:
        async with services.custody.database.read() as session:
            found = await session.first(version)
    except (SQLAlchemyError, OSError) as error:
        log.error("database_unavailable", error=type(error).__name__)
        return Part.UNAVAILABLE
    return Part.OK if found == _newest_revision() else Part.OUTDATED


@cache
def _newest_revision() -> str:
    return newest_revision()


async def _signer(services: Services) -> Part:
    try:
        status = await services.custody.signer.status()
    except SignerError:
        return Part.UNAVAILABLE
    return Part.LOCKED if status.locked else Part.OK


async def _nodes(services: Services, nodes: NodesDependency) -> list[NodeReadiness]:
    views = await nodes.views()
    now = services.custody.clock()
    return [
        NodeReadiness(
            network=network.alias,
            state=view.state,
            height=None if view.tip is None else view.tip.height,
            answered_at=view.answered_at,
            age_seconds=None
            if view.answered_at is None
            else max(0, int((now - view.answered_at).total_seconds())),
            error=view.error,
        )
        for network in services.custody.networks.values()
        for view in [views[network.id]]
    ]
