"""What a TRON transaction rests on now, asked of a node, and the bytes that follow from it.

Everything that a set's transactions rest on is asked once for the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from secrets import randbelow
from typing import Any

from chains.adapter import Estimated
from chains.answers import Answers, attempt, each_answer, found
from chains.contracts import missing
from chains.costs import check_within, costs_in
from chains.effects import Asked, Pay
from chains.errors import (
    CallReverts,
    ChainError,
    FeeAboveMaximum,
    InsufficientFunds,
    InsufficientGas,
    InvalidAddress,
    InvalidAmount,
    NodeMisbehaved,
)
from chains.model import Address, UnsignedTx
from chains.networks import Network
from chains.transaction import TransferIntent
from chains.tron import (
    LIFETIME_MS,
    LIFETIME_SPREAD_MS,
    SUN_PER_BYTE,
    TIMESTAMP_SPREAD_MS,
    build,
    fees,
    tokens,
)
from chains.tron.address import to_bytes
from chains.tron.calling import calling_of
from chains.tron.codec import TronCodec
from chains.tron.rpc import NodeBlock, TronRpc


@dataclass(frozen=True, slots=True)
class _Now:
    """What the chain says at this moment of payers, recipients and prices."""

    prices: fees.Prices
    head: NodeBlock
    solidified: NodeBlock
    accounts: Mapping[Address, dict[str, Any] | ChainError]
    resources: Mapping[Address, dict[str, Any] | ChainError]
    calls: Mapping[tuple[Address, Asked], tokens.Call | ChainError]


class Preparer:
    """Of one network, by one node."""

    def __init__(self, network: Network, codec: TronCodec, rpc: TronRpc) -> None:
        self._network = network
        self._codec = codec
        self._rpc = rpc

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        wanted = [attempt(partial(self._wanted, intent)) for intent in intents]
        now = await self._look([each for each in wanted if not isinstance(each, ChainError)])
        return [
            attempt(partial(self._build, intent, each, now))
            for intent, each in zip(intents, wanted, strict=True)
        ]

    async def estimate(self, intent: TransferIntent) -> Estimated:
        """Of a call: its energy with a margin, and what its bytes and its energy may burn."""
        wanted = self._wanted(intent)
        now = await self._look([wanted])
        call, payload = self._call_bytes(wanted, now)
        most = fees.most_of_call(payload, call.energy * now.prices.energy)
        return Estimated(call.energy, costs_in(self._network.native.id, most))

    def _wanted(self, intent: TransferIntent) -> tuple[Address, Asked]:
        """Who does what."""
        assert intent.network == self._network.id, intent.network
        assert intent.source is not None, "TRON pays from an account"
        assert not intent.claim, "TRON claims nothing"
        owner, effect = intent.source.address, only(intent.effects)
        if not isinstance(effect, Pay):
            self._codec.check_call(effect, owner)
            return owner, effect
        self._codec.check_payment(effect)
        if effect.address == owner:
            raise InvalidAddress("the chain refuses payments to oneself")
        return owner, effect

    async def _look(self, wanted: Sequence[tuple[Address, Asked]]) -> _Now:
        """Everything that the set's transactions rest on, each thing asked once."""
        prices = prices_of(await self._rpc.parameters())
        head, solidified = await self._rpc.head(), await self._rpc.solidified()
        owners = list(dict.fromkeys(owner for owner, _ in wanted))
        payees = (effect.address for _, effect in wanted if isinstance(effect, Pay))
        both = list(dict.fromkeys([*owners, *payees]))
        accounts = await each_answer(both, lambda each: self._rpc.account(to_bytes(each)))
        resources = await each_answer(owners, lambda each: self._rpc.resources(to_bytes(each)))
        told = [each for each in dict.fromkeys(wanted) if not self._is_of_coins(each[1])]
        calls = await each_answer(told, lambda each: self._call(*each))
        return _Now(
            calls=dict(zip(told, calls, strict=True)),
            prices=prices,
            head=head,
            solidified=solidified,
            accounts=dict(zip(both, accounts, strict=True)),
            resources=dict(zip(owners, resources, strict=True)),
        )

    def _is_of_coins(self, effect: Asked) -> bool:
        return isinstance(effect, Pay) and effect.asset == self._network.native.id

    async def _call(self, owner: Address, effect: Asked) -> tokens.Call:
        if isinstance(effect, Pay):
            return await tokens.call(self._rpc, self._network, owner, effect)
        try:
            return await tokens.tried(self._rpc, owner, calling_of(self._network).of(effect, owner))
        except CallReverts as error:
            raise await self._helped(owner, effect, error) from error

    async def _helped(self, owner: Address, effect: Asked, error: CallReverts) -> CallReverts:
        """With what keeps the contract from taking what the call says, if that is it."""
        rpc, network = self._rpc, self._network
        taken = missing.takes(network, [effect])
        has = await each_answer(taken, lambda each: tokens.balance(rpc, network, owner, each.token))
        may = await each_answer(
            taken, lambda each: tokens.allowance(rpc, network, each.token.id, owner, each.spender)
        )
        known = zip(map(_known, has), map(_known, may), strict=True)
        return CallReverts("; ".join([str(error), *missing.words(taken, list(known))]))

    def _build(
        self, intent: TransferIntent, wanted: tuple[Address, Asked] | ChainError, now: _Now
    ) -> UnsignedTx:
        """Refers to the solidified block, which no reorganisation removes."""
        owner, payment = found(wanted)
        if not isinstance(payment, Pay) or not self._is_of_coins(payment):
            return self._build_call(intent, owner, payment, now)
        payload = build.build_transfer(
            owner,
            payment.address,
            payment.amount,
            reference=now.solidified.ref,
            expiration_ms=now.head.timestamp_ms + LIFETIME_MS + randbelow(LIFETIME_SPREAD_MS),
            timestamp_ms=max(0, now.head.timestamp_ms - randbelow(TIMESTAMP_SPREAD_MS)),
        )
        tx = UnsignedTx(self._network.id, payload)
        self._check_fee_and_funds(tx, intent, owner, payment, now)
        return tx

    def _call_bytes(self, wanted: tuple[Address, Asked], now: _Now) -> tuple[tokens.Call, bytes]:
        call = found(now.calls[wanted])
        if now.prices.energy <= 0:
            raise NodeMisbehaved("the chain parameters lack getEnergyFee")
        return call, build.build_call(
            wanted[0],
            call.contract,
            call.data,
            value=call.value,
            fee_limit=call.energy * now.prices.energy,
            reference=now.solidified.ref,
            expiration_ms=now.head.timestamp_ms + LIFETIME_MS + randbelow(LIFETIME_SPREAD_MS),
            timestamp_ms=max(0, now.head.timestamp_ms - randbelow(TIMESTAMP_SPREAD_MS)),
        )

    def _build_call(
        self, intent: TransferIntent, owner: Address, effect: Asked, now: _Now
    ) -> UnsignedTx:
        """The fee limit covers all energy, what is staked too: java-tron counts it so
        (`VMActuator.getAccountEnergyLimitWithFixRatio`)."""
        call, payload = self._call_bytes((owner, effect), now)
        tx = UnsignedTx(self._network.id, payload)
        summary = self._codec.summarize(tx)
        assert summary.effects == (effect,) and not summary.unexplained, "built something else"
        if now.prices.per_byte > SUN_PER_BYTE:
            raise FeeAboveMaximum("the chain charges more for a byte than this software knows")
        check_within(summary.costs.most, intent.costs_max)
        resources = found(now.resources[owner])
        staked = number(resources, "EnergyLimit") - number(resources, "EnergyUsed")
        size = fees.charged_bytes(payload)
        expected = fees.expected_fee(size, _bandwidth(resources), now.prices, activates=False)
        expected += max(0, call.energy - max(0, staked)) * now.prices.energy
        balance = number(found(now.accounts[owner]), "balance")
        if balance < call.value + expected:
            symbol, with_it = self._network.native.symbol, f"{call.value} with the call and "
            needed = f"{with_it if call.value else ''}{expected} to burn"
            raise InsufficientGas(f"{symbol} for energy: {balance} sun of {needed}")
        return tx

    def _check_fee_and_funds(
        self, tx: UnsignedTx, intent: TransferIntent, owner: Address, payment: Pay, now: _Now
    ) -> None:
        if fees.exceeds_known(now.prices):
            raise FeeAboveMaximum(
                "the chain charges more than this software knows",
                advice="raise the fee constants of chains/tron after checking the chain's vote",
            )
        summary = self._codec.summarize(tx)
        assert summary.effects == (payment,) and not summary.unexplained, "built something else"
        check_within(summary.costs.most, intent.costs_max)
        recipient = found(now.accounts[payment.address])
        if recipient.get("type") == "Contract":
            raise InvalidAddress("the address of a contract, which a plain transfer can't pay")
        expected = fees.expected_fee(
            fees.charged_bytes(tx.payload),
            _bandwidth(found(now.resources[owner])),
            now.prices,
            activates=not recipient,
        )
        balance = number(found(now.accounts[owner]), "balance")
        if balance < payment.amount + expected:
            raise InsufficientFunds(
                f"{balance} sun, {payment.amount} to pay and {expected} to burn as things stand"
            )


