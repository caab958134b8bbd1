"""Contracts that people trade on, as their authors built them: WETH9 and Uniswap v2.

`make setup` installs them (`tests/contracts`); nothing of them is kept here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from chains.devnet.evm import AnvilNode
from chains.evm.address import canonical
from chains.model import Address, TxId
from tests.support.evm_tokens import GAS, call

_FOLDER = Path(__file__).resolve().parents[1] / "contracts" / "node_modules" / "@uniswap"
LATE = 2**40
"""A deadline that no test reaches."""
UNITS = 10**18


@cache
def code_of(name: str) -> bytes:
    """What creates the contract."""
    (found,) = [
        each
        for package in ("v2-core", "v2-periphery")
        for each in (_FOLDER / package / "build").glob(f"{name}.json")
        if name != "ERC20" or package == "v2-core"
    ]
    return bytes.fromhex(json.loads(found.read_text())["bytecode"].removeprefix("0x"))


@cache
def fragment(contract: str, function: str) -> dict[str, Any]:
    """The function's JSON, as compilers write it."""
    package = "v2-periphery"
    text = (_FOLDER / package / "build" / f"{contract}.json").read_text()
    (found,) = [each for each in json.loads(text)["abi"] if each.get("name") == function]
    return dict(found)


async def done(node: AnvilNode, to: Address | None, data: bytes, gas: int = GAS) -> Any:
    """By the outside wallet: its receipt. Must succeed. `to` None: makes a contract."""
    txid = await node.send(to, 0, data, gas)
    await node.mine()
    receipt = await node.ask("eth_getTransactionReceipt", txid)
    assert receipt["status"] == "0x1", to
    return receipt


async def deployed(node: AnvilNode, name: str, types: str = "", *arguments: object) -> Address:
    encoded = encode(types.split(","), arguments) if types else b""
    receipt = await done(node, None, code_of(name) + encoded)
    return canonical(receipt["contractAddress"])


@dataclass
class Exchange:
    """Uniswap v2 with a pool of `token` and WETH, which the outside wallet filled."""

    node: AnvilNode
    weth: Address
    token: Address
    router: Address
    pool: Address

    @classmethod
    async def opened(cls, node: AnvilNode, tokens: int, coins: int) -> Exchange:
        weth = await deployed(node, "WETH9")
        token = await deployed(node, "ERC20", "uint256", 10**30)
        assert node._outside is not None
        outside = Address(node._outside.address)
        factory = await deployed(node, "UniswapV2Factory", "address", outside)
        router = await deployed(node, "UniswapV2Router02", "address,address", factory, weth)
        made = cls(node, weth, token, router, Address(""))
        await made.send(token, 0, call("approve(address,uint256)", router, 10**30))
        data = call(
            "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
            *(token, tokens, 0, 0, outside, LATE),
        )
        await made.send(router, coins, data)
        made.pool = await made.address_of(factory, call("getPair(address,address)", weth, token))
        return made

    async def send(self, to: Address, value: int, data: bytes, *, mine: bool = True) -> TxId:
        """By the outside wallet."""
        txid = await self.node.send(to, value, data, GAS)
        if mine:
            await self.node.mine()
            receipt = await self.node.ask("eth_getTransactionReceipt", txid)
            assert receipt["status"] == "0x1"
        return txid

    async def act(self, payer: Address, to: Address, value: int, data: bytes) -> TxId:
        """As `payer`, whose key the engine does without."""
        await self.node.ask("anvil_impersonateAccount", payer)
        row = {"from": payer, "to": to, "value": hex(value), "data": "0x" + data.hex()}
        txid = await self.node.ask("eth_sendTransaction", row)
        await self.node.mine()
        receipt = await self.node.ask("eth_getTransactionReceipt", txid)
        assert receipt["status"] == "0x1"
        return TxId(txid)

    async def word(self, to: Address, data: bytes) -> int:
        asked = {"to": to, "data": "0x" + data.hex()}
        return int(await self.node.ask("eth_call", asked, "latest"), 16)

    async def address_of(self, to: Address, data: bytes) -> Address:
        return canonical("0x" + (await self.word(to, data)).to_bytes(20, "big").hex())

    async def has(self, token: Address, owner: Address) -> int:
        return await self.word(token, call("balanceOf(address)", owner))

    async def out(self, coins: int) -> int:
        """How many tokens `coins` would buy now."""
        asked = call("getAmountsOut(uint256,address[])", coins, [self.weth, self.token])
        row = {"to": self.router, "data": "0x" + asked.hex()}
        return int((await self.node.ask("eth_call", row, "latest"))[-64:], 16)

    def buys(self, least: int, to: Address) -> bytes:
        """Tokens for the coins that go with it."""
        return call(
            "swapExactETHForTokens(uint256,address[],address,uint256)",
            *(least, [self.weth, self.token], to, LATE),
        )

    def sells(self, units: int, least: int, to: Address) -> bytes:
        return call(
            "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
            *(units, least, [self.token, self.weth], to, LATE),
        )
