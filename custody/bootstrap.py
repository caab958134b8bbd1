"""The composition root: turns settings into connected parts, and is the only place that does.

The dict below is the explicit list of the chains this process can speak to.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from chains.adapter import ChainAdapter
from chains.bitcoin.adapter import BitcoinAdapter
from chains.codec import TransactionCodec
from chains.evm.adapter import EvmAdapter
from chains.model import NetworkId
from chains.networks import Family, Network, find_network
from chains.solana.adapter import SolanaAdapter
from chains.tron.adapter import TronAdapter
from custody.config import Settings
from custody.db.session import Database
from signer.client import SignerClient

ADAPTERS: Mapping[Family, Callable[..., ChainAdapter]] = {
    Family.BITCOIN: BitcoinAdapter,
    Family.EVM: EvmAdapter,
    Family.TRON: TronAdapter,
    Family.SOLANA: SolanaAdapter,
}


# Importing web3 raises it to 100,000 (py_ecc does), and then deeply nested JSON from a stranger
# overflows the C stack instead of raising RecursionError.
sys.setrecursionlimit(1_000)


@dataclass(frozen=True, slots=True)
class Custody:
    """Everything a service needs, wired. `networks` are those with a node, in a stable order."""

    settings: Settings
    database: Database
    signer: SignerClient
    networks: Mapping[NetworkId, Network]
    codecs: Mapping[NetworkId, TransactionCodec]
    adapters: Mapping[NetworkId, ChainAdapter]
    clock: Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_custody(
    settings: Settings, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Custody]:
    """Connect everything lazily; close everything on the way out, in reverse order."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url.get_secret_value())
        stack.push_async_callback(database.close)
        signer = SignerClient(settings.signer_socket)
        stack.push_async_callback(signer.close)
        networks = {(found := find_network(alias)).id: found for alias in settings.nodes}
        adapters = {}
        for alias, url in settings.nodes.items():
            network = find_network(alias)
            adapter = ADAPTERS[network.family](
                network, url.get_secret_value(), timeout_s=settings.node_timeout_s
            )
            stack.push_async_callback(adapter.close)
            adapters[network.id] = adapter
        yield Custody(
            settings=settings,
            database=database,
            signer=signer,
            networks=networks,
            codecs={network: adapter.codec for network, adapter in adapters.items()},
            adapters=adapters,
            clock=clock,
        )
