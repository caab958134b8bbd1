"""What an account tells a contract: to pay, to allow, to make a payment that somebody else signed,
or what administrators described. Words and calldata, both ways. Pure.

What a token is told has words of its own, on every contract, so nobody describes it otherwise.
Coins that go with it, and with a call of nobody or of oneself, would be lost or unsaid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from chains import abi
from chains.contracts.described import (
    Contract,
    Described,
    Move,
    Spelling,
    data_of,
    encoded,
    one_named,
    read,
)
from chains.contracts.functions import Function
from chains.contracts.types import parse_type
from chains.effects import Allow, Asked, Call, Pay, Told
from chains.errors import CallUnknown
from chains.model import Address, AssetId
from chains.networks import Network


def _of_token(name: str, other: str) -> Function:
    arguments = ((other, parse_type("address")), ("value", parse_type("uint256")))
    return Function(name, arguments, payable=False, changes=True)


TRANSFER: Final = _of_token("transfer", "to")
APPROVE: Final = _of_token("approve", "spender")
"""EIP-20, whose names have a line in front."""
_TOKENS: Final = {each.signature: Described(each) for each in (TRANSFER, APPROVE)}
_READ: Final = frozenset({abi.TRANSFER, abi.APPROVE})


def contract_of(network: Network, address: Address) -> Contract | None:
    """What is read of calls within calls: what is described, and what a listed token is told, which
    takes of whoever hands it on."""
    known = network.contracts.get(address)
    asset = next((each for each in network.tokens if each.endswith(f":{address}")), None)
    if asset is None:
        return known
    moves = (Move(("value",), asset),)
    told = {each.selector: Described(each, moves) for each in (TRANSFER, APPROVE)}
    described = {} if known is None else known.functions
    name = network.tokens[asset].symbol if known is None else known.name
    return Contract(address, name, {**described, **told})


class Carrying(Protocol):
    """Calls that submit a payment which its payer signed, and allowances that end, of a family that
    has them."""

    def functions(self, network: Network, contract: Address) -> Mapping[str, Function]:
        """By signature, those that are read of the contract."""
        ...

    def told(
        self, network: Network, sender: Address | None, contract: Address, data: bytes
    ) -> Told | None: ...

    def data_of(self, network: Network, call: Call, sender: Address | None) -> bytes: ...

    def allowed(self, network: Network, allow: Allow) -> tuple[Address, bytes]:
        """Whom an allowance that ends is told, and how. Raises CallUnknown."""
        ...


def reads(
    network: Network, contract: Address, carrying: Carrying | None = None
) -> frozenset[bytes]:
    """Selectors that have words of their own at a contract, whatever a description says."""
    found = {} if carrying is None else carrying.functions(network, contract)
    return _READ | {each.selector for each in found.values()}


@dataclass(frozen=True, slots=True)
class Called:
    """What a transaction says to whom. `value`: native base units."""

    to: Address
    value: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Calling:
    """`namespace`: of the network's tokens (CAIP-19). `spell`: the 20 octets of an address;
    `octets`: back, of the one spelling (ValueError); `parse`: of any spelling (InvalidAddress)."""

    network: Network
    namespace: str
    spell: Callable[[bytes], Address]
    octets: Callable[[str], bytes]
    parse: Callable[[str], bytes]
    carrying: Carrying | None = None

    def told(self, sender: Address | None, contract: Address, data: bytes, value: int) -> Asked:
        """What `sender` (None while it is not known) tells `contract`. Raises CallUnknown, which
        says why it has no words."""
        if contract == sender or not any(self.octets(contract)):
            raise CallUnknown("a call of oneself, or of nobody")
        found = None if value else self._own(sender, contract, data)
        if found is not None:
            return found
        described = self.network.contracts.get(contract)
        if described is None:
            raise CallUnknown(f"nothing describes {contract}")
        return read(described, data, value, self._spelling)

    def understood(
        self, sender: Address, contract: Address, data: bytes, value: int
    ) -> tuple[Asked, ...]:
        """As `told`, of calldata that somebody wants sent: what is asked for has the same bytes.
        Raises CallUnknown."""
        if not data:
            return (Pay(contract, self.network.native.id, value),)
        found = self.told(sender, contract, data, value)
        if self.of(found, sender) != Called(contract, value, data):
            raise CallUnknown("asked for in its words, it would be other calldata")
        return (found,)

    def call_of(
        self, contract: Address, function: str, arguments: Mapping[str, object], value: int
    ) -> Asked:
        """`function`: its signature, or its name where one has it. Raises CallUnknown;
        InvalidAddress for one among the arguments."""
        known = self.network.contracts.get(contract)
        functions = {} if known is None else dict(known.signatures)
        if self._asset(contract) in self.network.tokens:
            functions |= _TOKENS
        if self.carrying is not None:
            carried = self.carrying.functions(self.network, contract)
            functions |= {name: Described(each) for name, each in carried.items()}
        found = one_named(functions, function).function
        return self.told(None, contract, encoded(found, arguments, self.parse), value)

    def of(self, effect: Asked, sender: Address | None) -> Called:
        """What a transaction says that does this. Raises CallUnknown unless `told` finds the same
        words in it; a payment is checked elsewhere."""
        match effect:
            case Call():
                return Called(effect.contract, effect.value, self._data(effect, sender))
            case Allow():
                called = self._allowing(effect)
                if self.told(sender, called.to, called.data, 0) != effect:
                    raise CallUnknown("an allowance that has no bytes")
                return called
            case Pay(asset=self.network.native.id):
                return Called(effect.address, effect.amount, b"")
            case Pay():
                return self._token(effect.asset, TRANSFER, effect.address, effect.amount)

    def _allowing(self, allow: Allow) -> Called:
        if allow.expires_at is not None:
            if self.carrying is None:
                raise CallUnknown("no allowance ends on this network")
            to, data = self.carrying.allowed(self.network, allow)
            return Called(to, 0, data)
        units = abi.UNITS_MAX if allow.amount is None else allow.amount
        return self._token(allow.asset, APPROVE, allow.spender, units)

    def _own(self, sender: Address | None, contract: Address, data: bytes) -> Asked | None:
        """What has words of its own."""
        order = abi.order(data)
        if order is None:
            if self.carrying is None:
                return None
            return self.carrying.told(self.network, sender, contract, data)
        other, asset = self.spell(order.other), self._asset(contract)
        if not any(order.other):
            raise CallUnknown("for nobody")
        if order.verb is abi.Verb.ALLOW:
            return Allow(other, asset, order.allowed, None)
        if not order.units or other in (sender, contract):
            raise CallUnknown("a payment of nothing, to oneself or to the token itself")
        return Pay(other, asset, order.units)

    def _data(self, call: Call, sender: Address | None) -> bytes:
        described = self.network.contracts.get(call.contract)
        if described is not None and call.function in described.signatures:
            return data_of(described, call, self._spelling)
        if self.carrying is None:
            raise CallUnknown(f"nothing describes {call.function} of {call.contract}")
        return self.carrying.data_of(self.network, call, sender)

    def _token(self, asset: AssetId, function: Function, other: Address, units: int) -> Called:
        if asset not in self.network.tokens:
            raise CallUnknown(f"{asset} is not listed on {self.network.name}")
        contract = Address(asset.removeprefix(f"{self.network.id}/{self.namespace}:"))
        try:
            return Called(contract, 0, function.call([self.octets(other), units]))
        except ValueError as error:
            raise CallUnknown(f"{function.name}: {error}") from error

    def _asset(self, contract: Address) -> AssetId:
        return AssetId(f"{self.network.id}/{self.namespace}:{contract}")

    @property
    def _spelling(self) -> Spelling:
        def asset_of(contract: Address) -> AssetId | None:
            asset = self._asset(contract)
            return asset if asset in self.network.tokens else None

        return Spelling(self.spell, self.octets, asset_of, partial(contract_of, self.network))
