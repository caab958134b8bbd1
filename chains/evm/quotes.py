"""What payments need and cost at this moment: nonces, balances, gas and fees, asked once for a set.

The fee level is everybody's, a nonce and a balance are a payer's, code is a payee's; so a set of
payments of one payer is little more to a node than one payment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from chains import restraints
from chains.answers import Answers, attempt, found
from chains.contracts import reverts
from chains.costs import CostKind
from chains.errors import (
    BuildError,
    CallReverts,
    ChainError,
    InsufficientFunds,
    InsufficientGas,
)
from chains.evm import TRANSFER_GAS, build, erc20, fees, tokens
from chains.evm.address import spell, to_bytes
from chains.evm.build import Kind, Transaction
from chains.evm.paying import Called
from chains.evm.rpc import NodeConnection, RpcError, reading
from chains.evm.traits import Trait, l1_data_fee, traits_of
from chains.model import Address
from chains.networks import Network
from chains.prices import Prices, rising
from chains.transport.jsonrpc import Call

T = TypeVar("T")

_FEE_BLOCKS: Final = 10
_FEE_PERCENTILE: Final = 50.0


_LARGE: Final = 2**64 - 1
"""For what is not known yet of a payment's bytes: its nonce, and what it offers for gas."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A call by `payer`, for at most `fee_max` of fees and `data_max` beside gas. `outbids`: the
    transaction whose place it takes. `empties`: it offers all of `fee_max`, to the block's maker
    whatever the base fee leaves of it, so that none comes back."""

    payer: Address
    call: Called
    fee_max: int
    data_max: int
    outbids: Transaction | None = None
    empties: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """`nonce`: the payer's first that no block has used. Fees are per unit of gas."""

    nonce: int
    gas: int
    fee_per_gas_max: int
    priority_fee: int


_Found = Mapping[Address, int | ChainError]
_Held = tuple[Address, Address]
"""A token's contract, and who has of it."""
_Question = tuple[Address, bytes]
"""To a token's contract."""


@dataclass(frozen=True, slots=True)
class _Now:
    """What a node says of payers and payees. `codes`: how long each payee's code is. `tokens`: what
    payers have of tokens. `decimals`: of each token, what its contract says now. `restraints`: what
    contracts say of who may pay."""

    nonces: _Found
    balances: _Found
    codes: _Found
    tokens: Mapping[_Held, int | ChainError]
    decimals: _Found
    restraints: Mapping[_Question, int | ChainError]
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
        attempt(partial(_quote, network, now, wish, units))
        for wish, units in zip(wishes, gas, strict=True)
    ]


async def of_call(
    node: NodeConnection, network: Network, payer: Address, call: Called
) -> tuple[int, Mapping[CostKind, int]]:
    """The gas that a call of a contract may burn, with a margin, and what it would be allowed to
    cost now. Raises CallReverts, InsufficientFunds."""
    wish = Wish(payer, call, 0, 0)
    now = await _ask(node, network, [wish])
    if found(now.balances[payer]) < call.value:
        raise InsufficientFunds(f"the balance is less than the {call.value} that go with it")
    (units,) = await _gas(node, network, now, [wish])
    gas = found(units)
    data = now.data.with_margin(gas)
    return gas, {CostKind.FEE: gas * now.level.wanted, CostKind.L1_DATA: data}


async def to_empty(
    node: NodeConnection, network: Network, payer: Address, payee: Address
) -> Mapping[CostKind, int]:
    """What a payment of all coins that `payer` has would be allowed to cost now."""
    wish = Wish(payer, Called(payee, 1), 0, 0)
    now = await _ask(node, network, [wish])
    (units,) = await _gas(node, network, now, [wish])
    gas, data = found(units), now.data.with_margin(found(units))
    return {CostKind.FEE: gas * now.level.wanted, CostKind.L1_DATA: data}


def _quote(network: Network, now: _Now, wish: Wish, gas: int | ChainError) -> Quote:
    nonce, balance = found(now.nonces[wish.payer]), found(now.balances[wish.payer])
    _check_token(now, wish)
    units = found(gas)
    data = now.data.with_margin(units)
    level = now.level if wish.outbids is None else _outbidding(network, now.level, wish.outbids)
    try:
        fee = fees.choose_fee(
            level, gas=units, amount=wish.call.value + data, fee_max=wish.fee_max, balance=balance
        )
    except InsufficientFunds as error:
        if wish.call.token is None:
            raise
        raise InsufficientGas(f"{network.native.symbol} for gas: {error}") from error
    fees.check_data_fee(data, wish.data_max)
    if wish.empties:
        whole = wish.fee_max // units
        return Quote(nonce, units, whole, whole)
    return Quote(nonce, units, fee, level.priority)


