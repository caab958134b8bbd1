"""Described calls on EVM networks and on TRON, which speak one ABI: the same words, the same bytes,
both ways, beside an encoder that is not ours; and each way of saying something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.contracts.described import TEXT_MAX
from chains.effects import Allow, Call, Pay
from chains.errors import CallUnknown, InvalidAddress, WrongChecksum
from chains.evm import build as evm_build
from chains.families import CODECS
from chains.hashes import keccak256
from chains.model import Address, AssetId, BlockRef, UnsignedTx
from chains.networks import Network
from chains.transaction import TxSummary
from chains.tron import build as tron_build
from chains.tron.address import to_bytes
from tests.support.paper import CODEC_OF
from tests.support.rows import DEPOSIT, SWAP, abi, contract_row

MAX = 2**256 - 1
SPENT = abi("spend", ("token", "address"), ("units", "uint256"), ("memo", "string"))
MIXED = abi(
    "mixed",
    ("rows", "bytes32[2][]"),
    ("yes", "bool"),
    ("down", "int128"),
    ("data", "bytes"),
    ("names", "string[]"),
)


@dataclass(frozen=True)
class Place:
    """A network with a contract that is described, a listed token, and somebody else."""

    network: Network
    sender: Address
    contract: Address
    token: Address
    other: Address

    @property
    def codec(self) -> TransactionCodec:
        return CODECS[self.network.family](self.network)

    @property
    def asset(self) -> AssetId:
        (asset,) = [each for each in self.network.tokens if each.endswith(f":{self.token}")]
        return asset

    def octets(self, spelled: Address) -> str:
        """As an encoder of Ethereum's takes it."""
        return spelled if spelled.startswith("0x") else "0x" + to_bytes(spelled)[1:].hex()

    def tx(self, contract: Address, data: bytes, value: int = 0) -> UnsignedTx:
        if self.network.family == "tron":
            payload = tron_build.build_call(
                self.sender,
                contract,
                data,
                value=value,
                fee_limit=30_000_000,
                reference=BlockRef(1, "00" * 32),
                expiration_ms=600_000,
                timestamp_ms=1,
            )
            return UnsignedTx(self.network.id, payload)
        made = evm_build.transfer(
            self.network,
            nonce=0,
            to=contract,
            value=value,
            gas=10**7,
            fee_per_gas_max=10**9,
            priority_fee=0,
            data=data,
        )
        return UnsignedTx(self.network.id, evm_build.encode_unsigned(made), self.sender)

    def summary(self, contract: Address, data: bytes, value: int = 0) -> TxSummary:
        return self.codec.summarize(self.tx(contract, data, value))


def place(alias: str, *addresses: str) -> Place:
    network = built_in().find_network(alias)
    sender, contract, token, other = map(Address, addresses)
    functions = [
        {"abi": SWAP, "moves": [{"token": "path.0", "argument": "amountIn"}]},
        {"abi": DEPOSIT},
        {"abi": SPENT, "moves": [{"token": "token", "argument": "units"}]},
        {"abi": MIXED, "opaque": ["data"]},
        {"abi": abi("both", ("x", "uint8"))},
        {"abi": abi("both", ("x", "uint16"))},
    ]
    row = contract_row(network.id, contract, functions=functions)
    found = built_in().with_rows([], [], [row]).networks[network.id]
    return Place(found, sender, contract, token, other)


PLACES = {
    "evm": place(
        "ethereum",
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
        "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
        "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        "0x3535353535353535353535353535353535353535",
    ),
    "tron": place(
        "tron",
        "TUEZSdKsoDHQMeZwihtdoBiN46zxhGWYdH",
        "TKzxdSv2FZKQrEqkKVgp5DcwEXBEKMg2Ax",
        "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL",
    ),
}
each_place = pytest.mark.parametrize("at", PLACES.values(), ids=PLACES)


def calldata(signature: str, *arguments: object) -> bytes:
    types = signature.partition("(")[2].removesuffix(")").split(",")
    return keccak256(signature.encode())[:4] + encode(types, arguments)


SWAPS = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"


