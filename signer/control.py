"""The operator's socket of a running signer: unlock, lock, status, and the policy.

It lies in the state directory, apart from the socket that custody uses: whoever may ask for
signatures may not try passphrases, and whoever stands between the administrators and the signer
can't keep a policy back. Secrets follow their frame as they are, and are read into buffers that are
overwritten after use: decoded from a message, they would leave copies that nobody can overwrite.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from signer import messages
from signer.endpoint import Endpoint
from signer.errors import SignerFault
from signer.gate import accept_each, bind_unix, peer_uid
from signer.memory import wipe
from signer.messages import frame, parse_request, parse_response, read_length, request
from signer.prompts import SECRET_BYTES_MAX
from signer.server import Server
from signer.service import Caller
from signer.session import Session
from signer.wire import MalformedMessage, RefusalCode, exact_fields, integer

Unlock = Callable[[bytearray, bytearray], Session]
"""Passphrase and the token's PIN (empty without token) to a session. Raises SignerFault."""

_SECONDS: Final = 120
"""Argon2id and the verification of a long journal take their time."""
_CONNECTIONS_MAX: Final = 4
_OPERATOR: Final = Caller("control", True)
_POLICY_CALLS: Final = ("policy", "publish_policy", "stop")


class Control:
    """The running signer's side."""

    def __init__(self, server: Server, endpoint: Endpoint, unlock: Unlock) -> None:
        self._server = server
        self._endpoint = endpoint
        self._unlock = unlock
        self._connections: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._listening: socket.socket | None = None

    def listen(self, path: Path) -> None:
        self._listening = bind_unix(path, 0o600)
        self._accepting = asyncio.create_task(accept_each(self._listening, self._welcome))

    async def close(self) -> None:
        tasks = [*self._connections]
        if self._accepting is not None:
            tasks.append(self._accepting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()

    def _welcome(self, connection: socket.socket) -> None:
        ours = peer_uid(connection) in (0, os.geteuid())
        if not ours or len(self._connections) >= _CONNECTIONS_MAX:
            connection.close()
            return
        task = asyncio.create_task(self._serve(connection))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: socket.socket) -> None:
        # Our own command line is at the other end, which reports a missing answer.
        with connection, suppress(OSError, EOFError, TimeoutError, MalformedMessage):
            async with asyncio.timeout(_SECONDS):
                length = read_length(bytes(await _receive(connection, 4)))
                body = bytes(await _receive(connection, length))
                secrets: list[bytearray] = []
                try:
                    for size in _secrets_after(body):
                        secrets.append(await _receive(connection, size))  # noqa: PERF401
                    answer = await self._server.run(partial(self._answer, body, secrets))
                finally:
                    for secret in secrets:
                        wipe(secret)
                await asyncio.get_running_loop().sock_sendall(connection, frame(answer))

    def _answer(self, body: bytes, secrets: Sequence[bytearray]) -> bytes:
        try:
            call, _ = parse_request(body)
            if call in _POLICY_CALLS:
                return self._endpoint.answer(_OPERATOR, body)
            if call == "unlock":
                if self._endpoint.session is None:
                    passphrase, pin = secrets
                    self._endpoint.session = self._unlock(passphrase, pin)
            elif call == "lock":
                self._endpoint.lock()
            elif call != "status":
                raise MalformedMessage("there is no such call")
            return messages.result(self._endpoint.status().to_json())
        except MalformedMessage as error:
            return messages.refusal(RefusalCode.MALFORMED, "message", str(error))
        except SignerFault as error:
            return messages.refusal(RefusalCode.LOCKED, type(error).__name__, str(error))


def ask(
    path: Path, call: str, arguments: Mapping[str, Any], secrets: Sequence[bytearray] = ()
) -> Any:
    """The command line's side. `secrets` follow the frame. Raises OSError if nobody listens,
    CallRefused."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(str(path))
        try:
            connection.sendall(frame(request(call, arguments)))
            for secret in filter(None, secrets):  # after the last byte the answer may come
                connection.sendall(secret)
            length = read_length(_receive_all(connection, 4))
            return parse_response(_receive_all(connection, length))
        except EOFError as error:
            raise OSError("the signer gave no answer") from error


def unlock(path: Path, passphrase: bytearray, pin: bytearray) -> Any:
    """The status after unlocking the running signer. Wipes both secrets. Raises OSError,
    CallRefused."""
    try:
        sizes = {"passphrase": len(passphrase), "pin": len(pin)}
        return ask(path, "unlock", sizes, (passphrase, pin))
    finally:
        wipe(passphrase)
        wipe(pin)


def _secrets_after(body: bytes) -> tuple[int, ...]:
    """How long the secrets are that follow this message. Raises MalformedMessage."""
    call, arguments = parse_request(body)
    if call != "unlock":
        return ()
    fields = exact_fields(arguments, frozenset({"passphrase", "pin"}))
    sizes = integer(fields["passphrase"]), integer(fields["pin"])
    if max(sizes) > SECRET_BYTES_MAX:
        raise MalformedMessage("too long for a secret")
    return sizes


async def _receive(connection: socket.socket, count: int) -> bytearray:
    """Exactly so many bytes, in the one buffer that they ever are in. Raises EOFError."""
    loop = asyncio.get_running_loop()
    data = bytearray(count)
    left = memoryview(data)
    while left:
        received = await loop.sock_recv_into(connection, left)
        if not received:
            raise EOFError
        left = left[received:]
    return data


def _receive_all(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
