"""What payments need and cost at this moment: nonces, balances, gas and fees, asked once for a set.

The fee level is everybody's, a nonce and a balance are a payer's, code is a payee's; so a set of
payments of one payer is little more to a node than one payment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from chains.answers import Answers, attempt, found
from chains.errors import BuildError, ChainError
from chains.evm import TRANSFER_GAS, fees
from chains.evm.build import Kind
from chains.evm.rpc import NodeConnection, RpcError, ask, reading
from chains.model import Address
from chains.transport.jsonrpc import Call

_FEE_BLOCKS: Final = 10
_FEE_PERCENTILE: Final = 50.0


@dataclass(frozen=True, slots=True)
class Wish:
    """`amount` base units from `payer` to `payee`, for at most `fee_max` of fees."""

    payer: Address
    payee: Address
    amount: int
    fee_max: int


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


async def quotes(node: NodeConnection, kind: Kind, wishes: Sequence[Wish]) -> Answers[Quote]:
    """Of each wish. InsufficientFunds, FeeAboveMaximum, or BuildError where a payee's code refuses.

    The balance is the chain's: what other unfinished transfers will spend of it is for the ledger
    to hold back.
    """
    now = await _ask(node, kind, wishes)
    gas = await _gas(node, now, wishes)
    return [
        attempt(partial(_quote, now, wish, units)) for wish, units in zip(wishes, gas, strict=True)
    ]


def _quote(now: _Now, wish: Wish, gas: int | ChainError) -> Quote:
    nonce, balance = found(now.nonces[wish.payer]), found(now.balances[wish.payer])
    units = found(gas)
    fee = fees.choose_fee(
        now.level, gas=units, amount=wish.amount, fee_max=wish.fee_max, balance=balance
    )
    return Quote(nonce, units, fee, now.level.priority)


async def _ask(node: NodeConnection, kind: Kind, wishes: Sequence[Wish]) -> _Now:
    payers = list(dict.fromkeys(wish.payer for wish in wishes))
    payees = list(dict.fromkeys(wish.payee for wish in wishes))
    calls: list[Call] = [
        _price_call(kind),
        *(("eth_getTransactionCount", (payer, "latest")) for payer in payers),
        *(("eth_getBalance", (payer, "latest")) for payer in payers),
        *(("eth_getCode", (payee, "latest")) for payee in payees),
    ]
    price, *answers = await node.each(calls)
    nonces, balances = answers[: len(payers)], answers[len(payers) : 2 * len(payers)]
    return _Now(
        nonces=_by_address(payers, nonces),
        balances=_by_address(payers, balances),
        codes=_by_address(payees, map(_code_length, answers[2 * len(payers) :])),
        level=await _level(node, kind, found(price)),
    )


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


async def _level(node: NodeConnection, kind: Kind, price: Any) -> fees.FeeLevel:
    if kind is Kind.LEGACY:
        return fees.legacy_level(_number(price))
    with reading("a fee history"):
        used = zip(price["gasUsedRatio"], price["reward"], strict=True)
        rewards = [int(reward[0], 16) for ratio, reward in used if ratio > 0]
        next_base_fee = int(price["baseFeePerGas"][-1], 16)
    priority = fees.usual_priority(rewards)
    if priority is None:
        priority = await ask(node.eth.max_priority_fee)
    return fees.eip1559_level(next_base_fee, priority)


async def _gas(node: NodeConnection, now: _Now, wishes: Sequence[Wish]) -> Answers[int]:
    """A payee with code decides itself how much it burns; a quarter is added to its wish. Without
    the money estimating fails, and in other words than ours, so it is not asked then."""

    def asks(wish: Wish) -> bool:
        code, balance = now.codes[wish.payee], now.balances[wish.payer]
        return (
            code != 0
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
