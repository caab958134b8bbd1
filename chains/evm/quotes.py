"""What payments need and cost at this moment: nonces, balances, gas and fees, asked once for a set.

The fee level is everybody's, a nonce and a balance are a payer's, code is a payee's; so a set of
payments of one payer is little more to a node than one payment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

from chains.answers import Answers, attempt, found
from chains.errors import BuildError, ChainError
from chains.evm import TRANSFER_GAS, build, fees
from chains.evm.build import Kind
from chains.evm.rpc import NodeConnection, RpcError, ask, reading
from chains.evm.traits import Trait, l1_data_fee, traits_of
from chains.model import Address
from chains.networks import Network
from chains.prices import Prices, rising
from chains.transport.jsonrpc import Call

_FEE_BLOCKS: Final = 10
_FEE_PERCENTILE: Final = 50.0


_LARGE: Final = 2**64 - 1
"""For what is not known yet of a payment's bytes: its nonce, and what it offers for gas."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`amount` base units from `payer` to `payee`, for at most `fee_max` of fees and `data_max`
    beside gas."""

    payer: Address
    payee: Address
    amount: int
    fee_max: int
    data_max: int


@dataclass(frozen=True, slots=True)
class Quote:
    """`nonce`: the payer's first that no block has used. Fees are per unit of gas."""

    nonce: int
    gas: int
    fee_per_gas_max: int
    priority_fee: int


_Found = Mapping[Address, int | ChainError]


@dataclass(frozen=True, slots=True)
class _Now:
    """What a node says of payers and payees. `codes`: how long each payee's code is."""

    nonces: _Found
    balances: _Found
    codes: _Found
    level: fees.FeeLevel
    data: l1_data_fee.DataFee


async def quotes(node: NodeConnection, network: Network, wishes: Sequence[Wish]) -> Answers[Quote]:
    """Of each wish. InsufficientFunds, FeeAboveMaximum, or BuildError where a payee's code refuses.

    The balance is the chain's: what other unfinished transfers will spend of it is for the ledger
    to hold back.
    """
    now = await _ask(node, network, wishes)
    gas = await _gas(node, network, now, wishes)
    return [
        attempt(partial(_quote, now, wish, units)) for wish, units in zip(wishes, gas, strict=True)
    ]


def _quote(now: _Now, wish: Wish, gas: int | ChainError) -> Quote:
    nonce, balance = found(now.nonces[wish.payer]), found(now.balances[wish.payer])
    units = found(gas)
    data = now.data.with_margin(units)
    fee = fees.choose_fee(
        now.level, gas=units, amount=wish.amount + data, fee_max=wish.fee_max, balance=balance
    )
    fees.check_data_fee(data, wish.data_max)
    return Quote(nonce, units, fee, now.level.priority)


async def _ask(node: NodeConnection, network: Network, wishes: Sequence[Wish]) -> _Now:
    kind = Kind(network.text("transaction_type"))
    payers = list(dict.fromkeys(wish.payer for wish in wishes))
    payees = list(dict.fromkeys(wish.payee for wish in wishes))
    calls: list[Call] = [
        _price_call(kind),
        *(("eth_getTransactionCount", (payer, "latest")) for payer in payers),
        *(("eth_getBalance", (payer, "latest")) for payer in payers),
        *(("eth_getCode", (payee, "latest")) for payee in payees),
        *(("eth_call", (asked, "latest")) for asked in _data_questions(network, wishes)),
    ]
    answers = iter(await node.each(calls))
    price, nonces, balances = next(answers), _next(answers, payers), _next(answers, payers)
    return _Now(
        nonces=_by_address(payers, nonces),
        balances=_by_address(payers, balances),
        codes=_by_address(payees, map(_code_length, _next(answers, payees))),
        level=await _level(node, network, found(price)),
        data=_data_fee(list(answers)),
    )


def _next(answers: Iterator[Any], of: Sequence[Address]) -> list[Any]:
    return list(islice(answers, len(of)))


