"""How custody talks to the signer: one class, one method per call.

Every call is safe to repeat, and is repeated once by itself when an idle connection turns out to
be gone. Knows no key and decides nothing. Errors:

    SignerError
    ├── SignerUnavailable   no usable answer; whether it took effect is unknown, repeat the call
    └── SignerRefused       the answer is no; `code` and `detail` are stable, `str()` is for people
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from chains.model import Address, AddressType, NetworkId
from signer.batches import BEHIND
from signer.messages import CallRefused, frame, parse_response, read_frame, request
from signer.policy import SignedPolicy, Stop
from signer.records import JournalPage, RecordProof, parse_path
from signer.wire import (
    BATCH_MAX,
    MESSAGE_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    Agreed,
    Attestation,
    Consent,
    MalformedMessage,
    OpenedVault,
    Opinion,
    Outcome,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    Status,
    canonical_json,
    integer,
    listed,
    octets,
    parse_opinion,
    parse_outcome,
    text,
)

_ENVELOPE_BYTES: Final = 1024
T = TypeVar("T")
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SignerError(Exception):
    """Base of the tree."""


class SignerUnavailable(SignerError):
    """No usable answer. Whether the call took effect is unknown; repeating it is safe."""


class SignerRefused(SignerError):
    """The signer's answer is no."""

    def __init__(self, code: RefusalCode, detail: str, message: str) -> None:
        super().__init__(f"{code.value}/{detail}: {message}")
        self.code = code
        self.detail = detail


