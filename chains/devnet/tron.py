"""The local TRON network as a node with verbs: our own server in a process of its own.

What the server does and does not do like java-tron stands in `chains.devnet.tron_server`. Verbs
reach it directly, adapters through the fault proxy. Its time is the chain's own: each block is
three seconds later than its parent, so that nothing expires while nobody mines.
"""

from __future__ import annotations

from typing import Any, Final

import httpx2
from coincurve import PrivateKey

from chains.devnet.server_node import ServerNode
from chains.errors import NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.tron.address import from_public_key, to_bytes

SOLID_AFTER: Final = 18
"""On the main network a block is solidified when 19 of the 27 witnesses stand on it."""


class TronNode(ServerNode):
    """Implements `chains.devnet.node.DevNode`."""

    _program = "chains.devnet.tron_server"
    _settings = ("--solid-after", str(SOLID_AFTER))

    async def outside_address(self) -> Address:
        return from_public_key(PrivateKey().public_key.format())

    async def fund(self, address: Address, amount: int) -> TxId:
        answer = await self._ask("/devnet/fund", address=to_bytes(address).hex(), amount=amount)
        return TxId(answer["txid"])

    async def mine(self, blocks: int = 1) -> None:
        await self._ask("/devnet/mine", blocks=blocks)

    async def finalize(self) -> None:
        await self.mine(SOLID_AFTER)

    async def reorg(self, depth: int) -> None:
        """What the replaced blocks held waits again, as with java-tron."""
        await self._ask("/devnet/reorg", depth=depth)

    async def accepted(self) -> int:
        """How many transactions, whoever's, wait for a block or are in one."""
        return int((await self._ask("/devnet/accepted"))["number"])

    async def balance(self, address: Address) -> int:
        answer = await self._ask("/devnet/balance", address=to_bytes(address).hex())
        return int(answer["balance"])

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        assert asset == self._native, asset
        answer = await self._ask("/devnet/received", address=to_bytes(address).hex(), txid=txid)
        return int(answer["amount"])

    async def _answers(self) -> bool:
        await self._ask("/wallet/getchainparameters")
        return True

    async def _ask(self, path: str, **parameters: Any) -> Any:
        try:
            answer = (await self._client.post(path, json=parameters)).json()
        except httpx2.RequestError as error:
            raise NodeUnavailable(f"{path}: {type(error).__name__}") from error
        if "Error" in answer:
            raise NodeUnavailable(f"{path}: {answer['Error']}")
        return answer