def swap_data(at: Place, units: int = 5, path: Sequence[Address] | None = None) -> bytes:
    path = [at.token, at.other] if path is None else path
    accounts = [at.octets(each) for each in path]
    return calldata(SWAPS, units, 4, accounts, at.octets(at.sender), 99)


def swap_words(at: Place, units: int = 5) -> Call:
    arguments = (
        ("amountIn", str(units)),
        ("amountOutMin", "4"),
        ("path", f'["{at.token}","{at.other}"]'),
        ("to", at.sender),
        ("deadline", "99"),
    )
    return Call(at.contract, SWAPS, arguments, 0, moves=((at.asset, units),))


@each_place
def test_the_words_are_the_bytes_both_ways(at: Place) -> None:
    call, data = swap_words(at), swap_data(at)
    assert at.codec.understand(at.sender, at.contract, data, 0) == (call,)
    at.codec.check_call(call, at.sender)
    at.codec.check_call(call, None)
    summary = at.summary(at.contract, data)
    assert (summary.effects, summary.unexplained) == ((call,), ())
    asked = {
        "amountIn": "5",
        "amountOutMin": "4",
        "path": [at.token, at.other],
        "to": at.sender,
        "deadline": "99",
    }
    for name in ("swapExactTokensForTokens", SWAPS):
        assert at.codec.call_of(at.contract, name, asked, 0) == call


@each_place
def test_coins_go_with_what_takes_some_and_with_nothing_else(at: Place) -> None:
    deposit = Call(at.contract, "deposit()", (), 7)
    assert at.codec.call_of(at.contract, "deposit", {}, 7) == deposit
    summary = at.summary(at.contract, keccak256(b"deposit()")[:4], 7)
    assert (summary.effects, summary.unexplained) == ((deposit,), ())
    with_swap = at.summary(at.contract, swap_data(at), 1)
    (words,) = with_swap.unexplained
    assert "takes no coins, and 1 would go with it" in words
    with pytest.raises(CallUnknown):
        at.codec.check_call(replace(swap_words(at), value=1), at.sender)


@each_place
def test_what_a_token_is_told_comes_back_as_what_it_is(at: Place) -> None:
    codec = at.codec
    paid = codec.call_of(at.token, "transfer", {"to": at.other, "value": "7"}, 0)
    assert paid == Pay(at.other, at.asset, 7)
    allowed = codec.call_of(at.token, "approve", {"spender": at.contract, "value": "7"}, 0)
    assert allowed == Allow(at.contract, at.asset, 7, None)
    endless = codec.call_of(at.token, "approve", {"spender": at.contract, "value": str(MAX)}, 0)
    assert endless == Allow(at.contract, at.asset, None, None)
    data = calldata("approve(address,uint256)", at.octets(at.contract), 7)
    assert codec.understand(at.sender, at.token, data, 0) == (allowed,)
    assert codec.understand(at.sender, at.other, b"", 9) == (
        Pay(at.other, at.network.native.id, 9),
    )


@each_place
@pytest.mark.parametrize("units", [0, 1, MAX - 1, None])
def test_an_allowance_has_one_calldata(at: Place, units: int | None) -> None:
    allow = Allow(at.contract, at.asset, units, None)
    at.codec.check_call(allow, at.sender)
    data = calldata(
        "approve(address,uint256)", at.octets(at.contract), MAX if units is None else units
    )
    summary = at.summary(at.token, data)
    assert (summary.effects, summary.unexplained) == ((allow,), ())


