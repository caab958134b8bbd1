"""A vault calls contracts on the local TRON chain, by POST /v1/calls: it wraps and unwraps TRX,
and allows exactly what another takes, who works with tronweb. The ledger equals the chain after
each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.abi import WRAPS
from chains.model import TxId
from chains.tron import trc20
from chains.tron.address import from_public_key
from tests.support.defi import code_of
from tests.support.oracle import Oracle
from tests.support.rows import abi
from tests.support.token_house import Refused, TokenHouse, Vault, opened
from tests.support.tron_tokens import Token, TronIssuer, by_tronweb, dollar

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]
TRX = 10**6
ENERGY_PRICE = 100
"""Sun, on this chain."""


class Wrapped(Token):
    """WETH9 as its authors built it, of which the wrapped TRX of the main network is a copy but for
    its decimals."""

    traits = (WRAPS,)

    @property
    def row(self) -> dict[str, Any]:
        return super().row | {"decimals": 18}


class Market(TronIssuer):
    async def start(self) -> None:
        await self.node.start()
        wrapped = Wrapped(self, await self.node.deploy(code_of("WETH9")))
        self.tokens = {"dollar": await dollar(self), "wrapped": wrapped}


House = TokenHouse[Market]
OurVault = Vault[Market]


def described(document: dict[str, Any], market: Market) -> None:
    network, wrapped = market.network.id, market.tokens["wrapped"].contract
    takes = [{"asset": trc20.asset_of(network, wrapped), "argument": "wad"}]
    document["contracts"] = [
        {
            "network": network,
            "address": wrapped,
            "name": "Wrapped TRX",
            "functions": [
                {"abi": abi("deposit", payable=True)},
                {"abi": abi("withdraw", ("wad", "uint256")), "moves": takes},
            ],
        },
        {
            "network": network,
            "address": market.tokens["dollar"].contract,
            "name": "Dollar",
            "functions": [{"abi": abi("pause")}],
        },
    ]
    (usual,) = document["rules"]
    scope = usual["scope"] | {"actions": ["call", "allow"], "assets": "any"}
    document["rules"].append(usual | {"id": "calls", "scope": scope})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="calls-tron-") as folder:
        async with opened("tron-local", Path(folder), Market, change=described) as made:
            yield made


async def call(vault: OurVault, contract: str, **more: Any) -> Any:
    body = {"vault_id": vault.id, "network": vault.house.network.id, "contract": contract}
    return await vault.house.post("calls", body | more, **{"Idempotency-Key": str(uuid4())})


async def done(vault: OurVault, asked: Any, token: Token) -> Any:
    """In a final block, and in the books as on the chain."""
    ended = await vault.until(asked, "final", "failed")
    assert ended["state"] == "final", ended["reason"]

    async def nothing_pending() -> bool:
        return not await vault.deposits(state="pending")

    await vault.house.until(nothing_pending)
    await vault.compare(token)
    assert await vault.frozen() is None
    return await vault.shown(asked)


async def test_a_vault_wraps_and_unwraps(house: House) -> None:
    vault, wrapped = await house.new_vault(), house.issuer.tokens["wrapped"]
    native = house.network.native.id
    await vault.receive(None, TronIssuer.coin)
    asked = await call(vault, wrapped.contract, function="deposit", value="25")
    assert (asked["kind"], asked["call"]["name"]) == ("call", "Wrapped TRX")
    assert asked["call"]["value_base_units"] == str(25 * TRX)
    ended = await done(vault, asked, wrapped)
    assert await wrapped.has(vault.address) == 25 * TRX
    (came,) = ended["moved"]
    assert (came["asset"], came["way"]) == (wrapped.asset.id, "in")
    assert came["amount_base_units"] == str(25 * TRX)
    # Back again, in octets. The TRX comes by a call of the contract's.
    data = "0x2e1a7d4d" + f"{10 * TRX:064x}"
    asked = await call(vault, wrapped.contract, data=data)
    assert asked["call"]["function"] == "withdraw(uint256)"
    ended = await done(vault, asked, wrapped)
    moved = {(each["asset"], each["way"], each["amount_base_units"]) for each in ended["moved"]}
    units = str(10 * TRX)
    assert moved == {(wrapped.asset.id, "out", units), (native, "in", units)}
    assert await wrapped.has(vault.address) == 15 * TRX


async def test_what_a_contract_refuses_costs_nothing(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["dollar"]
    await vault.receive(None, TronIssuer.coin)
    body = {"vault_id": vault.id, "network": house.network.id, "contract": token.contract}
    told = await house.post("calls:estimate", body | {"function": "pause"})
    assert told["reverts"] == f"{token.contract} refuses: REVERT opcode executed"
    waits = await call(vault, token.contract, function="pause")
    await vault.until_waiting(waits, "call_reverts", mining=True)
    assert (await vault.shown(waits))["transactions"] == []
    await house.post(f"transfers/{waits['id']}/cancel", {})
    assert await vault.ledger(house.network.native.id) == TronIssuer.coin
    body |= {"contract": house.issuer.tokens["wrapped"].contract}
    told = await house.post("calls:estimate", body | {"function": "deposit", "value": "1"})
    assert told["reverts"] is None
    assert 20_000 < int(told["units"]) < 100_000
    assert int(told["costs"]["energy"]["amount_base_units"]) == int(told["units"]) * ENERGY_PRICE


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"data": "0x00000000"}, "call_unknown"),
        ({"data": "0x2e1a7d4d" + "00" * 33}, "call_unknown"),
        ({"function": "withdraw", "arguments": {"wad": "1"}, "value": "1"}, "call_unknown"),
    ],
    ids=["another function", "a byte too many", "coins that it takes not"],
)
async def test_what_has_no_words_is_refused(house: House, more: dict[str, Any], code: str) -> None:
    vault, wrapped = await house.new_vault(), house.issuer.tokens["wrapped"]
    with pytest.raises(Refused) as caught:
        await call(vault, wrapped.contract, **more)
    assert caught.value.problem["code"] == code


async def test_another_takes_what_was_allowed_and_no_more(house: House) -> None:
    """By tronweb, who knows nothing of this house."""
    vault, token = await house.new_vault(), house.issuer.tokens["dollar"]
    node = house.issuer.node
    await vault.receive(None, TronIssuer.coin)
    await vault.receive(token, 100)
    key = PrivateKey()
    taker = from_public_key(key.public_key.format())
    await node.fund(taker, 1_000 * TRX)
    await node.mine()
    words = {"spender": taker, "value": "60"}
    asked = await call(vault, token.contract, function="approve", arguments=words)
    assert asked["allowance"] == {"spender": taker, "amount": "0.00006", "amount_base_units": "60"}
    await done(vault, asked, token)
    (open_,) = (await house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert (open_["spender"], open_["left_base_units"]) == (taker, "60")
    with Oracle() as oracle:

        async def take(units: int) -> TxId:
            said = ("transferFrom(address,address,uint256)", vault.address, taker, units)
            txid = await by_tronweb(oracle, node, key, token.contract, *said)
            await node.mine()
            return txid

        too_much = await take(61)
        assert (await node.info(too_much))["receipt"]["result"] == "ILLEGAL_OPERATION"
        taken = await take(45)
    await house.until(lambda: vault.debited(taken))
    assert await token.has(taker) == 45
    await vault.compare(token)
    (open_,) = (await house.get(f"vaults/{vault.id}/allowances"))["items"]
    assert open_["left_base_units"] == "15"
