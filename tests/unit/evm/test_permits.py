"""Typed data of tokens: what it does, and one case for each spelling that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from chains.effects import Allow, Pay
from chains.errors import MalformedTransaction, SignatureMismatch
from chains.evm import CURVE_ORDER, UINT256_MAX, address, carrying, erc20, permits
from chains.evm.codec import EvmCodec
from chains.evm.permits import LIFETIME_MAX_S, Authorization, Domain, Kind, Permit, Typed
from chains.hashes import keccak256
from chains.model import Address, Signature, UnsignedTx
from chains.transaction import Until
from tests.support.networks import find_asset, find_network
from tests.support.rows import listing

ETHEREUM = find_network("ethereum")
USDC = find_asset("eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
CONTRACT = erc20.contract_of(ETHEREUM.id, USDC.id)
DOMAIN = Domain("USD Coin", "2", 1, CONTRACT)
KEY = PrivateKey(b"\x46" * 32)
SIGNER = address.derive(KEY.public_key.format())
PAYEE = Address("0x3535353535353535353535353535353535353535")
ZERO = Address("0x" + "00" * 20)
NOW = 1_764_000_000
PAYS = Authorization(SIGNER, PAYEE, 1_500_000, 0, NOW + 600, bytes(31) + b"\7")
GIVEN = Typed(Kind.TRANSFER, DOMAIN, PAYS)
RECEIVED = replace(GIVEN, kind=Kind.RECEIVE)
PERMITTED = Typed(Kind.PERMIT, DOMAIN, Permit(SIGNER, PAYEE, 7, 3, NOW + 600))
EACH = (GIVEN, RECEIVED, PERMITTED)


def said(typed: Typed, **changes: Any) -> Typed:
    return replace(typed, said=replace(typed.said, **changes))


def signed(typed: Typed) -> bytes:
    return KEY.sign_recoverable(typed.digest, hasher=None)


def test_the_hashes_are_those_of_the_standards() -> None:
    """EIP-3009 and EIP-2612 print them, and USDC's contract on Ethereum its separator."""
    assert permits.type_hash(Kind.TRANSFER).hex() == (
        "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"
    )
    assert permits.type_hash(Kind.RECEIVE).hex() == (
        "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"
    )
    assert permits.type_hash(Kind.PERMIT).hex() == (
        "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9"
    )
    assert permits.domain_of(ETHEREUM, USDC) == DOMAIN
    assert DOMAIN.separator.hex() == (
        "06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335"
    )