@each_place
def test_an_allowance_that_has_no_calldata(at: Place) -> None:
    allow = Allow(at.contract, at.asset, 1, None)
    for other in (
        replace(allow, asset=AssetId(f"{at.asset}x")),
        replace(allow, asset=at.network.native.id),
        replace(allow, amount=MAX),
        replace(allow, amount=MAX + 1),
        replace(allow, amount=-1),
        replace(allow, spender=Address("nobody")),
        replace(allow, expires_at=datetime(2030, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ):
        with pytest.raises(CallUnknown):
            at.codec.check_call(other, at.sender)


def bent(at: Place) -> dict[str, bytes]:
    good = swap_data(at)
    shared = bytearray(
        calldata(
            "mixed(bytes32[2][],bool,int128,bytes,string[])",
            [[bytes(32)] * 2],
            True,
            -1,
            b"\1",
            ["a"],
        )
    )
    shared[4 + 3 * 32 : 4 + 4 * 32] = (4 * 32).to_bytes(32, "big")
    return {
        "a word behind it": good + bytes(32),
        "a byte behind it": good + b"\0",
        "a byte short": good[:-1],
        "the selector alone": good[:4],
        "dirty before an address": good[: 4 + 3 * 32] + b"\1" + good[4 + 3 * 32 + 1 :],
        "dirty before an address in the list": good[:-64] + b"\1" + good[-63:],
        "an offset to elsewhere": good[: 4 + 2 * 32 + 31] + b"\xc0" + good[4 + 3 * 32 :],
        "a list of more than there is": good[: 4 + 5 * 32 + 31] + b"\3" + good[4 + 6 * 32 :],
        "two values that share a tail": bytes(shared),
        "a function that nobody described": b"\xde\xad\xbe\xef" + good[4:],
    }  # fmt: skip


@each_place
def test_bent_calldata_has_no_words(at: Place) -> None:
    for name, data in bent(at).items():
        summary = at.summary(at.contract, data)
        assert summary.effects == (), name
        assert summary.unexplained, name
        with pytest.raises(CallUnknown):
            at.codec.understand(at.sender, at.contract, data, 0)


@each_place
def test_words_that_have_no_bytes(at: Place) -> None:
    call = swap_words(at)
    named = dict(call.arguments)

    def saying(**changes: str) -> Call:
        return replace(call, arguments=tuple((named | changes).items()))

    for other in (
        replace(call, function="swapExactTokensForTokens"),
        replace(call, function="deposit()"),
        replace(call, function="unknown()"),
        replace(call, contract=at.other),
        replace(call, contract=at.token),
        replace(call, moves=()),
        replace(call, moves=((at.asset, 4),)),
        replace(call, moves=((at.network.native.id, 5),)),
        replace(call, arguments=call.arguments[:-1]),
        replace(call, arguments=(*call.arguments, ("more", "1"))),
        replace(call, arguments=(*call.arguments, call.arguments[-1])),
        replace(call, arguments=call.arguments[::-1]),
        saying(amountIn="05"),
        saying(amountIn="\u0665"),
        saying(amountIn="-5"),
        saying(amountIn=str(MAX + 1)),
        saying(to="nobody"),
        saying(path="{}"),
        saying(path=f'[ "{at.token}","{at.other}"]'),
        saying(path="["),
        saying(path="[" * 5000),
    ):
        with pytest.raises(CallUnknown):
            at.codec.check_call(other, at.sender)


@each_place
def test_a_token_that_nobody_listed_is_not_taken(at: Place) -> None:
    """Nor may a list be too short for the argument that says which token it is."""
    data = swap_data(at, path=[at.other, at.token])
    (words,) = at.summary(at.contract, data).unexplained
    assert f"it takes 5 of {at.other}, a token that is not listed" in words
    (words,) = at.summary(at.contract, swap_data(at, path=[])).unexplained
    assert "no element path.0" in words


@each_place
def test_what_takes_nothing_says_so(at: Place) -> None:
    (effect,) = at.summary(at.contract, swap_data(at, units=0)).effects
    assert isinstance(effect, Call) and effect.moves == ()


@each_place
def test_nobody_calls_himself_or_nobody(at: Place) -> None:
    with pytest.raises(CallUnknown):
        at.codec.understand(at.contract, at.contract, swap_data(at), 0)


@each_place
def test_functions_of_one_name_are_told_apart(at: Place) -> None:
    with pytest.raises(CallUnknown, match=r"say which: both\(uint8\), both\(uint16\)"):
        at.codec.call_of(at.contract, "both", {"x": "1"}, 0)
    found = at.codec.call_of(at.contract, "both(uint16)", {"x": "1"}, 0)
    assert isinstance(found, Call) and found.function == "both(uint16)"
    with pytest.raises(CallUnknown):
        at.codec.call_of(at.contract, "both(uint8)", {"x": "256"}, 0)
    with pytest.raises(CallUnknown, match="no description has a function neither"):
        at.codec.call_of(at.contract, "neither", {}, 0)
    for wrong in ({}, {"y": "1"}, {"x": "1", "y": "1"}, {"x": 1}, {"x": ["1"]}):
        with pytest.raises(CallUnknown):
            at.codec.call_of(at.contract, "both(uint16)", wrong, 0)


@each_place
def test_an_address_of_another_network_is_called_so(at: Place) -> None:
    with pytest.raises(InvalidAddress):
        at.codec.call_of(
            at.token, "transfer", {"to": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "value": "1"}, 0
        )


def test_people_may_spell_addresses_in_one_case() -> None:
    at = PLACES["evm"]
    asked = {"to": at.other.lower(), "value": "7"}
    assert at.codec.call_of(at.token, "transfer", asked, 0) == Pay(at.other, at.asset, 7)
    wrong = {"to": "0x" + at.token[2:].swapcase(), "value": "7"}
    with pytest.raises(WrongChecksum):
        at.codec.call_of(at.token, "transfer", wrong, 0)


MIXED_SIGNATURE = "mixed(bytes32[2][],bool,int128,bytes,string[])"


@given(
    st.lists(st.tuples(*[st.binary(min_size=32, max_size=32)] * 2), max_size=3),
    st.booleans(),
    st.integers(-(2**127), 2**127 - 1),
    st.binary(max_size=70),
    st.lists(st.text('abc "\\', max_size=9), max_size=3),
)
def test_what_others_encode_is_what_we_read_and_write(
    rows: Any, yes: bool, down: int, data: bytes, names: Any
) -> None:
    at = PLACES["evm"]
    made = calldata(MIXED_SIGNATURE, rows, yes, down, data, names)
    (call,) = at.codec.understand(at.sender, at.contract, made, 0)
    assert isinstance(call, Call)
    assert dict(call.arguments)["data"] == "0x" + data.hex()
    at.codec.check_call(call, at.sender)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=1))
