"""The house and real witnesses, over HTTP: what they sign is kept and shown; who does not is named;
and only what our own key signed can stop the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio
from custody_verify.log import COSIGNATURE, Checkpoint, LogKey
from custody_witness.server import Server
from custody_witness.witness import Key
from custody_witness.witness import Witness as TheirWitness
from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.db.leases import Leases
from custody.db.session import Database
from custody.db.tables import AlarmRow
from custody.log import bundles, repository
from custody.log.bundles import BundleLog
from custody.log.cosignature import WitnessKey
from custody.log.leaf import Kind
from custody.log.witnesses import ANSWER_BYTES_MAX, LATE, Cosigning, Witness
from custody.log.writing import Stopped
from signer.wire import MalformedMessage
from tests.support.translog import ORIGIN, Log, root_of
from tests.unit.custody.log.test_writing import put_back


class House(Log):
    def cosigning(self, *witnesses: Witness) -> None:
        self.signing = Cosigning(self.database, self.writer, witnesses, lambda: self.now)

    async def reconnect(self) -> None:
        """Connections that are kept open outlive a server that is of this process."""
        await self.signing.close()
        self.cosigning(*self.signing._witnesses)

    async def cosign(self) -> None:
        async with Leases(self.database).hold("transparency") as lease:
            assert lease is not None
            await self.writer.step(lease)
            await self.signing.step(lease)

    async def alarms(self) -> list[str]:
        async with self.database.read() as session:
            mine = select(AlarmRow.message).where(
                AlarmRow.code == AlarmCode.TRANSPARENCY_UNWITNESSED, AlarmRow.cleared_at.is_(None)
            )
            return list(await session.all(mine))

    async def signed(self, key: WitnessKey) -> bool:
        note = Checkpoint.parse(await self.reader.checkpoint())
        return note.is_cosigned(LogKey.parse(key.verifier_key, COSIGNATURE))


@pytest_asyncio.fixture
async def log(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    made = House(database, tmp_path)
    yield made
    if hasattr(made, "signing"):
        await made.signing.close()


class Place:
    """Where a witness is, or will be again."""

    def __init__(self, folder: Path, log: House, name: str) -> None:
        self._folder = folder / name.replace("/", "_")
        self._folder.mkdir()
        Key.create(self._folder / "key")
        self._key = Key.load(self._folder / "key", name)
        self._logs = [LogKey.parse(log.key.verifier_key)]
        self.port = 0

    @contextmanager
    def runs(self) -> Iterator[TheirWitness]:
        witness = TheirWitness(self._key, self._folder / "state", self._logs)
        with Server(("127.0.0.1", self.port), witness) as server:
            self.port = server.server_address[1]
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield witness
            finally:
                server.shutdown()
                witness.close()

    @property
    def known(self) -> Witness:
        key = WitnessKey.parse(self._key.verifier_key)
        return Witness(key, f"http://127.0.0.1:{self.port}")


@pytest.fixture
def place(log: House, tmp_path: Path) -> Place:
    return Place(tmp_path, log, "auditor.example/w1")


async def test_a_witness_signs_each_and_the_checkpoint_says_so(log: House, place: Place):
    with place.runs() as witness:
        log.cosigning(place.known)
        for name in "abc":
            await log.bundle(name)
            await log.cosign()
            assert await log.signed(place.known.key)
        kept = witness.kept(ORIGIN)
        assert kept is not None
        assert (kept.size, kept.root) == (3, root_of(await log.leaves()))
    note = await log.reader.checkpoint()
    assert note.count("\n— ") == 2


async def test_one_that_was_restarted_or_away_catches_up(log: House, place: Place):
    with place.runs():
        log.cosigning(place.known)
        await log.bundle("a")
        await log.cosign()
    await log.reconnect()
    for name in "bcd":
        await log.bundle(name)
        await log.cosign()
    assert not await log.signed(place.known.key), "nothing waited for it"
    with place.runs():
        await log.cosign()
        assert await log.signed(place.known.key)


async def test_one_who_has_seen_more_than_we_know_is_asked_again(log: House, place: Place):
    """Its answer was lost before we had stored it."""
    with place.runs() as witness:
        log.cosigning(place.known)
        await log.bundle("a")
        await log.step()
        witness.add(0, [], await log.reader.checkpoint())
        await log.bundle("b")
        await log.cosign()
        assert await log.signed(place.known.key)


async def test_who_does_not_sign_for_an_hour_is_named(log: House, place: Place, tmp_path: Path):
    other = Place(tmp_path, log, "regulator.example/w")
    with ExitStack() as stack:
        stack.enter_context(place.runs())
        with other.runs():
            pass
        log.cosigning(place.known, other.known)
        await log.bundle("a")
        await log.cosign()
        assert await log.alarms() == []
        log.now += LATE + timedelta(seconds=1)
        await log.bundle("b")
        await log.cosign()
        assert await log.alarms() == [f"the log {ORIGIN} is not signed by regulator.example/w"]
        stack.enter_context(other.runs())
        await log.cosign()
        assert await log.alarms() == []


async def test_a_database_that_was_put_back_is_found_by_the_witness(log: House, place: Place):
    """Also where the file beside the key went back with it."""
    with place.runs():
        log.cosigning(place.known)
        for name in "ab":
            await log.bundle(name)
            await log.cosign()
        old = (await log.checkpoints())[0]
        for name in "cd":
            await log.bundle(name)
            await log.cosign()
        await put_back(log, 2)
        log.published.write(ORIGIN, log.key.sign((await log.checkpoints())[-1]))
        assert old.size == 1
        with pytest.raises(Stopped, match=r"4 leaves of .* were published, and 2 are here"):
            await log.signing.look()
        for name in ("x", "y", "z"):
            await log.bundle(name)
        with pytest.raises(Stopped, match="another root"):
            await log.cosign()


def lying(status: int, body: bytes, kind: str = "text/plain") -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, "— auditor.example/w1 AAAA\n".encode()),
        (200, b"x" * (ANSWER_BYTES_MAX + 1)),
        (200, b"\xff\xfe"),
        (409, b"1000000\n"),
        (409, b"x\n"),
        (409, b"0\n"),
        (422, b"no\n"),
        (404, b""),
        (302, b""),
        (500, b""),
    ],
)
async def test_what_a_witness_says_stops_nothing(
    log: House, place: Place, status: int, body: bytes
):
    server = lying(status, body)
    try:
        place.port = server.server_address[1]
        log.cosigning(place.known)
        for name in "ab":
            await log.bundle(name)
            await log.cosign()
        assert [each.size for each in await log.checkpoints()] == [1, 2]
        assert not await log.signed(place.known.key)
    finally:
        server.shutdown()


async def test_a_cosignature_of_another_tree_is_not_kept(log: House, place: Place):
    """The witness's own key, over another root."""
    from signer.checkpoint import Checkpoint as Told

    with place.runs():
        pass
    other = Told(ORIGIN, 1, bytes(32))
    line = place._key.cosign(other.text(), 1_700_000_000)
    server = lying(200, line.encode())
    try:
        place.port = server.server_address[1]
        log.cosigning(place.known)
        await log.bundle("a")
        await log.cosign()
        async with log.database.read() as session:
            assert await repository.cosignatures(session, ORIGIN, 1) == []
    finally:
        server.shutdown()