def bent(change: Callable[[Any], object]) -> bytes:
    document = json.loads(GIVEN.payload)
    change(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def setting(path: str, value: object) -> bytes:
    *where, last = path.split(".")

    def change(document: Any) -> None:
        for name in where:
            document = document[name]
        document[last] = value

    return bent(change)


def renamed(typed: Any) -> None:
    typed["types"]["Permit"] = typed["types"].pop("TransferWithAuthorization")


REFUSED = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a hash": b"\x19\x01" + bytes(64),
    "a space": GIVEN.payload.replace(b":", b": ", 1),
    "another order": json.dumps(dict(reversed(json.loads(GIVEN.payload).items()))).encode(),
    "a member twice": GIVEN.payload.replace(b'{"domain"', b'{"domain":{},"domain"', 1),
    "bytes behind it": GIVEN.payload + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + GIVEN.payload,
    "one member more": setting("memo", "7"),
    "one member more in the message": setting("message.memo", "7"),
    "one member more in the domain": setting("domain.salt", "0x" + "00" * 32),
    "a salt in the domain, and in its type": bent(
        lambda typed: (
            typed["domain"].update(salt="0x" + "00" * 32),
            typed["types"]["EIP712Domain"].append({"name": "salt", "type": "bytes32"}),
        )
    ),
    "one type more": setting("types.Person", []),
    "no member": bent(lambda typed: typed["message"].pop("validBefore")),
    "another primary type": setting("primaryType", "Permit"),
    "an unknown primary type": setting("primaryType", "CancelAuthorization"),
    "another type's name": bent(renamed),
    "a type of other members": setting("types.TransferWithAuthorization", []),
    "members in another order": bent(
        lambda typed: typed["types"]["TransferWithAuthorization"].reverse()
    ),
    "a domain type without chain": bent(lambda typed: typed["types"]["EIP712Domain"].pop(2)),
    "a chain id in quotes": setting("domain.chainId", "1"),
    "a chain id of nothing": setting("domain.chainId", 0),
    "a chain id that is true": setting("domain.chainId", True),
    "a chain id with a fraction": GIVEN.payload.replace(b'"chainId":1,', b'"chainId":1.0,'),
    "a chain id that readers round": setting("domain.chainId", 2**53),
    "an amount without quotes": setting("message.value", 1_500_000),
    "an amount in hexadecimal": setting("message.value", "0x16e360"),
    "an amount with a sign": setting("message.value", "+1500000"),
    "an amount below zero": setting("message.value", "-1"),
    "an amount with a zero before it": setting("message.value", "01500000"),
    "an amount in other digits": setting("message.value", "\u0661"),
    "an amount beyond the word": setting("message.value", str(UINT256_MAX + 1)),
    "an amount of very many digits": setting("message.value", "1" * 3000),
    "an address in lower case": setting("message.from", SIGNER.lower()),
    "an address with a wrong letter": setting("message.from", SIGNER.swapcase().replace("X", "x")),
    "a short address": setting("message.to", "0x35"),
    "a number for an address": setting("message.to", 7),
    "a short nonce": setting("message.nonce", "0x07"),
    "a nonce in capitals": setting("message.nonce", "0x" + "AA" * 32),
    "a nonce without 0x": setting("message.nonce", "00" * 32),
    "a name of other letters": setting("domain.name", "USD C\u043ein"),
    "a name with a control character": setting("domain.name", "USD\nCoin"),
    "a name that is none": setting("domain.name", None),
    "more bytes than any of ours": setting("domain.name", "U" * 4000),
    "nested": b"[" * 4000,
}


@pytest.mark.parametrize("payload", REFUSED.values(), ids=REFUSED)
def test_another_spelling_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedTransaction):
        permits.parse(payload)


@given(st.integers(0, len(GIVEN.payload) - 1), st.integers(0, 255))
def test_a_byte_changed_is_refused_or_says_and_hashes_something_else(at: int, byte: int) -> None:
    payload = GIVEN.payload[:at] + bytes([byte]) + GIVEN.payload[at + 1 :]
    if payload == GIVEN.payload:
        return
    try:
        found = permits.parse(payload)
    except MalformedTransaction:
        return
    assert found.payload == payload
    assert found != GIVEN and found.digest != GIVEN.digest


def test_what_it_does_once_submitted() -> None:
    assert permits.effect(ETHEREUM, GIVEN) == Pay(PAYEE, USDC.id, 1_500_000)
    assert permits.effect(ETHEREUM, RECEIVED) == Pay(PAYEE, USDC.id, 1_500_000)
    assert permits.effect(ETHEREUM, PERMITTED) == Allow(PAYEE, USDC.id, 7, None)
    without_end = said(PERMITTED, units=UINT256_MAX)
    assert permits.effect(ETHEREUM, without_end) == Allow(PAYEE, USDC.id, None, None)
    taken_back = said(PERMITTED, units=0)
    assert permits.effect(ETHEREUM, taken_back) == Allow(PAYEE, USDC.id, 0, None)
    for typed in (GIVEN, PERMITTED, without_end, taken_back):
        assert permits.unexplained(ETHEREUM, typed) == ()


def domain(**changes: Any) -> Typed:
    return replace(GIVEN, domain=replace(DOMAIN, **changes))


