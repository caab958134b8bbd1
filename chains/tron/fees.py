"""What a payment may cost: decided by its size, the accounts and the chain's parameters.

The fee is not in the transaction's bytes. java-tron charges (`BandwidthProcessor.consume`,
`TransferActuator.execute`) either for the size, where staked or free bandwidth does not cover it,
or, if a transfer of TRX has a recipient without an account, a flat activation fee instead; never
both. A contract call also burns for its energy what staked energy does not cover, and never more
than the bytes' `fee_limit` (`ReceiptCapsule.payEnergyBill`). Amounts in sun. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.costs import CostKind
from chains.tron import (
    ACTIVATION_BANDWIDTH_FEE,
    ACTIVATION_FEE,
    RESULT_BYTES,
    SIGNATURE_BYTES,
    SUN_PER_BYTE,
)


@dataclass(frozen=True, slots=True)
class Prices:
    """The chain's parameters that decide the fee of a transfer. `activation_rate`: staked
    bandwidth points per byte when the transfer activates its recipient. `energy`: sun burned for a
    unit, 0 where the node does not say."""

    per_byte: int
    activation: int
    activation_bandwidth: int
    activation_rate: int
    energy: int = 0


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Points the payer has left. The free ones do not count towards activation."""

    staked: int
    free: int


def charged_bytes(payload: bytes) -> int:
    """The size the chain charges for `payload` (raw_data) with one signature: the serialized
    transaction and room for its result."""
    return _field_bytes(len(payload)) + _field_bytes(SIGNATURE_BYTES) + RESULT_BYTES


def most(payload: bytes) -> Mapping[CostKind, int]:
    """The most that `payload` can cost its owner, whatever the accounts' state: for bandwidth its
    whole size or what an activation burns in its place, and the activation of the recipient."""
    bandwidth = max(charged_bytes(payload) * SUN_PER_BYTE, ACTIVATION_BANDWIDTH_FEE)
    return {CostKind.FEE: bandwidth, CostKind.ACTIVATION: ACTIVATION_FEE}


def most_of_call(payload: bytes, fee_limit: int) -> Mapping[CostKind, int]:
    """The same of a contract call, which activates nobody."""
    return {CostKind.FEE: charged_bytes(payload) * SUN_PER_BYTE, CostKind.ENERGY: fee_limit}


def expected_fee(size: int, bandwidth: Bandwidth, prices: Prices, *, activates: bool) -> int:
    """What `size` charged bytes cost as things stand. `activates`: the recipient is new.

    An expectation only: other transactions may use up the bandwidth first, and the network's own
    pool of free bandwidth, which no node reports, may be empty.
    """
    if activates:
        covered = size * prices.activation_rate <= bandwidth.staked
        return prices.activation + (0 if covered else prices.activation_bandwidth)
    if size <= bandwidth.staked or size <= bandwidth.free:
        return 0
    return size * prices.per_byte


def with_margin(energy: int) -> int:
    """A quarter more than a call would take now. The factor of a busy contract rises by at most a
    fifth in six hours [getDynamicEnergyIncreaseFactor]."""
    return energy + energy // 4


def exceeds_known(prices: Prices) -> bool:
    """Whether `most`, which counts with the parameters known to this build, is too low."""
    return (
        prices.per_byte > SUN_PER_BYTE
        or prices.activation > ACTIVATION_FEE
        or prices.activation_bandwidth > ACTIVATION_BANDWIDTH_FEE
    )


def _field_bytes(length: int) -> int:
    """A length-delimited protobuf field with a one-byte tag: tag, length as varint, content."""
    return 1 + max(1, (length.bit_length() + 6) // 7) + length