async def test_a_bundle_gets_its_proof_in_time_or_none(
    log: House, place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bundles, "WAIT_S", 0.3)
    handing = BundleLog(log.database, log.reader, witnesses=1)
    digest = sha256(b"a").digest()
    assert await handing.log(digest, "tfr_a", log.now) is None
    with place.runs():
        log.cosigning(place.known)
        await log.cosign()
    assert "auditor.example/w1" in await log.reader.proof(Kind.EVIDENCE, digest.hex())
    await log.reconnect()
    monkeypatch.setattr(bundles, "WAIT_S", 60)
    waiting = asyncio.create_task(handing.log(sha256(b"b").digest(), "tfr_b", log.now))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    with place.runs():
        await log.cosign()
    assert "index 1" in (await waiting or "")


@pytest.mark.parametrize("change", ["", "x", "+", "id", "type"])
def test_a_verifier_key_that_is_none_is_refused(place: Place, change: str):
    with place.runs():
        good = place.known.key.verifier_key
    name, id_, key = good.split("+", 2)
    bad = {
        "": "",
        "x": good + "=",
        "+": f"{name} +{id_}+{key}",
        "id": f"{name}+00000000+{key}",
        "type": f"{name}+{id_}+A{key[1:]}",
    }[change]
    with pytest.raises(MalformedMessage):
        WitnessKey.parse(bad)
