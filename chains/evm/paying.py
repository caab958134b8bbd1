"""The one call that a transfer is: a payment of the coin, a token that is told to pay or to allow,
or a call that was asked for as one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chains.assets import Asset
from chains.effects import Pay
from chains.evm import ADDRESS_TYPE
from chains.evm.calling import calling_of
from chains.model import Address, OwnedAddress
from chains.networks import Network
from chains.transaction import TransferIntent


@dataclass(frozen=True, slots=True)
class Called:
    """What the transaction says to whom. `token`, `units`, `payee`: which token moves so many base
    units to whom."""

    to: Address
    value: int
    data: bytes = b""
    token: Asset | None = None
    units: int = 0
    payee: Address | None = None


def source_of(intent: TransferIntent) -> OwnedAddress:
    assert intent.source is not None
    assert intent.source.address_type is ADDRESS_TYPE
    return intent.source


def called(network: Network, intent: TransferIntent) -> Called:
    """An EVM transaction has one effect. A cancel pays its own source nothing. CallUnknown."""
    source = source_of(intent).address
    if not intent.effects:
        return Called(source, 0)
    (effect,) = intent.effects
    told = calling_of(network).of(effect, source)
    plain = Called(told.to, told.value, told.data)
    if not isinstance(effect, Pay) or not told.data:
        return plain
    token = network.tokens[effect.asset]
    return replace(plain, token=token, units=effect.amount, payee=effect.address)
