"""What a payment of a token needs and would take now, asked of the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chains import abi, restraints
from chains.answers import each_answer, found
from chains.assets import Asset, TokenSaid
from chains.balances import Restrained
from chains.contracts import reverts
from chains.contracts.calling import Called
from chains.effects import Pay
from chains.errors import BuildError, CallReverts, InsufficientFunds, NetworkInvalid, NodeMisbehaved
from chains.model import Address, AssetId
from chains.networks import Network
from chains.restrained import restrained as stopped
from chains.tron import fees, trc20
from chains.tron.address import to_bytes
from chains.tron.calling import spell
from chains.tron.rpc import Answered, TronRpc


@dataclass(frozen=True, slots=True)
class Call:
    """`energy`: what it would take, with a margin. `value`: sun that go with it."""

    contract: Address
    data: bytes
    energy: int
    value: int = 0


async def balance(rpc: TronRpc, network: Network, owner: Address, asset: Asset) -> int:
    """Base units at the head. Raises NodeMisbehaved where no contract answers with a number."""
    contract, account = to_bytes(trc20.contract_of(network.id, asset.id)), to_bytes(owner)
    return word(await rpc.constant(account, contract, trc20.balance_of(owner)))


async def allowance(
    rpc: TronRpc, network: Network, asset: AssetId, owner: Address, spender: Address
) -> int:
    """What `spender` may take of it now, base units."""
    contract, account = to_bytes(trc20.contract_of(network.id, asset)), to_bytes(owner)
    return word(await rpc.constant(account, contract, trc20.allowance(owner, spender)))


async def restrained(
    rpc: TronRpc, network: Network, addresses: Sequence[Address], asset: AssetId
) -> Mapping[Address, Restrained]:
    target = to_bytes(trc20.contract_of(network.id, asset))

    async def ask(data: Sequence[bytes]) -> Sequence[int]:
        answers = await each_answer(data, lambda each: rpc.constant(target, target, each))
        return [word(found(each)) for each in answers]

    accounts = {each: to_bytes(each)[1:] for each in addresses}
    return await stopped(network.tokens[asset], accounts, ask, trc20.balance_of)


async def call(rpc: TronRpc, network: Network, owner: Address, payment: Pay) -> Call:
    """Raises InsufficientFunds; BalanceFrozen, PayeeFrozen or TokenPaused where its issuer stops
    it; BuildError where the contract refuses, or now says other decimals than the list."""
    token = network.tokens[payment.asset]
    contract = trc20.contract_of(network.id, payment.asset)
    payer, target = to_bytes(owner), to_bytes(contract)
    data = trc20.transfer(payment.address, payment.amount)
    stops = list(restraints.asked(token, payer[1:], to_bytes(payment.address)[1:]))
    questions = (abi.DECIMALS, trc20.balance_of(owner), data, *(each.data for each in stops))
    answers = await each_answer(questions, lambda each: rpc.constant(payer, target, each))
    decimals, has, tried, *stopped = map(found, answers)
    if not decimals.failure and word(decimals) != token.decimals:
        said = f"the contract says {word(decimals)} decimals, the list {token.decimals}"
        raise BuildError(f"{token.symbol} is not what was listed: {said}")
    if word(has) < payment.amount:
        raise InsufficientFunds(f"{token.symbol}: the balance is {word(has)}, not {payment.amount}")
    for stop, answer in zip(stops, stopped, strict=True):
        _check_allowed(token, stop, answer)
    return Call(contract, data, _energy(tried))


async def tried(rpc: TronRpc, owner: Address, called: Called) -> Call:
    """Raises CallReverts, in the contract's words."""
    payer, target = to_bytes(owner), to_bytes(called.to)
    answered = await rpc.constant(payer, target, called.data, called.value)
    if answered.failure:
        said = answered.result
        word = reverts.told(said, spell) if said else answered.failure
        raise CallReverts(f"{called.to} refuses: {word}")
    return Call(called.to, called.data, _energy(answered), called.value)


def _energy(answered: Answered) -> int:
    if answered.failure:
        raise BuildError(f"the contract that is called refuses: {answered.failure}")
    if answered.energy <= 0:
        raise NodeMisbehaved("a call that takes no energy")
    return fees.with_margin(answered.energy)


async def describe(rpc: TronRpc, network: Network, contract: Address) -> tuple[AssetId, TokenSaid]:
    """The token of a contract, and what it says of itself. NodeMisbehaved where there is no
    contract; NetworkInvalid for one whose balances change without a payment."""
    target = to_bytes(contract)
    if (await rpc.account(target)).get("type") != "Contract":
        raise NodeMisbehaved(f"the node has no contract at {contract}")
    probes = restraints.probes(target[1:])
    shares = [each + bytes(abi.WORD) for each in restraints.REBASING]
    questions = (abi.SYMBOL, abi.NAME, abi.DECIMALS, *probes.values(), *shares)
    answers = await each_answer(questions, lambda each: rpc.constant(target, target, each))
    symbol, name, decimals, *rest = map(found, answers)
    asset = trc20.asset_of(network.id, contract)
    if any(_number(each) is not None for each in rest[len(probes) :]):
        why = "its balances change without a payment, which no books can follow"
        raise NetworkInvalid(why, row=asset)
    told = zip(probes, rest, strict=False)
    traits = frozenset(trait.value for trait, each in told if _number(each) in (0, 1))
    said = abi.said(_raw(symbol), _raw(name), _number(decimals))
    return asset, replace(said, traits=traits)


def word(answered: Answered) -> int:
    said = _number(answered)
    if said is None:
        raise NodeMisbehaved("no token answers there with a number")
    return said


def _check_allowed(token: Asset, stop: restraints.Asked, answer: Answered) -> None:
    """Unknown is not no."""
    said = _number(answer)
    if said is None:
        raise BuildError(f"{token.symbol} is not what was listed: it does not say who may pay")
    if said:
        raise stop.error(f"{token.symbol}: its contract does not let it be paid")


def _number(answered: Answered) -> int | None:
    if answered.failure or len(answered.result) != abi.WORD:
        return None
    return int.from_bytes(answered.result)


def _raw(answered: Answered) -> bytes | None:
    return None if answered.failure else answered.result
