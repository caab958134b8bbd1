"""How much of everything: enough for steady medians, or just enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`rounds`: measured ones, after one that warms up. The other numbers are for each round,
    except `watched` and `latency_rounds`."""

    rounds: int
    signatures: int
    """EVM and Solana, in batches; a quarter of that for bitcoin, whose PSBTs are made by a slow
    library beforehand."""
    bare_signatures: int
    peer_signatures: int
    latency_rounds: int
    latency_calls: int
    addresses: int
    peer_addresses: int
    watched: int
    """Addresses in the database, on each followed network."""
    bitcoin_blocks: int
    bitcoin_transactions: int
    """In each block; an EVM block has a fifth."""
    evm_blocks: int
    transfers: int
    http_rounds: int
    http_databases: tuple[str, ...]
    steady_s: float
    """How long the API is asked at a steady rate."""
    fed: int
    """Transfers that are written beside a reader of the feed."""
    accounts: int
    """Of one client, in the large house."""
    pages: int
    """How often each list of it is asked for."""
    in_window: int
    """Transfers of the vault whose window is full."""
    payouts: int
    houses: tuple[tuple[str, int], ...]
    """On which databases payouts are made, with how many workers."""
    waiting: tuple[tuple[str, int], ...]
    """On which databases payouts are asked for at steady rates, with how many workers."""
    waiting_s: float
    """How long, at each rate."""
    waits_min: int
    """Payouts at each rate, at least."""
    deposits: int
    """For each network and each way of learning of blocks."""
    coins: int
    """Of a bitcoin vault, whose fees are compared over so many `payments`."""
    payments: int
    probe_s: float
    """How long the idle API is asked."""
    loads: int
    """Times that the signer's modules are loaded."""


FULL = Scale(
    rounds=5,
    signatures=1024,
    bare_signatures=10_000,
    peer_signatures=200,
    latency_rounds=5,
    latency_calls=100,
    addresses=4_000,
    peer_addresses=200,
    watched=1_000_000,
    bitcoin_blocks=24,
    bitcoin_transactions=1_000,
    evm_blocks=8,
    transfers=200,
    http_rounds=3,
    http_databases=("SQLite", "PostgreSQL"),
    steady_s=20.0,
    fed=2_000,
    accounts=1_000_000,
    pages=100,
    in_window=10_000,
    payouts=200,
    houses=(
        ("SQLite", 1),
        ("SQLite", 2),
        ("PostgreSQL", 1),
        ("PostgreSQL", 2),
        ("PostgreSQL", 4),
    ),
    waiting=(("PostgreSQL", 2),),
    waiting_s=10.0,
    waits_min=20,
    deposits=12,
    coins=1_000,
    payments=60,
    probe_s=2.0,
    loads=5,
)

QUICK = Scale(
    rounds=1,
    signatures=32,
    bare_signatures=200,
    peer_signatures=4,
    latency_rounds=1,
    latency_calls=10,
    addresses=100,
    peer_addresses=4,
    watched=2_000,
    bitcoin_blocks=2,
    bitcoin_transactions=50,
    evm_blocks=2,
    transfers=8,
    http_rounds=1,
    http_databases=("PostgreSQL",),
    steady_s=1.0,
    fed=80,
    accounts=500,
    pages=4,
    in_window=20,
    payouts=3,
    houses=(("SQLite", 1),),
    waiting=(("SQLite", 1),),
    waiting_s=0.1,
    waits_min=3,
    deposits=1,
    coins=20,
    payments=2,
    probe_s=0.2,
    loads=1,
)
