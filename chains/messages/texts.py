"""Texts that people can read, and nothing that a machine would take for something else. Pure.

A signature under a text is of use wherever the text is. A hash that somebody was made to sign is a
document that nobody read; typed data, a login or our own approvals within a text would be shown as
a text and used as what they are.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from chains.messages.errors import (
    MessageDisguised,
    MessageIsHash,
    MessageIsLogin,
    MessageIsTransaction,
    MessageUnreadable,
)

TEXT_MAX: Final = 16 * 1024
"""Bytes: more is read by nobody."""
_HASH_BYTES: Final = 32
_HEX: Final = re.compile(r"(0x)?([0-9a-fA-F]{2})+", re.ASCII)
_LETTERS_MIN: Final = 2 * _HASH_BYTES
_LOGIN: Final = re.compile(r"wants you to sign in with your [\w ]{1,32} account:", re.ASCII)
_OURS: Final = "custody-wallet/"
_TYPED: Final = re.compile(r'"(primaryType|verifyingContract|EIP712Domain)"', re.ASCII)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (which turn the reading order), unassigned, and other separators of lines."""
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks for which nothing is drawn (Unicode's Default_Ignorable_Code_Point, and the
empty pattern of Braille). U+FE0F stays, by which a text asks for an emoji."""


def readable(content: bytes) -> str:
    """The text. Raises MessageUnreadable, MessageIsHash, MessageIsTransaction, MessageDisguised."""
    if len(content) == _HASH_BYTES and not _is_text(content):
        raise MessageIsHash("32 bytes that are no text: a hash of something that nobody has read")
    if not _is_text(content):
        raise MessageUnreadable("not a text that a person can read")
    text = content.decode()
    if len(content) > TEXT_MAX:
        raise MessageUnreadable(f"a text of more than {TEXT_MAX} bytes")
    if not text.strip():
        raise MessageUnreadable("an empty text")
    bare = text.strip()
    if _HEX.fullmatch(bare):
        digits = len(bare.removeprefix("0x"))
        if digits == _LETTERS_MIN:
            raise MessageIsHash("a hash in digits, of something that nobody has read")
        if digits > _LETTERS_MIN:
            raise MessageIsTransaction("bytes in digits, which may be a transaction or a call")
    if text.lstrip().startswith(_OURS):
        raise MessageDisguised("it begins as what this house signs for itself")
    if _TYPED.search(text):
        raise MessageDisguised("typed data as a text: ask for it as typed data")
    return text


def shown(content: bytes) -> None:
    """What is shown letter by letter. Raises MessageUnreadable for letters that are not seen, or
    that turn the order of those which are."""
    if not _is_text(content):
        raise MessageUnreadable("it has letters that nobody sees")


def is_login(content: bytes) -> bool:
    """Whether it says that it is one."""
    return _LOGIN.search(content.decode("utf-8", "replace")) is not None


def no_login(text: str) -> str:
    """The text. Raises MessageIsLogin if it is or looks like a login (ERC-4361, CAIP-122), which
    has a form of its own and a domain."""
    if is_login(text.encode()):
        raise MessageIsLogin("it asks to sign in, and is not in the form of a login")
    return text


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return _BLANK.search(text) is None and all(
        character in "\n\t" or unicodedata.category(character) not in _INVISIBLE
        for character in text.replace("\r\n", "\n")
    )
