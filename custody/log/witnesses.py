"""Has witnesses sign how far the log goes: C2SP tlog-witness, as the log's side of it.

Nothing waits for a witness. One that has not signed for an hour is named in an alarm. A witness
can't stop the log by what it says: only a checkpoint that our own key signed does, and that our
tree does not continue.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import httpx2
import structlog

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.leases import Lease
from custody.db.session import Database
from custody.log import repository
from custody.log.cosignature import WitnessKey
from custody.log.writing import LogWriter
from signer.checkpoint import Checkpoint, open_checkpoint
from signer.tree import ProofInvalid, consistency_path
from signer.wire import MalformedMessage

LATE: Final = timedelta(hours=1)
TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024
_OK, _NOT_FOUND, _CONFLICT = 200, 404, 409

log = structlog.get_logger()


class WitnessFails(Exception):
    """It gave no cosignature. The message is for the log."""


@dataclass(frozen=True, slots=True)
class Witness:
    """`url`: the prefix of its submissions and of what it serves, without a slash at the end."""

    key: WitnessKey
    url: str


class Cosigning:
    """Of one process, which leads. `close` it."""

    def __init__(
        self,
        database: Database,
        writer: LogWriter,
        witnesses: Sequence[Witness],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._writer = writer
        self._witnesses = witnesses
        self._clock = clock
        self._client = httpx2.AsyncClient(
            timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )
        self._late: set[str] | None = None

    async def close(self) -> None:
        await self._client.aclose()

    async def look(self) -> None:
        """Compare our tree with what witnesses signed before this process led. Raises Stopped."""
        for witness in self._witnesses:
            with suppress(WitnessFails):
                await self._compare(witness)

    async def step(self, lease: Lease) -> None:
        """Ask each that has not signed the newest checkpoint. Raises Stopped, LeaseLost."""
        asking = [self._ask(witness, lease) for witness in self._witnesses]
        for found in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(found, WitnessFails):
                log.warning("witness_fails", reason=str(found))
            elif isinstance(found, BaseException):
                raise found
        await self._tell()

    async def _ask(self, witness: Witness, lease: Lease) -> None:
        origin = self._writer.key.origin
        async with self._database.read() as session:
            newest = await repository.newest_checkpoint(session, origin)
            signed = await repository.newest_cosigned(session, origin, witness.key.name)
        if newest is None or signed >= newest.size:
            return
        told = open_checkpoint(newest.note, self._writer.key.public)
        answer = await self._submit(witness, signed, told, newest.note)
        if answer.status_code == _CONFLICT:
            kept = _size(answer.text, witness)
            if kept <= told.size:
                answer = await self._submit(witness, kept, told, newest.note)
        if answer.status_code != _OK:
            await self._compare(witness)  # only what our own key signed stops us
            raise WitnessFails(f"{witness.key.name} answers {answer.status_code}")
        line = _line(answer.text, witness, told)
        row = {
            "origin": origin,
            "size": told.size,
            "witness": witness.key.name,
            "line": line,
            "created_at": self._clock(),
        }
        async with self._database.write_short() as session:
            await lease.check(session)
            await repository.store_cosignature(session, row)

    async def _submit(
        self, witness: Witness, old: int, told: Checkpoint, note: str
    ) -> httpx2.Response:
        path: tuple[bytes, ...] = ()
        if old:
            async with self._database.read() as session:
                places = repository.asked(lambda node: consistency_path(old, told.size, node))
                nodes = await repository.nodes(session, told.origin, places)
                path = consistency_path(old, told.size, nodes)
        lines = [f"old {old}", *(b64encode(each).decode() for each in path), "", note]
        return await self._send(witness, "POST", "add-checkpoint", "\n".join(lines).encode())

    async def _compare(self, witness: Witness) -> None:
        """With what it serves as the newest that it signed. Raises Stopped, WitnessFails."""
        key = self._writer.key
        place = f"{sha256(key.origin.encode()).hexdigest()}/checkpoint"
        answer = await self._send(witness, "GET", place, None)
        if answer.status_code == _NOT_FOUND:
            return
        if answer.status_code != _OK:
            raise WitnessFails(f"{witness.key.name} answers {answer.status_code}")
        try:
            said = open_checkpoint(answer.text, key.public)
        except (MalformedMessage, ProofInvalid) as error:
            raise WitnessFails(f"{witness.key.name} shows what we did not sign: {error}") from None
        if said.origin == key.origin:
            await self._writer.compare(said)

    async def _send(
        self, witness: Witness, method: str, path: str, body: bytes | None
    ) -> httpx2.Response:
        try:
            async with self._client.stream(method, f"{witness.url}/{path}", content=body) as answer:
                data = b""
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > ANSWER_BYTES_MAX:
                        raise WitnessFails(f"{witness.key.name} answers too much")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            name = type(error).__name__
            raise WitnessFails(f"{witness.key.name} does not answer: {name}") from None
        return httpx2.Response(answer.status_code, content=data)

    async def _tell(self) -> None:
        """Whom people should look after: who has not signed for an hour what there is."""
        origin, now, late = self._writer.key.origin, self._clock(), set()
        async with self._database.read() as session:
            for witness in self._witnesses:
                signed = await repository.newest_cosigned(session, origin, witness.key.name)
                since = await repository.oldest_after(session, origin, signed)
                if since is not None and now - since > LATE:
                    late.add(witness.key.name)
        if late == self._late:
            return
        async with self._database.write() as session:
            if late:
                words = f"the log {origin} is not signed by {', '.join(sorted(late))}"
                await raise_alarm(session, AlarmCode.TRANSPARENCY_UNWITNESSED, words, now)
            else:
                await clear_alarm(session, AlarmCode.TRANSPARENCY_UNWITNESSED, now)
        self._late = late


def _size(text: str, witness: Witness) -> int:
    digits = text.removesuffix("\n")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 16
    if not plain or (digits != "0" and digits.startswith("0")):
        raise WitnessFails(f"{witness.key.name} says no size")
    return int(digits)


def _line(text: str, witness: Witness, told: Checkpoint) -> str:
    """Its own line among those that it answered, verified. Others are passed over."""
    for line in text.split("\n"):
        try:
            if witness.key.check(line, told) is not None:
                return line
        except ProofInvalid as error:
            raise WitnessFails(str(error)) from None
    raise WitnessFails(f"{witness.key.name} answers without its cosignature")
