"""One request's view of the vault that it asks: who asks, which network, which address pays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from api.rpc.bounds import Bounds
from chains.adapter import Relays
from chains.errors import NodeError, NodeLimited
from chains.evm.eip1193.faults import CHAIN_DISCONNECTED, LIMITED, UNAUTHORIZED, RpcFault
from chains.model import Address, NetworkId
from chains.networks import Network
from chains.transport.jsonrpc import Fault
from custody.provider import repository
from custody.provider.model import Door, ToldAs
from custody.services import Services


@dataclass(slots=True)
class Wallet:
    """`until_clock`: when patience ends, by the loop's clock. `turn`: what asks for transfers, one
    at a time and in order. `key`: the request's own retry key. `ended`: what is to be noted once
    the answer is on its way."""

    services: Services
    door: Door
    bounds: Bounds
    until_clock: float
    key: str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: list[tuple[str, ToldAs]] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return self.services.custody.networks[NetworkId(self.door.network)]

    @property
    def chain_id(self) -> int:
        return self.network.number("chain_id")

    @property
    def patience_s(self) -> float:
        return max(self.until_clock - asyncio.get_running_loop().time(), 0)

    async def address(self) -> Address | None:
        """The one that pays; None if the vault has none here yet."""
        kind = self.network.address_types[0]
        async with self.services.custody.database.read() as session:
            found = await repository.paying_address(
                session, self.door.vault_id, self.door.network, kind
            )
        return None if found is None else Address(found)

    async def own(self, named: Address | None) -> Address:
        """The address that pays, if that is the one that is named, or none is. Raises RpcFault."""
        mine = await self.address()
        if mine is None:
            raise RpcFault(UNAUTHORIZED, "the vault has no address on this network yet")
        if named not in (None, mine):
            raise RpcFault(UNAUTHORIZED, f"{named} is no account here: {mine} is")
        return mine

    async def node(self, method: str, params: Sequence[Any]) -> Any:
        """What a node answers. Raises RpcFault: what the node says against the question, or that
        none answers."""
        adapter = self.services.custody.adapters[NetworkId(self.door.network)]
        assert isinstance(adapter, Relays)
        with self.bounds.reading(self.door.caller.key_id):
            try:
                found = await adapter.relay(method, params)
            except NodeLimited as error:
                raise RpcFault(LIMITED, "the network's node wants to be asked less") from error
            except NodeError as error:
                words = "the network's node gives no answer"
                raise RpcFault(CHAIN_DISCONNECTED, words, {"code": error.code}) from error
        if isinstance(found, Fault):
            raise RpcFault(found.code, found.message, found.data)
        return found

    async def note(self) -> None:
        """The answer is on its way: what it told needs no telling again."""
        for ask, told_as in self.ended:
            await self.services.asks.told(ask, told_as)
        self.ended.clear()