def _check_token(now: _Now, wish: Wish) -> None:
    """What the payer has of the token, and that a unit of it is still what the list says. Raises
    InsufficientFunds, BuildError."""
    token = wish.call.token
    if token is None:
        return
    if found(now.codes[wish.call.to]) == 0:
        raise BuildError(f"there is no contract at {wish.call.to}")
    decimals = now.decimals[wish.call.to]
    # ERC-20: a contract need not say it. One that now says otherwise means other amounts.
    silent = isinstance(decimals, RpcError) and not decimals.transient
    if not silent and found(decimals) != token.decimals:
        said = f"the contract says {decimals} decimals, the list {token.decimals}"
        raise BuildError(f"{token.symbol} is not what was listed: {said}")
    has = found(now.tokens[wish.call.to, wish.payer])
    if has < wish.call.units:
        raise InsufficientFunds(f"{token.symbol}: the balance is {has}, not {wish.call.units}")
    for question, error in _restraints(wish):
        answer = now.restraints[wish.call.to, question]
        if isinstance(answer, RpcError) and not answer.transient:
            raise BuildError(f"{token.symbol} is not what was listed: it does not say who may pay")
        if found(answer):
            raise error(f"{token.symbol}: its contract does not let it be paid")


def _restraints(wish: Wish) -> Sequence[restraints.Asked]:
    token, payee = wish.call.token, wish.call.payee
    if token is None or payee is None:
        return ()
    return tuple(restraints.asked(token, to_bytes(wish.payer), to_bytes(payee)))


def _outbidding(network: Network, level: fees.FeeLevel, other: Transaction) -> fees.FeeLevel:
    percent = network.parameters.get("replacement_percent", fees.REPLACEMENT_PERCENT)
    return fees.outbidding(level, other.fee_per_gas_max, other.priority_fee, percent)


async def _ask(node: NodeConnection, network: Network, wishes: Sequence[Wish]) -> _Now:
    kind = Kind(network.text("transaction_type"))
    payers = list(dict.fromkeys(wish.payer for wish in wishes))
    payees = list(dict.fromkeys(wish.call.to for wish in wishes))
    listed = list(dict.fromkeys(w.call.to for w in wishes if w.call.token is not None))
    held = list(dict.fromkeys((w.call.to, w.payer) for w in wishes if w.call.token is not None))
    questions = list(dict.fromkeys((w.call.to, q.data) for w in wishes for q in _restraints(w)))
    calls: list[Call] = [
        _price_call(kind),
        *(("eth_getTransactionCount", (payer, "latest")) for payer in payers),
        *(("eth_getBalance", (payer, "latest")) for payer in payers),
        *(("eth_getCode", (payee, "latest")) for payee in payees),
        *(tokens.asking(each, erc20.DECIMALS, "latest") for each in listed),
        *(tokens.asking(each, erc20.balance_of(payer), "latest") for each, payer in held),
        *(tokens.asking(each, data, "latest") for each, data in questions),
        *(("eth_call", (asked, "latest")) for asked in _data_questions(network, wishes)),
    ]
    answers = iter(await node.each(calls))
    price, nonces, balances = next(answers), _next(answers, payers), _next(answers, payers)
    return _Now(
        nonces=_by_address(payers, nonces),
        balances=_by_address(payers, balances),
        codes=_by_address(payees, map(_code_length, _next(answers, payees))),
        decimals=_words(listed, _next(answers, listed)),
        tokens=_words(held, _next(answers, held)),
        restraints=_words(questions, _next(answers, questions)),
        level=await _level(node, network, found(price)),
        data=_data_fee(list(answers)),
    )


def _next(answers: Iterator[Any], of: Sequence[object]) -> list[Any]:
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
        to=wish.call.to,
        value=wish.call.value,
        data=wish.call.data,
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


def _words(of: Iterable[T], answers: Iterable[Any]) -> Mapping[T, int | ChainError]:
    return {
        each: attempt(partial(tokens.word, answer))
        for each, answer in zip(of, answers, strict=True)
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
        priority = await (await node.questions()).max_priority_fee()
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
        code, balance = now.codes[wish.call.to], now.balances[wish.payer]
        if wish.call.token is not None:
            has = now.tokens[wish.call.to, wish.payer]
            return isinstance(has, int) and has >= wish.call.units and code != 0
        return (
            (always or code != 0)
            and isinstance(code, int)
            and isinstance(balance, int)
            and balance >= wish.call.value
        )

    asking = [wish for wish in wishes if asks(wish)]
    # Nodes that are not told a block may take what waits into account: then nothing that replaces a
    # call which can be made once could be estimated.
    calls: list[Call] = [("eth_estimateGas", (_question(wish), "latest")) for wish in asking]
    estimates = iter(await node.each(calls))
    gas: Answers[int] = []
    for wish in wishes:
        code = now.codes[wish.call.to]
        if isinstance(code, ChainError):
            gas.append(code)
        else:
            gas.append(
                attempt(partial(_estimated, wish, next(estimates))) if asks(wish) else TRANSFER_GAS
            )
    return gas


def _question(wish: Wish) -> dict[str, str]:
    asked = {"from": wish.payer, "to": wish.call.to, "value": hex(wish.call.value)}
    return asked | ({"data": "0x" + wish.call.data.hex()} if wish.call.data else {})


def _estimated(wish: Wish, answer: Any) -> int:
    if isinstance(answer, RpcError) and not answer.transient:
        if wish.call.token is not None or not wish.call.data:
            raise BuildError(f"the contract that is called refuses: {answer.reason}")
        word = answer.reason if answer.returned is None else reverts.told(answer.returned, spell)
        raise CallReverts(f"{wish.call.to} refuses: {word}")
    estimate = _number(answer)
    return estimate + estimate // 4
