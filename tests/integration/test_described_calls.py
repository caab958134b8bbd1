"""A house's vault works with contracts that people trade on, by POST /v1/calls alone: it wraps and
unwraps, allows exactly what a swap takes, and swaps both ways. After each the ledger equals the
chain. What a contract refuses costs nothing, and the answer says what would help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from chains.evm import erc20
from chains.networks import Network
from tests.support.defi import UNITS, Exchange, fragment
from tests.support.evm_tokens import EvmIssuer, Token
from tests.support.exported import claims_about, graded
from tests.support.rows import abi
from tests.support.token_house import Refused, TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
POOL = 1_000 * UNITS
COIN = UNITS // 100
LATER = str(2**40)


class Market(EvmIssuer):
    """WETH9, a token of its makers', and a pool of the two."""

    coin = UNITS
    exchange: Exchange

    def __init__(self, network: Network, folder: Path) -> None:
        super().__init__(network, folder)

    async def start(self) -> None:
        await self.node.start()
        self.exchange = made = await Exchange.opened(self.node, POOL, UNITS)
        for name, contract in (("weth", made.weth), ("token", made.token)):
            self.tokens[name] = Token(self, contract)
            self.tokens[name].decimals = 18
        self.tokens["weth"].traits = ("wraps-coin",)


def described(document: dict[str, Any], market: Market) -> None:
    """Three contracts, and a rule that lets a vault call them."""
    network, made = market.network.id, market.exchange
    swaps = ("swapExactETHForTokens", "swapExactTokensForETH", "swapExactTokensForTokens")
    takes = [{"token": "path.0", "argument": "amountIn"}]
    weth = erc20.asset_of(network, made.weth)
    document["contracts"] = [
        {
            "network": network,
            "address": made.weth,
            "name": "WETH9",
            "functions": [
                {"abi": abi("deposit", payable=True)},
                {
                    "abi": abi("withdraw", ("wad", "uint256")),
                    "moves": [{"asset": weth, "argument": "wad"}],
                },
            ],
        },
        {
            "network": network,
            "address": made.router,
            "name": "Uniswap v2 router",
            "functions": [
                {"abi": fragment("UniswapV2Router02", name)}
                | ({"moves": takes} if "ExactTokens" in name else {})
                for name in swaps
            ],
        },
    ]
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["call", "allow"], "assets": "any"}
    document["rules"].append(usual | {"id": "calls", "scope": scope})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[TokenHouse[Market]]:
    with TemporaryDirectory(prefix="described-") as folder:
        path = Path(folder)
        async with opened("ethereum-local", path, Market, change=described) as made:
            yield made


async def call(vault: Vault[Any], contract: str, **more: Any) -> Any:
    body = {"vault_id": vault.id, "network": vault.house.network.id, "contract": contract}
    key = {"Idempotency-Key": str(uuid4())}
    return await vault.house.post("calls", body | more, **key)


async def done(vault: Vault[Any], asked: Any) -> Any:
    """In a final block, and in the books as on the chain."""
    ended = await vault.until(asked, "final", "failed")
    assert ended["state"] == "final", ended["reason"]
    house = vault.house
    for token in house.issuer.tokens.values():
        await settled(vault, token)
    assert await vault.frozen() is None
    return await vault.shown(asked)


async def settled(vault: Vault[Any], token: Token) -> None:
    """What came in is credited, and no book differs from the chain."""

    async def nothing_pending() -> bool:
        found = await vault.deposits(state="pending")
        return not found

    await vault.house.until(nothing_pending)
    if await token.has(vault.address) or await vault.ledger(token.asset.id):
        await vault.compare(token)