def _known(answered: int | ChainError) -> int | None:
    return None if isinstance(answered, ChainError) else answered


def only(effects: tuple[Asked, ...]) -> Asked:
    if len(effects) != 1:
        raise InvalidAmount("a TRON transfer does exactly one thing")
    return effects[0]


def number(table: dict[str, Any], name: str) -> int:
    """A field of an answer; 0 where it is absent, as proto3 has it."""
    value = table.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NodeMisbehaved(f"{name} is not a number")
    return value


def prices_of(parameters: dict[str, int]) -> fees.Prices:
    try:
        return fees.Prices(
            per_byte=parameters["getTransactionFee"],
            activation=parameters["getCreateNewAccountFeeInSystemContract"],
            activation_bandwidth=parameters["getCreateAccountFee"],
            activation_rate=parameters["getCreateNewAccountBandwidthRate"],
            energy=parameters.get("getEnergyFee", 0),
        )
    except KeyError as error:
        raise NodeMisbehaved(f"the chain parameters lack {error}") from error


def _bandwidth(resources: dict[str, Any]) -> fees.Bandwidth:
    return fees.Bandwidth(
        staked=number(resources, "NetLimit") - number(resources, "NetUsed"),
        free=number(resources, "freeNetLimit") - number(resources, "freeNetUsed"),
    )
