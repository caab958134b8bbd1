"""What the codec reads in calls of tokens on TRON, and what it refuses to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.abi import UNITS_MAX
from chains.costs import CostKind
from chains.effects import Allow, Pay
from chains.errors import ChainError, InvalidAddress, InvalidAmount, MalformedTransaction
from chains.hashes import keccak256
from chains.model import Address, BlockRef, UnsignedTx
from chains.transaction import TxSummary
from chains.tron import address, build, trc20
from chains.tron import tron_pb2 as pb
from chains.tron.codec import TronCodec
from tests.support.tron import MAIN, owned

CODEC = TronCodec(MAIN)
(USDT,) = MAIN.tokens.values()
CONTRACT = trc20.contract_of(MAIN.id, USDT.id)
PAYER, PAYEE = (owned(PrivateKey(bytes([each]) * 32)).address for each in (1, 2))
LIMIT = 30_000_000
NATIVE = MAIN.native.id


def call(signature: str, *arguments: object) -> bytes:
    """By an encoder that is not ours."""
    types = signature.partition("(")[2].removesuffix(")").split(",")
    return keccak256(signature.encode())[:4] + encode(types, arguments)


def word(spelled: Address) -> str:
    return "0x" + address.to_bytes(spelled)[1:].hex()


def payload(data: bytes, fee_limit: int = LIMIT, contract: Address = CONTRACT) -> bytes:
    return build.build_call(
        PAYER,
        contract,
        data,
        fee_limit=fee_limit,
        reference=BlockRef(1, "00" * 32),
        expiration_ms=600_000,
        timestamp_ms=1,
    )


def summary(data: bytes, **changes: Any) -> TxSummary:
    """With fields of the call or of raw_data changed."""
    raw = pb.RawData.FromString(payload(data, changes.pop("fee_limit", LIMIT)))
    parameter = raw.contract[0].parameter
    inner = pb.TriggerSmartContract.FromString(parameter.value)
    for name, value in changes.items():
        setattr(raw if hasattr(raw, name) else inner, name, value)
    parameter.value = inner.SerializeToString(deterministic=True)
    return CODEC.summarize(UnsignedTx(MAIN.id, raw.SerializeToString(deterministic=True)))


GOOD = call("transfer(address,uint256)", word(PAYEE), 1_500_000)


def test_a_transfer_is_a_payment_of_the_token() -> None:
    assert trc20.transfer(PAYEE, 1_500_000) == GOOD
    found = summary(GOOD)
    assert found.effects == (Pay(PAYEE, USDT.id, 1_500_000),)
    assert (found.unexplained, found.returns, found.creates) == ((), (), ())
    assert found.sources == (PAYER,)
    size = len(payload(GOOD)) + 3 + 67 + 64
    assert found.costs.most == {
        (NATIVE, CostKind.FEE): size * 1000,
        (NATIVE, CostKind.ENERGY): LIMIT,
    }
    assert found.costs.uncapped == frozenset()


@given(st.binary(min_size=20, max_size=20).filter(any), st.integers(1, UNITS_MAX))
def test_what_others_encode_is_what_we_read(payee: bytes, units: int) -> None:
    spelled = address.to_text(b"\x41" + payee)
    data = call("transfer(address,uint256)", "0x" + payee.hex(), units)
    assert trc20.transfer(spelled, units) == data
    assert CODEC.understand(PAYER, CONTRACT, data, 0) == (Pay(spelled, USDT.id, units),)


def test_allowances_are_allowances() -> None:
    for units, allowed in ((7, 7), (UNITS_MAX, None)):
        data = call("approve(address,uint256)", word(PAYEE), units)
        assert summary(data).effects == (Allow(PAYEE, USDT.id, allowed, None),)
        assert summary(data).unexplained == ()


UNREAD = {
    "0x41 before the address": GOOD[:15] + b"\x41" + GOOD[16:],
    "dirty address": GOOD[:4] + b"\1" + GOOD[5:],
    "trailing byte": GOOD + b"\0",
    "trailing word": GOOD + bytes(32),
    "a byte short": GOOD[:-1],
    "the selector alone": GOOD[:4],
    "nothing": b"",
    "nothing is paid": call("transfer(address,uint256)", word(PAYEE), 0),
    "to nobody": call("transfer(address,uint256)", "0x" + "00" * 20, 1),
    "to its owner": call("transfer(address,uint256)", word(PAYER), 1),
    "to the contract": call("transfer(address,uint256)", word(CONTRACT), 1),
    "spender nobody": call("approve(address,uint256)", "0x" + "00" * 20, 1),
    "taken from another": call(
        "transferFrom(address,address,uint256)", word(PAYER), word(PAYEE), 1
    ),
    "more than is allowed already": call("increaseAllowance(address,uint256)", word(PAYEE), 1),
    "a lesser allowance": call("decreaseAllowance(address,uint256)", word(PAYEE), 1),
    "permit": call(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        *(word(PAYER), word(PAYEE), 1, 2**40, 27, bytes(32), bytes(32)),
    ),
    "withdrawal": call("withdraw(uint256)", 1),
}


@pytest.mark.parametrize("data", UNREAD.values(), ids=UNREAD)
def test_everything_else_stays_unexplained(data: bytes) -> None:
    found = summary(data)
    assert found.effects == ()
    (words,) = found.unexplained
    assert words.startswith(f"a TriggerSmartContract with {len(data)} bytes of calldata: ")
    with pytest.raises(MalformedTransaction):
        CODEC.signing_inputs(UnsignedTx(MAIN.id, payload(data)))


BESIDE = {
    "coins": {"call_value": 1},
    "coins taken": {"call_value": -1},
    "TRC-10": {"call_token_value": 1},
    "id of TRC-10": {"token_id": 1_000_001},
    "no fee limit": {"fee_limit": 0},
    "a fee limit below zero": {"fee_limit": -1},
    "owner of no network": {"owner_address": b"\xa0" + bytes(20)},
    "no contract": {"contract_address": b""},
    "a bare EVM contract": {"contract_address": bytes(20)},
    "oneself as contract": {"contract_address": address.to_bytes(PAYER)},
}


@pytest.mark.parametrize("changes", BESIDE.values(), ids=BESIDE)
def test_what_goes_with_a_call_is_unexplained(changes: dict[str, Any]) -> None:
    assert summary(GOOD, **changes).unexplained


def test_a_memo_beside_a_call_is_unexplained() -> None:
    raw = pb.RawData.FromString(payload(GOOD))
    raw.data = b"for rent"
    tx = UnsignedTx(MAIN.id, raw.SerializeToString(deterministic=True))
    assert CODEC.summarize(tx).unexplained == ("a memo, for which the chain charges an extra fee",)


@pytest.mark.parametrize("kind", [1, 30])
def test_a_call_is_one_by_type_and_by_url(kind: Any) -> None:
    """Nodes may go by either."""
    raw = pb.RawData.FromString(payload(GOOD))
    raw.contract[0].type = kind
    tx = UnsignedTx(MAIN.id, raw.SerializeToString(deterministic=True))
    assert CODEC.summarize(tx).unexplained


def test_a_field_that_is_unknown_inside_a_call_is_refused() -> None:
    raw = pb.RawData.FromString(payload(GOOD))
    raw.contract[0].parameter.value += bytes([9 << 3 | 2, 1]) + b"x"
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(UnsignedTx(MAIN.id, raw.SerializeToString(deterministic=True)))


def test_a_look_alike_is_another_asset_and_is_not_paid() -> None:
    other = owned(PrivateKey(b"\x09" * 32)).address
    (paid,) = CODEC.summarize(UnsignedTx(MAIN.id, payload(GOOD, contract=other))).effects
    assert isinstance(paid, Pay) and paid.asset == trc20.asset_of(MAIN.id, other) != USDT.id
    with pytest.raises(InvalidAmount, match="not listed"):
        CODEC.check_payment(paid)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"amount": UNITS_MAX}, None),
        ({"amount": UNITS_MAX + 1}, InvalidAmount),
        ({"amount": 0}, InvalidAmount),
        ({"address": CONTRACT}, InvalidAddress),
        ({"address": address.to_bytes(PAYEE).hex()}, InvalidAddress),
    ],
)
def test_what_may_be_paid(changes: dict[str, Any], error: type[ChainError] | None) -> None:
    payment = replace(Pay(PAYEE, USDT.id, 1), **changes)
    if error is None:
        CODEC.check_payment(payment)
    else:
        with pytest.raises(error):
            CODEC.check_payment(payment)
