"""Ids that sort by time of creation: a prefix, 48 bits of milliseconds, 80 random bits.

The ULID layout (Crockford base32, 26 characters, lower case), so that pages by id are pages by time
and inserts go to the end of an index.
"""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """E.g. `new_id("vlt")` -> `vlt_01k9…`."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
