"""The bytes of tokens that speak ERC-20: BEP-20 and TRC-20 are the same. Pure.

What is called is read in its one canonical form (Solidity's contract ABI, "Formal Specification of
the Encoding"): four bytes that name the function, then a word for each argument, and nothing more.
What a contract then says it moved is a log. What a token does may be more than either says; what it
did, its balances tell.

Accounts are the 20 bytes that contracts know; how people write them is each chain's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from chains.assets import TokenSaid
from chains.hashes import keccak256

ACCOUNT_BYTES: Final = 20
UNITS_MAX: Final = 2**256 - 1


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


TRANSFER: Final = selector("transfer(address,uint256)")
APPROVE: Final = selector("approve(address,uint256)")
BALANCE_OF: Final = selector("balanceOf(address)")
ALLOWANCE: Final = selector("allowance(address,address)")
DECIMALS: Final = selector("decimals()")
SYMBOL: Final = selector("symbol()")
NAME: Final = selector("name()")
TOPIC: Final = keccak256(b"Transfer(address,address,uint256)")
"""Of a log of Transfer; ERC-721 has the same."""
DEPOSIT: Final = keccak256(b"Deposit(address,uint256)")
WITHDRAWAL: Final = keccak256(b"Withdrawal(address,uint256)")
"""Of WETH9's logs: whose coins became tokens, and whose tokens became coins again."""
WRAPS: Final = "wraps-coin"
"""Trait of a token that is the network's coin, wrapped as WETH9 does: it makes and burns without a
log of Transfer. Others write logs of the same name, so only tokens listed with it are believed."""
WORD: Final = 32
PADDING: Final = bytes(WORD - ACCOUNT_BYTES)
CALL_BYTES: Final = 4 + 2 * WORD
NOBODY: Final = "00" * ACCOUNT_BYTES
"""At the other end of what is made or burnt."""

_PADDING_DIGITS: Final = PADDING.hex()
_WORD_DIGITS: Final = 2 * WORD
_TOPICS: Final = 3
_WRAP_TOPICS: Final = 2
_SIGNS: Final = {DEPOSIT.hex(): 1, WITHDRAWAL.hex(): -1}
_UINT8: Final = 256
_TEXT_MAX: Final = 64
_SHOWN: Final = re.compile("[!-~]([ -~]*[!-~])?", re.ASCII)


class Verb(Enum):
    PAY = "pay"
    ALLOW = "allow"


class TokenTrait(StrEnum):
    """What the issuer can do to holders, by how its contract tells it (`restraints`)."""

    BLACKLIST = "blacklist"
    """`isBlacklisted(address)`, as Circle spells it."""
    BLACK_LIST = "black-list"
    """`isBlackListed(address)`, as Tether spells it."""
    PAUSABLE = "pausable"
    """`paused()`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a token is told: to pay `other`, or to allow it to take, so many base units."""

    verb: Verb
    other: bytes
    units: int

    @property
    def allowed(self) -> int | None:
        """Of an allowance: the largest number is read by many tokens as having no end (None), and
        by none as less."""
        return None if self.units == UNITS_MAX else self.units


_VERBS: Final = {TRANSFER: Verb.PAY, APPROVE: Verb.ALLOW}


def transfer(payee: bytes, units: int) -> bytes:
    return TRANSFER + _padded(payee) + units.to_bytes(WORD, "big")


def balance_of(owner: bytes) -> bytes:
    return BALANCE_OF + _padded(owner)


def allowance(owner: bytes, spender: bytes) -> bytes:
    return ALLOWANCE + _padded(owner) + _padded(spender)


def order(data: bytes) -> Order | None:
    """What calldata says, None where it says nothing that has words here, or not in its canonical
    form: contracts compiled since Solidity 0.5 refuse, and older ones overlook, what stands before
    an address in its word, so that two readers could see two payees."""
    verb = _VERBS.get(data[:4])
    if verb is None or len(data) != CALL_BYTES or data[4 : 4 + len(PADDING)] != PADDING:
        return None
    return Order(verb, data[4 + len(PADDING) : 4 + WORD], int.from_bytes(data[4 + WORD :], "big"))


def moved(topics: Sequence[str], data: str) -> tuple[str, str, int] | None:
    """Payer, payee and base units of a log with Transfer's topic; None where it is no money (a log
    of ERC-721 has a fourth topic). All in hexadecimal digits without 0x, lower case going out."""
    if len(topics) != _TOPICS or len(data) != _WORD_DIGITS:
        return None
    payer, payee = topics[1:]
    if not (payer.startswith(_PADDING_DIGITS) and payee.startswith(_PADDING_DIGITS)):
        return None
    start = len(_PADDING_DIGITS)
    return payer[start:].lower(), payee[start:].lower(), int(data, 16)


def wrapped(topics: Sequence[str], data: str) -> tuple[str, int] | None:
    """Account and base units, below zero of what was burnt, of a log with one of WETH9's topics;
    None where it is none of WETH9's. Digits as of `moved`."""
    if len(topics) != _WRAP_TOPICS or len(data) != _WORD_DIGITS:
        return None
    topic, account = (each.lower() for each in topics)
    if not account.startswith(_PADDING_DIGITS):
        return None
    return account[len(_PADDING_DIGITS) :], _SIGNS[topic] * int(data, 16)


def sides(payer: str, payee: str, units: int, nobody: str = NOBODY) -> Iterator[tuple[str, int]]:
    """Account and base units, out and in; of a payment of nothing both ends, for people ask what it
    was. What is made or burnt has one end (`nobody` at the other). Nobody gains or loses by paying
    himself."""
    if payer == payee:
        return
    if payer != nobody:
        yield payer, -units
    if payee != nobody:
        yield payee, units


def undone(
    contract: str, payer: str, payee: str, units: int, moves: Iterable[Sequence[str | int]]
) -> str | None:
    """Why a transaction that did not fail has still not done what it tells a token; None if it
    has. `moves`: contract, payer, payee and base units of each of its logs. A call that returns
    false, or nothing, may have moved all or nothing; what arrived may be less than was sent."""
    if not units or any(tuple(m[:3]) == (contract, payer, payee) and m[3] for m in moves):
        return None
    return "the token moved nothing"


def text(raw: bytes) -> str | None:
    """A string, or, of contracts older than the standard, 32 bytes filled up with zeros. One that
    can't be shown to people as it is counts as none: too long, of other letters than ASCII's, with
    control characters."""
    try:
        shown = _string(raw).decode("ascii")
    except ValueError:
        return None
    return shown if _SHOWN.fullmatch(shown) else None


def said(symbol: bytes | None, name: bytes | None, decimals: int | None) -> TokenSaid:
    """Of a contract that anybody may have written. None: it did not answer. Decimals are a uint8 by
    the standard; some contracts say more than there can be."""
    return TokenSaid(
        symbol=None if symbol is None else text(symbol),
        name=None if name is None else text(name),
        decimals=decimals if decimals is not None and decimals < _UINT8 else None,
    )


def _string(raw: bytes) -> bytes:
    if len(raw) == WORD:
        return raw.rstrip(b"\0")
    start, length = (int.from_bytes(raw[at : at + WORD], "big") for at in (0, WORD))
    if start != WORD or not 0 < length <= min(_TEXT_MAX, len(raw) - 2 * WORD):
        raise ValueError("not one string")
    return raw[2 * WORD : 2 * WORD + length]


def _padded(account: bytes) -> bytes:
    return PADDING + account
