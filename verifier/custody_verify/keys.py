"""Signatures: secp256k1 (ECDSA, BIP-340) and Ed25519. Only public values: nothing here is secret.

ECDSA and Ed25519 are verified by `cryptography`. What that lacks is written out: the key that
made a recoverable signature (SEC 1, 4.1.6), BIP-340, and whether 32 bytes are a point of Ed25519.
"""

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from custody_verify.errors import Refuted, refute
from custody_verify.hashes import keccak256

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

_Point = tuple[int, int]
_Projective = tuple[int, int, int]


def _sum(one: _Projective, other: _Projective) -> _Projective:
    """The complete formula for curves of prime order with a = 0: a point and itself, its opposite
    and nothing are no cases of their own (Renes, Costello, Batina, "Complete addition formulas for
    prime order elliptic curves", 2015, equation 2)."""
    (x, y, z), (u, v, w) = one, other
    xu, yv, zw = x * u % _P, y * v % _P, 21 * z * w % _P
    xv, yw, xw = (x * v + u * y) % _P, (y * w + v * z) % _P, 21 * (x * w + u * z) % _P
    less, more = yv - zw, yv + zw
    third = (xv * less - yw * xw) % _P
    return third, (more * less + 3 * xu * xw) % _P, (yw * more + 3 * xu * xv) % _P


def _combined(first: int, second: int, point: _Point) -> _Point | None:
    """`first` times the generator and `second` times `point`; both factors are below the order."""
    base, other, found = (*_G, 1), (*point, 1), (0, 1, 0)
    steps = {(0, 0): found, (1, 0): base, (0, 1): other, (1, 1): _sum(base, other)}
    for at in reversed(range(256)):
        found = _sum(_sum(found, found), steps[first >> at & 1, second >> at & 1])
    x, y, z = found
    inverse = pow(z, -1, _P) if z else 0
    return (x * inverse % _P, y * inverse % _P) if z else None


def _lift(x: int, odd: int) -> tuple[int, int]:
    """The point with this x and a y of this parity."""
    square = (pow(x, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    refute(x >= _P or y * y % _P != square, "not a point of secp256k1")
    return x, y if y & 1 == odd else _P - y


def check_ecdsa(public_key: bytes, r: int, s: int, digest: bytes) -> None:
    """Low s only (BIP-146, EIP-2): the other one is the same signature in another spelling."""
    refute(not (0 < r < _N and 0 < s <= _N // 2), "an ECDSA signature out of range or of high s")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public_key)
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        raise Refuted("an ECDSA signature is not by this key over these bytes") from None


def recover(r: int, s: int, odd: int, digest: bytes) -> bytes:
    """The 64 bytes of the public key that signed, which is then verified."""
    refute(not (0 < r < _N and 0 < s <= _N // 2), "an ECDSA signature out of range or of high s")
    inverse, message = pow(r, -1, _N), int.from_bytes(digest, "big")
    point = _combined(-message * inverse % _N, s * inverse % _N, _lift(r, odd))
    if point is None:
        raise Refuted("a signature that no key can have made")
    key = point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
    check_ecdsa(b"\x04" + key, r, s, digest)
    return key


def account(signature: bytes, digest: bytes) -> bytes:
    """20 bytes, of whose key made r, s and v, as EVM networks and TRON derive them."""
    refute(len(signature) != 65 or signature[64] not in (0, 1, 27, 28), "no signature of 65 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return keccak256(recover(r, s, signature[64] % 27, digest))[-20:]


def check_schnorr(x_only: bytes, signature: bytes, message: bytes) -> None:
    """BIP-340, "Verification"."""
    refute(len(signature) != 64, "a BIP-340 signature has 64 bytes")
    point = _lift(int.from_bytes(x_only, "big"), 0)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    tag = sha256(b"BIP0340/challenge").digest()
    challenge = sha256(tag + tag + signature[:32] + x_only + message).digest()
    factor = int.from_bytes(challenge, "big") % _N
    found = _combined(s, _N - factor, point) if r < _P and s < _N else None
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