async def test_a_vault_wraps_and_unwraps(house: TokenHouse[Market]) -> None:
    vault, market = await house.new_vault(), house.issuer
    weth = market.tokens["weth"]
    await vault.receive(None, market.coin)
    asked = await call(vault, market.exchange.weth, function="deposit", value="0.25")
    assert (asked["kind"], asked["call"]["name"]) == ("call", "WETH9")
    assert asked["call"]["function"] == "deposit()"
    ended = await done(vault, asked)
    assert await weth.has(vault.address) == UNITS // 4
    (came,) = ended["moved"]
    assert (came["asset"], came["way"], came["amount"]) == (weth.asset.id, "in", "0.25")
    shown = graded(await claims_about(house, asked["id"]))
    proven = ("proven", "A")
    assert (shown["effects"], shown["bytes"], shown["block"]) == (proven, proven, ("stated", "C"))
    assert shown["arguments"] == ("not checked", "")
    (receipt,) = await vault.deposits(transfer_id=asked["id"])
    assert (receipt["state"], receipt["transfer_id"]) == ("credited", asked["id"])
    # Back again, in octets.
    data = "0x2e1a7d4d" + f"{UNITS // 8:064x}"
    asked = await call(vault, market.exchange.weth, data=data)
    assert asked["call"]["function"] == "withdraw(uint256)"
    assert asked["call"]["arguments"] == [{"name": "wad", "value": str(UNITS // 8)}]
    assert (await vault.balance(weth.asset.id))["reserved"] == UNITS // 8
    ended = await done(vault, asked)
    assert {(each["asset"], each["way"]) for each in ended["moved"]} == {
        (weth.asset.id, "out"),
        (house.network.native.id, "in"),
    }
    assert await weth.has(vault.address) == UNITS // 8
    balance = await vault.balance(weth.asset.id)
    assert (balance["available"], balance["reserved"]) == (UNITS // 8, 0)


async def test_a_vault_swaps(house: TokenHouse[Market]) -> None:
    vault, market = await house.new_vault(), house.issuer
    made, token = market.exchange, market.tokens["token"]
    await vault.receive(None, market.coin)
    least = await made.out(COIN) * 99 // 100
    words = {
        "amountOutMin": str(least),
        "path": [made.weth, made.token],
        "to": vault.address,
        "deadline": LATER,
    }
    asked = await call(
        vault, made.router, function="swapExactETHForTokens", arguments=words, value="0.01"
    )
    ended = await done(vault, asked)
    bought = await token.has(vault.address)
    assert bought >= least
    (came,) = ended["moved"]
    assert (came["way"], int(came["amount_base_units"])) == ("in", bought)
    # The other way the router takes tokens: refused without an allowance, and the answer says it.
    words = {
        "amountIn": str(bought),
        "amountOutMin": "1",
        "path": [made.token, made.weth],
        "to": vault.address,
        "deadline": LATER,
    }
    sell = {"function": "swapExactTokensForETH", "arguments": words}
    body = {"vault_id": vault.id, "network": house.network.id, "contract": made.router}
    told = await house.post("calls:estimate", body | sell)
    assert f"an allowance of {bought} would help" in told["reverts"], told["reverts"]
    waits = await call(vault, made.router, **sell)
    await vault.until_waiting(waits, "call_reverts", mining=True)
    assert (await vault.shown(waits))["transactions"] == []
    await house.post(f"transfers/{waits['id']}/cancel", {})
    # An exact allowance, by words of the token that everybody knows.
    allow = {"spender": made.router, "value": str(bought)}
    asked = await call(vault, made.token, function="approve", arguments=allow)
    assert (asked["kind"], asked["call"]) == ("allowance", None)
    assert asked["allowance"]["amount_base_units"] == str(bought)
    await done(vault, asked)
    told = await house.post("calls:estimate", body | sell)
    assert told["reverts"] is None and int(told["units"]) > 50_000
    assert told["holds"][token.asset.id]["amount_base_units"] == str(bought)
    asked = await call(vault, made.router, **sell)
    ended = await done(vault, asked)
    ways = {(each["asset"], each["way"]): int(each["amount_base_units"]) for each in ended["moved"]}
    assert ways[token.asset.id, "out"] == bought
    assert ways[house.network.native.id, "in"] > 0
    assert await token.has(vault.address) == 0
    page = await house.get("foreign-debits", vault_id=vault.id)
    assert page["items"] == []


async def test_a_swap_leads_to_no_more_than_was_agreed(house: TokenHouse[Market]) -> None:
    """Bounds stand in the mandate, an estimate shows what holds them and what would be, and a swap
    that moved out of them waits unsigned."""
    vault, market = await house.new_vault(), house.issuer
    made, token = market.exchange, market.tokens["token"]
    await vault.receive(None, market.coin)
    out = await made.out(COIN)
    words = {
        "amountOutMin": str(out * 99 // 100),
        "path": [made.weth, made.token],
        "to": vault.address,
        "deadline": LATER,
    }
    native = house.network.native.id
    most = {"asset": native, "at_most_base_units": str(COIN)}
    swap: dict[str, Any] = {
        "function": "swapExactETHForTokens", "arguments": words, "value": "0.01",
        "outcome": [{"asset": token.asset.id, "at_least_base_units": str(out)}, most],
    }  # fmt: skip
    body = {"vault_id": vault.id, "network": house.network.id, "contract": made.router}
    before = await house.get("transfers", vault_id=vault.id)
    told = await house.post("calls:estimate", body | swap)
    assert await house.get("transfers", vault_id=vault.id) == before
    changes = {
        each["asset"]: int(each["change_base_units"]) for each in told["simulation"]["changes"]
    }
    assert changes == {token.asset.id: out, native: -COIN}
    assert told["simulation"]["outside"] is None
    # The coins are what goes with it; that the router gives so much no rule has signed.
    strengths = {each["asset"]: each["strength"] for each in told["outcome"]}
    assert strengths == {token.asset.id: "stated", native: "enforced"}
    more = {"asset": token.asset.id, "at_least_base_units": str(out + 1)}
    greedy = swap | {"outcome": [more, most]}
    told = await house.post("calls:estimate", body | greedy)
    assert (
        f"{token.asset.id} changes by {out}, at least {out + 1} in" in told["simulation"]["outside"]
    )
    waits = await call(vault, made.router, **greedy)
    await vault.until_waiting(waits, "outcome_outside", mining=True)
    shown = await vault.shown(waits)
    assert all(each["txid"] is None for each in shown["transactions"])
    await house.post(f"transfers/{waits['id']}/cancel", {})
    asked = await call(vault, made.router, **swap)
    assert {each["asset"] for each in asked["call"]["outcome"]} == {token.asset.id, native}
    await done(vault, asked)
    assert await token.has(vault.address) == out


MOST, LEAST = "at_most_base_units", "at_least_base_units"
PAYEE = "0x3535353535353535353535353535353535353535"


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ([{MOST: "1"}, {LEAST: "1"}], "outcome_malformed"),
        ([{LEAST: "0"}], "outcome_malformed"),
        ([{MOST: str(2**256)}], "outcome_malformed"),
        ([{"asset": "eip155:1/slip44:60", MOST: "1"}], "asset_unknown"),
        ([{}], "amount_ambiguous"),
        ([{MOST: "1", LEAST: "1"}], "amount_ambiguous"),
        ([{LEAST: "1", "spender": PAYEE}], "amount_ambiguous"),
        ([{MOST: "1", "spender": "0x35"}], "address_malformed"),
        ([], "field_invalid"),
    ],
)
async def test_bounds_that_mean_nothing_are_refused(
    house: TokenHouse[Market], bounds: list[dict[str, str]], code: str
) -> None:
    vault, native = await house.new_vault(), house.network.native.id
    said = [{"asset": native} | each for each in bounds]
    with pytest.raises(Refused) as refused:
        await call(vault, house.issuer.exchange.weth, function="deposit", value="1", outcome=said)
    assert refused.value.problem["code"] == code, refused.value.problem
    found = await house.get("transfers", vault_id=vault.id)
    assert found["items"] == []


async def test_a_payment_has_no_outcome_to_bound(house: TokenHouse[Market]) -> None:
    vault = await house.new_vault()
    words = {"to": PAYEE, "value": "7"}
    with pytest.raises(Refused) as refused:
        await call(
            vault,
            house.issuer.exchange.weth,
            function="transfer",
            arguments=words,
            outcome=[{"asset": house.network.native.id, "at_most_base_units": "0"}],
        )
    assert refused.value.problem["code"] == "outcome_malformed"


async def test_a_plain_payment_is_one(house: TokenHouse[Market]) -> None:
    vault, market = await house.new_vault(), house.issuer
    weth = market.tokens["weth"]
    await vault.receive(None, market.coin)
    await done(vault, await call(vault, market.exchange.weth, function="deposit", value="0.1"))
    payee = "0x3535353535353535353535353535353535353535"
    words = {"to": payee, "value": "7"}
    asked = await call(vault, market.exchange.weth, function="transfer", arguments=words)
    assert (asked["kind"], asked["destination"], asked["amount_base_units"]) == (
        "payment",
        payee,
        "7",
    )
    await done(vault, asked)
    assert await weth.has(vault.address) == UNITS // 10 - 7


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"function": "nothing", "arguments": {}}, "call_unknown"),
        ({"data": "0x12345678"}, "call_unknown"),
        ({"data": "0x2e1a7d4d" + "00" * 33}, "call_unknown"),
        ({"function": "deposit", "data": "0x"}, "call_ambiguous"),
        ({}, "call_ambiguous"),
        ({"function": "deposit", "value": "1", "value_base_units": "1"}, "amount_ambiguous"),
    ],
)
async def test_what_has_no_words_is_refused(
    house: TokenHouse[Market], more: dict[str, Any], code: str
) -> None:
    vault = await house.new_vault()
    with pytest.raises(Refused) as refused:
        await call(vault, house.issuer.exchange.weth, **more)
    assert refused.value.problem["code"] == code, refused.value.problem
    found = await house.get("transfers", vault_id=vault.id)
    assert found["items"] == []


async def test_a_swap_that_fails_in_its_block_says_why(house: TokenHouse[Market]) -> None:
    """Its block comes after the deadline that it had when it was signed."""
    vault, market = await house.new_vault(), house.issuer
    made = market.exchange
    await vault.receive(None, market.coin)
    block = await market.node.ask("eth_getBlockByNumber", "latest", False)
    words = {
        "amountOutMin": "1",
        "path": [made.weth, made.token],
        "to": vault.address,
        "deadline": str(int(block["timestamp"], 16) + 3_000),
    }
    swap = {"function": "swapExactETHForTokens", "arguments": words, "value": "0.01"}
    asked = await call(vault, made.router, **swap)

    async def sent() -> bool:
        shown = await vault.shown(asked)
        return [each["state"] for each in shown["transactions"]] == ["broadcast"]

    await house.until(sent, mining=False)
    await market.node.ask("evm_increaseTime", 10_000)
    ended = await vault.until(asked, "final", "failed")
    assert ended["state"] == "failed"
    assert "UniswapV2Router: EXPIRED" in ended["reason"]
    assert ended["moved"] == []
    await settled(vault, market.tokens["token"])
    report = await house.services.reconciliation.run(vault=vault.id)
    assert report.is_clean, report.lines
