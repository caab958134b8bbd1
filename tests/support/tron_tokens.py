"""Tokens on the local TRON chain: their bytecode, and calls to them by another's encoder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol

from coincurve import PrivateKey
from eth_abi.abi import encode

from chains.assets import Asset
from chains.catalogue import built_in
from chains.devnet.tron import TronNode
from chains.hashes import keccak256
from chains.model import Address, TxId
from chains.networks import Network
from chains.tron import trc20
from chains.tron.address import to_bytes
from tests.support.oracle import Oracle
from tests.support.rows import token_row

_VECTORS = Path(__file__).resolve().parents[1] / "vectors"


class OnChain(Protocol):
    """Where contracts are: a network and its engine."""

    @property
    def network(self) -> Network: ...

    @property
    def node(self) -> TronNode: ...


def bytecode(name: str) -> bytes:
    folder = _VECTORS / "tron_tokens"
    return bytes.fromhex(json.loads((folder / f"{name}.json").read_text())["bytecode"])


def call(signature: str, *arguments: object) -> bytes:
    """Addresses in base58check."""
    types = [each for each in signature.partition("(")[2].removesuffix(")").split(",") if each]
    values = [
        to_bytes(Address(str(each)))[1:] if kind == "address" else each
        for kind, each in zip(types, arguments, strict=True)
    ]
    return keccak256(signature.encode())[:4] + (encode(types, values) if types else b"")


async def by_tronweb(
    oracle: Oracle,
    node: TronNode,
    key: PrivateKey,
    contract: Address,
    signature: str,
    *told: object,
) -> TxId:
    """A call that TRON's own client builds, signs and sends. Not mined."""
    types = signature.partition("(")[2].removesuffix(")").split(",")
    txid = await asyncio.to_thread(
        oracle.call,
        "tronwebCall",
        url=node.url,
        privateKey=key.to_hex(),
        contract=contract,
        signature=signature,
        told=[{"type": kind, "value": str(each)} for kind, each in zip(types, told, strict=True)],
        feeLimit=50 * 10**6,
    )
    return TxId(txid)


class Token:
    """A contract of the outside wallet's. Implements `tests.support.token_house.IssuedToken`."""

    traits: tuple[str, ...] = ("black-list", "pausable")

    def __init__(self, world: OnChain, contract: Address) -> None:
        self._world = world
        self.contract = contract

    @property
    def row(self) -> dict[str, Any]:
        identity = trc20.asset_of(self._world.network.id, self.contract)
        row = token_row(id=identity, kind=trc20.KIND, decimals=6)
        return row | ({"traits": list(self.traits)} if self.traits else {})

    @property
    def listed_on(self) -> Network:
        return built_in().with_rows([], [self.row]).networks[self._world.network.id]

    @property
    def asset(self) -> Asset:
        return self.listed_on.tokens[trc20.asset_of(self._world.network.id, self.contract)]

    async def do(self, signature: str, *arguments: object, mine: bool = True) -> TxId:
        """By its owner. Must succeed, if it is mined here."""
        node = self._world.node
        txid = await node.call(self.contract, call(signature, *arguments))
        if mine:
            await node.mine()
            assert (await node.info(txid))["receipt"]["result"] == "SUCCESS", signature
        return txid

    async def give(self, to: Address, units: int, *, mine: bool = True) -> TxId:
        return await self.do("transfer(address,uint256)", to, units, mine=mine)

    async def has(self, owner: Address) -> int:
        return await self._world.node.token_balance(owner, self.asset.id)

    async def freeze(self, owner: Address) -> TxId:
        return await self.do("addBlackList(address)", owner)

    async def thaw(self, owner: Address) -> TxId:
        return await self.do("removeBlackList(address)", owner)

    async def pause(self) -> TxId:
        return await self.do("pause()")

    async def unpause(self) -> TxId:
        return await self.do("unpause()")


async def dollar(world: OnChain) -> Token:
    """See Dollar.sol."""
    return Token(world, await world.node.deploy(bytecode("dollar")))


async def devnet(world: OnChain) -> Token:
    """The one of the demo."""
    row = await world.node.issue_token()
    made = Token(world, trc20.contract_of(world.network.id, row["id"]))
    made.traits = ()
    return made


class TronIssuer:
    """Implements `tests.support.token_house.Issuer`."""

    coin = 100 * 10**6

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.node = TronNode(network, folder)
        self.tokens: dict[str, Token] = {}

    async def start(self) -> None:
        await self.node.start()
        self.tokens = {"dollar": await dollar(self), "devnet": await devnet(self)}

    async def stop(self) -> None:
        await self.node.stop()

    async def height(self) -> int:
        answer = await self.node._ask("/wallet/getblock")
        return int(answer["block_header"]["raw_data"].get("number", 0))