FOREIGN = "a domain that is not the listed contract's"
NOBODY = "for nobody, for its signer or for the contract itself"
MONEY = "a payment of nothing, or of more than there is"
UNEXPLAINED = {
    "another name": (domain(name="USDC"), FOREIGN),
    "another version": (domain(version="1"), FOREIGN),
    "another chain": (domain(chain_id=31337), FOREIGN),
    "a chain whose token has the same name": (domain(chain_id=56), FOREIGN),
    "a contract that nobody listed": (domain(contract=PAYEE), "not listed"),
    "a listed contract of another kind": (
        domain(contract=Address("0xdAC17F958D2ee523a2206206994597C13D831ec7")),
        FOREIGN,
    ),
    "to nobody": (said(GIVEN, payee=ZERO), NOBODY),
    "to oneself": (said(GIVEN, payee=SIGNER), NOBODY),
    "to the contract": (said(GIVEN, payee=CONTRACT), NOBODY),
    "a permit to nobody": (said(PERMITTED, spender=ZERO), NOBODY),
    "a permit to oneself": (said(PERMITTED, spender=SIGNER), NOBODY),
    "nothing": (said(GIVEN, units=0), MONEY),
    "good only later": (said(GIVEN, after=1), "not good at once"),
    "to be received": (RECEIVED, "that only its payee can submit"),
}


