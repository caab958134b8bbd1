"""The real signer, its journal and its log on a machine of its own, and the wire to it.

What decides is what will decide; so is the client. The signer dies between two statements of its
journal, before and after a commit, and before and after it writes its log: a greenlet is left where
it stands, so nothing tidies up. The wire delays requests and answers, loses answers, breaks, and
delivers a request twice or long after whoever asked is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final, cast
from weakref import WeakSet

import greenlet  # type: ignore[import-untyped]

from signer.client import SignerClient
from signer.endpoint import Endpoint
from signer.keychain import OwnKey
from signer.keystore import Contents
from signer.messages import frame, read_length
from signer.session import LOG_KEY, Session, root_of
from signer.state import StateDirectory
from tests.support.fakes import FakeCodec
from tests.support.signer import CALLER, PINNED, SEED

_PREFIX: Final = 4
_NEAR_S: Final = 0.02
_LATE_S: Final = 25.0
"""Longer than the client waits."""


class SignerHost:
    """`fuse`: after so many points in its work it dies; it is started again at once. `told`: hears
    of each statement."""

    def __init__(
        self,
        folder: Path,
        network: str,
        wall: Callable[[], datetime],
        seconds: Callable[[], float],
        told: Callable[[str, object], None],
    ) -> None:
        self.state = StateDirectory(folder)
        self.fuse: int | None = None
        self.deaths = self.lives = 0
        self._network = network
        self._wall = lambda: wall().replace(microsecond=0)
        self._seconds = lambda: int(seconds())
        self._told = told
        self._endpoint = Endpoint()
        self._dead: list[greenlet.greenlet] = []
        folder.mkdir(exist_ok=True)
        self.start()

    @property
    def session(self) -> Session:
        session = self._endpoint.session
        assert session is not None
        return session

    def start(self) -> None:
        self.lives += 1
        session = self._endpoint.session = Session(
            self.state,
            Contents(bytearray(SEED), PINNED),
            [self._network],
            self._wall,
            self._seconds,
            make_codec=FakeCodec,
        )
        journal: Any = session.journal
        journal._database = _Tapped(journal._database, self._point)
        log: Any = session._log
        log.append = self._tapped(log.append)

    def die(self) -> None:
        """Nothing but the files is left."""
        self.stop()
        self.deaths += 1
        self.fuse = None
        self.start()

    def log_key(self) -> OwnKey:
        return root_of(Contents(bytearray(SEED), PINNED)).own_key(LOG_KEY)

    def stop(self) -> None:
        cast(Any, self.session.journal)._database.close()

    def tick(self) -> None:
        self._endpoint.tick()

    def answer(self, body: bytes) -> bytes | None:
        """None: it died."""
        work = greenlet.greenlet(lambda: self._endpoint.answer(CALLER, body))
        answer = work.switch()
        if work.dead:
            return cast(bytes, answer)
        self._dead.append(work)
        self.die()
        return None

    def bury(self) -> None:
        """At the end of the game."""
        self.stop()
        for work in self._dead:
            with suppress(Exception):  # whatever it meant to do last
                work.throw(greenlet.GreenletExit)

    def _point(self, what: str, values: object = None) -> None:
        if values is not None:
            self._told(f"signer {what}", values)
        if self.fuse is None:
            return
        self.fuse -= 1
        here = greenlet.getcurrent()
        if self.fuse < 0 and here.parent is not None:
            here.parent.switch(None)

    def _tapped(self, append: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            self._point("log", ())
            append()
            self._point("logged")

        return run


class _Tapped:
    """A connection to the journal that tells of each statement, before and after."""

    def __init__(self, connection: Any, point: Callable[..., None]) -> None:
        self._connection = connection
        self._point = point
        self._cursors: WeakSet[Any] = WeakSet()

    def close(self) -> None:
        """Also what a process that stands still has half read: that would keep the file locked."""
        for cursor in self._cursors:
            cursor.close()
        self._connection.close()

    def execute(self, statement: str, *values: Any) -> Any:
        self._point(statement, *values or ((),))
        answer = self._connection.execute(statement, *values)
        self._cursors.add(answer)
        self._point("done")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Wire:
    """Between all machines and the signer. `lose`: so many answers are lost; `late`: so many
    requests arrive long after they were sent; `double`: so many arrive twice; `cut`: so many
    connections break instead of carrying a request."""

    def __init__(self, host: SignerHost, dice: Random) -> None:
        self.host = host
        self.dice = dice
        self.lose = self.late = self.double = self.cut = 0

    def heal(self) -> None:
        self.lose = self.late = self.double = self.cut = 0

    def client(
        self, load_newest: Callable[[], Awaitable[tuple[int, bytes] | None]]
    ) -> SignerClient:
        client = SignerClient(Path(), load_newest=load_newest)
        opened: Any = self._open
        client._open = opened
        return client

    async def _open(self) -> tuple[asyncio.StreamReader, _Line]:
        reader = asyncio.StreamReader()
        return reader, _Line(self, reader)

    def take(self, what: str) -> bool:
        left: int = getattr(self, what)
        setattr(self, what, max(0, left - 1))
        return left > 0


class _Line:
    """One connection, as its writer. What is on its way belongs to nobody's machine."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader) -> None:
        self._wire = wire
        self._reader = reader
        self._life = wire.host.lives
        self._is_closed = False

    def write(self, data: bytes) -> None:
        assert read_length(data[:_PREFIX]) == len(data) - _PREFIX
        wire = self._wire
        if self._life != wire.host.lives:
            self._later(0, self._reader.feed_eof)
            return
        if wire.take("cut"):
            self._later(0, self._reader.feed_eof)
            return
        body = data[_PREFIX:]
        near = wire.dice.random() * _NEAR_S
        if wire.take("double"):
            self._later(near + wire.dice.random() * _LATE_S, lambda: self._ask(body))
        if wire.take("late"):
            near = wire.dice.random() * _LATE_S
        self._later(near, lambda: self._deliver(body))

    async def drain(self) -> None: ...

    def close(self) -> None:
        self._is_closed = True

    def _ask(self, body: bytes) -> bytes | None:
        """A connection ends with the process at its other end."""
        host = self._wire.host
        return host.answer(body) if self._life == host.lives else None

    def _deliver(self, body: bytes) -> None:
        answer = self._ask(body)
        if answer is None or self._wire.take("lose"):
            self._reader.feed_eof()
        else:
            told = frame(answer)
            self._later(self._wire.dice.random() * _NEAR_S, lambda: self._tell(told))

    def _tell(self, answer: bytes) -> None:
        if not self._is_closed:
            self._reader.feed_data(answer)

    @staticmethod
    def _later(delay: float, work: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(delay, work, context=Context())
