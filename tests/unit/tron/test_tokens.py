"""How a payment of a token is built: its energy, its fee limit, and what is missing, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey

from chains import abi
from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import BuildError, FeeAboveMaximum, InsufficientFunds, InsufficientGas
from chains.networks import Network
from chains.transaction import TransferIntent
from chains.tron import parse, trc20
from chains.tron.adapter import TronAdapter
from tests.support.node_answers.server import NodeServer
from tests.support.single import one
from tests.support.tron import MAIN, owned
from tests.unit.tron.scripted import OTHER, PARAMETERS, PAYER, bare, block

(USDT,) = MAIN.tokens.values()
NATIVE = MAIN.native.id
Open = Callable[..., TronAdapter]
PRICES = {"chainParameter": [*PARAMETERS["chainParameter"], {"key": "getEnergyFee", "value": 100}]}


def token(*, has: int = 10_000, energy: int = 64_000, decimals: int = 6, refuses: str = "") -> Any:
    """Answers of a contract, in java-tron's shape."""

    def answer(request: Any) -> Any:
        data = bytes.fromhex(request["data"])
        word = {abi.DECIMALS: decimals, abi.BALANCE_OF: has}.get(data[:4], 0)
        said: dict[str, Any] = {"result": True}
        if data[:4] == abi.TRANSFER and refuses:
            said |= {"message": refuses.encode().hex()}
        return {"result": said, "energy_used": energy, "constant_result": [f"{word:064x}"]}

    return answer


def node(balance: int = 50_000_000, resources: Any = None, **habits: Any) -> dict[str, Any]:
    def account(request: Any) -> Any:
        return {"address": request["address"], "balance": balance}

    return {
        "/wallet/getchainparameters": PRICES,
        "/wallet/getblock": block(9),
        "/walletsolidity/getblock": block(7),
        "/wallet/getaccount": account,
        "/wallet/getaccountresource": resources or {},
        "/wallet/triggerconstantcontract": token(**habits),
    }


def intent(units: int = 5_000, **bounds: int) -> TransferIntent:
    most = {**MAIN.bounds(asset=USDT.id), **{(NATIVE, CostKind(k)): v for k, v in bounds.items()}}
    return TransferIntent(MAIN.id, (Pay(OTHER, USDT.id, units),), most, source=PAYER)


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Adapters to a node that answers by a script; of the main network, if no other is named."""
    async with NodeServer(dialect="http") as server:
        adapters = []

        def make(script: dict[str, Any], network: Network = MAIN) -> TronAdapter:
            server.script = {path: bare(found) for path, found in script.items()}
            adapters.append(TronAdapter(network, server.url))
            return adapters[-1]

        yield make
        for each in adapters:
            await each.close()


async def test_the_fee_limit_is_the_estimate_with_a_margin(opened: Any) -> None:
    adapter = opened(node())
    tx = await one(adapter.prepare, intent())
    raw = parse.raw_data(tx.payload)
    assert raw.fee_limit == 80_000 * 100
    call = parse.call(raw.contract[0].parameter.value)
    assert call.data == trc20.transfer(OTHER, 5_000)
    found = adapter.codec.summarize(tx)
    assert found.effects == intent().effects and found.unexplained == ()
    assert await adapter.balance(PAYER.address, USDT.id) == 10_000
    assert await adapter.quote(intent()) == intent().costs_max


async def test_coins_for_energy_have_a_name_of_their_own(opened: Any) -> None:
    with pytest.raises(InsufficientGas, match="for energy"):
        await one(opened(node(balance=8_000_000)).prepare, intent())


async def test_staked_and_rented_resources_come_first(opened: Any) -> None:
    has = {"EnergyLimit": 90_000, "EnergyUsed": 10_000, "freeNetLimit": 600}
    tx = await one(opened(node(balance=0, resources=has)).prepare, intent())
    assert parse.raw_data(tx.payload).fee_limit == 8_000_000, "which counts staked energy too"
    less = has | {"EnergyUsed": 10_001}
    with pytest.raises(InsufficientGas, match="0 sun of 100"):
        await one(opened(node(balance=0, resources=less)).prepare, intent())


async def test_more_energy_than_was_agreed_is_not_built(opened: Any) -> None:
    assert await one(opened(node()).prepare, intent(energy=8_000_000))
    with pytest.raises(FeeAboveMaximum):
        await one(opened(node()).prepare, intent(energy=7_999_999))


async def test_what_the_contract_says_is_heard(opened: Any) -> None:
    with pytest.raises(InsufficientFunds, match="the balance is 4999, not 5000") as caught:
        await one(opened(node(has=4_999)).prepare, intent())
    assert not isinstance(caught.value, InsufficientGas)
    with pytest.raises(BuildError, match="refuses: REVERT"):
        await one(opened(node(refuses="REVERT opcode executed")).prepare, intent())
    with pytest.raises(BuildError, match="says 18 decimals, the list 6"):
        await one(opened(node(decimals=18)).prepare, intent())


async def test_each_of_a_set_is_answered_for_itself(opened: Any) -> None:
    good, other = intent(), owned(PrivateKey(b"\x07" * 32)).address
    dear = replace(intent(), effects=(Pay(other, USDT.id, 10_001),))
    first, second = await opened(node()).prepare([good, dear])
    assert isinstance(second, InsufficientFunds) and not isinstance(first, Exception)
