"""Our durable nonce accounts: where they are, and what their bytes say. Pure.

A nonce account belongs to one paying address and only ever needs that address's key: its own
address is derived from the payer's with a seed (`create_with_seed`), and the payer is its
authority. So every transaction of ours has exactly one signer, and anybody can recompute which
nonce accounts an address has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from solders.hash import Hash
from solders.message import Message, MessageV0, MessageV1
from solders.pubkey import Pubkey

from chains.solana import NONCE_ACCOUNT_BYTES, NONCE_ACCOUNTS_MAX, NONCE_SEED, SYSTEM_PROGRAM

SYSTEM_PROGRAM_KEY: Final = Pubkey.from_string(SYSTEM_PROGRAM)

_INITIALIZED: Final = bytes.fromhex("0100000001000000")
"""State version `Current` and state `Initialized`, both little-endian u32 [solana-nonce]."""
_VALUE_PREFIX: Final = b"DURABLE_NONCE"
_ADVANCE_NONCE_TAG: Final = bytes((4, 0, 0, 0))
"""Begins the data of AdvanceNonceAccount [solana-system-interface]."""


def seed(index: int) -> str:
    assert 0 <= index < NONCE_ACCOUNTS_MAX
    return f"{NONCE_SEED}{index}"


@lru_cache(maxsize=1024)
def accounts_of(source: Pubkey) -> tuple[Pubkey, ...]:
    """All nonce accounts that `source` can ever have, existing or not, by index."""
    return tuple(
        Pubkey.create_with_seed(source, seed(index), SYSTEM_PROGRAM_KEY)
        for index in range(NONCE_ACCOUNTS_MAX)
    )


def index_of(source: Pubkey, account: Pubkey) -> int | None:
    """Which of `source`'s nonce accounts `account` is."""
    accounts = accounts_of(source)
    return accounts.index(account) if account in accounts else None


def takes_ours(signers: Iterable[str], written: Iterable[str]) -> bool:
    """Whether one of the accounts `written` is a nonce account of one of the signers, as we derive
    them. Raises ValueError for what is no account's address."""
    accounts = {Pubkey.from_string(each) for each in written}
    return any(not accounts.isdisjoint(accounts_of(Pubkey.from_string(each))) for each in signers)


def value_of(blockhash: Hash) -> Hash:
    """The value that a nonce account gets when it is advanced or made, in a block whose parent has
    the `blockhash` [solana-nonce, DurableNonce::from_blockhash]."""
    return Hash(sha256(_VALUE_PREFIX + bytes(blockhash)).digest())


@dataclass(frozen=True, slots=True)
class NonceState:
    authority: Pubkey
    value: Hash


def parse_state(data: bytes) -> NonceState | None:
    """What an initialized nonce account holds; None for any other data [solana-nonce, Versions]."""
    if len(data) != NONCE_ACCOUNT_BYTES or data[:8] != _INITIALIZED:
        return None
    return NonceState(authority=Pubkey(data[8:40]), value=Hash(data[40:72]))


def consumed_by(message: Message | MessageV0 | MessageV1) -> tuple[Pubkey, Hash] | None:
    """The nonce account and value that a transaction of anybody's consumes, None if it stands on a
    blockhash. As the runtime decides it: by the first instruction [solana-svm, get_durable_nonce].
    """
    keys = message.account_keys
    if not message.instructions:
        return None
    first = message.instructions[0]
    indices = bytes(first.accounts)
    named = first.program_id_index < len(keys) and bool(indices) and indices[0] < len(keys)
    if not named or keys[first.program_id_index] != SYSTEM_PROGRAM_KEY:
        return None
    if not bytes(first.data).startswith(_ADVANCE_NONCE_TAG):
        return None
    return keys[indices[0]], message.recent_blockhash
