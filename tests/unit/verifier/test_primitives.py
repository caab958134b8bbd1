"""The verifier's own hashes, signatures and readers against official vectors, each with its source
beside it."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import rfc8785
from coincurve import PrivateKey
from Crypto.Hash import RIPEMD160, keccak
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from custody_verify import addresses, keys
from custody_verify.errors import Refuted, Unreadable
from custody_verify.hashes import keccak256, ripemd160
from custody_verify.log import LogKey, check_inclusion, key_id
from custody_verify.strict import (
    base64,
    fields,
    jcs,
    moment,
    number,
    octets,
    parse_jcs,
    text,
    units,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

PATIENT = settings(deadline=None, max_examples=40)
"""Points are multiplied in Python; how long that takes is the machine's affair."""
VECTORS = Path(__file__).resolve().parents[2] / "vectors"
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


HASHES, NOTES = vectors("verifier/hashes"), vectors("verifier/notes")


@pytest.mark.parametrize(("message", "digest"), HASHES["keccak256"])
def test_keccak256(message, digest):
    assert keccak256(bytes.fromhex(message)).hex() == digest


@pytest.mark.parametrize(("message", "digest"), HASHES["ripemd160"])
def test_ripemd160(message, digest):
    assert ripemd160(bytes.fromhex(message)).hex() == digest


@PATIENT
@given(st.binary(max_size=600))
def test_hashes_are_those_of_another_library(data):
    assert keccak256(data) == keccak.new(digest_bits=256, data=data).digest()
    assert ripemd160(data) == RIPEMD160.new(data).digest()


# Signatures


@pytest.mark.parametrize("case", vectors("bitcoin/bip340")["vectors"], ids=lambda c: c["index"])
def test_bip340(case):
    given_ = (case[name] for name in ("public_key", "signature", "message"))
    public_key, signature, message = map(bytes.fromhex, given_)
    if case["valid"]:
        keys.check_schnorr(public_key, signature, message)
    else:
        with pytest.raises(Refuted):
            keys.check_schnorr(public_key, signature, message)


@pytest.mark.parametrize("case", vectors("keys/rfc8032")["cases"], ids=lambda c: c["message"])
def test_rfc8032(case):
    given_ = (case[name] for name in ("public_key", "signature", "message"))
    public_key, signature, message = map(bytes.fromhex, given_)
    keys.check_ed25519(public_key, signature, message)
    for wrong in (
        (public_key, signature, message + b"\0"),
        (public_key, bytes([signature[0] ^ 1]) + signature[1:], message),
        (public_key, signature + b"\0", message),
        (public_key[:-1], signature, message),
    ):
        with pytest.raises(Refuted):
            keys.check_ed25519(*wrong)


def test_a_key_of_small_order_signs_nothing():
    """For the point of order 1, R = identity and s = 0 verify over every message."""
    identity = b"\1" + bytes(31)
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything")
    with pytest.raises(Refuted, match="anybody can sign"):
        keys.check_ed25519(identity, identity + bytes(32), b"anything")


@PATIENT
@given(st.binary(min_size=32, max_size=32), st.integers(1, ORDER - 1))
def test_the_key_of_a_recoverable_signature(digest, secret):
    key = PrivateKey.from_int(secret)
    signed = key.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:64], "big")
    assert keys.recover(r, s, signed[64], digest) == key.public_key.format(compressed=False)[1:]
    with pytest.raises(Refuted):
        keys.check_ecdsa(key.public_key.format(), r, s, sha256(digest).digest())


def test_a_high_s_is_refused():
    """It would verify: the same signature in another spelling gives another txid."""
    key, digest = PrivateKey.from_int(7), sha256(b"x").digest()
    signed = key.sign_recoverable(digest, hasher=None)
    r, s = int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:64], "big")
    keys.check_ecdsa(key.public_key.format(), r, s, digest)
    for wrong in ((r, ORDER - s), (0, s), (r, 0), (r + ORDER, s)):
        with pytest.raises(Refuted, match="out of range"):
            keys.check_ecdsa(key.public_key.format(), *wrong, digest)
        with pytest.raises(Refuted, match="out of range"):
            keys.recover(*wrong, signed[64], digest)


