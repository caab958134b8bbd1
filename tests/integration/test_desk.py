"""A desk's vault lends on Aave v3, whose code its makers built, by POST /v1/calls and by viem,
under the descriptions and entries that `docs/examples/defi.json` ships. What is beside them is
refused with a code of its own and costs nothing; after each the ledger equals the chain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.errors import NetworkInvalid
from chains.evm import erc20
from chains.evm.adapter import EvmAdapter
from chains.networks import Network
from tests.integration.test_described_calls import Market, call, done
from tests.integration.test_described_routers import refused
from tests.integration.test_rpc import Served, asking_key, serving
from tests.support.defi import UNITS
from tests.support.defi_aave import Lending, fragment_aave
from tests.support.examples import FILE, example
from tests.support.token_house import TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
COIN = UNITS // 100
OTHER = "0x3535353535353535353535353535353535353535"
ALL = str(2**256 - 1)


class Desk(Market):
    """With a pool of Aave beside."""

    lending: Lending

    def __init__(self, network: Network, folder: Path) -> None:
        super().__init__(network, folder)

    async def start(self) -> None:
        await super().start()
        self.lending = await Lending.opened(self.exchange, self.exchange.weth)


def named(document: dict[str, Any], desk: Desk) -> None:
    """The example's contracts, and a rule of the example's entries."""
    places = {"WETH9": desk.exchange.weth, "Aave v3 pool": desk.lending.pool}
    shipped = example(desk.network.id, places)
    wrap = {
        "network": desk.network.id,
        "contract": desk.exchange.weth,
        "function": "deposit()",
        "value_max": str(UNITS),
        "conditions": [],
    }
    document["contracts"] = shipped["contracts"]
    (usual,) = document["rules"]
    calls = [wrap, *shipped["calls"]]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any", "calls": calls}
    document["rules"].append(usual | {"id": "desk", "scope": scope})
    allowing = usual["scope"] | {"actions": ["allow"], "assets": "any"}
    document["rules"].append(usual | {"id": "allowances", "scope": allowing})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    with TemporaryDirectory(prefix="desk-") as folder:
        async with (
            opened("ethereum-local", Path(folder), Desk, change=named) as house,
            serving(house) as port,
        ):
            yield Served(house, port, await asking_key(house), Ed25519PrivateKey.generate())


async def wrapped(house: TokenHouse[Desk]) -> Vault[Desk]:
    """A vault with a tenth of a coin wrapped, which the pool may take a hundredth of."""
    vault, desk = await house.new_vault(), house.issuer
    await vault.receive(None, desk.coin)
    await done(vault, await call(vault, desk.exchange.weth, function="deposit", value="0.1"))
    allow = {"spender": desk.lending.pool, "value": str(COIN)}
    await done(vault, await call(vault, desk.exchange.weth, function="approve", arguments=allow))
    return vault


def supplies(vault: Vault[Desk], **changes: Any) -> dict[str, Any]:
    said = {
        "asset": vault.house.issuer.exchange.weth,
        "amount": str(COIN),
        "onBehalfOf": vault.address,
        "referralCode": "0",
    }
    return {"function": "supply", "arguments": said | changes}


def withdraws(vault: Vault[Desk], **changes: Any) -> dict[str, Any]:
    said = {"asset": vault.house.issuer.exchange.weth, "amount": str(COIN), "to": vault.address}
    return {"function": "withdraw", "arguments": said | changes}


def bounds(vault: Vault[Desk], **most: int) -> list[dict[str, Any]]:
    """`weth`: comes in at least; `shares`: go out at most; each in base units."""
    desk, said = vault.house.issuer, []
    for name, units in most.items():
        token = desk.lending.shares if name == "shares" else desk.exchange.weth
        way = "at_least_base_units" if name == "back" else "at_most_base_units"
        said.append({"asset": erc20.asset_of(desk.network.id, token), way: str(units)})
    return said


async def moved(vault: Vault[Desk], asked: Any) -> dict[str, int]:
    ended = await done(vault, asked)
    return {each["way"]: int(each["amount_base_units"]) for each in ended["moved"]}


async def test_a_vault_lends_and_takes_back(served: Served) -> None:
    vault = await wrapped(served.house)
    desk = vault.house.issuer
    weth, pool = desk.tokens["weth"], desk.lending.pool
    body = {"vault_id": vault.id, "network": vault.house.network.id, "contract": pool}
    lend = supplies(vault) | {"outcome": bounds(vault, weth=COIN)}
    told = await vault.house.post("calls:estimate", body | lend)
    assert [each["strength"] for each in told["outcome"]] == ["enforced"]
    asked = await call(vault, pool, **lend)
    assert (await vault.balance(weth.asset.id))["reserved"] == COIN
    assert await moved(vault, asked) == {"out": COIN}
    assert await desk.exchange.has(desk.lending.shares, vault.address) == COIN
    # The shares go, which no book has; so who bounds what happens names them, or waits unsigned.
    waits = await call(vault, pool, **withdraws(vault), outcome=bounds(vault, back=COIN))
    await vault.until_waiting(waits, "outcome_outside", mining=True)
    await vault.house.post(f"transfers/{waits['id']}/cancel", {})
    back = withdraws(vault) | {"outcome": bounds(vault, back=COIN, shares=COIN)}
    told = await vault.house.post("calls:estimate", body | back)
    held = {each["asset"]: each["strength"] for each in told["outcome"]}
    assert held.pop(weth.asset.id) == "enforced" and list(held.values()) == ["stated"]
    assert told["simulation"]["outside"] is None
    assert await moved(vault, await call(vault, pool, **back)) == {"in": COIN}
    assert await desk.exchange.has(desk.lending.shares, vault.address) == 0
    assert await weth.has(vault.address) == UNITS // 10


async def test_what_is_beside_the_entries_is_refused(served: Served) -> None:
    vault = await served.house.new_vault()
    desk = vault.house.issuer
    pool = desk.lending.pool
    beside = {
        "for another": supplies(vault, onBehalfOf=OTHER),
        "for who sent it": supplies(vault, referralCode="7"),
        "another asset": supplies(vault, asset=desk.exchange.token),
        "taken by another": withdraws(vault, to=OTHER),
        "all, which says no number": withdraws(vault, amount=ALL),
    }
    for asked in beside.values():
        await refused(vault, pool, asked, "call-condition")
    await refused(vault, pool, supplies(vault, asset=OTHER), "call_unknown")
    (named,) = bounds(vault, shares=COIN)
    spelled = named | {"asset": named["asset"].lower()}
    comes = {"asset": named["asset"], "at_least_base_units": "1"}
    for unknown in (spelled, comes, named | {"asset": f"{named['asset']}00"}):
        await refused(vault, pool, withdraws(vault) | {"outcome": [unknown]}, "asset_unknown")


async def test_viem_lends_and_takes_back(served: Served) -> None:
    vault = await wrapped(served.house)
    desk = vault.house.issuer
    weth, pool = desk.exchange.weth, desk.lending.pool
    supply = {
        "to": pool,
        "fragment": fragment_aave("supply"),
        "args": [weth, str(COIN), vault.address, 0],
    }
    back = {"to": pool, "fragment": fragment_aave("withdraw")}
    part = back | {"args": [weth, str(COIN // 2), vault.address]}
    asked = {"url": served.url(vault), "key": served.key}
    told = await served.program("viemCalls", **asked, calls=[supply, part])
    assert told.get("statuses") == ["success", "success"], told
    rows = [
        each
        for each in (await vault.house.get("transfers", vault_id=vault.id))["items"]
        if each["transactions"][-1]["txid"] in told["hashes"]
    ]
    assert [each["kind"] for each in rows] == ["call", "call"]
    for each in rows:
        await vault.until(each, "final", "failed")
    await done(vault, rows[-1])
    assert await desk.exchange.has(desk.lending.shares, vault.address) == COIN - COIN // 2
    theft = back | {"args": [weth, str(COIN // 2), OTHER]}
    error = (await served.program("viemCalls", **asked, calls=[theft]))["error"]
    assert (error["code"], "call-condition" in json.dumps(error)) == (4100, True), error


async def test_the_makers_code_has_what_the_example_describes(served: Served) -> None:
    shipped = json.loads(FILE.read_text())["contracts"]
    (pool,) = [each["functions"] for each in shipped if each["name"] == "Aave v3 pool"]
    for each in pool:
        made = fragment_aave(each["abi"]["name"])
        kinds = [argument["type"] for argument in made["inputs"]]
        assert [argument["type"] for argument in each["abi"]["inputs"]] == kinds


async def test_shares_whose_balance_grows_are_no_asset_of_the_books(served: Served) -> None:
    """An aToken: it says itself that balances are scaled, so `custody asset add` writes no row."""
    house = served.house
    adapter = EvmAdapter(house.network, house.issuer.node.url)
    with pytest.raises(NetworkInvalid, match="its balances change without a payment"):
        await adapter.describe(house.issuer.lending.shares)
    await adapter.close()
