"""Messages and connections that no client of ours would make. These need the real process."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from signer.messages import CallRefused, frame, parse_response, request
from signer.wire import BATCH_MAX, MESSAGE_BYTES_MAX, Status, canonical_json
from tests.hostile.house import connect, receive
from tests.hostile.transactions import ETHEREUM, THIEF_EVM, evm, honest, with_tx
from tests.hostile.world import World
from tests.support.signer import outcome_word

Perform = Callable[[World], str]
CONNECTIONS_MAX = 64
NOBODY = 65534
KNOCKS = 20


def call(name: str, **arguments: Any) -> Perform:
    return lambda world: world.refused(name, **arguments)


def body(make: Callable[[World], bytes]) -> Perform:
    """A frame in order, around bytes that are not a message."""
    return lambda world: world.refused_bytes(make(world))


def sign_message(world: World) -> bytes:
    """An honest, approved request for one signature."""
    return request("sign", {"requests": [honest(world, ETHEREUM).to_json()]})


def edited(**changes: Any) -> Perform:
    """The honest message with fields of its mandate set to values of the wrong kind."""

    def make(world: World) -> bytes:
        row = json.loads(sign_message(world))
        mandate = row["arguments"]["requests"][0]["consents"][0]["mandate"]
        for name, value in changes.items():
            part = mandate["core"] if name in mandate["core"] else mandate
            part[name] = value
        return canonical_json(row)

    return body(make)


def spaced(world: World) -> bytes:
    return json.dumps(json.loads(sign_message(world)), sort_keys=True).encode()


def repeated_field(world: World) -> bytes:
    """Two bounds in one mandate: which one counts depends on the reader."""
    return sign_message(world).replace(b'"costs_max":', b'"costs_max":[],"costs_max":', 1)


def too_many(world: World) -> bytes:
    row = honest(world, ETHEREUM).to_json()
    return request("sign", {"requests": [row] * (BATCH_MAX + 1)})


def deeply_nested(_: World) -> bytes:
    return b"[" * 100_000 + b"]" * 100_000


def exponent(world: World) -> bytes:
    return sign_message(world).replace(b'"version":1', b'"version":1e0', 1)


def year_zero(world: World) -> bytes:
    """A time that lies before all times as soon as it is turned to UTC."""
    row = json.loads(sign_message(world))
    row["arguments"]["requests"][0]["consents"][0]["mandate"]["core"]["requested_at"] = (
        "0001-01-01T00+14:00"
    )
    return canonical_json(row)


# Frames


def raw(data: bytes, *, half_close: bool = True) -> Perform:
    """Bytes on the socket, and what comes back."""

    def perform(world: World) -> str:
        assert world.socket is not None
        with connect(world.socket) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return answer(connection)

    return perform


def answer(connection: socket.socket) -> str:
    """`code/detail`, or `closed`."""
    try:
        return f"accepted {parse_response(receive(connection))}"
    except CallRefused as refused:
        return f"{refused.code.value}/{refused.detail}"
    except (EOFError, ConnectionError):
        return "closed"


OVERSIZED = struct.pack(">I", MESSAGE_BYTES_MAX + 1) + b"x" * 16
EMPTY = struct.pack(">I", 0)
CUT_SHORT = frame(b"x" * 1000)[:-1]
NO_LENGTH = b"\0\0"
HTTP = b"GET / HTTP/1.1\r\nHost: signer\r\n\r\n"


def too_many_connections(world: World) -> str:
    """All places taken by connections that say nothing; one more is turned away, and those who
    are in are still served."""
    assert world.socket is not None
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(world.socket)) for _ in range(CONNECTIONS_MAX)]
        latest = idle[-1]
        latest.sendall(frame(request("status", {})))
        seen = answer(latest)
        world.call("status")  # this world's own connection is one of those inside
        return seen


def stranger(world: World) -> str:
    """Another user of the machine, who may reach the socket and is not on the list: told so and
    closed each time, before anything is read; counted, and nowhere recorded."""
    before = Status.parse(world.call("status"))
    answers = {as_nobody(world) for _ in range(KNOCKS)}
    after = Status.parse(world.call("status"))
    assert after.strangers - before.strangers == KNOCKS
    assert after.sequence == before.sequence
    (seen,) = answers
    return seen


def as_nobody(world: World) -> str:
    """What another user's message comes to."""
    assert world.socket is not None
    message = frame(sign_message(world))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with connect(world.socket) as connection:
                with suppress(ConnectionError):  # closed already
                    connection.sendall(message)
                os.write(write, answer(connection).encode())
        except PermissionError:
            os.write(write, b"no permission")
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        seen = pipe.read().decode()
    os.waitpid(child, 0)
    return seen


def thief_in_good_company(world: World) -> str:
    """One bad request in a batch of good ones: it alone is refused."""
    bad = with_tx(honest(world, ETHEREUM), evm(world, to=THIEF_EVM))
    first, refused, last = world.ask(honest(world, ETHEREUM), bad, honest(world, ETHEREUM))
    for outcome in (first, last):
        world.book(outcome)
    return outcome_word(refused)