@pytest.mark.parametrize(("typed", "words"), UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_what_is_never_signed_is_said_in_words(typed: Typed, words: str) -> None:
    assert any(words in each for each in permits.unexplained(ETHEREUM, typed))


def test_a_token_is_signed_for_only_by_what_its_row_says() -> None:
    contract = Address("0x52908400098527886E0F7030069857D2E4169EE7")
    for trait, typed in (("eip-3009", PERMITTED), ("eip-2612", GIVEN)):
        network = listing("ethereum", traits=[trait], domain_name="D", domain_version="1")
        asked = replace(typed, domain=Domain("D", "1", 1, contract))
        (words,) = permits.unexplained(network, asked)
        assert words == f"a {typed.kind}, which USDX is not listed with"
    plain = listing("ethereum")
    asked = replace(GIVEN, domain=Domain("D", "1", 1, contract))
    assert FOREIGN in permits.unexplained(plain, asked)
    small = listing(
        "ethereum", traits=["eip-3009"], domain_name="D", domain_version="1", maximum="1499999"
    )
    assert permits.unexplained(small, asked) == (MONEY,)


@pytest.mark.parametrize(
    ("typed", "member"), [(GIVEN, "before"), (PERMITTED, "deadline")], ids=["3009", "2612"]
)
def test_it_is_good_for_an_hour_at_most(typed: Typed, member: str) -> None:
    """validBefore is the first moment that is too late, a deadline the last that is not."""
    first = 1 if member == "before" else 0
    for good in (NOW + first, NOW + LIFETIME_MAX_S - 1 + first):
        permits.check_lifetime(said(typed, **{member: good}), NOW)
    for bad in (0, NOW - 1 + first, NOW + LIFETIME_MAX_S + first, UINT256_MAX):
        with pytest.raises(MalformedTransaction, match="longer than an hour"):
            permits.check_lifetime(said(typed, **{member: bad}), NOW)


TYPES = "address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32"


def by_another(typed: Typed, signature: bytes) -> bytes:
    """Calldata by an encoder that is not ours."""
    v, r, s = 27 + signature[64], signature[:32], signature[32:64]
    if isinstance(typed.said, Permit):
        function, types = "permit", "address,address,uint256,uint256,uint8,bytes32,bytes32"
        ours: tuple[Any, ...] = (SIGNER, typed.said.spender, typed.said.units, typed.said.deadline)
    else:
        function, types = typed.kind[0].lower() + typed.kind[1:], TYPES
        pays = typed.said
        ours = (SIGNER, pays.payee, pays.units, pays.after, pays.before, pays.nonce)
    return keccak256(f"{function}({types})".encode())[:4] + encode(
        types.split(","), (*ours, v, r, s)
    )


@pytest.mark.parametrize("typed", [GIVEN, PERMITTED], ids=lambda each: each.kind)
def test_calldata_is_as_others_encode_it(typed: Typed) -> None:
    signature = signed(typed)
    assert permits.recovered(typed, signature) == SIGNER
    assert permits.call(typed, signature) == by_another(typed, signature)


def test_calldata_says_what_was_signed_and_by_whom() -> None:
    assert permits.submitted(DOMAIN, DATA) == (GIVEN, signed(GIVEN))


def high(signature: bytes) -> bytes:
    """The other signature of the same key and digest, which contracts refuse (EIP-2)."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([1 - signature[64]])


def test_a_signature_that_a_contract_would_not_take_is_refused() -> None:
    signature = signed(GIVEN)
    others = PrivateKey(b"\x47" * 32).sign_recoverable(GIVEN.digest, hasher=None)
    for bad in (others, high(signature), signature[:64], signature[:64] + b"\2", bytes(65)):
        with pytest.raises(SignatureMismatch):
            permits.call(GIVEN, bad)
    with pytest.raises(SignatureMismatch):
        permits.call(said(GIVEN, units=1_500_001), signature)


DATA = permits.call(GIVEN, signed(GIVEN))
NOT_READ = {
    "nothing": b"",
    "the selector alone": DATA[:4],
    "a byte short": DATA[:-1],
    "a word more": DATA + bytes(32),
    "a dirty payer": DATA[:4] + b"\1" + DATA[5:],
    "a dirty payee": DATA[:36] + b"\1" + DATA[37:],
    "another payee": DATA[:50] + b"\1" + DATA[51:],
    "another function": by_another(RECEIVED, signed(RECEIVED)),
    "v above its byte": DATA[:196] + b"\1" + DATA[197:],
    "v as a parity": DATA[:227] + bytes([DATA[227] - 27]) + DATA[228:],
    "v of another chain": DATA[:227] + bytes([37]) + DATA[228:],
    "high s": DATA[:227] + bytes([54 - DATA[227]]) + DATA[228:260] + high(signed(GIVEN))[32:64],
    "a transfer": erc20.transfer(PAYEE, 1),
    "a permit, which leaves out its nonce": permits.call(PERMITTED, signed(PERMITTED)),
}


@pytest.mark.parametrize("data", NOT_READ.values(), ids=NOT_READ)
def test_other_calldata_submits_nothing_that_has_words(data: bytes) -> None:
    assert permits.submitted(DOMAIN, data) is None


def test_what_was_signed_for_one_contract_submits_nothing_to_another() -> None:
    for other in (domain(chain_id=56), domain(contract=PAYEE), domain(version="1")):
        assert permits.submitted(other.domain, DATA) is None


def test_a_payment_is_a_transaction_without_costs_and_a_permit_is_never_signed() -> None:
    codec = EvmCodec(ETHEREUM)
    for typed in (GIVEN, PERMITTED):
        tx = UnsignedTx(ETHEREUM.id, typed.payload, SIGNER)
        said, told = typed.said, codec.summarize(tx)
        assert (told.sources, dict(told.costs.most), told.returns) == ((SIGNER,), {}, ())
        assert told.binding_keys == frozenset()
        if isinstance(said, Permit):
            assert told.unexplained == ("an allowance that anybody may submit",)
            assert codec.lifetime(tx) == Until((said.deadline + 1) * 1000)
        else:
            assert told.unexplained == ()
            key = permits.key(ETHEREUM.id, typed.domain.contract, SIGNER, said.nonce)
            assert told.conflict_keys == {key}
            assert codec.lifetime(tx) == Until(said.before * 1000)


def test_it_goes_by_the_name_of_its_key_and_submits_what_was_signed() -> None:
    codec = EvmCodec(ETHEREUM)
    for typed in EACH:
        tx = UnsignedTx(ETHEREUM.id, typed.payload, SIGNER)
        signature = KEY.sign_recoverable(typed.digest, hasher=None)
        made = (Signature(KEY.public_key.format(), signature),)
        if typed.kind is not Kind.TRANSFER:
            with pytest.raises(SignatureMismatch):
                codec.attach(tx, made)
            continue
        signed = codec.attach(tx, made)
        (key,) = codec.summarize(tx).conflict_keys
        assert (signed.txid, signed.raw) == (key.text, permits.call(typed, signature))
        call = codec.submits(tx, signed)
        codec.check_call(call, None)
        assert carrying.data_of(ETHEREUM, call, None) == signed.raw
        with pytest.raises(SignatureMismatch):
            codec.submits(tx, replace(signed, raw=signed.raw[:-1] + b"\0"))
        with pytest.raises(SignatureMismatch):
            codec.attach(tx, ())
