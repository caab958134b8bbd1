"""Ids that sort by time of creation: a prefix, 48 bits of milliseconds, 80 random bits.

The ULID layout (Crockford base32, 26 characters, lower case), so that pages by id are pages by time
and inserts go to the end of an index. Within a process each id is greater than the one before, also
within a millisecond and when the clock is set back.

What must get the same id however often it is asked for, also by a database that has forgotten it,
has an id of the same form that is derived (`derived_id`) and sorts by nothing.
"""

from __future__ import annotations

import secrets
import threading
import time
from hashlib import sha256

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)

_turn = threading.Lock()
_newest = 0


def new_id(prefix: str) -> str:
    """E.g. `new_id("vlt")` -> `vlt_01k9…`."""
    global _newest
    with _turn:
        number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        if number >> 80 <= _newest >> 80:
            number = _newest + 1 + secrets.randbits(48)
        _newest = number
    return f"{prefix}_{_spelled(number)}"


def derived_id(prefix: str, domain: bytes, *parts: str) -> str:
    """The first 128 bits of SHA-256 over `domain` and `parts`, each with its length before it, so
    that no two lists of parts are the same bytes."""
    digest = sha256(domain)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"{prefix}_{_spelled(int.from_bytes(digest.digest()[:16], 'big'))}"


def _spelled(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