def test_a_byte_changed_is_refused_or_said(place_: int, byte: bytes) -> None:
    """Whatever is read encodes to exactly what was read."""
    at = PLACES["evm"]
    good = swap_data(at)
    made = good[: place_ % len(good)] + byte + good[place_ % len(good) + 1 :]
    summary = at.summary(at.contract, made)
    if summary.unexplained:
        assert summary.effects == ()
        return
    assert (summary.effects == (swap_words(at),)) == (made == good)


@each_place
def test_what_can_not_be_shown_has_no_words(at: Place) -> None:
    signature = "spend(address,uint256,string)"
    token = at.octets(at.token)
    for memo in ("line\nfeed", "\u202e", "a" * (TEXT_MAX + 1)):
        data = calldata(signature, token, 1, memo)
        (words,) = at.summary(at.contract, data).unexplained
        assert "can't be shown" in words
    (effect,) = at.summary(at.contract, calldata(signature, token, 1, "")).effects
    assert isinstance(effect, Call) and dict(effect.arguments)["memo"] == ""


@pytest.mark.parametrize("alias", ["bitcoin", "solana"])
def test_where_nothing_is_called(alias: str) -> None:
    codec, at = CODEC_OF[alias], PLACES["evm"]
    for asked in (swap_words(at), Allow(at.other, at.asset, 1, None)):
        with pytest.raises(CallUnknown):
            codec.check_call(asked, None)
    with pytest.raises(CallUnknown):
        codec.understand(at.sender, at.other, b"", 1)
    with pytest.raises(CallUnknown):
        codec.call_of(at.other, "f", {}, 0)


def test_a_call_on_tron_carries_no_more_than_its_field_holds() -> None:
    at = PLACES["tron"]
    at.codec.check_call(Call(at.contract, "deposit()", (), 2**63 - 1), at.sender)
    with pytest.raises(CallUnknown):
        at.codec.check_call(Call(at.contract, "deposit()", (), 2**63), at.sender)