@PATIENT
@given(st.binary(min_size=32, max_size=32))
def test_points_of_ed25519_are_those_of_solana(data):
    assert keys.is_on_ed25519(data) == Pubkey(data).is_on_curve()


# Addresses


@pytest.mark.parametrize("address", vectors("evm/eip55")["cases"])
def test_eip55(address):
    assert addresses.eip55(bytes.fromhex(address[2:])) == address


@pytest.mark.parametrize("name", ["bip173_segwit_addresses", "bip350_segwit_addresses"])
def test_segwit_addresses(name):
    """Those of versions 0 and 1; what has another version, we never write."""
    written = 0
    for case in vectors(f"bitcoin/{name}")["valid"]:
        address, script = case["address"].lower(), bytes.fromhex(case["script"])
        if script[0] in (0, 0x51) and (script[0] == 0 or "350" in name):
            prefix = address.rpartition("1")[0]
            assert addresses.segwit(prefix, script[0] and 1, script[2:]) == address
            written += 1
    assert written >= 2


@PATIENT
@given(st.binary(min_size=25, max_size=32))
def test_base58_both_ways(data):
    spelled = addresses.base58(data)
    assert addresses.from_base58(spelled, len(data)) == data
    for wrong in ("1" + spelled, spelled + " ", spelled[:-1] + "0", spelled[:-1] + "é"):
        with pytest.raises(Unreadable):
            addresses.from_base58(wrong, len(data))


# JSON


@pytest.mark.parametrize("case", NOTES["jcs"], ids=lambda case: case["output"][:12])
def test_rfc8785(case):
    assert jcs(json.loads(case["input"])).decode() == case["output"]
    assert parse_jcs(case["output"].encode()) == json.loads(case["input"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
)


@PATIENT
@given(VALUES)
def test_jcs_is_what_another_library_writes(value):
    assert jcs(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"[1,]",
        b"",
        b"[" * 5000 + b"]" * 5000,
    ],
    ids=repr,
)
def test_another_spelling_of_json_is_refused(data):
    with pytest.raises(Unreadable):
        parse_jcs(data)


def both(value):
    return fields(value, "a b")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(number, value) for value in (-1, True, "1", 2**53, 1.0, None)],
        *[(units, value) for value in ("-1", "01", "1.0", "", "1e3", "+1", 1, str(2**256), "٣")],
        *[(octets, value) for value in ("0", "AA", "0x00", " 00", "zz", 0, None)],
        *[(text, value) for value in ("", "a\n", "\u202e", 1, None)],
        *[(moment, value) for value in ("2026-02-30", "2026-01-01T24:00:00Z", "2026-01-01", 0)],
        *[(both, value) for value in ({"a": 1}, {"a": 1, "b": 2, "c": 3}, ["a", "b"])],
    ],
    ids=lambda one: getattr(one, "__name__", repr(one)),
)
def test_a_value_that_is_none_is_refused(read, value):
    with pytest.raises(Unreadable):
        read(value)


# The log


@pytest.mark.parametrize("case", vectors("tlog/inclusion")["cases"], ids=lambda case: case["name"])
def test_rfc6962_inclusion(case):
    leaf, root, *path = map(bytes.fromhex, (case["leaf"], case["root"], *case["proof"]))
    if case["valid"]:
        check_inclusion(leaf, case["index"], case["size"], tuple(path), root)
    else:
        with pytest.raises(Refuted):
            check_inclusion(leaf, case["index"], case["size"], tuple(path), root)


def test_c2sp_signed_note():
    """The key id, the key and the signature of the reference implementation's example."""
    pinned = LogKey.parse(NOTES["vkey"])
    dash, name, encoded = NOTES["signature"].split(" ")
    mark = base64(encoded)
    assert (dash, name, mark[:4]) == ("—", "PeterNeumann", key_id("PeterNeumann", pinned.key))
    keys.check_ed25519(pinned.key, mark[4:], NOTES["text"].encode())


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        NOTES["vkey"][:-1],
        NOTES["vkey"] + "=",
        NOTES["vkey"].replace("c74f20a3", "c74f20a4"),
        NOTES["vkey"].replace("Peter", "Petra"),
        NOTES["vkey"].replace("+AR", "+BR"),
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_verifier_key_that_is_none_is_refused(vkey):
    with pytest.raises(Unreadable):
        LogKey.parse(vkey)
