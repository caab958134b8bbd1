"""JSON that nobody vouches for: a node's answer, a caller's message. Pure.

The decoder of the standard library recurses. Python's recursion limit does not keep it from
overflowing the C stack, since libraries raise that limit (py_ecc below web3 does), and then the
process dies. So the nesting is looked at first, without recursion.
"""

from __future__ import annotations

import json
from typing import Any, Final

NESTING_MAX: Final = 32
"""Objects and lists within each other. A block of bitcoin with its previous outputs has 8."""
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))


def read_json(data: bytes, **hooks: Any) -> Any:
    """The value, of UTF-8. `hooks`: those of json.loads. Raises ValueError, of which
    json.JSONDecodeError says where."""
    brackets = _outside_strings(data)
    for _ in range(NESTING_MAX):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(brackets) == inner:
            break
    too_deep = b"[]" in brackets or b"{}" in brackets  # or never closed, and as deep for a while
    if too_deep or brackets.count(b"[") + brackets.count(b"{") > NESTING_MAX:
        raise ValueError("nested too deeply")
    return json.loads(data.decode(), **hooks)


def _outside_strings(data: bytes) -> bytes:
    """The brackets of JSON that are not text: every second part between quotation marks."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Quotation marks go in pairs, so what stays between two others stays inside or outside.
    structure = data.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return b"".join(structure.split(b'"')[::2])
