"""Signatures through the signer: its own process, a Unix socket, a policy with limits, an fsynced
guard. The limit is the curve's library in a loop that signs ready digests and does nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.families import CODECS
from chains.networks import Network
from signer.client import SignerClient
from signer.wire import Receipt, SignRequest
from tests.bench import peers
from tests.bench.measure import Contestant, FsyncedFile, Rate, Work, cpu_of, latencies, race
from tests.bench.requests import BITCOIN, EVM, SOLANA, Requests, Signer
from tests.bench.scale import Scale
from tests.bench.table import Aim, Figure, Row, below_aim, core_aim, share_aim

SECTION = "Signatures through the signer"

_CONNECTIONS = 2
_CORE_AIM = 2_000
_SHARE_AIM = 0.5
_SINGLE_AIM_MS = 5

Make = Callable[[int], list[SignRequest]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is signed, and beside what."""

    network: Network
    what: str
    make: Make
    number: int
    limit: str
    peer: str
    peer_action: Callable[[SignRequest], peers.Action]


async def measure(signer: Signer, requests: Requests, scale: Scale) -> list[Row]:
    """All rows of the section."""
    number = scale.signatures
    ecdsa, ed25519 = "bare libsecp256k1", "bare ed25519"
    kinds = [
        Kind(EVM, "EVM transfer", requests.evm, number, ecdsa, "eth_account", peers.eth_account),
        Kind(
            BITCOIN,
            "BTC P2WPKH payment, PSBT",
            requests.bitcoin,
            number // 4,
            ecdsa,
            "bitcoinlib",
            peers.bitcoinlib,
        ),
        Kind(SOLANA, "Solana transfer", requests.solana, number, ed25519, "solders", peers.solders),
    ]
    rows = await _single(signer, requests, scale)
    rows += [await _batch(signer, kind, scale) for kind in kinds]
    return rows


async def _batch(signer: Signer, kind: Kind, scale: Scale) -> Row:
    clients = [SignerClient(signer.socket, timeout_s=60) for _ in range(_CONNECTIONS)]
    ours = Batches(clients, kind.make, kind.number)
    peer = Prepared(kind, scale.peer_signatures)
    try:
        rates = await race(
            scale.rounds,
            [
                Contestant("signer", ours.work, ours.prepare, cpu_of(signer.pid)),
                Contestant(kind.limit, _bare(kind, scale.bare_signatures)),
                Contestant(kind.peer, peer.work, peer.prepare),
            ],
        )
    finally:
        for client in clients:
            await client.close()
    return _batch_row(kind, rates)


def _batch_row(kind: Kind, rates: Sequence[Rate]) -> Row:
    ours, limit, peer = rates
    return Row(
        SECTION,
        f"{kind.what}, in batches",
        "1/s",
        Figure("signer", ours.wall, ours.core),
        Figure(kind.limit, limit.wall, limit.core),
        (Figure(kind.peer, peer.wall, peer.core),),
        (core_aim(_CORE_AIM, ours.core), share_aim(_SHARE_AIM, ours.wall, limit.wall)),
    )


class Batches:
    """Ours: requests made beforehand; two callers ask for half of them each."""

    def __init__(self, clients: Sequence[SignerClient], make: Make, number: int) -> None:
        self._clients = clients
        self._make = make
        self._number = number
        self._requests: list[SignRequest] = []

    async def prepare(self) -> None:
        self._requests = self._make(self._number)

    async def work(self) -> int:
        parts = [self._requests[at :: len(self._clients)] for at in range(len(self._clients))]
        calls = zip(self._clients, parts, strict=True)
        answers = await asyncio.gather(*(client.sign(part) for client, part in calls))
        outcomes = [outcome for answer in answers for outcome in answer]
        refused = [outcome for outcome in outcomes if not isinstance(outcome, Receipt)]
        assert not refused, refused[0]
        return len(outcomes)


class Prepared:
    """A peer's transactions, made beforehand; signing them is what counts."""

    def __init__(self, kind: Kind, number: int) -> None:
        self._kind = kind
        self._number = number
        self._actions: list[peers.Action] = []

    async def prepare(self) -> None:
        self._actions = [self._kind.peer_action(each) for each in self._kind.make(self._number)]

    async def work(self) -> int:
        for action in self._actions:
            action()
        return len(self._actions)


def _bare(kind: Kind, number: int) -> Work:
    """The curve's library signs the same transactions' messages, over and over."""
    codec = CODECS[kind.network.family](kind.network)
    messages = [item.message for each in kind.make(64) for item in codec.signing_inputs(each.tx)]
    work = [messages[at % len(messages)] for at in range(number)]

    async def secp256k1() -> int:
        key = PrivateKey(peers.SECRET)
        for digest in work:
            key.sign_recoverable(digest, hasher=None)
        return number

    async def ed25519() -> int:
        key = Ed25519PrivateKey.from_private_bytes(peers.SECRET)
        for message in work:
            key.sign(message)
        return number

    return ed25519 if kind.network == SOLANA else secp256k1


async def _single(signer: Signer, requests: Requests, scale: Scale) -> list[Row]:
    """One request at a time, each with its own fsync."""
    waiting = iter(requests.evm((scale.latency_rounds + 1) * scale.latency_calls))
    key, digest = PrivateKey(peers.SECRET), bytes(32)
    sign_by_eth_account = peers.eth_account(requests.evm(1)[0])
    file = FsyncedFile(signer.socket.parent / "fsynced")

    async def ours() -> int:
        (outcome,) = await signer.client.sign([next(waiting)])
        assert isinstance(outcome, Receipt), outcome
        return 1

    async def limit() -> int:
        file.append()
        key.sign_recoverable(digest, hasher=None)
        return 1

    async def peer() -> int:
        sign_by_eth_account()
        return 1

    try:
        found = await latencies(scale.latency_rounds, scale.latency_calls, [ours, limit, peer])
    finally:
        file.close()
    aim = below_aim(_SINGLE_AIM_MS, "ms", found[0].p50)
    return [
        _latency_row("p50", [each.p50 for each in found], aim),
        _latency_row("p99", [each.p99 for each in found]),
    ]


def _latency_row(which: str, found: Sequence[float], *aims: Aim) -> Row:
    ours, limit, peer = found
    return Row(
        SECTION,
        f"EVM transfer, one request: {which}",
        "ms",
        Figure("signer", ours),
        Figure("fsync and bare signature", limit),
        (Figure("eth_account, without fsync", peer),),
        aims,
        small=True,
    )
