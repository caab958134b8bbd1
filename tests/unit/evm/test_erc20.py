"""What the codec reads in calldata to tokens, and what it refuses to read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.effects import Allow, Pay
from chains.errors import ChainError, InvalidAddress, InvalidAmount, MemoUnsupported
from chains.evm import UINT256_MAX, address, build, erc20
from chains.evm.codec import EvmCodec, least_gas
from chains.hashes import keccak256
from chains.model import Address, UnsignedTx
from chains.transaction import TxSummary
from tests.support.networks import find_asset, find_network

ETHEREUM = find_network("ethereum")
CODEC = EvmCodec(ETHEREUM)
USDC = find_asset("eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
CONTRACT = erc20.contract_of(ETHEREUM.id, USDC.id)
SENDER = Address("0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F")
PAYEE = Address("0x3535353535353535353535353535353535353535")
ZERO = Address("0x" + "00" * 20)


def call(signature: str, *arguments: object) -> bytes:
    """By an encoder that is not ours."""
    types = signature.partition("(")[2].removesuffix(")").split(",")
    return keccak256(signature.encode())[:4] + encode(types, arguments)


def summary(data: bytes, **changes: Any) -> TxSummary:
    plain = build.transfer(
        ETHEREUM,
        nonce=9,
        to=CONTRACT,
        value=0,
        gas=70_000,
        fee_per_gas_max=10**9,
        priority_fee=0,
        data=data,
    )
    payload = build.encode_unsigned(replace(plain, **changes))
    return CODEC.summarize(UnsignedTx(ETHEREUM.id, payload, SENDER))


def explained(data: bytes, **changes: Any) -> object:
    """The one effect, if the whole transaction has words."""
    found = summary(data, **changes)
    assert found.unexplained == ()
    assert (found.returns, found.creates) == ((), ())
    (effect,) = found.effects
    return effect


GOOD = call("transfer(address,uint256)", PAYEE, 1_500_000)


def test_a_transfer_is_a_payment_of_the_token() -> None:
    assert erc20.transfer(PAYEE, 1_500_000) == GOOD
    assert explained(GOOD) == Pay(PAYEE, USDC.id, 1_500_000)
    found = summary(GOOD)
    fee = {(ETHEREUM.native.id, "fee"): 70_000 * 10**9}
    assert found.costs.most == fee
    assert found.conflict_keys == {build.nonce_key(ETHEREUM.id, SENDER, 9)}


def test_the_selectors_are_those_of_the_standard() -> None:
    """As 4byte directories list them."""
    assert erc20.TRANSFER.hex() == "a9059cbb"
    assert erc20.APPROVE.hex() == "095ea7b3"
    assert erc20.BALANCE_OF.hex() == "70a08231"
    assert erc20.TOPIC == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@given(st.binary(min_size=20, max_size=20).filter(any), st.integers(1, UINT256_MAX))
def test_what_others_encode_is_what_we_encode_and_read(payee: bytes, units: int) -> None:
    spelled = address.checksum(payee)
    data = call("transfer(address,uint256)", spelled, units)
    assert data == erc20.transfer(spelled, units)
    assert CODEC.understand(SENDER, CONTRACT, data, 0) == (Pay(spelled, USDC.id, units),)


def test_allowances_are_allowances() -> None:
    signature = "approve(address,uint256)"
    assert explained(call(signature, PAYEE, 7)) == Allow(PAYEE, USDC.id, 7, None)
    without_end = Allow(PAYEE, USDC.id, None, None)
    assert explained(call(signature, PAYEE, UINT256_MAX)) == without_end
    nearly = Allow(PAYEE, USDC.id, UINT256_MAX - 1, None)
    assert explained(call(signature, PAYEE, UINT256_MAX - 1)) == nearly


def test_taking_an_allowance_back_is_an_allowance_of_nothing() -> None:
    assert explained(call("approve(address,uint256)", PAYEE, 0)) == Allow(PAYEE, USDC.id, 0, None)


UNREAD = {
    "trailing byte": GOOD + b"\0",
    "trailing word": GOOD + bytes(32),
    "a byte short": GOOD[:-1],
    "without an amount": GOOD[:36],
    "the selector alone": GOOD[:4],
    "dirty address": GOOD[:4] + b"\1" + GOOD[5:],
    "dirty beside the address": GOOD[:15] + b"\1" + GOOD[16:],
    "nothing is paid": call("transfer(address,uint256)", PAYEE, 0),
    "to the zero address": call("transfer(address,uint256)", ZERO, 1),
    "to its sender": call("transfer(address,uint256)", SENDER, 1),
    "to the contract": call("transfer(address,uint256)", CONTRACT, 1),
    "spender zero": call("approve(address,uint256)", ZERO, 1),
    "taken from another": call("transferFrom(address,address,uint256)", SENDER, PAYEE, 1),
    "ERC-223": call("transfer(address,uint256,bytes)", PAYEE, 1, b""),
    "ERC-1363": call("transferAndCall(address,uint256)", PAYEE, 1),
    "more than is allowed already": call("increaseAllowance(address,uint256)", PAYEE, 1),
    "a lesser allowance": call("decreaseAllowance(address,uint256)", PAYEE, 1),
    "permit": call(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        *(SENDER, PAYEE, 1, 2**40, 27, bytes(32), bytes(32)),
    ),
    "deposit": call("mint(address,uint256)", PAYEE, 1),
}


@pytest.mark.parametrize("data", UNREAD.values(), ids=UNREAD)
def test_everything_else_stays_unexplained(data: bytes) -> None:
    found = summary(data)
    assert found.effects == ()
    (words,) = found.unexplained
    assert words.startswith(f"{len(data)} bytes of calldata: ")


def test_coins_that_go_with_a_transfer_are_unexplained() -> None:
    (words,) = summary(GOOD, value=1).unexplained
    assert words == f"68 bytes of calldata: nothing describes {CONTRACT}"


def test_calldata_to_oneself_is_unexplained() -> None:
    assert summary(GOOD, to=SENDER).unexplained == ("68 bytes of calldata",)


def test_less_gas_than_its_bytes_cost_is_unexplained() -> None:
    least = least_gas(GOOD)
    assert least == 21_000 + 4 * GOOD.count(0) + 16 * (68 - GOOD.count(0))
    assert summary(GOOD, gas=least).unexplained == ()
    (words,) = summary(GOOD, gas=least - 1).unexplained
    assert f"less than {least} gas" in words


def test_a_look_alike_is_another_asset_and_is_not_paid() -> None:
    """What a token calls itself is no argument here; which contract is called is."""
    fake = Address("0xa0B86991c6218b36c1d19D4a2e9Eb0cE3606Eb47")
    fake = address.checksum(address.to_bytes(fake))
    paid = explained(GOOD, to=fake)
    assert paid == Pay(PAYEE, erc20.asset_of(ETHEREUM.id, fake), 1_500_000)
    assert isinstance(paid, Pay)
    assert paid.asset != USDC.id
    with pytest.raises(InvalidAmount, match="not listed"):
        CODEC.check_payment(paid)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"amount": UINT256_MAX}, None),
        ({"amount": UINT256_MAX + 1}, InvalidAmount),
        ({"amount": 0}, InvalidAmount),
        ({"memo": "7"}, MemoUnsupported),
        ({"address": CONTRACT}, InvalidAddress),
        ({"address": ZERO}, InvalidAddress),
        ({"address": PAYEE.lower()}, None),
        ({"address": CONTRACT.lower()}, InvalidAddress),
        ({"asset": USDC.id.lower()}, InvalidAmount),
        ({"asset": "eip155:56/erc20:0x55d398326f99059fF775485246999027B3197955"}, InvalidAmount),
    ],
)
def test_what_may_be_paid(changes: dict[str, Any], error: type[ChainError] | None) -> None:
    payment = replace(Pay(PAYEE, USDC.id, 1), **changes)
    if error is None:
        CODEC.check_payment(payment)
    else:
        with pytest.raises(error):
            CODEC.check_payment(payment)


def test_an_allowance_never_ends_by_itself() -> None:
    found = explained(call("approve(address,uint256)", PAYEE, 1))
    assert isinstance(found, Allow)
    assert not isinstance(found.expires_at, datetime)
