"""Names of structures that move or hand over what somebody has. Pure.

Typed data whose structures are not described is told by its names. One that says nothing of giving
is a message, which a rule names by contract and structure; any other is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_GIVING: Final = (
    "permit", "authorization", "order", "approve", "approval", "allowance", "transfer",
    "delegat", "safetx", "safemessage", "userop", "metatransaction", "forwardrequest", "execute",
    "execution", "intent", "withdraw", "bridge", "swap", "sell", "bid", "offer", "listing",
    "payment", "spend", "recover", "multicall", "call",
)  # fmt: skip
"""Words in the names of structures that move or hand over what somebody has, in small letters."""


def giving(types: Iterable[str]) -> str | None:
    """The first structure that by its name gives something away, if one does."""
    for name in sorted(types):
        if any(word in name.lower() for word in _GIVING):
            return name
    return None
