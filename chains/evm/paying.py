"""The one call that a transfer is: a payment of the coin, a token that is told to pay, or a call
that was asked for as one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from chains.assets import Asset
from chains.effects import Call
from chains.evm import ADDRESS_TYPE, carrying, erc20
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
    if not intent.effects:
        return Called(source_of(intent).address, 0)
    (payment,) = intent.effects
    if isinstance(payment, Call):
        data = carrying.data_of(network, payment, source_of(intent).address)
        return Called(payment.contract, payment.value, data)
    if payment.asset == network.native.id:
        return Called(payment.address, payment.amount)
    contract = erc20.contract_of(network.id, payment.asset)
    data = erc20.transfer(payment.address, payment.amount)
    token = network.tokens[payment.asset]
    return Called(contract, 0, data, token, payment.amount, payment.address)