class SignerClient:
    """Over a Unix socket; `SignerClient.over_tls` for TCP with mutual TLS.

    `newest`: sequence and head of the newest record that the caller holds proof of; `load_newest`
    asks for it, each time a connection is made. It is told to the signer on every connection, so
    that a signer restored from an older backup refuses to sign instead of paying again what it has
    forgotten. Calls may run concurrently; they take turns.
    """

    def __init__(
        self,
        socket_path: Path,
        timeout_s: float = 10,
        *,
        newest: tuple[int, bytes] | None = None,
        load_newest: Callable[[], Awaitable[tuple[int, bytes] | None]] | None = None,
    ) -> None:
        self._open: Callable[[], Awaitable[_Streams]] = lambda: asyncio.open_unix_connection(
            socket_path
        )
        self._timeout_s = timeout_s
        self._newest = newest
        self._load_newest = load_newest
        self._streams: _Streams | None = None
        self._turn = asyncio.Lock()

    @classmethod
    def over_tls(
        cls,
        host: str,
        port: int,
        context: ssl.SSLContext,
        timeout_s: float = 10,
        *,
        newest: tuple[int, bytes] | None = None,
        load_newest: Callable[[], Awaitable[tuple[int, bytes] | None]] | None = None,
    ) -> SignerClient:
        """`context` must require and verify the signer's certificate and carry ours."""
        assert context.verify_mode is ssl.CERT_REQUIRED
        client = cls(Path(), timeout_s, newest=newest, load_newest=load_newest)
        client._open = lambda: asyncio.open_connection(host, port, ssl=context)
        return client

    async def status(self) -> Status:
        return await self._call("status", {}, Status.parse)

    async def open_vault(self, client: str, vault: str) -> OpenedVault:
        """The account number that the signer gave the vault, now or earlier. Refused if the vault
        belongs to another client."""
        arguments = {"client": client, "vault": vault}
        opened = await self._call("open_vault", arguments, OpenedVault.parse)
        self._holds(opened.sequence, opened.head)
        return opened

    async def account_key(self, vault: str, network: NetworkId, address_type: AddressType) -> str:
        """The vault's extended public key for addresses of this type (secp256k1 only)."""
        arguments = {"vault": vault, "network": network, "address_type": address_type.value}
        return await self._call("account_key", arguments, text)

    async def public_keys(
        self,
        vault: str,
        network: NetworkId,
        address_type: AddressType,
        start: int,
        count: int,
    ) -> tuple[bytes, ...]:
        """The public keys of receiving addresses `start` to `start + count - 1`."""
        arguments = {
            "vault": vault,
            "network": network,
            "address_type": address_type.value,
            "start": start,
            "count": count,
        }

        def read(value: object) -> tuple[bytes, ...]:
            keys = listed(value, maximum=count)
            if len(keys) != count:
                raise MalformedMessage("number of keys")
            return tuple(octets(key) for key in keys)

        return await self._call("public_keys", arguments, read)

    async def attest(
        self, network: NetworkId, vault: str, path: str, address: Address
    ) -> Attestation:
        """The signer's signature under "this address is ours"; refused unless it derives."""
        arguments = {"network": network, "vault": vault, "path": path, "address": address}
        return await self._call("attest", arguments, Attestation.parse)

    async def policy(self) -> SignedPolicy | None:
        """The policy in force, None before the first."""
        return await self._call(
            "policy", {}, lambda row: None if row is None else SignedPolicy.parse(row)
        )

    async def publish_policy(self, signed: SignedPolicy) -> int:
        """The version now in force. Publishing what is in force already changes nothing."""
        return await self._call("publish_policy", {"policy": signed.to_json()}, integer)

    async def stop(self, stop: Stop) -> int:
        """Nothing but cancels is signed from now on, until a policy is published that is newer than
        the version returned. Stopping what is stopped changes nothing."""
        return await self._call("stop", {"stop": stop.to_json()}, integer)

    async def sign(
        self, requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        """One outcome per request, in order. Requests of one batch are decided in order, so an
        earlier one counts in the windows of a later one. `follows`: positions of those that are
        signed only after the one before them, else they are BEHIND."""
        outcomes: list[Outcome] = []
        for batch in _batches(requests, lambda request: len(request.tx.payload)):
            if isinstance(batch, Refusal):
                outcomes.append(batch)
                continue
            while batch and len(outcomes) in follows and isinstance(outcomes[-1], Refusal):
                outcomes.append(BEHIND)
                batch = batch[1:]
            skipped = len(outcomes)
            behind = [at - skipped for at in follows if skipped < at < skipped + len(batch)]
            outcomes.extend(await self._sign_batch(batch, sorted(behind)))
        return tuple(outcomes)

    async def consider(self, consents: Sequence[Consent]) -> tuple[Opinion, ...]:
        """What the signer would say of each consent as things are now, as far as that depends on no
        transaction, in order. Starts the time locks of what has all its approvals."""
        opinions: list[Opinion] = []
        for batch in _batches(consents, lambda _: 0):
            if isinstance(batch, Refusal):
                opinions.append(batch)
            else:
                opinions.extend(await self._consider_batch(batch))
        return tuple(opinions)

    async def records(self, after: int) -> JournalPage:
        """The next page of what the journal tells after record number `after`."""
        return await self._call("records", {"after": after}, JournalPage.parse)

    async def prove_record(self, sequence: int) -> RecordProof | None:
        """That this record is in the log. None if the signer has no such record. Whoever has
        pinned the log key checks it."""
        return await self._call(
            "prove_record",
            {"sequence": sequence},
            lambda row: None if row is None else RecordProof.parse(row),
        )

    async def prove_consistency(self, origin: str, old: int, new: int) -> tuple[bytes, ...] | None:
        """That the log of `old` records is the beginning of the one of `new`: for
        `signer.tree.check_consistency`. None if the signer has no such log."""
        return await self._call(
            "prove_consistency",
            {"origin": origin, "old": old, "new": new},
            lambda row: None if row is None else parse_path(row),
        )

    async def close(self) -> None:
        """Safe at any time and twice; the next call connects again."""
        async with self._turn:
            self._disconnect()

    async def _sign_batch(
        self, batch: Sequence[SignRequest], follows: Sequence[int]
    ) -> tuple[Outcome, ...]:
        if not batch:
            return ()
        arguments: dict[str, Any] = {"requests": [item.to_json() for item in batch]}
        read = partial(_read_each, parse_outcome, [request.transfers for request in batch])
        if not follows:
            outcomes = await self._call("sign", arguments, read)
        else:
            arguments["follows"] = list(follows)
            try:
                outcomes = await self._call("sign_in_order", arguments, read)
            except SignerRefused as refused:
                if refused.code is not RefusalCode.MALFORMED:
                    raise
                return await self._one_by_one(batch, follows)
        for outcome in outcomes:
            if isinstance(outcome, Receipt):
                self._holds(outcome.sequence, outcome.head)
        return outcomes

    async def _one_by_one(
        self, batch: Sequence[SignRequest], follows: Sequence[int]
    ) -> tuple[Outcome, ...]:
        """As a signer of an older version can: during an upgrade it is the last to be exchanged."""
        outcomes: list[Outcome] = []
        for at, item in enumerate(batch):
            if at in follows and isinstance(outcomes[-1], Refusal):
                outcomes.append(BEHIND)
            else:
                outcomes.extend(await self._sign_batch([item], ()))
        return tuple(outcomes)

    async def _consider_batch(self, batch: Sequence[Consent]) -> tuple[Opinion, ...]:
        arguments = {"consents": [item.to_json() for item in batch]}
        asked = [(consent.mandate.core.transfer,) for consent in batch]
        return await self._call("consider", arguments, partial(_read_each, parse_opinion, asked))

    def _holds(self, sequence: int, head: bytes) -> None:
        """Proof of this record, to be told to a signer that was set back."""
        if sequence > (self._newest or (0, b""))[0]:
            self._newest = (sequence, head)

    async def _call(self, call: str, arguments: dict[str, Any], read: Callable[[Any], T]) -> T:
        body = frame(request(call, arguments))
        async with self._turn:
            reused = self._streams is not None
            try:
                answer = await self._exchange(body)
            except SignerUnavailable:
                if not reused:
                    raise
                answer = await self._exchange(body)
            try:
                return read(parse_response(answer))
            except CallRefused as refused:
                raise SignerRefused(refused.code, refused.detail, str(refused)) from None
            except MalformedMessage as error:
                self._disconnect()
                raise SignerUnavailable("the signer's answer cannot be read") from error

    async def _exchange(self, body: bytes) -> bytes:
        """One frame out, one in. Whatever goes wrong, also a cancellation, drops the connection,
        so that no answer is ever taken for the answer to another question."""
        finished = False
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = self._streams or await self._connect()
                writer.write(body)
                await writer.drain()
                answer = await read_frame(reader)
            finished = True
            return answer
        except (OSError, EOFError, TimeoutError, MalformedMessage) as error:
            raise SignerUnavailable("the signer gives no answer") from error
        finally:
            if not finished:
                self._disconnect()

    async def _connect(self) -> _Streams:
        if self._load_newest is not None:
            self._newest = max(self._newest or (0, b""), await self._load_newest() or (0, b""))
        reader, writer = self._streams = await self._open()
        if self._newest is not None and self._newest[0]:
            sequence, head = self._newest
            writer.write(frame(request("expect", {"sequence": sequence, "head": head.hex()})))
            await writer.drain()
            await read_frame(reader)  # a mismatch is remembered there and refuses each signature
        return reader, writer

    def _disconnect(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Asked(Protocol):
    """What goes to the signer in batches."""

    def to_json(self) -> dict[str, Any]: ...


A = TypeVar("A", bound=_Asked)
_Answer = TypeVar("_Answer", Receipt | Refusal, Agreed | Refusal)


def _read_each(
    parse: Callable[[object], _Answer], asked: Sequence[tuple[str, ...]], value: object
) -> tuple[_Answer, ...]:
    """Answers in the order in which was asked. Raises MalformedMessage for answers about other
    transfers than were asked about."""
    answers = tuple(parse(row) for row in listed(value, maximum=len(asked)))
    if len(answers) != len(asked) or not all(map(_is_about, answers, asked)):
        raise MalformedMessage("answers about other transfers")
    return answers


def _is_about(answer: Receipt | Agreed | Refusal, transfers: tuple[str, ...]) -> bool:
    if isinstance(answer, Receipt):
        return sorted(answer.transfers) == sorted(transfers)
    return answer.transfer is None or answer.transfer in transfers


def _batches(items: Sequence[A], payload: Callable[[A], int]) -> list[list[A] | Refusal]:
    """Cut to what one message may hold; one that fits into none is refused here. `payload`: bytes
    of its transaction."""
    batches: list[list[A] | Refusal] = []
    room = 0
    for item in items:
        size = len(canonical_json(item.to_json())) + 1
        if payload(item) > PAYLOAD_BYTES_MAX or size > MESSAGE_BYTES_MAX - _ENVELOPE_BYTES:
            message = "the request is larger than a message may be"
            batches.append(Refusal(None, RefusalCode.MALFORMED, "too-large", message))
            room = 0
            continue
        last = batches[-1] if batches else None
        if not isinstance(last, list) or size > room or len(last) == BATCH_MAX:
            last = []
            batches.append(last)
            room = MESSAGE_BYTES_MAX - _ENVELOPE_BYTES
        last.append(item)
        room -= size
    return batches
