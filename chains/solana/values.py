"""What a Solana node's answers hold, and how their JSON is read. Pure.

Readers raise what reading JSON of another shape than expected raises: KeyError, TypeError,
ValueError, IndexError or ParseHashError.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.errors import BlockUnreadable
from chains.model import BlockRef, TxId
from chains.solana import shrink


@dataclass(frozen=True, slots=True)
class Account:
    """`lamports` and `data` of an account that exists; `owner` is the program it belongs to."""

    lamports: int
    owner: Pubkey
    data: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in a block. `fee` in lamports; `error` is None if it took effect. `rent`: as
    in `Executed`; `closed`: by owner, lamports that closed token accounts held for their rent;
    `tokens`: of each token account that holds more or less, mint and base units."""

    slot: int
    raw: bytes
    fee: int
    error: Any
    rent: int = 0
    closed: Mapping[str, int] = field(default_factory=dict)
    tokens: tuple[tuple[str, int], ...] = ()

    @property
    def executed(self) -> bool:
        """False for one that a block carries without executing it: a payer that can't pay the fee
        makes it fail without a fee (SIMD-0290), and it may still be executed later."""
        return self.error is None or self.fee > 0


@dataclass(frozen=True, slots=True)
class Executed:
    """What a transaction did to accounts, well or badly. `payer` bears the `fee` (lamports).
    `error` is None if it took effect. `differences`: (index, account, lamports) of each account
    that it left richer or poorer; the index is that in the transaction, lookup tables' accounts
    last; the payer's is what is left of its difference without fee, `rent`, which went into token
    accounts that it made, and `returned`, which came back out of its own that it closed.
    `tokens`: (index, mint, owner, base units) of each token account that holds more or less of it
    for its owner."""

    txid: TxId
    payer: str
    fee: int
    error: Any
    differences: tuple[tuple[int, str, int], ...]
    tokens: tuple[tuple[int, str, str, int], ...] = ()
    rent: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Reward:
    """What the chain itself added to an account, or took (below zero). `kind` is the node's word:
    fee, voting, staking, rent."""

    kind: str
    account: str
    lamports: int


@dataclass(frozen=True, slots=True)
class RawBlock:
    """`nonces`: those of the executed that may use a nonce account of our kind."""

    ref: BlockRef
    parent_hash: str
    parent_slot: int
    timestamp: int
    executed: tuple[Executed, ...] = ()
    nonces: tuple[TxId, ...] = ()
    rewards: tuple[Reward, ...] = ()


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a non-negative integer expected")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false expected")
    return value


def block_hash(value: Any) -> str:
    return str(Hash.from_string(text(value)))


def base64_bytes(value: Any) -> bytes:
    """The `[data, "base64"]` that nodes answer with."""
    data, encoding = value
    if encoding != "base64":
        raise ValueError("another encoding than asked for")
    try:
        return base64.b64decode(text(data), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def account(value: Any) -> Account | None:
    if value is None:
        return None
    return Account(
        lamports=integer(value["lamports"]),
        owner=Pubkey.from_string(text(value["owner"])),
        data=base64_bytes(value["data"]),
    )


def transaction(value: Any) -> Transaction | None:
    if value is None:
        return None
    return Transaction(
        slot=integer(value["slot"]),
        raw=base64_bytes(value["transaction"]),
        fee=integer(value["meta"]["fee"]),
        error=value["meta"]["err"],
        rent=shrink.rent_in(value["meta"]),
        closed=shrink.closed_in(value["meta"]),
        tokens=tuple((text(mint), units) for _, mint, _, units in shrink.tokens_in(value["meta"])),
    )


def block(slot: int, value: Any) -> RawBlock:
    """A block without its content. `null` stands for one that is not there yet or not any more."""
    if value is None:
        raise BlockUnreadable("the node answers null", height=slot)
    parent_slot = integer(value["parentSlot"])
    if parent_slot >= slot > 0:
        raise ValueError("a parent above its block")
    return RawBlock(
        ref=BlockRef(height=slot, hash=block_hash(value["blockhash"])),
        parent_hash=block_hash(value["previousBlockhash"]),
        parent_slot=parent_slot,
        timestamp=integer(value.get("blockTime") or 0),
    )


def whole_block(slot: int, value: Any) -> RawBlock:
    """A block as `shrink` leaves it."""
    return replace(
        block(slot, value),
        executed=tuple(_executed(*each) for each in value["executed"]),
        nonces=tuple(TxId(text(txid)) for txid in value["nonces"]),
        rewards=tuple(
            Reward(text(kind), text(account), lamports)
            for kind, account, lamports in value["rewards"]
        ),
    )


def _executed(
    txid: Any,
    payer: Any,
    fee: int,
    error: Any,
    differences: Any,
    tokens: Any,
    rent: int,
    returned: int,
) -> Executed:
    moved = tuple((index, text(account), lamports) for index, account, lamports in differences)
    told = tuple((index, text(mint), text(owner), units) for index, mint, owner, units in tokens)
    return Executed(TxId(text(txid)), text(payer), fee, error, moved, told, rent, returned)
