"""A plain token for local networks of contracts, in the machine's own words, so that no compiler is
needed to start one: its storage is who has how much. All of it is its maker's at first.

What it is not: it has no allowances, and only its row says how it is called.
"""

from __future__ import annotations

from typing import Final

from chains.abi import BALANCE_OF, TOPIC, TRANSFER
from chains.abi import DECIMALS as DECIMALS_OF

DECIMALS: Final = 6
SUPPLY: Final = 10**15
_FAILS: Final = bytes.fromhex("5b60006000fd")
_RETURNS_WORD: Final = bytes.fromhex("60005260206000f3")
_JUMP_BYTES: Final = 11
_COPY_BYTES: Final = 13


def creation() -> bytes:
    """What a transaction without a payee is given: it makes the token."""
    runtime = _runtime()
    mints = _push(SUPPLY.to_bytes(8, "big")) + bytes.fromhex("3355")
    size, start = _push(_two(len(runtime))), _push(_two(len(mints) + _COPY_BYTES))
    copies = size + b"\x80" + start + bytes.fromhex("6000396000f3")
    assert len(copies) == _COPY_BYTES
    return mints + copies + runtime


def _runtime() -> bytes:
    """Three functions; whatever else is called reverts."""
    start = bytes.fromhex("60003560e01c")  # the first four bytes of what is called
    fails = len(start) + 3 * _JUMP_BYTES
    bodies = (
        (TRANSFER, _pays(fails)),
        (BALANCE_OF, bytes.fromhex("60043554") + _RETURNS_WORD),
        (DECIMALS_OF, _push(bytes([DECIMALS])) + _RETURNS_WORD),
    )
    jumps, code, at = b"", b"", fails + len(_FAILS)
    for selector, body in bodies:
        jumps += b"\x80" + _push(selector) + b"\x14" + _push(_two(at)) + b"\x57"
        code += b"\x5b" + body
        at += 1 + len(body)
    assert len(start + jumps) == fails
    return start + jumps + _FAILS + code


def _pays(fails: int) -> bytes:
    return b"".join(
        (
            bytes.fromhex("6024353354"),  # the amount, and what the caller has:
            bytes.fromhex("818110") + _push(_two(fails)) + b"\x57",  # less, and it fails
            bytes.fromhex("8190033355"),  # the rest stays the caller's
            bytes.fromhex("600435805482018155"),  # the payee has so much more
            bytes.fromhex("90600052"),
            bytes.fromhex("33") + _push(TOPIC),
            bytes.fromhex("60206000a3"),  # a log says so
            bytes.fromhex("6001") + _RETURNS_WORD,
        )
    )


def _push(value: bytes) -> bytes:
    return bytes([0x5F + len(value)]) + value


def _two(number: int) -> bytes:
    return number.to_bytes(2, "big")
