"""Is the process alive, and can it do its work? No key needed, and nothing of the inside told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from api.context import NodesDependency, ServicesDependency
from api.following import stall_now, statuses
from api.freshness import doubts
from api.nodes import NodeState, NodeView
from api.schemas import View, with_example
from chains.catalogue import changed
from chains.model import InternalCredits, NetworkId
from chains.networks import Network
from custody.db.clock import database_now
from custody.db.leases import is_held
from custody.db.migrate import suits
from custody.db.space import has_space
from custody.db.tables import BlockRow
from custody.errors import Unprocessable
from custody.following.chain_repository import newest_blocks
from custody.following.progress import FollowStatus
from custody.pauses.repository import paused
from custody.pauses.scope import Paused
from custody.services import Services
from custody.workers.workers import PRESENCE
from signer.client import SignerError

router = APIRouter(tags=["health"])

log = structlog.get_logger()


class Part(StrEnum):
    OK = "ok"
    LOCKED = "locked"
    """The signer runs and waits for its passphrase."""
    STOPPED = "stopped"
    """An administrator has stopped the signer: it answers, and signs cancels only."""
    AHEAD = "ahead"
    """The signer has signed what the database does not know: run `custody recover`."""
    UNAVAILABLE = "unavailable"
    FULL = "full"
    """The database has no space left: what is there can be read, nothing can be written."""
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
    "ready": True,
    "reasons": [],
    "blocks_behind": 0,
    "seconds_behind": 2,
    "internal_credits": "none",
    "paused": False,
}


class NodeReadiness(View):
    model_config = with_example(_NODE_EXAMPLE)

    network: str
    state: NodeState
    height: int | None
    answered_at: datetime | None
    age_seconds: int | None = Field(description="how old the node's last answer is")
    error: str | None = Field(description="code of its last failure")
    ready: bool = Field(description="the node answers and we follow it")
    reasons: list[str] = Field(description="codes of what is wrong; empty while it is ready")
    blocks_behind: int | None
    seconds_behind: int | None = Field(description="since we last stood at the node's tip")
    internal_credits: InternalCredits = Field(description="whether what contracts pay is seen")
    paused: bool = Field(description="an operator holds back what is new; the rest goes on")


class Readiness(View):
    """`ready`: requests can be served; without workers, what they ask for waits. Of each network:
    whether its node answers and its chain is followed; where not, deposits and transfers of that
    network wait."""

    model_config = with_example(
        {
            "ready": True,
            "database": "ok",
            "signer": "ok",
            "workers": "ok",
            "networks": "ok",
            "nodes": [_NODE_EXAMPLE],
        }
    )

    ready: bool
    database: Part
    signer: Part
    workers: Part = Field(description="whether any process follows chains and moves transfers")
    networks: Part = Field(
        description="`outdated`: the policy in force describes other networks or assets than when "
        "this process started; start it again"
    )
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
    """Asks the database, the signer and every node. 503 unless database and signer are ready. A
    signer that was stopped still is: people have to look, and to call off."""
    database = await _database(services)
    signer = await _signer(services)
    readiness = Readiness(
        ready=database is Part.OK and signer in (Part.OK, Part.STOPPED),
        database=database,
        signer=signer,
        workers=await _workers(services),
        networks=await _networks(services),
        nodes=await _nodes(services, nodes),
    )
    if not readiness.ready:
        response.status_code = 503
    return readiness


async def _database(services: Services) -> Part:
    try:
        async with services.custody.database.read() as session:
            is_ours = await suits(session)
    except (SQLAlchemyError, OSError) as error:
        log.error("database_unavailable", error=type(error).__name__)
        return Part.UNAVAILABLE
    if not is_ours:
        return Part.OUTDATED
    has = await has_space(services.custody.database, services.custody.clock())
    return Part.OK if has else Part.FULL


async def _signer(services: Services) -> Part:
    try:
        status = await services.custody.signer.status()
    except SignerError:
        return Part.UNAVAILABLE
    if status.locked:
        return Part.LOCKED
    try:
        if not await services.journal.is_open():
            return Part.AHEAD
        return Part.STOPPED if status.is_stopped else Part.OK
    except (SQLAlchemyError, OSError):
        return Part.OK  # which part is not, is said of the database


async def _workers(services: Services) -> Part:
    try:
        async with services.custody.database.read() as session:
            present = await is_held(session, PRESENCE, await database_now(session))
    except (SQLAlchemyError, OSError):
        return Part.UNAVAILABLE
    return Part.OK if present else Part.UNAVAILABLE


async def _networks(services: Services) -> Part:
    try:
        policy = await services.policies.current()
    except (SignerError, Unprocessable):
        return Part.OK  # which part is not, is said of the signer
    outdated = changed(services.custody.catalogue, policy.catalogue)
    return Part.OUTDATED if outdated else Part.OK


async def _nodes(services: Services, nodes: NodesDependency) -> list[NodeReadiness]:
    views = await nodes.views()
    blocks, followed, held = await _followed(services)
    now = services.custody.clock()
    return [
        _node(
            network,
            views[network.id],
            blocks.get(network.id),
            followed.get(network.id),
            now,
            paused=held.whole(network.id),
        )
        for network in services.custody.networks.values()
    ]


async def _followed(
    services: Services,
) -> tuple[Mapping[NetworkId, BlockRow], Mapping[NetworkId, FollowStatus], Paused]:
    """Nothing while the database is away, which `database` says."""
    try:
        async with services.custody.database.read() as session:
            return await newest_blocks(session), await statuses(session), await paused(session)
    except (SQLAlchemyError, OSError):
        return {}, {}, Paused()


def _node(
    network: Network,
    view: NodeView,
    block: BlockRow | None,
    followed: FollowStatus | None,
    now: datetime,
    *,
    paused: bool,
) -> NodeReadiness:
    status = followed or FollowStatus()
    reasons = doubts(block, view, now)
    stall = stall_now(followed, network, now)
    if stall is not None:
        reasons.append(stall.value)
        reasons += [] if status.failure is None else [status.failure.code]
    return NodeReadiness(
        network=network.alias,
        state=view.state,
        height=None if view.tip is None else view.tip.height,
        answered_at=view.answered_at,
        age_seconds=None
        if view.answered_at is None
        else max(0, (now - view.answered_at) // timedelta(seconds=1)),
        error=view.error,
        ready=not reasons,
        reasons=list(dict.fromkeys(reasons)),
        blocks_behind=status.blocks_behind,
        seconds_behind=status.seconds_behind(now),
        internal_credits=status.internal_credits,
        paused=paused,
    )
