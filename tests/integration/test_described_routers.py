"""A vault swaps on Uniswap v3 and by the universal router, whose code its makers built, by POST
/v1/calls under a rule that names the way, the price and who gets it. What is beside that is
refused with a code of its own and costs nothing; after each swap the ledger equals the chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from eth_abi.abi import encode

from chains.networks import Network
from tests.integration.test_described_calls import LATER, Market, call, done
from tests.support.defi import UNITS
from tests.support.defi_v3 import FEE, ExchangeV3, fragment_v3, way
from tests.support.rows import abi
from tests.support.token_house import Refused, TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
COIN = UNITS // 100
OTHER = "0x3535353535353535353535353535353535353535"
THE_ROUTER = "0x0000000000000000000000000000000000000002"
EXACT_INPUT = "exactInput((bytes,address,uint256,uint256,uint256))"
STEP = "command.V3_SWAP_EXACT_IN(address,uint256,uint256,bytes,bool)"


class MarketV3(Market):
    """With a pool of Uniswap v3 beside."""

    three: ExchangeV3

    def __init__(self, network: Network, folder: Path) -> None:
        super().__init__(network, folder)

    async def start(self) -> None:
        await super().start()
        self.three = await ExchangeV3.opened(self.exchange, 100 * UNITS)


def must(argument: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"argument": argument, "is": kind, **more}


def named(document: dict[str, Any], market: MarketV3) -> None:
    """The contracts, and a rule that names the ways through the pool."""
    network, made, three = market.network.id, market.exchange, market.three
    takes = [{"token": "params.path.first", "argument": "params.amountIn"}]
    swap = fragment_v3("SwapRouter", "exactInput", 1)
    execute = fragment_v3("UniversalRouter", "execute", 3)
    reads = {"commands": {"is": "commands", "inputs": "inputs"}}
    rows: dict[str, tuple[str, list[Any]]] = {
        made.weth: ("WETH9", [{"abi": abi("deposit", payable=True)}]),
        three.router: (
            "Uniswap v3 router",
            [{"abi": swap, "moves": takes, "readers": {"params.path": {"is": "v3path"}}}],
        ),
        three.universal: ("Universal router", [{"abi": execute, "readers": reads}]),
    }
    document["contracts"] = [
        {"network": network, "address": address, "name": name, "functions": functions}
        for address, (name, functions) in rows.items()
    ]

    def ways(path: str) -> list[dict[str, Any]]:
        return [
            must(f"{path}.first", "equals", value=made.weth),
            must(f"{path}.fees", "equals", value=f'["{FEE}"]'),
            must(f"{path}.last", "equals", value=made.token),
        ]

    def price(least: str, units: str) -> dict[str, Any]:
        return must(least, "ratio_at_least", of=units, numerator="98", denominator="100")

    def entry(contract: str, function: str, value: str, *conditions: Any) -> dict[str, Any]:
        told = {"network": network, "contract": contract, "function": function}
        return {**told, "value_max": value, "conditions": list(conditions)}

    calls = [
        entry(made.weth, "deposit()", str(UNITS)),
        entry(
            three.router,
            EXACT_INPUT,
            "0",
            *ways("params.path"),
            must("params.recipient", "own_address"),
            must("params.deadline", "within_s", seconds=3600),
            price("params.amountOutMinimum", "params.amountIn"),
        ),
        entry(three.universal, "execute(bytes,bytes[],uint256)", str(COIN)),
        entry(
            *(three.universal, "command.WRAP_ETH(address,uint256)", "0"),
            must("recipient", "equals", value=THE_ROUTER),
        ),
        entry(
            three.universal,
            STEP,
            "0",
            *ways("path"),
            must("recipient", "own_address"),
            must("payerIsUser", "equals", value="false"),
            price("amountOutMin", "amountIn"),
        ),
    ]
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any", "calls": calls}
    document["rules"].append(usual | {"id": "swaps", "scope": scope})
    allowing = usual["scope"] | {"actions": ["allow"], "assets": "any"}
    document["rules"].append(usual | {"id": "allowances", "scope": allowing})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[TokenHouse[MarketV3]]:
    with TemporaryDirectory(prefix="routers-") as folder:
        async with opened("ethereum-local", Path(folder), MarketV3, change=named) as made:
            yield made


async def soon(market: MarketV3) -> str:
    block = await market.node.ask("eth_getBlockByNumber", "latest", False)
    return str(int(block["timestamp"], 16) + 1800)


async def swapping(vault: Vault[MarketV3], **changes: Any) -> dict[str, Any]:
    market = vault.house.issuer
    made = market.exchange
    path = {"first": made.weth, "fees": [str(FEE)], "through": [], "last": made.token}
    params = {
        "path": path | changes.pop("path", {}),
        "recipient": vault.address,
        "deadline": await soon(market),
        "amountIn": str(COIN),
        "amountOutMinimum": str(COIN * 98 // 100),
    }
    return {"function": "exactInput", "arguments": {"params": params | changes}}


async def refused(vault: Vault[Any], contract: str, asked: dict[str, Any], code: str) -> None:
    """With the code, and nothing is asked for."""
    before = await vault.house.get("transfers", vault_id=vault.id)
    with pytest.raises(Refused) as found:
        await call(vault, contract, **asked)
    problem = found.value.problem
    assert code in (problem["code"], problem["detail"].partition("/")[2].split(":")[0]), problem
    after = await vault.house.get("transfers", vault_id=vault.id)
    ways = [{each["id"]: each["state"] for each in page["items"]} for page in (before, after)]
    assert all(ways[1][each] == "denied" for each in ways[1].keys() - ways[0].keys())


async def test_a_swap_on_v3_and_what_is_beside_it(house: TokenHouse[MarketV3]) -> None:
    vault, market = await house.new_vault(), house.issuer
    made, router = market.exchange, market.three.router
    weth, token = market.tokens["weth"], market.tokens["token"]
    await vault.receive(None, market.coin)
    await done(vault, await call(vault, made.weth, function="deposit", value="0.1"))
    allow = {"spender": router, "value": str(COIN)}
    await done(vault, await call(vault, made.weth, function="approve", arguments=allow))
    beside: dict[str, dict[str, Any]] = {
        "another gets it": {"recipient": OTHER},
        "another pool": {"path": {"fees": ["500"]}},
        "over another token": {"path": {"fees": [str(FEE)] * 2, "through": [OTHER]}},
        "another token bought": {"path": {"last": OTHER}},
        "a worse price": {"amountOutMinimum": str(COIN * 98 // 100 - 1)},
    }
    for changes in beside.values():
        await refused(vault, router, await swapping(vault, **changes), "call-condition")
    await refused(vault, router, await swapping(vault, deadline=LATER), "call-deadline")
    await refused(vault, router, await swapping(vault) | {"value": "0.001"}, "call-value")
    keeps = await swapping(vault, recipient="0x" + "00" * 20)
    await refused(vault, router, keeps, "address_zero")
    unlisted = await swapping(vault, path={"first": OTHER})
    await refused(vault, router, unlisted, "call_unknown")
    asked = await call(vault, router, **await swapping(vault))
    assert (await vault.balance(weth.asset.id))["reserved"] == COIN
    ended = await done(vault, asked)
    bought = await token.has(vault.address)
    assert bought >= COIN * 98 // 100
    ways = {(each["asset"], each["way"]): int(each["amount_base_units"]) for each in ended["moved"]}
    assert ways == {(weth.asset.id, "out"): COIN, (token.asset.id, "in"): bought}
    assert await weth.has(vault.address) == UNITS // 10 - COIN


async def planned(vault: Vault[MarketV3], **changes: Any) -> dict[str, Any]:
    """Coins are wrapped by the router, which swaps them for tokens."""
    market = vault.house.issuer
    made = market.exchange
    said: dict[str, Any] = {"recipient": vault.address, "least": COIN * 98 // 100, "user": False}
    said |= changes
    path = way(made.weth, said.get("fee", FEE), made.token)
    types = ["address", "uint256", "uint256", "bytes", "bool"]
    swap = encode(types, [said["recipient"], COIN, said["least"], path, said["user"]])
    wrap = encode(["address", "uint256"], [said.get("wrapped", THE_ROUTER), COIN])
    inputs = [wrap, swap, *said.get("more", [])]
    arguments = {
        "commands": "0x" + said.get("commands", b"\x0b\x00").hex(),
        "inputs": ["0x" + each.hex() for each in inputs],
        "deadline": await soon(market),
    }
    value = str(said.get("value", COIN))
    return {"function": "execute", "arguments": arguments, "value_base_units": value}


async def test_a_plan_of_the_universal_router(house: TokenHouse[MarketV3]) -> None:
    vault, market = await house.new_vault(), house.issuer
    router, token = market.three.universal, market.tokens["token"]
    await vault.receive(None, market.coin)
    sweep = encode(["address", "address", "uint160"], [market.exchange.weth, OTHER, 0])
    beside: dict[str, tuple[dict[str, Any], str]] = {
        "another gets it": ({"recipient": OTHER}, "call-condition"),
        "wrapped for another": ({"wrapped": OTHER}, "call-condition"),
        "another pool": ({"fee": 500}, "call-condition"),
        "a worse price": ({"least": 1}, "call-condition"),
        "a step that nobody named": (
            {"commands": b"\x0b\x00\x04", "more": [sweep]},
            "call-condition",
        ),
        "more coins": ({"value": COIN + 1}, "call-value"),
        "a swap that may fail unseen": ({"commands": b"\x0b\x80"}, "call_unknown"),
        "an octet that nobody knows": ({"commands": b"\x0b\x0f"}, "call_unknown"),
    }
    for changes, code in beside.values():
        await refused(vault, router, await planned(vault, **changes), code)
    asked = await call(vault, router, **await planned(vault))
    said = {each["name"]: each["value"] for each in asked["call"]["arguments"]}["commands"]
    assert STEP in said and market.exchange.token in said
    ended = await done(vault, asked)
    bought = await token.has(vault.address)
    assert bought >= COIN * 98 // 100
    ways = {(each["asset"], each["way"]): int(each["amount_base_units"]) for each in ended["moved"]}
    assert ways == {(token.asset.id, "in"): bought}
    assert await market.tokens["weth"].has(vault.address) == 0
