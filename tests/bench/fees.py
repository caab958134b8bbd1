"""What bitcoin payouts cost in fees, beside the node's own wallet with the same coins.

Both begin with a thousand coins of the same amounts and make the same payments, each in a block
before the next. The node's wallet is told to pay the rate that custody's transaction paid, and not
to think fees low: it would spend more coins than it needs, to save on later ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from chains.bitcoin.address import AddressFormat
from chains.bitcoin.rpc import BitcoinRpc
from chains.bitcoin.transaction import TxOutput
from chains.devnet.node import DevNode
from chains.devnet.process import EngineProcess
from chains.model import Address
from tests.bench.blocks import DirectBitcoinNode, split_coins
from tests.bench.house import House, running_house
from tests.bench.lean_http import LeanClient
from tests.bench.payouts import Say, Vault, balance, new_vault, until
from tests.bench.scale import Scale
from tests.bench.stages import BitcoinStage
from tests.bench.table import Aim, Figure, Row

SECTION = "What bitcoin payouts cost"

_PEER = "peer"
_MEDIAN = 200_000
"""Satoshi: half of the coins are smaller. They spread over some four decades."""
_SPREAD = 1.6
_DUST = 1_000
_OUTPUTS_MAX = 6
_AIM = 1.02
_TIMEOUT_S = 120.0
_COIN = 10**8


class _ThriftyNode(DirectBitcoinNode):
    def _engine(self, port: int) -> EngineProcess:
        engine = super()._engine(port)
        engine.argv.append("-consolidatefeerate=0.00001000")
        return engine


class _ThriftyStage(BitcoinStage):
    def _node(self, folder: Path) -> DevNode:
        super()._node(folder)
        return _ThriftyNode(self.network, folder)


@dataclass(slots=True)
class Spent:
    """`coins`: how many are left."""

    coins: int
    fee: int = 0
    size: int = 0

    def add(self, transaction: Any, fee: int, paid: int) -> None:
        """`transaction`: decoded. Whatever it pays beyond the payees comes back."""
        self.fee += fee
        self.size += transaction["vsize"]
        self.coins += len(transaction["vout"]) - paid - len(transaction["vin"])


async def measure(folder: Path, scale: Scale, say: Say) -> list[Row]:
    """All rows of the section."""
    stage = _ThriftyStage(folder / "fees")
    await stage.start()
    rpc = BitcoinRpc(stage.node.url, _TIMEOUT_S)
    peer = BitcoinRpc(f"{stage.node.url}/wallet/{_PEER}", _TIMEOUT_S)
    try:
        nodes = {stage.alias: stage.node.url}
        url = f"sqlite+aiosqlite:///{folder / 'fees.sqlite3'}"
        async with running_house(folder / "fees-house", url, nodes, 1) as house:
            say(f"{scale.payments} bitcoin payments out of {scale.coins:,} coins")
            return await _compare(house, stage, rpc, peer, scale)
    finally:
        await peer.close()
        await rpc.close()
        await stage.stop()


async def _compare(
    house: House, stage: BitcoinStage, rpc: BitcoinRpc, peer: BitcoinRpc, scale: Scale
) -> list[Row]:
    chance, vault, api = Random(1), await new_vault(house, stage), house.connect()
    try:
        await rpc.call("createwallet", _PEER)
        amounts = [_amount(chance) for _ in range(scale.coins)]
        for owner in (vault.address, Address(await peer.call("getnewaddress", "", "bech32"))):
            await _endow(stage, rpc, owner, amounts)
        await until(lambda: _has(api, vault, sum(amounts)), "the coins are there")
        ours, theirs = Spent(scale.coins), Spent(scale.coins)
        for _ in range(scale.payments):
            number = chance.randint(1, _OUTPUTS_MAX)
            wanted = [(stage.somebody(), _amount(chance)) for _ in range(number)]
            rate = await _pay(api, stage, rpc, vault, wanted, ours)
            await _send_many(stage, rpc, peer, wanted, rate, theirs)
            await stage.mine()
            await stage.node.finalize()
            await until(lambda: _is_settled(api, vault), "a payment is final")
    finally:
        await api.close()
    return [_fee_row(ours, theirs, scale), _coin_row(ours, theirs, scale)]


async def _pay(
    api: LeanClient,
    stage: BitcoinStage,
    rpc: BitcoinRpc,
    vault: Vault,
    wanted: list[tuple[Address, int]],
    spent: Spent,
) -> float:
    """By custody. The rate that it paid, in satoshi a virtual byte."""
    outputs = [{"destination": to, "amount_base_units": str(each)} for to, each in wanted]
    await api.pay({"vault_id": vault.id, "network": stage.network.id, "outputs": outputs})
    await until(lambda: _mempool(rpc), "a payment is broadcast")
    [txid] = await _mempool(rpc)
    return await _count(rpc, txid, len(wanted), spent)


async def _send_many(
    stage: BitcoinStage,
    rpc: BitcoinRpc,
    peer: BitcoinRpc,
    wanted: list[tuple[Address, int]],
    rate: float,
    spent: Spent,
) -> None:
    """By the node's wallet, at the same rate."""
    # To others, since the pool holds custody's payment of the same amounts already.
    amounts = {stage.somebody(): f"{Decimal(each) / _COIN:.8f}" for _, each in wanted}
    options: tuple[object, ...] = (1, "", [], True, None, "unset", f"{rate:.3f}")
    txid = await peer.call("sendmany", "", amounts, *options)
    await _count(rpc, txid, len(wanted), spent)


async def _count(rpc: BitcoinRpc, txid: str, paid: int, spent: Spent) -> float:
    entry = await rpc.call("getmempoolentry", txid)
    fee = int(entry["fees"]["base"] * _COIN)
    spent.add(await rpc.call("getrawtransaction", txid, True), fee, paid)
    return fee / entry["vsize"]


async def _endow(stage: BitcoinStage, rpc: BitcoinRpc, owner: Address, amounts: list[int]) -> None:
    addresses = AddressFormat(stage.network)
    outputs = [TxOutput(each, addresses.script_of(owner)) for each in amounts]
    await split_coins(stage.node, rpc, addresses, outputs)
    await stage.mine()
    await stage.node.finalize()


def _amount(chance: Random) -> int:
    return max(_DUST, round(_MEDIAN * chance.lognormvariate(0, _SPREAD)))


async def _mempool(rpc: BitcoinRpc) -> list[str]:
    found: list[str] = await rpc.call("getrawmempool")
    return found


async def _has(api: LeanClient, vault: Vault, amount: int) -> bool:
    return (await balance(api, vault))["available"] == amount


async def _is_settled(api: LeanClient, vault: Vault) -> bool:
    has = await balance(api, vault)
    return has["reserved"] == has["pending"] == 0


def _fee_row(ours: Spent, theirs: Spent, scale: Scale) -> Row:
    return Row(
        SECTION,
        f"fees of {scale.payments} payments out of {scale.coins:,} coins",
        "sat",
        Figure("custody", ours.fee),
        Figure("sendmany", theirs.fee),
        aims=(Aim(f"at most {_AIM} x sendmany", ours.fee <= _AIM * theirs.fee),),
        small=True,
        note=f"{ours.size:,} virtual bytes beside {theirs.size:,}, both at"
        f" {ours.fee / ours.size:.2f} sat each",
    )


def _coin_row(ours: Spent, theirs: Spent, scale: Scale) -> Row:
    return Row(
        SECTION,
        f"coins left of {scale.coins:,}",
        "",
        Figure("custody", ours.coins),
        Figure("sendmany", theirs.coins),
        small=True,
    )
