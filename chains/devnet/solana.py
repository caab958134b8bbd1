"""The local Solana cluster as a node with verbs: our own server in a process of its own.

What the server does and does not do like a validator stands in `chains.devnet.solana_server`. Verbs
reach it directly, adapters through the fault proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx2
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.devnet.server_node import ServerNode
from chains.errors import NodeUnavailable
from chains.model import Address, AssetId, TxId
from chains.solana import spl as programs

FINAL_AFTER: Final = 8
"""Blocks on top of a final one: few, so that tests need not make many. A main network block is
final with 31 on top."""


_DECIMALS: Final = 6


class SolanaNode(ServerNode):
    """Implements `chains.devnet.node.DevNode` and `IssuesTokens`."""

    _program = "chains.devnet.solana_server"
    _announces = True
    _settings = ("--final-after", str(FINAL_AFTER))

    async def outside_address(self) -> Address:
        return Address(str(Keypair().pubkey()))

    async def fund(self, address: Address, amount: int) -> TxId:
        """Refused if `amount` can't open the account (`getMinimumBalanceForRentExemption`)."""
        return TxId(await self._tell("fund", address=address, lamports=amount))

    async def mine(self, blocks: int = 1, *, skip: int = 0) -> None:
        """`skip`: slots without a block before each."""
        await self._tell("mine", blocks=blocks, skip=skip)

    async def finalize(self) -> None:
        await self.mine(FINAL_AFTER)

    async def reorg(self, depth: int) -> None:
        """The slots of the replaced blocks are skipped on the new fork, and their transactions are
        gone until somebody sends them again. Refused where it would undo a final block."""
        await self._tell("reorg", depth=depth)

    async def accepted(self) -> int:
        """How many transactions, whoever's, wait for a block or are in one."""
        return int(await self._tell("accepted"))

    async def balance(self, address: Address) -> int:
        return int(await self._tell("balance", address=address))

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        if asset != self._native:
            mint = str(programs.mint_of(self.network, asset))
            return int(await self._tell("token_received", signature=txid, mint=mint, owner=address))
        return int(await self._tell("received", signature=txid, address=address))

    async def issue_token(self) -> Mapping[str, Any]:
        mint = await self._tell("issue_token", decimals=_DECIMALS)
        await self.mine()
        return {
            "id": programs.asset_of(self.network, Pubkey.from_string(mint)),
            "kind": programs.KIND,
            "symbol": "DEMO",
            "name": "Demo token",
            "decimals": _DECIMALS,
            "maximum": str(programs.UNITS_MAX),
        }

    async def fund_token(self, address: Address, asset: AssetId, amount: int) -> TxId:
        mint = str(programs.mint_of(self.network, asset))
        return TxId(await self._tell("fund_token", mint=mint, owner=address, units=amount))

    async def token_balance(self, address: Address, asset: AssetId) -> int:
        mint = str(programs.mint_of(self.network, asset))
        return int(await self._tell("token_balance", mint=mint, owner=address))

    async def _answers(self) -> bool:
        try:
            return (await self._client.get("/health")).is_success
        except httpx2.TransportError:
            return False

    async def _tell(self, verb: str, **arguments: Any) -> Any:
        """A control verb. Raises NodeUnavailable if the server refuses or can't be reached."""
        try:
            reply = (await self._client.post("/control", json={"verb": verb, **arguments})).json()
        except (httpx2.HTTPError, ValueError) as error:
            raise NodeUnavailable(f"{verb}: {type(error).__name__}") from error
        if "refused" in reply:
            raise NodeUnavailable(f"{verb}: {reply['refused']}")
        return reply["result"]
