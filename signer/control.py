"""Unlocking and locking a running signer, through a socket of its owner alone.

It lies in the state directory, apart from the socket that custody uses: whoever may ask for
signatures may not try passphrases.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from signer import messages
from signer.endpoint import Endpoint
from signer.errors import SignerFault
from signer.messages import frame, parse_request, parse_response, read_frame, request
from signer.server import Server, peer_uid, serve_unix
from signer.session import Session
from signer.wire import MalformedMessage, RefusalCode, exact_fields, octets

Unlock = Callable[[bytearray, bytearray], Session]
"""Passphrase and the token's PIN (empty without token) to a session. Raises SignerFault."""

_SECONDS: Final = 120
"""Argon2id and the verification of a long journal take their time."""


class Control:
    """The running signer's side."""

    def __init__(self, server: Server, endpoint: Endpoint, unlock: Unlock) -> None:
        self._server = server
        self._endpoint = endpoint
        self._unlock = unlock

    async def listen(self, path: Path) -> asyncio.Server:
        return await serve_unix(path, 0o600, self._connected)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_uid(writer) not in (0, os.geteuid()):
                return
            async with asyncio.timeout(_SECONDS):
                body = await read_frame(reader)
                answer = await self._server.run(partial(self._answer, body))
                writer.write(frame(answer))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, MalformedMessage):
            pass  # the other side is our own command line, which reports a missing answer
        finally:
            writer.close()

    def _answer(self, body: bytes) -> bytes:
        try:
            call, arguments = parse_request(body)
            if call == "unlock":
                fields = exact_fields(arguments, frozenset({"passphrase", "pin"}))
                secrets = bytearray(octets(fields["passphrase"])), bytearray(octets(fields["pin"]))
                if self._endpoint.session is None:
                    self._endpoint.session = self._unlock(*secrets)
            elif call == "lock":
                self._endpoint.lock()
            elif call != "status":
                raise MalformedMessage("there is no such call")
            return messages.result(self._endpoint.status().to_json())
        except MalformedMessage as error:
            return messages.refusal(RefusalCode.MALFORMED, "message", str(error))
        except SignerFault as error:
            return messages.refusal(RefusalCode.LOCKED, type(error).__name__, str(error))


def ask(path: Path, call: str, arguments: dict[str, Any]) -> Any:
    """The command line's side. Raises OSError if nobody listens, CallRefused."""

    async def exchange() -> Any:
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(frame(request(call, arguments)))
                await writer.drain()
                return parse_response(await read_frame(reader))
        except (EOFError, TimeoutError) as error:
            raise OSError("the signer gave no answer") from error
        finally:
            writer.close()

    return asyncio.run(exchange())
