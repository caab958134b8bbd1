"""Real tokens on a local chain: their bytecode, and calls to them by another's encoder."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from eth_abi.abi import encode

from chains.assets import Asset
from chains.catalogue import built_in
from chains.devnet.evm import AnvilNode
from chains.evm import address, erc20, rlp
from chains.hashes import keccak256
from chains.model import Address, TxId
from chains.networks import Network
from tests.support.rows import token_row

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "evm_tokens"
GAS = 6_000_000
MINTED = 10**12


class OnChain(Protocol):
    """Where contracts are: a network and its engine."""

    @property
    def network(self) -> Network: ...

    @property
    def node(self) -> AnvilNode: ...


def call(signature: str, *arguments: object) -> bytes:
    types = signature.partition("(")[2].removesuffix(")")
    encoded = encode(types.split(","), arguments) if types else b""
    return keccak256(signature.encode())[:4] + encoded


def bytecode(name: str) -> bytes:
    return bytes.fromhex(json.loads((VECTORS / f"{name}.json").read_text())["bytecode"])


class Token:
    """A contract of the outside wallet's."""

    def __init__(self, world: OnChain, contract: Address) -> None:
        self._world = world
        self.contract = contract
        self.decimals = 6
        self.traits: tuple[str, ...] = ()
        self.domain: tuple[str, str] | None = None

    @property
    def row(self) -> dict[str, Any]:
        identity = erc20.asset_of(self._world.network.id, self.contract)
        row = token_row(id=identity, decimals=self.decimals)
        if self.domain is not None:
            row["domain_name"], row["domain_version"] = self.domain
        return row | ({"traits": list(self.traits)} if self.traits else {})

    @property
    def listed_on(self) -> Network:
        return built_in().with_rows([], [self.row]).networks[self._world.network.id]

    @property
    def asset(self) -> Asset:
        return self.listed_on.tokens[erc20.asset_of(self._world.network.id, self.contract)]

    async def do(self, signature: str, *arguments: object, mine: bool = True) -> TxId:
        """By its owner. Must succeed, if it is mined here."""
        node = self._world.node
        txid = await node.send(self.contract, 0, call(signature, *arguments), 300_000)
        if mine:
            await node.mine()
            receipt = await node.ask("eth_getTransactionReceipt", txid)
            assert receipt["status"] == "0x1", signature
        return txid

    async def give(self, to: Address, units: int, *, mine: bool = True) -> TxId:
        return await self.do("transfer(address,uint256)", to, units, mine=mine)

    async def has(self, owner: Address) -> int:
        """By a call of the test's own."""
        asked = {"to": self.contract, "data": "0x" + call("balanceOf(address)", owner).hex()}
        return int(await self._world.node.ask("eth_call", asked, "latest"), 16)

    async def freeze(self, owner: Address) -> TxId:
        return await self.do("blacklist(address)", owner)

    async def thaw(self, owner: Address) -> TxId:
        return await self.do("unBlacklist(address)", owner)

    async def pause(self) -> TxId:
        return await self.do("pause()")

    async def unpause(self) -> TxId:
        return await self.do("unpause()")


async def deploy(world: OnChain, name: str, *, constructor: bytes = b"") -> Token:
    return await _created(world, bytecode(name) + constructor)


async def _created(world: OnChain, code: bytes) -> Token:
    txid = await world.node.send(None, 0, code, GAS)
    await world.node.mine()
    receipt = await world.node.ask("eth_getTransactionReceipt", txid)
    assert receipt["status"] == "0x1"
    return Token(world, address.canonical(receipt["contractAddress"]))


async def habits(world: OnChain) -> Token:
    """`set(mode, fee, decimals)` changes its habits; see Habits.sol."""
    return await deploy(world, "habits")


async def openzeppelin(world: OnChain) -> Token:
    token = await deploy(
        world, "openzeppelin", constructor=encode(["string", "string"], ["Plain", "PLN"])
    )
    token.decimals = 18
    await token.do("mint(address,uint256)", await outside(world), MINTED)
    return token


async def usdc(world: OnChain) -> Token:
    told, me = json.loads((VECTORS / "usdc.json").read_text()), await outside(world)
    nonce = int(await world.node.ask("eth_getTransactionCount", me, "latest"), 16)
    library = keccak256(rlp.encode([address.to_bytes(me), rlp.encode_int(nonce)]))[-20:]
    await world.node.send(None, 0, bytes.fromhex(told["library"]), GAS)
    code = bytearray(bytecode("usdc"))
    for at in told["links"]:
        code[at : at + 20] = library
    token = await _created(world, bytes(code))
    token.traits = ("blacklist", "pausable", "eip-2612", "eip-3009")
    token.domain = ("USD Coin", "2")
    roles = "initialize(string,string,string,uint8,address,address,address,address)"
    await token.do(roles, "USD Coin", "USDC", "USD", 6, me, me, me, me)
    await token.do("configureMinter(address,uint256)", me, MINTED)
    await token.do("mint(address,uint256)", me, MINTED)
    return token


def proxy_code(slot: int, code: Address) -> bytes:
    """Made by hand: runs `code`, which it keeps in `slot`, for whatever it is asked."""
    kept = b"\x7f" + slot.to_bytes(32, "big")
    runs = (
        bytes.fromhex("365f5f375f5f365f") + kept + bytes.fromhex("545af43d5f5f3e3d5f82603757fd5bf3")
    )
    puts = b"\x73" + address.to_bytes(code) + kept + b"\x55"
    returns = bytes.fromhex("603960415f3960395ff3")
    assert (len(runs), len(puts + returns)) == (0x39, 0x41)
    return puts + returns + runs


async def proxied(world: OnChain, slot: int) -> Token:
    """Circle's token behind a proxy."""
    me, code = await outside(world), await usdc(world)
    token = await _created(world, proxy_code(slot, code.contract))
    roles = "initialize(string,string,string,uint8,address,address,address,address)"
    await token.do(roles, "USD Coin", "USDC", "USD", 6, me, me, me, me)
    return token


async def devnet(world: OnChain) -> Token:
    """The one of the demo."""
    row = await world.node.issue_token()
    return Token(world, erc20.contract_of(world.network.id, row["id"]))


async def outside(world: OnChain) -> Address:
    assert world.node._outside is not None
    return Address(world.node._outside.address)


KINDS: Mapping[str, Callable[[OnChain], Awaitable[Token]]] = {
    "usdc": usdc,
    "openzeppelin": openzeppelin,
    "habits": habits,
}


class EvmIssuer:
    """Implements `tests.support.token_house.Issuer`."""

    coin = 10**18

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.node = AnvilNode(network, folder)
        self.tokens: dict[str, Token] = {}

    async def start(self) -> None:
        await self.node.start()
        for kind, make in KINDS.items():
            self.tokens[kind] = await make(self)

    async def stop(self) -> None:
        await self.node.stop()

    async def height(self) -> int:
        return int(await self.node.ask("eth_blockNumber"), 16)
