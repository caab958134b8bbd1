"""What a payment of a token needs and would take now, asked of the node."""

from __future__ import annotations

from dataclasses import dataclass

from chains import abi
from chains.assets import Asset
from chains.effects import Pay
from chains.errors import BuildError, InsufficientFunds, NodeMisbehaved
from chains.model import Address
from chains.networks import Network
from chains.tron import fees, trc20
from chains.tron.address import to_bytes
from chains.tron.rpc import Answered, TronRpc


@dataclass(frozen=True, slots=True)
class Call:
    """`energy`: what it would take, with a margin."""

    contract: Address
    data: bytes
    energy: int


async def balance(rpc: TronRpc, network: Network, owner: Address, asset: Asset) -> int:
    """Base units at the head. Raises NodeMisbehaved where no contract answers with a number."""
    contract, account = to_bytes(trc20.contract_of(network.id, asset.id)), to_bytes(owner)
    return word(await rpc.constant(account, contract, trc20.balance_of(owner)))


async def call(rpc: TronRpc, network: Network, owner: Address, payment: Pay) -> Call:
    """Raises InsufficientFunds; BuildError where the contract refuses, or now says other decimals
    than the list."""
    token = network.tokens[payment.asset]
    contract = trc20.contract_of(network.id, payment.asset)
    payer, target = to_bytes(owner), to_bytes(contract)
    decimals = await rpc.constant(payer, target, abi.DECIMALS)
    if not decimals.failure and word(decimals) != token.decimals:
        said = f"the contract says {word(decimals)} decimals, the list {token.decimals}"
        raise BuildError(f"{token.symbol} is not what was listed: {said}")
    has = await balance(rpc, network, owner, token)
    if has < payment.amount:
        raise InsufficientFunds(f"{token.symbol}: the balance is {has}, not {payment.amount}")
    data = trc20.transfer(payment.address, payment.amount)
    tried = await rpc.constant(payer, target, data)
    if tried.failure:
        raise BuildError(f"the contract that is called refuses: {tried.failure}")
    if tried.energy <= 0:
        raise NodeMisbehaved("a call that takes no energy")
    return Call(contract, data, fees.with_margin(tried.energy))


def word(answered: Answered) -> int:
    if answered.failure or len(answered.result) != abi.WORD:
        raise NodeMisbehaved("no token answers there with a number")
    return int.from_bytes(answered.result)
