"""What carries a payment that its payer signed: the same words, the same bytes, both ways, and one
case for each way of saying something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.effects import Call
from chains.errors import CallUnknown
from chains.evm import build, carrying, permits
from chains.evm.codec import EvmCodec
from chains.evm.permits import Typed
from chains.model import Address, UnsignedTx
from chains.outcomes import Bound, write
from tests.support.networks import find_network
from tests.support.paper import CODEC_OF
from tests.unit.evm.test_permits import (
    CONTRACT,
    ETHEREUM,
    GIVEN,
    PAYEE,
    PERMITTED,
    RECEIVED,
    SIGNER,
    ZERO,
    by_another,
    said,
    signed,
)

CODEC = EvmCodec(ETHEREUM)
HOUSE = Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
CALL = carrying.words(GIVEN, signed(GIVEN))
DATA = permits.call(GIVEN, signed(GIVEN))


def summary_of(data: bytes, sender: Address = HOUSE, to: Address = CONTRACT, value: int = 0) -> Any:
    made = build.transfer(
        ETHEREUM,
        nonce=0,
        to=to,
        value=value,
        gas=100_000,
        fee_per_gas_max=10**9,
        priority_fee=0,
        data=data,
    )
    return CODEC.summarize(UnsignedTx(ETHEREUM.id, build.encode_unsigned(made), sender))


@pytest.mark.parametrize("sender", [HOUSE, PAYEE])
def test_the_words_are_the_bytes_both_ways(sender: Address) -> None:
    assert carrying.data_of(ETHEREUM, CALL, sender) == DATA
    assert carrying.told(ETHEREUM, sender, CONTRACT, DATA) == CALL
    CODEC.check_call(CALL, None)
    summary = summary_of(DATA, sender)
    assert (summary.effects, summary.unexplained) == ((CALL,), ())
    assert summary.sources == (sender,)


@pytest.mark.parametrize("typed", [RECEIVED, PERMITTED], ids=lambda each: each.kind)
def test_what_is_submitted_by_nobody_has_no_words(typed: Typed) -> None:
    with pytest.raises(CallUnknown):
        carrying.words(typed, signed(typed))


def test_the_words_are_those_of_the_standard() -> None:
    """EIP-3009 names function and arguments so; people read them."""
    assert (CALL.contract, CALL.function, CALL.value) == (
        CONTRACT,
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        0,
    )
    names = [name for name, _ in CALL.arguments]
    assert names == "from to value validAfter validBefore nonce v r s".split()
    told = dict(CALL.arguments)
    assert (told["from"], told["to"], told["value"]) == (SIGNER, PAYEE, "1500000")
    assert told["v"] in ("27", "28")
    assert told["nonce"] == "0x" + "00" * 31 + "07"


def saying(**changes: str) -> Call:
    return replace(CALL, arguments=tuple((dict(CALL.arguments) | changes).items()))


BENT: dict[str, Call] = {
    "another function": replace(CALL, function="transfer"),
    "a permit": replace(CALL, function="permit"),
    "another contract": replace(CALL, contract=PAYEE),
    "coins with it": replace(CALL, value=1),
    "another amount": saying(value="1500001"),
    "a zero before the amount": saying(value="01500000"),
    "other digits": saying(value="\u0661"),
    "more than a word": saying(value=str(2**256)),
    "another payee": saying(to=HOUSE),
    "a payee in lower case": saying(to="0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"),
    "a longer life": saying(validBefore="1864000000"),
    "good only later": saying(validAfter="1"),
    "another nonce": saying(nonce="0x" + "00" * 32),
    "a nonce without 0x": saying(nonce="00" * 31 + "07"),
    "a short nonce": saying(nonce="0x07"),
    "another signature": saying(s="0x" + "11" * 32),
    "no parity": saying(v="26"),
    "a large parity": saying(v="300"),
    "an argument more": replace(CALL, arguments=(*CALL.arguments, ("more", "1"))),
    "an argument twice": replace(CALL, arguments=(*CALL.arguments, CALL.arguments[-1])),
    "an argument less": replace(CALL, arguments=CALL.arguments[:-1]),
    "another order": replace(CALL, arguments=CALL.arguments[::-1]),
}


def test_bounds_are_no_part_of_the_bytes() -> None:
    bounded = replace(CALL, outcome=write([Bound(ETHEREUM.native.id, at_most=0)]))
    CODEC.check_call(bounded, None)


@pytest.mark.parametrize("call", BENT.values(), ids=BENT)
def test_other_words_have_no_bytes(call: Call) -> None:
    with pytest.raises(CallUnknown):
        CODEC.check_call(call, None)


@pytest.mark.parametrize(
    ("typed", "sender"),
    [
        (GIVEN, SIGNER),
        (said(GIVEN, units=0), HOUSE),
        (said(GIVEN, after=1), HOUSE),
        (said(GIVEN, payee=CONTRACT), HOUSE),
        (said(GIVEN, payee=ZERO), HOUSE),
    ],
    ids=["his own", "nothing", "later", "the contract", "nobody"],
)
def test_what_is_well_made_and_never_sent(typed: Typed, sender: Address) -> None:
    data = permits.call(typed, signed(typed))
    assert summary_of(data, sender).unexplained
    with pytest.raises(CallUnknown):
        CODEC.check_call(carrying.words(typed, signed(typed)), sender)


BYTES: dict[str, Callable[[], Any]] = {
    "coins with it": lambda: summary_of(DATA, value=1),
    "to a token that is not listed": lambda: summary_of(DATA, to=PAYEE),
    "a byte behind it": lambda: summary_of(DATA + b"\0"),
    "a byte before an address": lambda: summary_of(DATA[:4] + b"\1" + DATA[5:]),
    "what its payee receives": lambda: summary_of(by_another(RECEIVED, signed(RECEIVED)), PAYEE),
    "a permit": lambda: summary_of(permits.call(PERMITTED, signed(PERMITTED))),
}


@pytest.mark.parametrize("made", BYTES.values(), ids=BYTES)
def test_other_bytes_have_no_words(made: Callable[[], Any]) -> None:
    assert made().unexplained


@given(at=st.integers(0, len(DATA) - 1), byte=st.integers(1, 255))
def test_a_byte_changed_has_no_words(at: int, byte: int) -> None:
    bent = DATA[:at] + bytes([DATA[at] ^ byte]) + DATA[at + 1 :]
    assert carrying.told(ETHEREUM, HOUSE, CONTRACT, bent) is None


def test_a_token_that_is_not_listed_with_the_trait_is_not_carried() -> None:
    """Its holders may sign by rules that nobody here knows."""
    (usdc,) = [each for each in ETHEREUM.tokens.values() if each.domain and each.symbol == "USDC"]
    for changed in (replace(usdc, traits=frozenset()), replace(usdc, domain=("USD Coin", "3"))):
        other = replace(ETHEREUM, tokens={usdc.id: changed})
        assert carrying.told(other, HOUSE, CONTRACT, DATA) is None
        with pytest.raises(CallUnknown):
            carrying.data_of(other, CALL, HOUSE)


def test_it_is_of_one_network() -> None:
    other = find_network("bsc")
    assert carrying.told(other, HOUSE, CONTRACT, DATA) is None


@pytest.mark.parametrize("alias", ["bitcoin", "tron", "solana"])
def test_other_chains_call_nothing_yet(alias: str) -> None:
    with pytest.raises(CallUnknown) as refused:
        CODEC_OF[alias].check_call(CALL, None)
    assert refused.value.code == "call_unknown"
