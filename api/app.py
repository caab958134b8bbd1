"""The HTTP application: routes and guards around the services. Decides nothing about money."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import FrameType

import structlog
from fastapi import FastAPI

from api import docs, errors
from api.auth import undeclared_routes
from api.middleware import RequestGuard
from api.nodes import NodeMonitor
from api.openapi import describe
from api.requestlog import RequestFigures
from api.routes import routes
from api.rpc.bounds import Bounds
from custody.bootstrap import Custody, open_custody
from custody.config import Settings
from custody.feeds.waiting import FeedWatch
from custody.services import Services, make_services
from custody.workers.beside import WorkersBeside
from custody.workers.logs import configure_logging
from custody.workers.workers import look_at_journal

NODE_FRESH_S = 2.0

log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(custody: Custody, wake: Callable[[], None] = lambda: None) -> FastAPI:
    """The application on connections that the caller opened and will close. `wake`: told that
    there is work, where the caller has workers to wake."""
    app = _make_app(custody.settings, None)
    attach(app, make_services(custody, wake))
    return app


def from_environment() -> FastAPI:
    """What `custody serve` runs: opens everything when the server starts, with the workers in a
    process beside this one if the settings say so, and closes it when the server ends."""
    configure_logging()
    settings = Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_custody(settings) as custody, _running(app, custody):
            yield

    return _make_app(settings, lifespan)


@asynccontextmanager
async def _running(app: FastAPI, custody: Custody) -> AsyncIterator[None]:
    beside = None
    if custody.settings.run_workers:
        beside = WorkersBeside(custody.database, custody.clock)
    services = make_services(custody) if beside is None else make_services(custody, beside.wake)
    nodes = attach(app, services)
    watching = None if beside is None else asyncio.create_task(beside.run())
    try:
        await look_at_journal(services)
        served = [each.alias for each in custody.networks.values()]
        log.info("api_started", networks=served, workers_beside=beside is not None)
        with _dismissed_at_signals(services.feed):
            yield
    finally:
        log.info("api_stopped")
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await services.feed.close()
        await nodes.close()


@contextmanager
def _dismissed_at_signals(feed: FeedWatch) -> Iterator[None]:
    """Who waits for an event is answered when the server is asked to end, which would else wait for
    them. The server's own handlers, which are there already, run after ours."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(feed.dismiss)
        own = before[signal.Signals(number)]
        if callable(own):
            own(number, frame)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own)


def attach(app: FastAPI, services: Services) -> NodeMonitor:
    """Give the routes what they call. The monitor that is returned is the caller's to close."""
    nodes = NodeMonitor(services.custody.adapters, services.custody.clock, NODE_FRESH_S)
    app.state.services = services
    app.state.nodes = nodes
    app.state.bounds = Bounds()
    app.state.heads = {}
    return nodes


def _make_app(settings: Settings, lifespan: Lifespan | None) -> FastAPI:
    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from other hosts; ours is in `docs`
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(routes())
    docs.install(app)
    errors.install(app)
    describe(app)
    app.state.requests = RequestFigures()
    app.add_middleware(
        RequestGuard, body_bytes_max=settings.body_bytes_max, figures=app.state.requests
    )
    undeclared = undeclared_routes(app)
    assert not undeclared, f"routes without a scope: {undeclared}"
    return app
