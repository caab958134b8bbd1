"""Transactions of kinds that custody never makes, signed by hand: with blobs, with authorizations.

The blob is all zeros. Its commitment and every proof are the point at infinity, so that no library
for KZG is wanted (EIP-4844; EIP-7594 for the 128 proofs of its cells).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from coincurve import PrivateKey

from chains.evm import rlp
from chains.evm.address import derive, to_bytes
from chains.hashes import keccak256
from chains.model import Address

_DYNAMIC: Final = 0x02
_BLOBS: Final = 0x03
_AUTHORIZING: Final = 0x04
_INFINITY: Final = b"\xc0" + bytes(47)
_VERSIONED_HASH: Final = b"\x01" + sha256(_INFINITY).digest()[1:]
_BLOB_BYTES: Final = 131_072
_PROOFS: Final[list[rlp.Item]] = [_INFINITY] * 128
_GWEI: Final = 10**9


@dataclass
class Sender:
    """A key that counts its own nonces. `to` None creates a contract."""

    chain_id: int
    key: PrivateKey
    nonce: int = 0

    @property
    def address(self) -> Address:
        return derive(self.key.public_key.format())

    def pays(
        self, to: Address | None, value: int, data: bytes = b"", *, gas: int = 500_000, tip: int = 1
    ) -> bytes:
        return self._signed(_DYNAMIC, [*self._fields(to, value, data, gas, tip), []])

    def pays_with_blob(self, to: Address, value: int) -> bytes:
        fields = [*self._fields(to, value, b"", 21_000, 1), []]
        fields += [rlp.encode_int(_GWEI), [_VERSIONED_HASH]]
        return self._signed(_BLOBS, fields, [b"\x01", [bytes(_BLOB_BYTES)], [_INFINITY], _PROOFS])

    def pays_authorized(self, to: Address, value: int, authorizations: Sequence[rlp.Item]) -> bytes:
        fields = [*self._fields(to, value, b"", 500_000, 1), [], list(authorizations)]
        return self._signed(_AUTHORIZING, fields)

    def authorizes(self, code_of: Address, nonce: int) -> rlp.Item:
        """That this account runs the code of `code_of`, if its nonce is `nonce` (EIP-7702)."""
        fields = [rlp.encode_int(self.chain_id), to_bytes(code_of), rlp.encode_int(nonce)]
        return [*fields, *self._signature(b"\x05" + rlp.encode(fields))]

    def _fields(
        self, to: Address | None, value: int, data: bytes, gas: int, tip: int
    ) -> list[rlp.Item]:
        nonce, self.nonce = self.nonce, self.nonce + 1
        numbers = (self.chain_id, nonce, tip * _GWEI, 100 * _GWEI, gas)
        target = to_bytes(to) if to is not None else b""
        return [*map(rlp.encode_int, numbers), target, rlp.encode_int(value), data]

    def _signed(
        self, kind: int, fields: list[rlp.Item], carried: list[rlp.Item] | None = None
    ) -> bytes:
        """`carried`: what the network passes on beside the transaction."""
        prefix = bytes([kind])
        body: list[rlp.Item] = [*fields, *self._signature(prefix + rlp.encode(fields))]
        return prefix + rlp.encode(body if carried is None else [body, *carried])

    def _signature(self, message: bytes) -> list[rlp.Item]:
        made = self.key.sign_recoverable(keccak256(message), hasher=None)
        r, s, parity = made[:32], made[32:64], made[64]
        return [rlp.encode_int(parity), r.lstrip(b"\0"), s.lstrip(b"\0")]
