"""Signatures: secp256k1 (ECDSA, BIP-340) and Ed25519. Only public values: nothing here is secret.

ECDSA and Ed25519 are verified by `cryptography`. What that lacks is written out: the key that
made a recoverable signature (SEC 1, 4.1.6), BIP-340, and whether 32 bytes are a point of Ed25519.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from custody_verify.errors import Refuted

_P: Final = 2**256 - 2**32 - 977
_N: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_G: Final = (
    0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798,
    0x483ADA77_26A3C465_5DA4FBFC_0E1108A8_FD17B448_A6855419_9C47D08F_FB10D4B8,
)
_Q: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _Q) % _Q
_Y8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER: Final = (0, 1, _Q - 1, _Y8, _Q - _Y8)
"""y of the points of order 1, 2, 4 and 8, for which anybody can make signatures."""

_Point = tuple[int, int] | None


def _add(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return one or other
    (x, y), (u, v) = one, other
    if x == u and (y + v) % _P == 0:
        return None
    slope = 3 * x * x * pow(2 * y, -1, _P) if one == other else (v - y) * pow(u - x, -1, _P)
    third = (slope * slope - x - u) % _P
    return third, (slope * (x - third) - y) % _P


def _times(point: _Point, factor: int) -> _Point:
    product: _Point = None
    while factor:
        if factor & 1:
            product = _add(product, point)
        point, factor = _add(point, point), factor >> 1
    return product


def _lift(x: int, odd: int) -> tuple[int, int]:
    """The point with this x and a y of this parity."""
    square = (pow(x, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if x >= _P or y * y % _P != square:
        raise Refuted("not a point of secp256k1")
    return x, y if y & 1 == odd else _P - y


def check_ecdsa(public_key: bytes, r: int, s: int, digest: bytes) -> None:
    """Low s only (BIP-146, EIP-2): the other one is the same signature in another spelling."""
    if not (0 < r < _N and 0 < s <= _N // 2):
        raise Refuted("an ECDSA signature out of range, or with a high s")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public_key)
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        raise Refuted("an ECDSA signature is not by this key over these bytes") from None


def recover(r: int, s: int, odd: int, digest: bytes) -> bytes:
    """The 64 bytes of the public key that signed, which is then verified."""
    if not (0 < r < _N and 0 < s <= _N // 2):
        raise Refuted("an ECDSA signature out of range, or with a high s")
    inverse, message = pow(r, -1, _N), int.from_bytes(digest, "big")
    made = _times(_lift(r, odd), s * inverse % _N)
    point = _add(made, _times(_G, -message * inverse % _N))
    if point is None:
        raise Refuted("a signature that no key can have made")
    key = point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
    check_ecdsa(b"\x04" + key, r, s, digest)
    return key


def check_schnorr(x_only: bytes, signature: bytes, message: bytes) -> None:
    """BIP-340, "Verification"."""
    if len(signature) != 64:
        raise Refuted("a BIP-340 signature has 64 bytes")
    point = _lift(int.from_bytes(x_only, "big"), 0)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    tag = sha256(b"BIP0340/challenge").digest()
    challenge = sha256(tag + tag + signature[:32] + x_only + message).digest()
    factor = int.from_bytes(challenge, "big") % _N
    found = _add(_times(_G, s), _times(point, _N - factor)) if r < _P and s < _N else None
    if found is None or found[1] & 1 or found[0] != r:
        raise Refuted("a BIP-340 signature is not by this key over these bytes")


def check_ed25519(public_key: bytes, signature: bytes, message: bytes) -> None:
    if len(public_key) != 32 or _y(public_key) in _SMALL_ORDER:
        raise Refuted("no key of Ed25519, or one for which anybody can sign")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refuted("an Ed25519 signature is not by this key over these bytes") from None


def is_on_ed25519(data: bytes) -> bool:
    """Whether 32 bytes are a point (RFC 8032, 5.1.3), as Solana asks it of an address. A y that is
    not reduced, and a zero x with a sign, count as the point that they stand for, as there."""
    y = _y(data)
    u, v = (y * y - 1) % _Q, (_D * y * y + 1) % _Q
    x2 = u * pow(v, -1, _Q) % _Q
    return x2 == 0 or pow(x2, (_Q - 1) // 2, _Q) == 1


def _y(data: bytes) -> int:
    return (int.from_bytes(data, "little") & (2**255 - 1)) % _Q
