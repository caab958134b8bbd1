"""From a payment to the output that carries it, refusing what no node would carry. Pure."""

from __future__ import annotations

from typing import Final

from chains.bitcoin import DUST_RELAY_FEE_RATE
from chains.bitcoin.address import AddressFormat
from chains.bitcoin.transaction import TxOutput
from chains.codec import check_plain
from chains.effects import Pay
from chains.errors import DustAmount, InvalidAddress
from chains.networks import Network

_SPEND_WITNESS_PROGRAM: Final = 67
_SPEND_OTHER: Final = 148


def payment_output(network: Network, addresses: AddressFormat, payment: Pay) -> TxOutput:
    """The output for `payment`. Raises InvalidAddress, InvalidAmount, DustAmount or
    MemoUnsupported."""
    check_plain(network, payment)
    script = addresses.script_of(payment.address)
    if addresses.address_of(script) != payment.address:
        raise InvalidAddress("the address is not in its canonical form")
    smallest = dust_threshold(script)
    if payment.amount < smallest:
        raise DustAmount(
            f"{payment.amount} satoshi is dust: this kind of address takes at least {smallest}"
        )
    return TxOutput(payment.amount, script)


def dust_threshold(script: bytes) -> int:
    """The smallest amount that nodes relay to `script`, in satoshi.

    As Bitcoin Core's GetDustThreshold: what the output and a future input that spends it weigh, at
    3 sat/vB, where the weight of that input is a fixed guess per kind of script.
    """
    witness_program = 4 <= len(script) <= 42 and (
        (script[0] == 0 or 0x51 <= script[0] <= 0x60) and script[1] == len(script) - 2
    )
    size = len(TxOutput(0, script).serialize())
    size += _SPEND_WITNESS_PROGRAM if witness_program else _SPEND_OTHER
    return size * DUST_RELAY_FEE_RATE // 1000
