"""Signers to break into: the real process on files of its own, or the same code in this process.

A `House` is the files: a keystore, a journal with two versions of the policy and some honest
transfers in it, and a backup of it from before the last of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from signer import keystore
from signer.clock import utc_now
from signer.endpoint import Endpoint
from signer.keystore import Contents, KeyDerivation
from signer.messages import frame, read_length
from signer.server import Server, UnixListener
from signer.session import Session
from signer.state import StateDirectory
from signer.wire import SignRequest
from tests.hostile.transactions import ETHEREUM, TRON, honest, transaction, with_tx
from tests.hostile.world import World
from tests.support.networks import codecs_of, find_network
from tests.support.signer import (
    ENTROPY,
    PASSPHRASE,
    PINNED,
    ROOT,
    SEED,
    SIGNER,
    Clock,
    caller,
)

NETWORKS = ("bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local")
_CHEAP = KeyDerivation(memory_kib=19 * 1024, iterations=2, lanes=1)
_SECONDS = 30


class NoStart(Exception):
    """The signer ended instead of serving. The text is what it told its operator."""


@dataclass(frozen=True)
class House:
    """`path`: the state as a crash leaves it, with its write-ahead log, and `backup` in it from
    before the last signature. `newest`: sequence and head of its receipt. `again`: what would pay
    the same transfer a second time."""

    path: Path
    again: SignRequest
    newest: tuple[int, bytes]

    def copy(self, folder: Path) -> StateDirectory:
        """A state directory to start a signer on."""
        return StateDirectory(Path(shutil.copytree(self.path, folder / "state")))


def build_house(folder: Path) -> House:
    state = StateDirectory(folder / "origin")
    backup = state.path / "backup"
    backup.mkdir(parents=True)
    contents = Contents(bytearray(SEED), PINNED)
    passphrase = bytearray(PASSPHRASE)
    keystore.create(state.keystore, contents, bytearray(ENTROPY), passphrase, derivation=_CHEAP)
    clock = Clock(utc_now())
    with in_process(state, clock, name="early") as world:
        world.prepare()
        for alias in (ETHEREUM, TRON):
            world.must_sign(honest(world, alias))
    for file in (state.journal, state.log):
        shutil.copy(file, backup)
    with in_process(state, clock, name="late") as world:
        spent = honest(world, ETHEREUM)
        receipt = world.must_sign(spent)
        again = with_tx(spent, transaction(world, ETHEREUM, nonce=2))
        copied = shutil.copytree(state.path, folder / "crashed")
    return House(Path(copied), again, (receipt.sequence, receipt.head))


@contextmanager
def in_process(
    state: StateDirectory, clock: Clock, *, allowed: bool = True, name: str = "i"
) -> Iterator[World]:
    """The signer's own code behind its message parser, for taking defences out. Raises
    JournalFault where the real process does not start."""
    endpoint = Endpoint()
    who = caller("uid:0", allowed=allowed)

    def start() -> None:
        endpoint.lock()
        contents = Contents(bytearray(SEED), PINNED)
        endpoint.session = Session(state, contents, NETWORKS, clock, clock.counter)

    start()
    try:
        yield World(
            lambda body: endpoint.answer(who, body),
            clock,
            state.log,
            codecs_of(NETWORKS),
            name=name,
            crash=start,
        )
    finally:
        endpoint.lock()


@asynccontextmanager
async def serving_here(state: StateDirectory) -> AsyncIterator[Path]:
    """The server's own code in this process, where its patience can be shortened."""
    endpoint = Endpoint()
    server = Server(endpoint)
    contents = Contents(bytearray(SEED), PINNED)
    clock = Clock(utc_now())
    endpoint.session = await server.run(
        lambda: Session(state, contents, NETWORKS, clock, clock.counter)
    )
    path = state.path.parent / "here.sock"
    await server.listen_unix(UnixListener(path, frozenset({os.geteuid()})))
    try:
        yield path
    finally:
        await server.close()


class Process:
    """`custody-signer serve`, a connection to it, and the ways in which it can end."""

    def __init__(self, state: StateDirectory, *arguments: str) -> None:
        """Raises NoStart."""
        self.state = state
        self.socket = state.path.parent / "signer.sock"
        self._arguments = arguments
        self._connection: socket.socket | None = None
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        read, write = os.pipe()
        os.write(write, PASSPHRASE + b"\n")
        os.close(write)
        networks = [part for name in NETWORKS for part in ("--network", name)]
        command: list[str | Path] = [*SIGNER, "serve"]
        command += ["--state-dir", self.state.path, "--socket", self.socket]
        process = subprocess.Popen(
            [*command, *networks, *self._arguments, "--passphrase-fd", str(read)],
            cwd=ROOT,
            pass_fds=[read],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(read)
        assert process.stdout is not None
        if not process.stdout.readline().startswith("serving"):
            raise NoStart(process.communicate(timeout=_SECONDS)[1].strip())
        return process

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def world(self) -> World:
        return World(
            self.exchange, utc_now, self.state.log, codecs_of(NETWORKS), self.socket, name="p"
        )

    def exchange(self, body: bytes) -> bytes:
        if self._connection is None:
            self._connection = connect(self.socket)
        self._connection.sendall(frame(body))
        return receive(self._connection)

    def crash(self) -> None:
        """Killed without a word of warning, and started again."""
        self._end(signal.SIGKILL)
        self._process = self._start()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._process.send_signal(how)
        self._process.communicate(timeout=_SECONDS)


@contextmanager
def serving(state: StateDirectory, *arguments: str) -> Iterator[Process]:
    """The real process until the context ends. Raises NoStart."""
    process = Process(state, *arguments)
    try:
        yield process
    finally:
        if process.running:
            process.stop()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_SECONDS)
    connection.connect(str(path))
    return connection


def receive(connection: socket.socket) -> bytes:
    """One frame. Raises EOFError if the signer closes instead."""
    return _exactly(connection, read_length(_exactly(connection, 4)))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError("the signer closed the connection")
        data += part
    return data


assert all(find_network(name).environment.value == "local" for name in NETWORKS)
