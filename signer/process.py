"""The serving process: hardened first, then the sockets, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from signer.clock import Wall, utc_now
from signer.control import Control
from signer.endpoint import Endpoint
from signer.memory import harden_process
from signer.server import Server, TlsListener, UnixListener
from signer.session import Session
from signer.state import StateDirectory
from signer.token import TokenLocation
from signer.unlocking import unlock_apart

_COLLECT_AFTER: Final = 20_000
"""Objects that a whole batch makes, and some more."""

_TICK_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Configuration:
    state: StateDirectory
    networks: tuple[str, ...]
    unix: UnixListener | None
    tls: TlsListener | None
    token: TokenLocation | None
    clock: Wall = utc_now


def open_session(configuration: Configuration, passphrase: bytearray, pin: bytearray) -> Session:
    """Wipes both secrets. Raises SignerFault."""
    contents = unlock_apart(configuration.state.keystore, configuration.token, passphrase, pin)
    return Session(configuration.state, contents, configuration.networks, configuration.clock)


def _spare_collector() -> None:
    """What was loaded stays, and what a batch makes dies by itself once it is answered. To search
    both for cycles again and again would take a tenth of the time."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


async def _tick(server: Server, endpoint: Endpoint) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        await server.run(endpoint.tick)


async def serve(
    configuration: Configuration,
    secrets: tuple[bytearray, bytearray] | None,
    ready: Callable[[str], None],
) -> None:
    """Until SIGTERM or SIGINT. `secrets`: passphrase and PIN, None to start locked. `ready` is
    told where it listens, once it does. Raises SignerFault if it cannot be unlocked."""
    unprotected = harden_process()
    endpoint = Endpoint(lambda: unprotected + configuration.state.notices())
    server = Server(endpoint)
    control = Control(server, endpoint, partial(open_session, configuration))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ticking = asyncio.create_task(_tick(server, endpoint))
    try:
        _spare_collector()
        if secrets is not None:
            endpoint.session = await server.run(partial(open_session, configuration, *secrets))
        control.listen(configuration.state.control)
        where = []
        if configuration.unix is not None:
            await server.listen_unix(configuration.unix)
            where.append(str(configuration.unix.path))
        if configuration.tls is not None:
            port = await server.listen_tls(configuration.tls)
            where.append(f"{configuration.tls.host}:{port}")
        ready(" and ".join(where))
        await stop.wait()
    finally:
        ticking.cancel()
        await control.close()
        configuration.state.control.unlink(missing_ok=True)
        await server.close()
