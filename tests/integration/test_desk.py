"""A desk's vault lends on Aave v3, whose code its makers built, by POST /v1/calls and by viem,
under the descriptions and entries that `docs/examples/defi.json` ships. What is beside them is
refused with a code of its own and costs nothing; after each the ledger equals the chain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_abi.abi import encode

from chains.errors import NetworkInvalid
from chains.evm import erc20
from chains.evm.adapter import EvmAdapter
from chains.evm.orders import PERMIT2
from chains.networks import Network
from tests.integration.test_described_calls import call, done
from tests.integration.test_described_routers import STEP, MarketV3, must, refused
from tests.integration.test_rpc import Served, asking_key, serving
from tests.support.defi import UNITS
from tests.support.defi_aave import Lending, fragment_aave
from tests.support.defi_permit2 import install, left
from tests.support.defi_v3 import FEE, fragment_v3, way
from tests.support.examples import FILE, example
from tests.support.messages import permit_single
from tests.support.token_house import TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
COIN = UNITS // 100
OTHER = "0x3535353535353535353535353535353535353535"
ALL = str(2**256 - 1)
DETAILS = "((address,uint160,uint48,uint48),address,uint256)"
PERMIT = "command.PERMIT2_PERMIT(((address,uint160,uint48,uint48),address,uint256),bytes)"


class Desk(MarketV3):
    """With a pool of Aave and Permit2 beside."""

    lending: Lending

    def __init__(self, network: Network, folder: Path) -> None:
        super().__init__(network, folder)

    async def start(self) -> None:
        await super().start()
        self.lending = await Lending.opened(self.exchange, self.exchange.weth)
        await install(self.node)


def swapping(desk: Desk) -> list[dict[str, Any]]:
    """Entries for a swap by the router, of what a permit in the same plan lets it take."""
    router, path = desk.three.universal, ("path.first", "path.last")
    pair = zip(path, (desk.exchange.weth, desk.exchange.token), strict=True)
    swap = [must(argument, "equals", value=token) for argument, token in pair]
    permit = [
        must("permitSingle.details.token", "equals", value=desk.exchange.weth),
        must("permitSingle.spender", "equals", value=router),
    ]
    entries = {
        "execute(bytes,bytes[],uint256)": [must("deadline", "within_s", seconds=3600)],
        STEP: [must("recipient", "own_address"), *swap],
        PERMIT: permit,
    }
    told = {"network": desk.network.id, "contract": router, "value_max": "0"}
    return [told | {"function": name, "conditions": said} for name, said in entries.items()]


def named(document: dict[str, Any], desk: Desk) -> None:
    """The example's contracts, and a rule of the example's entries."""
    places = {
        "WETH9": desk.exchange.weth,
        "Universal router": desk.three.universal,
        "Aave v3 pool": desk.lending.pool,
    }
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
    calls = [wrap, *shipped["calls"], *swapping(desk)]
    scope = usual["scope"] | {"actions": ["call"], "assets": "any", "calls": calls}
    document["rules"].append(usual | {"id": "desk", "scope": scope})
    allowing = usual["scope"] | {"actions": ["allow"], "assets": "any"}
    limits: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    document["rules"].append(usual | {"id": "allowances", "scope": allowing, "limits": limits})


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


async def sent(vault: Vault[Desk], txids: list[str]) -> list[dict[str, Any]]:
    """The transfers that went as these transactions."""
    rows = (await vault.house.get("transfers", vault_id=vault.id))["items"]
    return [each for each in rows if any(made["txid"] in txids for made in each["transactions"])]


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
    rows = await sent(vault, told["hashes"])
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


def permit(desk: Desk, until: int, units: int | str = COIN, **changes: Any) -> dict[str, Any]:
    """What the router may take by Permit2, as a document."""
    said = {"spender": desk.three.universal} | changes.pop("said", {})
    details = {"token": desk.exchange.weth, "amount": units} | changes.pop("details", {})
    document: dict[str, Any] = permit_single(until, 0, said=said, details=details, **changes)
    return document


async def signed(vault: Vault[Desk], document: dict[str, Any]) -> str:
    body = {"vault_id": vault.id, "network": vault.house.network.alias, "typed_data": document}
    asked = await vault.house.post("messages", body, **{"Idempotency-Key": str(uuid4())})
    await vault.until(asked, "final", "failed", mining=False)
    return str((await vault.house.get(f"messages/{asked['id']}"))["signature"])


def planned(
    vault: Vault[Desk], document: dict[str, Any], signature: str, **changes: Any
) -> dict[str, Any]:
    """The router is permitted to take, and takes a hundredth of a coin for tokens."""
    desk, told = vault.house.issuer, document["message"]
    details = tuple(
        value if name == "token" else int(value) for name, value in told["details"].items()
    )
    one = (details, told["spender"], int(told["sigDeadline"]))
    permitted = encode([DETAILS, "bytes"], [one, bytes.fromhex(signature[2:])])
    path = way(desk.exchange.weth, FEE, desk.exchange.token)
    types = ["address", "uint256", "uint256", "bytes", "bool"]
    to = changes.pop("recipient", vault.address)
    swap = encode(types, [to, COIN, COIN * 98 // 100, path, True])
    return {
        "commands": "0x0a00",
        "inputs": ["0x" + permitted.hex(), "0x" + swap.hex()],
        "deadline": str(told["sigDeadline"]),
    } | changes


async def later(desk: Desk) -> int:
    block = await desk.node.ask("eth_getBlockByNumber", "latest", False)
    return int(block["timestamp"], 16) + 1_200


async def open_(vault: Vault[Desk]) -> dict[str, tuple[int, bool]]:
    """By spender, what is left, and whether it ends."""
    found = (await vault.house.get(f"vaults/{vault.id}/allowances"))["items"]
    return {
        each["spender"]: (int(each["left_base_units"]), each["expires_at"] is not None)
        for each in found
    }


async def permitted(house: TokenHouse[Desk], units: int) -> Vault[Desk]:
    """A vault with a tenth of a coin wrapped, of which Permit2 may hand on so much."""
    vault, desk = await house.new_vault(), house.issuer
    await vault.receive(None, desk.coin)
    await done(vault, await call(vault, desk.exchange.weth, function="deposit", value="0.1"))
    allow = {"spender": PERMIT2, "value": str(units)}
    await done(vault, await call(vault, desk.exchange.weth, function="approve", arguments=allow))
    return vault


async def test_a_router_takes_by_a_permit_that_is_in_its_plan(served: Served) -> None:
    vault = await permitted(served.house, 2 * COIN)
    desk = vault.house.issuer
    document = permit(desk, await later(desk), 2 * COIN)
    signature = await signed(vault, document)
    assert await open_(vault) == {PERMIT2: (2 * COIN, False)}  # nobody has submitted it
    plan = {"function": "execute", "arguments": planned(vault, document, signature)}
    router = desk.three.universal
    for arguments in (
        planned(vault, document, signature, recipient=OTHER),
        planned(vault, permit(desk, await later(desk), said={"spender": OTHER}), signature),
    ):
        await refused(vault, router, plan | {"arguments": arguments}, "call-condition")
    unseen = planned(vault, document, signature, commands="0x8a00")
    await refused(vault, router, plan | {"arguments": unseen}, "call_unknown")
    asked = await call(vault, router, **plan)
    said = {each["name"]: each["value"] for each in asked["call"]["arguments"]}["commands"]
    assert PERMIT in said and signature in said
    ended = await done(vault, asked)
    bought = await desk.tokens["token"].has(vault.address)
    ways = {(each["asset"], each["way"]): int(each["amount_base_units"]) for each in ended["moved"]}
    weth, token = desk.tokens["weth"].asset.id, desk.tokens["token"].asset.id
    assert ways == {(weth, "out"): COIN, (token, "in"): bought} and bought >= COIN * 98 // 100
    # What is left of it is known, and taken back.
    assert await open_(vault) == {PERMIT2: (COIN, False), router: (COIN, True)}
    key = {"Idempotency-Key": str(uuid4())}
    made = await vault.house.post(f"vaults/{vault.id}/allowances/revoke", {}, **key)
    for each in made["items"]:
        await vault.until(each["transfer"], "final")
    assert await open_(vault) == {}
    units, *_ = await left(desk.node, vault.address, desk.exchange.weth, router)
    assert units == 0


async def test_permit2_is_told_what_somebody_may_take_and_until_when(served: Served) -> None:
    vault = await permitted(served.house, COIN)
    desk = vault.house.issuer
    until = await later(desk)
    words = {
        "token": desk.exchange.weth,
        "spender": desk.three.universal,
        "amount": str(COIN),
        "expiration": str(until),
    }
    beside: dict[str, tuple[dict[str, str], str]] = {
        "in its own block, or never": ({"expiration": "0"}, "call_unknown"),
        "longer than a calendar goes": ({"expiration": str(2**48 - 1)}, "call_unknown"),
        "of what nobody listed": ({"token": OTHER}, "call_unknown"),
        "for the contract itself": ({"spender": PERMIT2}, "call_unknown"),
        "for oneself": ({"spender": vault.address}, "destination_in_same_vault"),
        "any amount": ({"amount": str(2**160 - 1)}, "allowance-unlimited"),
    }
    for changes, code in beside.values():
        asked = {"function": "approve", "arguments": words | changes}
        await refused(vault, PERMIT2, asked, code)
    asked = await call(vault, PERMIT2, function="approve", arguments=words)
    assert (asked["kind"], asked["allowance"]["amount_base_units"]) == ("allowance", str(COIN))
    await done(vault, asked)
    router = desk.three.universal
    assert await left(desk.node, vault.address, desk.exchange.weth, router) == (COIN, until, 0)
    assert await open_(vault) == {PERMIT2: (COIN, False), router: (COIN, True)}
    await desk.node.ask("evm_increaseTime", 2_000)
    await desk.node.mine()
    assert await open_(vault) == {PERMIT2: (COIN, False)}


async def test_viem_swaps_by_a_permit_that_it_had_signed(served: Served) -> None:
    vault = await permitted(served.house, COIN)
    desk = vault.house.issuer
    document = permit(desk, await later(desk))
    types = {name: rows for name, rows in document["types"].items() if name != "EIP712Domain"}
    asked = {"url": served.url(vault), "key": served.key}
    endless = permit(desk, await later(desk), str(2**160 - 1)) | {"types": types}
    told = await served.program("viemSigns", **asked, documents=[endless])
    assert told["error"]["code"] == 4100 and "any amount" in json.dumps(told), told
    told = await served.program("viemSigns", **asked, documents=[document | {"types": types}])
    (signature,) = told["signatures"]
    swap = {
        "to": desk.three.universal,
        "fragment": fragment_v3("UniversalRouter", "execute", 3),
        "args": [*planned(vault, document, signature).values()],
    }
    told = await served.program("viemCalls", **asked, calls=[swap])
    assert told.get("statuses") == ["success"], told
    (made,) = await sent(vault, told["hashes"])
    await done(vault, made)
    assert await desk.tokens["token"].has(vault.address) >= COIN * 98 // 100
    assert await open_(vault) == {}
