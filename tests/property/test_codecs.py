"""What must hold for the codecs of all networks alike; what is particular stands beside this file.

Custody and the signer rely on one promise: a codec tells all that bytes do, or refuses them.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.codec import TransactionCodec
from chains.effects import Pay
from chains.errors import (
    ChainError,
    CodecError,
    InvalidAddress,
    InvalidAmount,
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
)
from chains.model import (
    Address,
    Signature,
    SignatureAlgorithm,
    UnsignedTx,
)
from chains.transaction import TxSummary
from chains.tron import SUN_PER_BYTE, fees
from tests.support import families
from tests.support.costs import most
from tests.support.paper import AMOUNT_MAX, AMOUNT_MIN, CODEC_OF, Paper, transfer
from tests.support.wallet import Wallet

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
WALLET, STRANGER = Wallet(), Wallet("zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong")
amounts, salts = st.integers(AMOUNT_MIN, AMOUNT_MAX), st.integers(0, 2**31 - 1)
each_network = pytest.mark.parametrize("alias", CODEC_OF)
some = settings(max_examples=30, deadline=None)


def paper(alias: str, amount: int = 10**6, salt: int = 1) -> tuple[TransactionCodec, Paper]:
    codec = CODEC_OF[alias]
    return codec, transfer(codec, WALLET, amount, salt)


def ask_everything(codec: TransactionCodec, tx: UnsignedTx) -> TxSummary:
    """The summary, after the other calls have had their chance to raise."""
    inputs = codec.signing_inputs(tx)
    assert inputs
    return codec.summarize(tx)


# Built, read and signed


@each_network
@given(amount=amounts, salt=salts)
@some
def test_what_is_built_is_read_back_and_signed(alias: str, amount: int, salt: int) -> None:
    codec, made = paper(alias, amount, salt)
    summary = codec.summarize(made.tx)
    assert summary.network == codec.network.id
    assert summary.unexplained == ()
    assert summary.effects == (made.payment,)
    assert set(summary.sources) == {each.address for each in made.sources}
    assert most(summary) > 0
    assert all(key.text.startswith(f"{codec.network.id}/") for key in summary.conflict_keys)
    assert bool(summary.conflict_keys) is codec.traits.conflict_keys
    assert codec.traits.binding_keys or not summary.binding_keys
    needed = codec.signing_inputs(made.tx)
    assert [each.address for each in needed] == [*summary.sources]
    signed = WALLET.sign(codec, made.tx)
    assert signed == WALLET.sign(codec, made.tx), "a retry gives the same bytes"
    assert signed.network == codec.network.id


@each_network
@given(one=st.tuples(amounts, salts), other=st.tuples(amounts, salts))
@some
def test_different_transfers_have_different_bytes_digests_and_ids(
    alias: str, one: tuple[int, int], other: tuple[int, int]
) -> None:
    if one == other:
        return
    codec, first = paper(alias, *one)
    _, second = paper(alias, *other)
    assert first.tx != second.tx
    messages = [
        {each.message for each in codec.signing_inputs(made.tx)} for made in (first, second)
    ]
    assert not messages[0] & messages[1]
    assert WALLET.sign(codec, first.tx).txid != WALLET.sign(codec, second.tx).txid


# One network's transaction before another's codec


@pytest.mark.parametrize(("alias", "other"), [*permutations(CODEC_OF, 2)])
def test_a_transaction_of_another_network_is_always_refused(alias: str, other: str) -> None:
    """Also with a false label, wherever the bytes can tell. They can't within one family that
    writes no network into its transactions: there the label is what the mandate is compared with,
    and the keys differ by their paths."""
    codec, foreign = CODEC_OF[alias], CODEC_OF[other]
    for salt in range(4):
        _, made = paper(other, salt=salt)
        signatures = WALLET.signatures(foreign.signing_inputs(made.tx))
        relabelled = replace(made.tx, network=codec.network.id)
        attempts = [made.tx]
        family = codec.network.family
        if family != foreign.network.family or family == families.EVM:
            own = paper(alias)[1].tx.sender
            attempts += [relabelled, replace(relabelled, sender=own)]
        for tx in attempts:
            for ask in (codec.summarize, codec.signing_inputs):
                with pytest.raises(MalformedTransaction):
                    ask(tx)
            with pytest.raises(MalformedTransaction):
                codec.attach(tx, signatures)


@each_network
def test_who_pays_stands_in_the_bytes_or_beside_them_and_never_in_both(alias: str) -> None:
    codec, made = paper(alias)
    other = STRANGER.owned(codec).address
    if made.tx.sender is None:
        with pytest.raises(MalformedTransaction):
            ask_everything(codec, replace(made.tx, sender=made.sources[0].address))
        return
    signatures = WALLET.signatures(codec.signing_inputs(made.tx))
    for sender in (None, Address(made.tx.sender.lower()), Address(""), Address("x")):
        with pytest.raises(MalformedTransaction):
            ask_everything(codec, replace(made.tx, sender=sender))
    pretended = replace(made.tx, sender=other)
    assert codec.summarize(pretended).sources == (other,)
    with pytest.raises(SignatureMismatch):
        codec.attach(pretended, signatures)


# Bytes that nobody built


@each_network
@given(data=st.data(), salt=salts)
@some
def test_a_payload_cut_off_is_refused(alias: str, data: st.DataObject, salt: int) -> None:
    """But for TRON, where a timestamp is optional and the last field: without it, it is another
    transaction that does the same."""
    codec, made = paper(alias, salt=salt)
    end = data.draw(st.integers(0, len(made.tx.payload) - 1))
    cut = replace(made.tx, payload=made.tx.payload[:end])
    try:
        summary = ask_everything(codec, cut)
    except MalformedTransaction:
        return
    assert codec.network.family == families.TRON
    assert len(made.tx.payload) - end == 7, "a tag and a time"
    whole = codec.summarize(made.tx)
    assert summary == replace(whole, identity=summary.identity, costs=summary.costs)
    saved = fees.charged_bytes(made.tx.payload) - fees.charged_bytes(cut.payload)
    assert most(whole) - most(summary) == saved * SUN_PER_BYTE
    assert codec.signing_inputs(cut) != codec.signing_inputs(made.tx)


@each_network
@given(extra=st.binary(min_size=1, max_size=40), salt=salts)
@some
def test_a_payload_with_more_behind_it_is_refused(alias: str, extra: bytes, salt: int) -> None:
    codec, made = paper(alias, salt=salt)
    longer = replace(made.tx, payload=made.tx.payload + extra)
    with pytest.raises(MalformedTransaction):
        ask_everything(codec, longer)
    with pytest.raises(MalformedTransaction):
        ask_everything(codec, replace(made.tx, payload=extra + made.tx.payload))
    with pytest.raises(MalformedTransaction):
        ask_everything(codec, replace(made.tx, payload=made.tx.payload * 2))


@each_network
@given(start=st.integers(0, 8), noise=st.binary(max_size=200), salt=salts)
@some
def test_garbage_is_never_explained(alias: str, start: int, noise: bytes, salt: int) -> None:
    """Whatever it begins with, and whatever network it claims: named or refused, and by our own
    errors only."""
    codec, made = paper(alias, salt=salt)
    garbage = replace(made.tx, payload=made.tx.payload[:start] + noise)
    if garbage.payload == made.tx.payload:
        return
    with contextlib.suppress(CodecError):
        assert codec.summarize(garbage).unexplained
    with pytest.raises(CodecError):
        codec.attach(garbage, ())


@each_network
@given(data=st.data(), salts=st.tuples(salts, salts))
@some
def test_parts_of_two_transactions_are_one_of_them_or_another_or_nothing(
    alias: str, data: st.DataObject, salts: tuple[int, int]
) -> None:
    """Spliced anywhere: what both say is said of neither's digest. A PSBT may be spliced into
    another container of one of them; then it is that transaction and names itself so."""
    codec, first = paper(alias, salt=salts[0])
    _, second = paper(alias, amount=2 * 10**6, salt=salts[1])
    left = data.draw(st.integers(0, len(first.tx.payload)))
    right = data.draw(st.integers(0, len(second.tx.payload)))
    payload = first.tx.payload[:left] + second.tx.payload[right:]
    spliced = replace(first.tx, payload=payload)
    try:
        inputs, summary = codec.signing_inputs(spliced), codec.summarize(spliced)
    except CodecError:
        return
    for made in (first, second):
        named = codec.summarize(made.tx)
        if payload != made.tx.payload and summary.identity != named.identity:
            assert inputs != codec.signing_inputs(made.tx)
        if summary.identity == named.identity:
            assert payload == made.tx.payload or codec.network.family == families.BITCOIN


# Signatures


@each_network
@given(salt=salts)
@some
def test_only_the_right_signatures_make_a_transaction(alias: str, salt: int) -> None:
    codec, made = paper(alias, salt=salt)
    _, elsewhere = paper(alias, amount=2 * 10**6, salt=salt)
    needed = codec.signing_inputs(made.tx)
    right = WALLET.signatures(needed)
    strange = strangers_signatures(codec, made)
    wrong = {
        "none": (),
        "one too many": (*right, right[0]),
        "one too few": right[:-1],
        "another key": strange,
        "another key under the right name": named_as(right, strange),
        "the right signature under another name": named_as(strange, right),
        "another message": WALLET.signatures(codec.signing_inputs(elsewhere.tx)),
        "empty": tuple(replace(each, signature=b"") for each in right),
        "zeros": tuple(replace(each, signature=bytes(len(each.signature))) for each in right),
        "longer": tuple(replace(each, signature=each.signature + b"\0") for each in right),
        "shorter": tuple(replace(each, signature=each.signature[:-1]) for each in right),
        "no public key": tuple(replace(each, public_key=b"") for each in right),
    }
    if len(right) > 1:
        wrong["in another order"] = right[::-1]
    if needed[0].algorithm is SignatureAlgorithm.ECDSA_RECOVERABLE:
        wrong["high s"] = (with_high_s(right[0]), *right[1:])
    for name, signatures in wrong.items():
        with pytest.raises(SignatureMismatch):
            pytest.fail(f"{name}: {codec.attach(made.tx, signatures)}")
    assert codec.attach(made.tx, right).raw


@each_network
@given(data=st.data(), salt=salts)
@some
def test_a_changed_signature_is_never_attached(alias: str, data: st.DataObject, salt: int) -> None:
    """Of its 64 bytes; bitcoin's recovery id is a hint that travels nowhere."""
    codec, made = paper(alias, salt=salt)
    right = list(WALLET.signatures(codec.signing_inputs(made.tx)))
    which = data.draw(st.integers(0, len(right) - 1))
    at, bit = data.draw(st.integers(0, 63)), data.draw(st.integers(0, 7))
    changed = bytearray(right[which].signature)
    changed[at] ^= 1 << bit
    right[which] = replace(right[which], signature=bytes(changed))
    with pytest.raises(SignatureMismatch):
        codec.attach(made.tx, tuple(right))


