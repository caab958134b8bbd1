"""Signatures become witnesses only if libsecp256k1 accepts them under the coin's own key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey, PublicKeyXOnly

from chains.bitcoin.signatures import der_encode, p2tr_witness, p2wpkh_witness
from chains.errors import SignatureMismatch
from chains.model import Signature, SignatureAlgorithm, SigningInput
from tests.unit.bitcoin.support import P2TR, Wallet, script_of, vectors

MESSAGE = bytes(range(32))
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

WALLET = Wallet()
SEGWIT, TAPROOT = WALLET.address(0), WALLET.address(0, P2TR)
ECDSA = SignatureAlgorithm.ECDSA_RECOVERABLE
BIP340 = SignatureAlgorithm.BIP340_TAPROOT
[ECDSA_SIGNATURE] = WALLET.sign([SigningInput(SEGWIT.address, ECDSA, MESSAGE)])
[BIP340_SIGNATURE] = WALLET.sign([SigningInput(TAPROOT.address, BIP340, MESSAGE)])


@pytest.mark.parametrize("row", vectors("bip340")["vectors"], ids=lambda row: str(row["index"]))
def test_bip340_verification_is_what_we_rely_on(row: dict[str, Any]) -> None:
    message, signature = bytes.fromhex(row["message"]), bytes.fromhex(row["signature"])
    try:
        valid = PublicKeyXOnly(bytes.fromhex(row["public_key"])).verify(signature, message)
    except ValueError:
        valid = False
    assert valid is row["valid"]


def test_p2wpkh_witness() -> None:
    der, key = p2wpkh_witness(script_of(SEGWIT), MESSAGE, ECDSA_SIGNATURE)
    assert key == SEGWIT.public_key
    assert der[-1:] == b"\x01"


def test_p2tr_witness() -> None:
    assert p2tr_witness(script_of(TAPROOT), MESSAGE, BIP340_SIGNATURE) == (
        BIP340_SIGNATURE.signature,
    )


def test_bip143_signature_in_der() -> None:
    bip143 = vectors("bip143_native_p2wpkh")
    der = bytes.fromhex(bip143["signature_der_with_type"])[:-1]
    r, s = int.from_bytes(der[4:36], "big"), int.from_bytes(der[38:70], "big")
    assert der_encode(r, s) == der


def test_der_equals_libsecp256k1s() -> None:
    for number in range(1, 40):
        key, message = PrivateKey(number.to_bytes(32, "big")), bytes([number]) * 32
        compact = key.sign_recoverable(message, hasher=None)
        r, s = int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:64], "big")
        assert der_encode(r, s) == key.sign(message, hasher=None)


def _high_s(signature: bytes) -> bytes:
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((signature[64] ^ 1,))


ECDSA_DEFECTS = {
    "another key": replace(ECDSA_SIGNATURE, public_key=WALLET.address(1).public_key),
    "uncompressed key": replace(
        ECDSA_SIGNATURE, public_key=PrivateKey(b"\1" * 32).public_key.format(compressed=False)
    ),
    "no key": replace(ECDSA_SIGNATURE, public_key=b""),
    "64 bytes": replace(ECDSA_SIGNATURE, signature=ECDSA_SIGNATURE.signature[:64]),
    "recovery id 4": replace(ECDSA_SIGNATURE, signature=ECDSA_SIGNATURE.signature[:64] + b"\4"),
    "high s": replace(ECDSA_SIGNATURE, signature=_high_s(ECDSA_SIGNATURE.signature)),
    "zero": replace(ECDSA_SIGNATURE, signature=bytes(65)),
    "r above the order": replace(ECDSA_SIGNATURE, signature=b"\xff" * 64 + b"\0"),
    "one bit": replace(
        ECDSA_SIGNATURE,
        signature=bytes((ECDSA_SIGNATURE.signature[0] ^ 1,)) + ECDSA_SIGNATURE.signature[1:],
    ),
}
BIP340_DEFECTS = {
    "another key": replace(BIP340_SIGNATURE, public_key=WALLET.address(1, P2TR).public_key),
    "no point": replace(BIP340_SIGNATURE, public_key=b"\2" + (5).to_bytes(32, "big")),
    "no key": replace(BIP340_SIGNATURE, public_key=b""),
    "65 bytes": replace(BIP340_SIGNATURE, signature=BIP340_SIGNATURE.signature + b"\1"),
    "untweaked": replace(
        BIP340_SIGNATURE, signature=PrivateKey(b"\1" * 32).sign_schnorr(MESSAGE, bytes(32))
    ),
    "one bit": replace(BIP340_SIGNATURE, signature=b"\0" + BIP340_SIGNATURE.signature[1:]),
}


@pytest.mark.parametrize("defect", ECDSA_DEFECTS)
def test_ecdsa_refuses(defect: str) -> None:
    with pytest.raises(SignatureMismatch):
        p2wpkh_witness(script_of(SEGWIT), MESSAGE, ECDSA_DEFECTS[defect])


@pytest.mark.parametrize("defect", BIP340_DEFECTS)
def test_bip340_refuses(defect: str) -> None:
    with pytest.raises(SignatureMismatch):
        p2tr_witness(script_of(TAPROOT), MESSAGE, BIP340_DEFECTS[defect])


def test_a_signature_for_another_message_is_refused() -> None:
    other = MESSAGE[::-1]
    for witness, owner, signature in (
        (p2wpkh_witness, SEGWIT, ECDSA_SIGNATURE),
        (p2tr_witness, TAPROOT, BIP340_SIGNATURE),
    ):
        with pytest.raises(SignatureMismatch):
            witness(script_of(owner), other, Signature(owner.public_key, signature.signature))
