"""Aave v3 with one reserve, as its authors built it: libraries, pool, configurator, aToken."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from chains.evm.address import canonical, to_bytes
from chains.hashes import keccak256
from chains.model import Address
from tests.support.defi import Exchange, done
from tests.support.evm_tokens import call

_FOLDER = Path(__file__).resolve().parents[1] / "contracts/node_modules/@aave/core-v3/artifacts"
_GAS = 12_000_000
_NOBODY = Address("0x" + "00" * 20)
_RAY = 10**27
_HOLE = re.compile(r"__\$[0-9a-f]{34}\$__")
"""What compilers leave for a library's address."""
Link = tuple[int, int]
"""Where in a code a library's address belongs: first octet, number of octets."""


@cache
def _artifact(name: str) -> dict[str, Any]:
    (found,) = (_FOLDER / "contracts" / "protocol").rglob(f"{name}.sol/{name}.json")
    return dict(json.loads(found.read_text()))


@cache
def fragment_aave(function: str) -> dict[str, Any]:
    """The JSON of the pool's function."""
    (found,) = [each for each in _artifact("Pool")["abi"] if each.get("name") == function]
    return dict(found)


def type_of(argument: Mapping[str, Any]) -> str:
    """As a signature has it."""
    kind = str(argument["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(type_of(each) for each in argument["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _links(name: str) -> dict[str, list[Link]]:
    """By the library's name."""
    return {
        library: [(each["start"], each["length"]) for each in places]
        for libraries in _artifact(name)["linkReferences"].values()
        for library, places in libraries.items()
    }


class Lending:
    """`pool`: of the reserve `token`, for which it gives `shares`, which are the aToken's."""

    def __init__(self, base: Exchange, token: Address) -> None:
        self.base = base
        self.token = token
        self.pool = self.shares = _NOBODY
        self._made: dict[str, Address] = {}

    @classmethod
    async def opened(cls, base: Exchange, token: Address) -> Lending:
        made = cls(base, token)
        assert base.node._outside is not None
        await made._open(Address(base.node._outside.address))
        return made

    async def _open(self, owner: Address) -> None:
        provider = await self._deployed("PoolAddressesProvider", "local", owner)
        await self._told(provider, "setACLAdmin(address)", owner)
        roles = await self._deployed("ACLManager", provider)
        await self._told(provider, "setACLManager(address)", roles)
        await self._told(roles, "addPoolAdmin(address)", owner)
        pool = await self._deployed("Pool", provider)
        await self._told(provider, "setPoolImpl(address)", pool)
        configurator = await self._deployed("PoolConfigurator")
        await self._told(provider, "setPoolConfiguratorImpl(address)", configurator)
        self.pool = await self.base.address_of(provider, call("getPool()"))
        asked = call("getPoolConfigurator()")
        await self._listed(await self.base.address_of(provider, asked), provider)

    async def _listed(self, configurator: Address, provider: Address) -> None:
        """The reserve, whose shares are then known."""
        kinds = ("AToken", "StableDebtToken", "VariableDebtToken")
        made = [await self._deployed(kind, self.pool) for kind in kinds]
        rates = (8 * _RAY // 10, 0, _RAY // 25, _RAY, _RAY // 25, _RAY, 0, 0, _RAY // 5)
        strategy = await self._deployed("DefaultReserveInterestRateStrategy", provider, *rates)
        names = ("Aave WETH", "aWETH", "Variable", "vWETH", "Stable", "sWETH")
        reserve = (*made, 18, strategy, self.token, provider, _NOBODY, *names, b"")
        await self._tell(configurator, "PoolConfigurator", "initReserves", [reserve])
        data = call("getReserveData(address)", self.token)
        row = {"to": self.pool, "data": "0x" + data.hex()}
        said = bytes.fromhex((await self.base.node.ask("eth_call", row, "latest"))[2:])
        self.shares = canonical("0x" + said[8 * 32 + 12 : 9 * 32].hex())

    async def _deployed(self, name: str, *values: object) -> Address:
        """With the libraries that it needs, each of which is there once."""
        code = bytearray.fromhex(_HOLE.sub("00" * 20, _artifact(name)["bytecode"])[2:])
        for library, places in _links(name).items():
            if library not in self._made:
                self._made[library] = await self._deployed(library)
            for start, length in places:
                code[start : start + length] = to_bytes(self._made[library])
        made = [each for each in _artifact(name)["abi"] if each["type"] == "constructor"]
        types = [type_of(each) for each in (made[0]["inputs"] if made else [])]
        receipt = await done(self.base.node, None, bytes(code) + encode(types, values), _GAS)
        return canonical(receipt["contractAddress"])

    async def _tell(self, to: Address, contract: str, function: str, *values: object) -> None:
        abi = _artifact(contract)["abi"]
        (found,) = [each for each in abi if each.get("name") == function]
        types = [type_of(each) for each in found["inputs"]]
        selector = keccak256(f"{function}({','.join(types)})".encode())[:4]
        await done(self.base.node, to, selector + encode(types, values), _GAS)

    async def _told(self, to: Address, signature: str, value: Address) -> None:
        await done(self.base.node, to, call(signature, value), _GAS)
