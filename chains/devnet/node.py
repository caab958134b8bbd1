"""What every local network offers to tests, the demo and the benchmarks: verbs, not internals.

A node is a real engine in a process of its own (or a small server of ours around one), reached
through a fault proxy, so that adapters meet slow, silent and failing nodes as they would outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from chains.model import Address, AssetId, NetworkId, TxId


class DevNode(Protocol):
    """`url` is what adapters connect to (the proxy). Amounts are base units of the native coin.

    Construct with `XNode(network, data_dir)`; `start` chooses free loopback ports. `stop` is safe
    at any time and twice, and leaves no process. Restarting the engine (`stop`, `start`) keeps
    its chain where the engine can; `capable_of_restart` says so.
    """

    network: NetworkId
    url: str
    push: str
    """Where the engine itself announces new blocks, past the proxy; empty where it does not."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def outside_address(self) -> Address:
        """A new address that belongs to nobody of ours, fit to receive the native coin."""
        ...

    async def fund(self, address: Address, amount: int) -> TxId:
        """An outside wallet pays `address`. Submitted, not yet in a block."""
        ...

    async def mine(self, blocks: int = 1) -> None:
        """Blocks now, with whatever waits to be included."""
        ...

    async def finalize(self) -> None:
        """As many blocks as make the present tip final by the network's configuration."""
        ...

    async def reorg(self, depth: int) -> None:
        """Replace the newest `depth` blocks by `depth + 1` others without their transactions.
        Where the engine keeps a mempool (bitcoin), the transactions wait there again."""
        ...

    async def balance(self, address: Address) -> int:
        """Native base units, asked of the engine itself by a way the adapters do not use."""
        ...

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        """Base units the included transaction paid to `address`, from the engine itself.
        0 if it is not in the best chain."""
        ...

    def delay(self, seconds: float) -> None:
        """Every reply is late by this much, until `heal`."""
        ...

    def drop_reply(self, count: int = 1) -> None:
        """The next requests reach the engine, but their replies are lost."""
        ...

    def error(self, count: int = 1) -> None:
        """The next requests are answered 500 without reaching the engine."""
        ...

    def go_away(self) -> None:
        """Connections are refused until `heal`."""
        ...

    def heal(self) -> None: ...


@runtime_checkable
class IssuesTokens(Protocol):
    """A node whose outside wallet makes tokens. `received` tells of them too. Amounts are base
    units of the token."""

    async def issue_token(self) -> Mapping[str, Any]:
        """A new one, in a block; the row that lists it."""
        ...

    async def fund_token(self, address: Address, asset: AssetId, amount: int) -> TxId:
        """As `fund`."""
        ...

    async def token_balance(self, address: Address, asset: AssetId) -> int:
        """Asked of the engine itself, past the adapters."""
        ...
