"""The chains' hash functions against published values, and both RIPEMD-160s against each other."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import hashes


def test_keccak256_is_not_sha3():
    # Keccak team, KeccakTestVectors, ShortMsgKAT_256, Len = 0.
    digest = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert hashes.keccak256(b"").hex() == digest


def test_hash160_of_the_generator_point():
    # BIP-173, "Examples": the witness program of this public key.
    key = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    assert hashes.hash160(key).hex() == "751e76e8199196d454941c45d1b3a323f1433bd6"


@pytest.mark.parametrize("implementation", [hashes.portable_ripemd160, hashes.fastest_ripemd160()])
@pytest.mark.parametrize(
    ("message", "digest"),
    [  # Dobbertin, Bosselaers, Preneel, "RIPEMD-160", appendix B
        (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (b"1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
    ],
)
def test_ripemd160_vectors(implementation, message: bytes, digest: str):
    assert implementation(message).hex() == digest


@given(st.binary(max_size=300))
def test_both_ripemd160_agree(message: bytes):
    assert hashes.fastest_ripemd160()(message) == hashes.portable_ripemd160(message)


def test_without_openssls_ripemd160_the_portable_one_is_taken(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("unsupported hash type ripemd160")

    monkeypatch.setattr(hashlib, "new", refuse)
    assert hashes.fastest_ripemd160() is hashes.portable_ripemd160
