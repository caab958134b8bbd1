"""What a transaction's kind means to who reads it: who is charged, what moves beside calls. Pure.

Most are signed by their sender, who is charged for gas, and whose nonce is used up. The others are
made by chains themselves; a network's traits know which those are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]

Beside = tuple[str, str | None, str | None, int]
"""Place, payer (None: made by the chain), payee (None: burnt) and base units."""


class Way(NamedTuple):
    """`nonce`: which one of its sender it uses up; None where the block does not tell that it does.
    `charged`: the sender bears what the receipt says. `beside`: what moves beside its calls.
    `calls`: what its calls moved stands."""

    nonce: int | None
    charged: bool = True
    beside: tuple[Beside, ...] = ()
    calls: bool = True


Reader = Callable[[Json, Json | None, Json | None], Way | None]
"""A transaction, its shrunk trace and receipt -> how to read it; None for one of another kind."""


def signed(tx: Json) -> Way:
    return Way(nonce=int(tx["nonce"], 16))