def strangers_signatures(codec: TransactionCodec, made: Paper) -> tuple[Signature, ...]:
    """Good ones over the right messages, by keys at the same paths of another seed."""
    needed = codec.signing_inputs(made.tx)
    kinds = {each.address: each.address_type for each in made.sources}
    theirs = [STRANGER.owned(codec, kinds[each.address]).address for each in needed]
    return STRANGER.signatures(
        replace(each, address=address) for each, address in zip(needed, theirs, strict=True)
    )


def named_as(
    names: tuple[Signature, ...], signatures: tuple[Signature, ...]
) -> tuple[Signature, ...]:
    return tuple(
        Signature(name.public_key, each.signature)
        for name, each in zip(names, signatures, strict=True)
    )


def with_high_s(signature: Signature) -> Signature:
    """The other signature that verifies (BIP-146, EIP-2)."""
    r, s, parity = (
        signature.signature[:32],
        int.from_bytes(signature.signature[32:64], "big"),
        signature.signature[64],
    )
    flipped = r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([parity ^ 1])
    return replace(signature, signature=flipped)


# Payments and addresses


@each_network
@given(amount=st.one_of(st.integers(max_value=0), st.integers(min_value=2**256)))
@some
def test_impossible_amounts_are_refused(alias: str, amount: int) -> None:
    codec, made = paper(alias)
    codec.check_payment(made.payment)
    with pytest.raises(InvalidAmount):
        codec.check_payment(replace(made.payment, amount=amount))
    with pytest.raises(InvalidAmount):
        codec.check_payment(replace(made.payment, amount=codec.network.native.maximum + 1))


