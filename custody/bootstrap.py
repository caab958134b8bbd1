"""The composition root: turns settings into connected parts, and is the only place that does.

The dict below is the explicit list of the chains this process can speak to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from chains.adapter import ChainAdapter
from chains.bitcoin.adapter import BitcoinAdapter
from chains.catalogue import Catalogue
from chains.codec import TransactionCodec
from chains.evm.adapter import EvmAdapter
from chains.model import NetworkId
from chains.networks import Family, Network
from chains.nodes.adapter import Nodes
from chains.nodes.announcements import Announcements
from chains.nodes.witnesses import Witnesses
from chains.solana.adapter import SolanaAdapter
from chains.transport.endpoint import Endpoint, Endpoints
from chains.tron.adapter import TronAdapter
from custody.catalogue import catalogue_in_force, minimums, served
from custody.clock import SteadyClock
from custody.config import Settings
from custody.db.session import Database
from custody.deposits.minimums import NONE, Minimums
from custody.journal.repository import newest_known
from custody.signerlink import connect_signer
from signer.client import SignerClient, SignerUnavailable

ADAPTERS: Mapping[Family, Callable[..., ChainAdapter]] = {
    Family("bitcoin"): BitcoinAdapter,
    Family("evm"): EvmAdapter,
    Family("tron"): TronAdapter,
    Family("solana"): SolanaAdapter,
}


@dataclass(frozen=True, slots=True)
class Custody:
    """Everything a service needs, wired. `networks` are those with a node, in a stable order."""

    settings: Settings
    database: Database
    signer: SignerClient
    catalogue: Catalogue
    networks: Mapping[NetworkId, Network]
    codecs: Mapping[NetworkId, TransactionCodec]
    adapters: Mapping[NetworkId, ChainAdapter]
    clock: Callable[[], datetime]
    nodes: Mapping[NetworkId, Nodes] = field(default_factory=dict)
    """The adapters again, where they are made of real nodes: who is asked, who is in trouble."""
    announcements: Mapping[NetworkId, Announcements] = field(default_factory=dict)
    """Of new blocks, by the nodes that are asked."""
    minimums: Minimums = field(default_factory=lambda: NONE)
    """Of deposits."""


def _newest_in(database: Database) -> Callable[[], Awaitable[tuple[int, bytes] | None]]:
    """Of the signer's journal, as the database knows it. Without its word the signer is not spoken
    to: it could have forgotten what it signed, and nobody would tell it."""

    async def load() -> tuple[int, bytes] | None:
        try:
            async with database.read() as session:
                return await newest_known(session)
        except SQLAlchemyError as error:
            raise SignerUnavailable("the newest receipt can't be read") from error

    return load


@asynccontextmanager
async def open_custody(
    settings: Settings, clock: Callable[[], datetime] | None = None
) -> AsyncIterator[Custody]:
    """Connect everything lazily; close everything on the way out, in reverse order. Raises Invalid
    (network_unknown, asset_unknown) for one in the settings that the policy in force does not
    describe."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        signer = connect_signer(settings, load_newest=_newest_in(database))
        stack.push_async_callback(signer.close)
        catalogue = await catalogue_in_force(signer, database)
        networks = served(settings, catalogue)
        adapters: dict[NetworkId, Nodes] = {}
        announcements: dict[NetworkId, Announcements] = {}
        for alias, given in settings.nodes.items():
            network, endpoints = networks[alias], Endpoints.of(given)
            announcements[network.id] = Announcements(network.family, endpoints.primaries)
            nodes = connect(network, endpoints, settings.node_timeout_s)
            stack.push_async_callback(nodes.close)
            adapters[network.id] = nodes
        yield Custody(
            settings=settings,
            database=database,
            signer=signer,
            catalogue=catalogue,
            minimums=minimums(settings, catalogue),
            networks={network.id: network for network in networks.values()},
            codecs={network: adapter.codec for network, adapter in adapters.items()},
            adapters=adapters,
            clock=SteadyClock() if clock is None else clock,
            nodes=adapters,
            announcements=announcements,
        )


def connect(network: Network, endpoints: Endpoints, timeout_s: float) -> Nodes:
    """All nodes of a network as one adapter, each of them an adapter with one endpoint."""

    def adapters(chosen: Sequence[Endpoint]) -> list[tuple[str, ChainAdapter]]:
        make = ADAPTERS[network.family]
        return [(each.name, make(network, each, timeout_s=timeout_s)) for each in chosen]

    witnesses = None
    if endpoints.witnesses:
        witnesses = Witnesses(adapters(endpoints.witnesses), network.finality)
    private = Nodes(adapters(endpoints.private)) if endpoints.private else None
    return Nodes(adapters(endpoints.primaries), witnesses, private)
