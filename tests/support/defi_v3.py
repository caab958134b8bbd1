"""Uniswap v3 with one pool, and the universal router before it, as their authors built them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.packed import encode_packed

from chains.evm.address import canonical
from chains.evm.orders import PERMIT2
from chains.hashes import keccak256
from chains.model import Address
from tests.support.defi import _FOLDER, LATE, Exchange, code_of, done
from tests.support.evm_tokens import call

FEE = 3000
"""Of the pool, in hundredths of a basis point."""
_SPACING, _TICK_MAX = 60, 887_220
_DEPLOYING_GAS = 12_000_000
_NOBODY = Address("0x" + "00" * 20)
_EVEN = 2**96
"""The root of a price of one for one (Q64.96)."""
_MINT = "(address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256)"
_ROUTER = f"({','.join(['address'] * 4 + ['bytes32'] * 2 + ['address'] * 4)})"


@cache
def artifact(name: str) -> dict[str, Any]:
    """Of a contract: `abi` and `bytecode`."""
    (found,) = {
        path.resolve()
        for package in ("v3-core", "v3-periphery", "universal-router")
        for path in (_FOLDER / package / "artifacts").rglob(f"{name}.sol/{name}.json")
    }
    return dict(json.loads(found.read_text()))


def fragment_v3(contract: str, function: str, inputs: int) -> dict[str, Any]:
    """The function's JSON with so many inputs."""
    (found,) = [
        each
        for each in artifact(contract)["abi"]
        if each.get("name") == function and len(each["inputs"]) == inputs
    ]
    return dict(found)


def way(*parts: object) -> bytes:
    """Tokens, and the fees of the pools between."""
    kinds = ["uint24" if isinstance(each, int) else "address" for each in parts]
    return bytes(encode_packed(kinds, parts))


def _told(name: str, types: list[str], *arguments: object) -> bytes:
    selector = keccak256(f"{name}({','.join(types)})".encode())[:4]
    return selector + encode(types, arguments)


def _code(name: str) -> bytes:
    return bytes.fromhex(artifact(name)["bytecode"].removeprefix("0x"))


@dataclass
class ExchangeV3:
    """`base`: the tokens, and the outside wallet that filled the pool."""

    base: Exchange
    router: Address
    universal: Address
    pool: Address

    @classmethod
    async def opened(cls, base: Exchange, units: int) -> ExchangeV3:
        """`units`: of both tokens, in the pool. The outside wallet must have coins for them."""
        deploy = _Deployer(base)
        factory = await deploy.made("UniswapV3Factory")
        known = ["address", "address"]
        router = await deploy.made("SwapRouter", known, factory, base.weth)
        positions = await deploy.made(
            "NonfungiblePositionManager", [*known, "address"], factory, base.weth, _NOBODY
        )
        hashes = keccak256(code_of("UniswapV2Pair")), keccak256(_code("UniswapV3Pool"))
        others = (_NOBODY, positions, _NOBODY, _NOBODY)
        universal = await deploy.made(
            "UniversalRouter", [_ROUTER], (PERMIT2, base.weth, factory, factory, *hashes, *others)
        )
        first, second = sorted((base.weth, base.token), key=str.lower)
        await base.send(base.weth, units, call("deposit()"))
        for token in (first, second):
            await base.send(token, 0, call("approve(address,uint256)", positions, units))
        pair = call("createPool(address,address,uint24)", first, second, FEE)
        await deploy.sent(factory, pair)
        asked = call("getPool(address,address,uint24)", first, second, FEE)
        pool = await base.address_of(factory, asked)
        await deploy.sent(pool, call("initialize(uint160)", _EVEN))
        reach = (-_TICK_MAX, _TICK_MAX, units, units, 0, 0, await deploy.outside(), LATE)
        await deploy.sent(positions, _told("mint", [_MINT], (first, second, FEE, *reach)))
        return cls(base, router, universal, pool)


@dataclass
class _Deployer:
    base: Exchange

    async def made(self, name: str, types: list[str] | None = None, *values: object) -> Address:
        code = _code(name) + (encode(types, values) if types else b"")
        receipt = await done(self.base.node, None, code, _DEPLOYING_GAS)
        return canonical(receipt["contractAddress"])

    async def sent(self, to: Address, data: bytes) -> None:
        await done(self.base.node, to, data, _DEPLOYING_GAS)

    async def outside(self) -> Address:
        return Address(await self.base.node.outside_address())
