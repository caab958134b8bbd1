"""What token accounts hold, as a validator reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN_PROGRAMS: Final = frozenset(
    Pubkey.from_string(text)
    for text in (
        "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
    )
)
_ACCOUNT_BYTES: Final = 165
_ACCOUNT_TYPE: Final = 2


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """Of the account at `index` in a transaction."""

    index: int
    mint: Pubkey
    owner: Pubkey
    units: int
    decimals: int
    program: Pubkey


def token_account(account: Account) -> tuple[Pubkey, Pubkey, int] | None:
    """Mint, owner and base units; None for any other account [spl-token, state.rs, Account]."""
    data = bytes(account.data)
    if account.owner not in TOKEN_PROGRAMS or len(data) < _ACCOUNT_BYTES or not data[108]:
        return None
    if len(data) > _ACCOUNT_BYTES and data[_ACCOUNT_BYTES] != _ACCOUNT_TYPE:
        return None
    return Pubkey(data[:32]), Pubkey(data[32:64]), int.from_bytes(data[64:72], "little")
