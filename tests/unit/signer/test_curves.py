"""The calls to sign(), against published vectors and other implementations."""

from hashlib import sha256

import pytest
from coincurve import PublicKey, PublicKeyXOnly
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from signer import curves
from tests.support.signer import vectors

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECRETS = st.integers(1, ORDER - 1).map(lambda n: bytearray(n.to_bytes(32, "big")))
DIGESTS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("case", vectors("rfc6979")["cases"], ids=lambda case: case["text"][:20])
def test_rfc6979_secp256k1(case):
    digest = sha256(case["text"].encode()).digest()
    signature = curves.sign_ecdsa_recoverable(bytearray.fromhex(case["secret"]), digest)
    assert signature[:64].hex() == case["signature"]


@pytest.mark.parametrize("case", vectors("bip341")["cases"])
def test_bip341_key_path_without_script_tree(case):
    secret, digest = bytearray.fromhex(case["secret"]), bytes.fromhex(case["digest"])
    assert curves.sign_bip340_taproot(secret, digest).hex() == case["signature"]


@pytest.mark.parametrize("case", vectors("rfc8032")["cases"])
def test_rfc8032_ed25519(case):
    secret = bytearray.fromhex(case["secret"])
    assert curves.ed25519_public_key(secret).hex() == case["public_key"]
    signature = curves.sign_ed25519(secret, bytes.fromhex(case["message"]))
    assert signature.hex() == case["signature"]


@given(SECRETS, DIGESTS)
@settings(max_examples=30, deadline=None)
def test_ecdsa_agrees_with_eth_account(secret, digest):
    signature = curves.sign_ecdsa_recoverable(secret, digest)
    other = Account.unsafe_sign_hash(digest, bytes(secret))
    assert int.from_bytes(signature[:32], "big") == other.r
    assert int.from_bytes(signature[32:64], "big") == other.s
    assert signature[64] == other.v - 27


@given(SECRETS, DIGESTS)
@settings(max_examples=30, deadline=None)
def test_ecdsa_is_low_s_and_recovers_to_the_public_key(secret, digest):
    signature = curves.sign_ecdsa_recoverable(secret, digest)
    assert 0 < int.from_bytes(signature[32:64], "big") <= ORDER // 2
    recovered = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    assert recovered.format() == curves.secp256k1_public_key(secret)


@given(SECRETS, DIGESTS)
@settings(max_examples=30, deadline=None)
def test_bip340_verifies_under_the_tweaked_key(secret, digest):
    internal = curves.secp256k1_public_key(secret)
    tag = sha256(b"TapTweak").digest()
    even = PublicKey(b"\2" + internal[1:])
    tweaked = even.add(sha256(tag + tag + internal[1:]).digest())
    signature = curves.sign_bip340_taproot(secret, digest)
    assert PublicKeyXOnly(tweaked.format()[1:]).verify(signature, digest)


def test_signing_is_deterministic_and_leaves_the_secret_as_it_was():
    secret = bytearray(range(1, 33))
    for sign in (
        curves.sign_ecdsa_recoverable,
        curves.sign_bip340_taproot,
        curves.sign_ed25519,
    ):
        assert sign(secret, bytes(32)) == sign(secret, bytes(32))
    assert secret == bytearray(range(1, 33))


@pytest.mark.parametrize("value", [0, ORDER, 2**256 - 1])
def test_a_number_outside_the_group_is_no_key(value):
    secret = bytearray(value.to_bytes(32, "big"))
    assert not curves.is_secret(secret)
    with pytest.raises(curves.SigningFailed) as raised:
        curves.sign_ecdsa_recoverable(secret, bytes(32))
    assert secret.hex() not in str(raised.value)
