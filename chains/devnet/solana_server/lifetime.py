"""Which transactions may still enter a block: recent blockhashes and durable nonces.

As `Bank::check_transaction_age` of a validator decides it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from solders.account import Account
from solders.hash import Hash
from solders.message import VersionedMessage
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

BLOCKHASH_AGE_MAX: Final = 150

_SYSTEM_PROGRAM: Final = Pubkey.default()
_NONCE_BYTES: Final = 80
_NONCE_INITIALIZED: Final = bytes.fromhex("0100000001000000")
_AUTHORITY: Final = slice(8, 40)
_VALUE: Final = slice(40, 72)


class Blockhashes:
    """The hashes of one chain's blocks by height."""

    def __init__(self) -> None:
        self._heights: dict[Hash, int] = {}

    def add(self, blockhash: Hash, height: int) -> None:
        self._heights[blockhash] = height

    def is_recent(self, blockhash: Hash, parent_height: int) -> bool:
        """For a transaction in a block whose parent stands at `parent_height`."""
        height = self._heights.get(blockhash)
        return height is not None and 0 <= parent_height - height <= BLOCKHASH_AGE_MAX


def next_nonce(parent_hash: Hash) -> bytes:
    """The value of every nonce that advances in a block on `parent_hash`."""
    return sha256(b"DURABLE_NONCE" + bytes(parent_hash)).digest()


def nonce_value(account: Account | None) -> bytes | None:
    """None for whatever is not an initialized nonce account."""
    if account is None or account.owner != _SYSTEM_PROGRAM:
        return None
    data = bytes(account.data)
    if len(data) != _NONCE_BYTES or not data.startswith(_NONCE_INITIALIZED):
        return None
    return data[_VALUE]


def with_nonce(account: Account, value: bytes) -> Account:
    data = bytearray(account.data)
    data[_VALUE] = value
    return Account(account.lamports, bytes(data), account.owner, account.executable)


def find_nonce(
    message: VersionedMessage,
    parent_hash: Hash,
    account_of: Callable[[Pubkey], Account | None],
) -> Pubkey | None:
    """The account whose nonce this message stands on; None if it stands on none that is good for a
    block on `parent_hash`."""
    signers = message.account_keys[: message.header.num_required_signatures]
    unsigned = VersionedTransaction.populate(message, [Signature.default()] * len(signers))
    if not unsigned.uses_durable_nonce():
        return None
    key = message.account_keys[bytes(message.instructions[0].accounts)[0]]
    account = account_of(key)
    value = nonce_value(account)
    if account is None or value is None or value != bytes(message.recent_blockhash):
        return None
    if value == next_nonce(parent_hash):  # advanced in this very block
        return None
    return key if Pubkey(bytes(account.data)[_AUTHORITY]) in signers else None
