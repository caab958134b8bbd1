"""The local TRON network as a node with verbs: our own server in a process of its own.

What the server does and does not do like java-tron stands in `chains.devnet.tron_server`. Verbs
reach it directly, adapters through the fault proxy. Its time is the chain's own: each block is
three seconds later than its parent, so that nothing expires while nobody mines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx2
from coincurve import PrivateKey

from chains.abi import UNITS_MAX
from chains.devnet import token_code
from chains.devnet.server_node import ServerNode
from chains.errors import NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.tron import trc20 as calls
from chains.tron.address import from_public_key, to_bytes, to_text

SOLID_AFTER: Final = 18
"""On the main network a block is solidified when 19 of the 27 witnesses stand on it."""


class TronNode(ServerNode):
    """Implements `chains.devnet.node.DevNode` and `IssuesTokens`."""

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
        asked = {"address": to_bytes(address).hex(), "txid": txid}
        if asset != self._native:
            asked["token"] = self._contract(asset)
        return int((await self._ask("/devnet/received", **asked))["amount"])

    async def issue_token(self) -> Mapping[str, Any]:
        contract = await self.deploy(token_code.creation())
        return {
            "id": calls.asset_of(self.network, contract),
            "kind": calls.KIND,
            "symbol": "DEMO",
            "name": "Demo token",
            "decimals": token_code.DECIMALS,
            "maximum": str(UNITS_MAX),
        }

    async def fund_token(self, address: Address, asset: AssetId, amount: int) -> TxId:
        contract = calls.contract_of(self.network, asset)
        return await self.call(contract, calls.transfer(address, amount))

    async def token_balance(self, address: Address, asset: AssetId) -> int:
        answer = await self._ask(
            "/wallet/triggerconstantcontract",
            owner_address=to_bytes(address).hex(),
            contract_address=self._contract(asset),
            data=calls.balance_of(address).hex(),
        )
        return int(answer["constant_result"][0], 16)

    async def deploy(self, code: bytes) -> Address:
        """The outside wallet makes a contract, in a block."""
        made = await self._ask("/devnet/deploy", bytecode=code.hex())
        await self.mine()
        info = await self.info(made["txid"])
        assert info["receipt"]["result"] == "SUCCESS", info
        return to_text(bytes.fromhex(made["contract"]))

    async def call(self, contract: Address, data: bytes) -> TxId:
        """The outside wallet calls a contract. Submitted, not yet in a block."""
        target = to_bytes(contract).hex()
        return TxId((await self._ask("/devnet/call", contract=target, data=data.hex()))["txid"])

    async def info(self, txid: str) -> Any:
        """The transaction info; nothing if no block has it."""
        return await self._ask("/wallet/gettransactioninfobyid", value=txid)

    async def delegate(self, address: Address, sun: int) -> None:
        """The outside wallet gives energy: what so many staked sun have. In a block."""
        await self._ask("/devnet/delegate", address=to_bytes(address).hex(), amount=sun)
        await self.mine()

    async def make_busy(self, contract: Address, factor: int) -> None:
        """Its energy costs so much more from now on: 10,000 is once."""
        await self._ask("/devnet/factor", contract=to_bytes(contract).hex(), factor=factor)

    def _contract(self, asset: AssetId) -> str:
        return to_bytes(calls.contract_of(self.network, asset)).hex()

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