def _data_questions(network: Network, wishes: Sequence[Wish]) -> tuple[dict[str, str], ...]:
    """About the longest of the payments: the others' bytes cost no more."""
    if Trait.L1_DATA_FEE not in traits_of(network):
        return ()
    return l1_data_fee.questions(max(_size(network, wish) for wish in wishes))


def _size(network: Network, wish: Wish) -> int:
    transfer = build.transfer(
        network,
        nonce=_LARGE,
        to=wish.payee,
        value=wish.amount,
        gas=_LARGE,
        fee_per_gas_max=_LARGE,
        priority_fee=_LARGE,
    )
    return len(build.encode_unsigned(transfer))


def _data_fee(answers: Sequence[Any]) -> l1_data_fee.DataFee:
    if not answers:
        return l1_data_fee.NOTHING
    with reading("a fee beside gas"):
        return l1_data_fee.told(*map(found, answers))


def _by_address(addresses: Iterable[Address], answers: Iterable[Any]) -> _Found:
    return {
        address: attempt(partial(_number, answer))
        for address, answer in zip(addresses, answers, strict=True)
    }


def _number(answer: Any) -> int:
    with reading("a number"):
        return int(found(answer), 16)


def _code_length(answer: Any) -> Any:
    return answer if isinstance(answer, ChainError) else hex(len(str(answer)) // 2 - 1)


def _price_call(kind: Kind) -> Call:
    if kind is Kind.LEGACY:
        return "eth_gasPrice", ()
    return "eth_feeHistory", (hex(_FEE_BLOCKS), "latest", [_FEE_PERCENTILE])


async def _level(node: NodeConnection, network: Network, price: Any) -> fees.FeeLevel:
    if Kind(network.text("transaction_type")) is Kind.LEGACY:
        return fees.legacy_level(_number(price))
    with reading("a fee history"):
        used = zip(price["gasUsedRatio"], price["reward"], strict=True)
        rewards = [int(reward[0], 16) for ratio, reward in used if ratio > 0]
        next_base_fee = int(price["baseFeePerGas"][-1], 16)
    priority = fees.usual_priority(rewards)
    if priority is None:
        priority = await ask(node.eth.max_priority_fee)
    # Below its least tip a network's nodes take no transaction, however empty their blocks are.
    least = network.parameters.get("priority_fee_min", 0)
    return fees.eip1559_level(next_base_fee, max(priority, least))


async def prices(node: NodeConnection, network: Network) -> Prices:
    """Of a unit of gas: `needed`, `wanted`, and that with twice the tip."""
    (price,) = await node.each([_price_call(Kind(network.text("transaction_type")))])
    level = await _level(node, network, found(price))
    return rising("wei/gas", level.needed, level.wanted, level.wanted + level.priority)


async def _gas(
    node: NodeConnection, network: Network, now: _Now, wishes: Sequence[Wish]
) -> Answers[int]:
    """A payee with code decides itself how much it burns; a quarter is added to its wish. So does a
    network that charges for L1 in gas. Without the money estimating fails, and in other words than
    ours, so it is not asked then."""
    always = Trait.L1_GAS in traits_of(network)

    def asks(wish: Wish) -> bool:
        code, balance = now.codes[wish.payee], now.balances[wish.payer]
        return (
            (always or code != 0)
            and isinstance(code, int)
            and isinstance(balance, int)
            and balance >= wish.amount
        )

    asking = [wish for wish in wishes if asks(wish)]
    calls: list[Call] = [
        ("eth_estimateGas", ({"from": w.payer, "to": w.payee, "value": hex(w.amount)},))
        for w in asking
    ]
    estimates = iter(await node.each(calls))
    gas: Answers[int] = []
    for wish in wishes:
        code = now.codes[wish.payee]
        if isinstance(code, ChainError):
            gas.append(code)
        else:
            gas.append(
                attempt(partial(_estimated, next(estimates))) if asks(wish) else TRANSFER_GAS
            )
    return gas


def _estimated(answer: Any) -> int:
    if isinstance(answer, RpcError) and not answer.transient:
        raise BuildError(f"the payee is a contract that refuses: {answer.reason}")
    estimate = _number(answer)
    return estimate + estimate // 4
