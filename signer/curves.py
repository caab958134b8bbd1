"""The only calls to sign(), each over a secret in a bytearray that its caller wipes.

secp256k1 goes straight to libsecp256k1, because the wrapper's key object copies the secret into
immutable bytes and derives two public keys that we already have. All signatures are deterministic,
so a retry returns the same bytes. Knows no path, no policy and no transaction.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from coincurve._libsecp256k1 import ffi, lib  # type: ignore[import-not-found]
from coincurve.context import GLOBAL_CONTEXT
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CONTEXT: Final = GLOBAL_CONTEXT.ctx
_COMPRESSED: Final = 258  # SECP256K1_EC_COMPRESSED
_TAG: Final = sha256(b"TapTweak").digest()


class SigningFailed(RuntimeError):
    """libsecp256k1 refused the secret or the result did not verify. Says nothing about either."""


def is_secret(secret: bytearray) -> bool:
    """Whether these 32 bytes are a private key of secp256k1."""
    return len(secret) == 32 and bool(lib.secp256k1_ec_seckey_verify(_CONTEXT, _view(secret)))


def tweak_secret(secret: bytearray, tweak: bytes) -> None:
    """Add `tweak` modulo the order, in place. Raises SigningFailed if there is no such key."""
    _require(lib.secp256k1_ec_seckey_tweak_add(_CONTEXT, _view(secret), tweak))


def secp256k1_public_key(secret: bytearray) -> bytes:
    """The 33-byte compressed point."""
    point = ffi.new("secp256k1_pubkey *")
    _require(lib.secp256k1_ec_pubkey_create(_CONTEXT, point, _view(secret)))
    output, length = ffi.new("unsigned char[33]"), ffi.new("size_t *", 33)
    lib.secp256k1_ec_pubkey_serialize(_CONTEXT, output, length, point, _COMPRESSED)
    return bytes(ffi.buffer(output, 33))


def sign_ecdsa_recoverable(secret: bytearray, digest: bytes) -> bytes:
    """r || s || recovery id (0..3) over a 32-byte digest; nonce by RFC 6979, s always low."""
    assert len(digest) == 32
    signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
    _require(
        lib.secp256k1_ecdsa_sign_recoverable(
            _CONTEXT, signature, digest, _view(secret), ffi.NULL, ffi.NULL
        )
    )
    output, recovery = ffi.new("unsigned char[64]"), ffi.new("int *")
    lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(
        _CONTEXT, output, recovery, signature
    )
    return bytes(ffi.buffer(output, 64)) + bytes([recovery[0]])


def sign_bip340_taproot(secret: bytearray, digest: bytes) -> bytes:
    """64 bytes over a 32-byte digest, for a key-path spend without script tree: the key is tweaked
    by its own hash (BIP-341, "Constructing and spending Taproot outputs"), the auxiliary
    randomness of BIP-340 is zero. Verified before it leaves, as BIP-340 advises."""
    assert len(digest) == 32
    keypair = ffi.new("secp256k1_keypair *")
    try:
        _require(lib.secp256k1_keypair_create(_CONTEXT, keypair, _view(secret)))
        tweak = sha256(_TAG + _TAG + _x_only(keypair)).digest()
        _require(lib.secp256k1_keypair_xonly_tweak_add(_CONTEXT, keypair, tweak))
        signature = ffi.new("unsigned char[64]")
        _require(lib.secp256k1_schnorrsig_sign32(_CONTEXT, signature, digest, keypair, ffi.NULL))
        public = ffi.new("secp256k1_xonly_pubkey *")
        _require(lib.secp256k1_keypair_xonly_pub(_CONTEXT, public, ffi.NULL, keypair))
        _require(lib.secp256k1_schnorrsig_verify(_CONTEXT, signature, digest, 32, public))
        return bytes(ffi.buffer(signature, 64))
    finally:
        ffi.buffer(keypair)[:] = bytes(ffi.sizeof("secp256k1_keypair"))


def ed25519_public_key(secret: bytearray) -> bytes:
    """32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign_ed25519(secret: bytearray, message: bytes) -> bytes:
    """64 bytes (RFC 8032, pure Ed25519)."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def _x_only(keypair: object) -> bytes:
    public = ffi.new("secp256k1_xonly_pubkey *")
    _require(lib.secp256k1_keypair_xonly_pub(_CONTEXT, public, ffi.NULL, keypair))
    output = ffi.new("unsigned char[32]")
    _require(lib.secp256k1_xonly_pubkey_serialize(_CONTEXT, output, public))
    return bytes(ffi.buffer(output, 32))


def _view(secret: bytearray) -> object:
    """The secret's own memory, without a copy."""
    return ffi.from_buffer(secret, require_writable=True)


def _require(done: int) -> None:
    if not done:
        raise SigningFailed("secp256k1")