@pytest.mark.parametrize(("alias", "other"), [*permutations(CODEC_OF, 2)])
def test_a_payment_in_another_networks_coin_is_refused(alias: str, other: str) -> None:
    codec, made = paper(alias)
    with pytest.raises(InvalidInput):
        codec.check_payment(replace(made.payment, asset=CODEC_OF[other].network.native.id))


@each_network
@given(text=st.text(max_size=100))
@some
def test_any_text_is_an_address_or_an_error_of_ours(alias: str, text: str) -> None:
    codec = CODEC_OF[alias]
    with contextlib.suppress(InvalidAddress):
        parsed = codec.parse_address(text)
        assert codec.parse_address(parsed.address) == parsed


@each_network
@given(data=st.data(), salt=salts)
@some
def test_an_address_typed_wrong_is_never_taken_for_the_right_one(
    alias: str, data: st.DataObject, salt: int
) -> None:
    codec, made = paper(alias, salt=salt)
    right = made.payment.address
    at = data.draw(st.integers(0, len(right) - 1))
    typed = data.draw(
        st.sampled_from("0123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
    )
    wrong = Address(right[:at] + typed + right[at + 1 :])
    if wrong.lower() == right.lower():
        return
    try:
        assert codec.parse_address(wrong).address != right
    except InvalidAddress:
        with pytest.raises(ChainError):
            codec.check_payment(Pay(wrong, made.payment.asset, made.payment.amount))
