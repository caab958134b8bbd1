"""The serving process: hardened first, then the sockets, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from chains.codec import TransactionCodec
from chains.model import NetworkId
from signer.clock import Wall, utc_now
from signer.control import Control
from signer.endpoint import Endpoint
from signer.keystore import unlock
from signer.memory import harden_process, wipe
from signer.server import Server, TlsListener, UnixListener
from signer.session import Session
from signer.state import StateDirectory
from signer.token import Token

_COLLECT_AFTER: Final = 20_000
"""Objects that a whole batch makes, and some more."""

_TICK_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class TokenLocation:
    """Where the PKCS#11 token is; its PIN comes with the passphrase."""

    library: Path
    label: str

    def with_pin(self, pin: bytearray) -> Token:
        return Token(self.library, self.label, pin.decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Configuration:
    state: StateDirectory
    codecs: Mapping[NetworkId, TransactionCodec]
    unix: UnixListener | None
    tls: TlsListener | None
    token: TokenLocation | None
    clock: Wall = utc_now


def open_session(configuration: Configuration, passphrase: bytearray, pin: bytearray) -> Session:
    """Wipes both secrets. Raises SignerFault."""
    token = configuration.token.with_pin(pin) if configuration.token else None
    try:
        contents = unlock(configuration.state.keystore, passphrase, token=token)
    finally:
        wipe(passphrase)
        wipe(pin)
    return Session(configuration.state, contents, configuration.codecs, configuration.clock)


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
    control_server: asyncio.Server | None = None
    ticking = asyncio.create_task(_tick(server, endpoint))
    try:
        _spare_collector()
        if secrets is not None:
            endpoint.session = await server.run(partial(open_session, configuration, *secrets))
        control_server = await control.listen(configuration.state.control)
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
        if control_server is not None:
            control_server.close()
            configuration.state.control.unlink(missing_ok=True)
        await server.close()
