"""What a token's contract keeps of a payment, told from its logs, and the movements in them. Pure.

The call says what was to be paid, and a log what arrived. Nothing says before how much that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains import abi
from chains.block import withheld_place

Asked = tuple[str, str, str, int]
"""Contract, payer, payee and base units."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a token kept of a payment: `units`, told beside the log `ordinal`, which tells what
    arrived. `others`: by ordinal, so much of what the payer's other logs say that left is in it."""

    ordinal: int
    units: int
    others: Mapping[int, int]


def kept(
    contract: str, payer: str, payee: str, units: int, moves: Sequence[Sequence[Any]]
) -> Kept | None:
    """None of a payment that arrived whole. `moves`: as `abi.undone` has them, behind ordinals.
    Most contracts log what they keep as another payment of the payer's, some log nothing of it."""
    sent = [m for m in moves if tuple(m[1:3]) == (contract, payer) and m[3] != payer]
    came = next((m for m in sent if m[3] == payee and m[4]), None)
    if came is None or came[4] >= units:
        return None
    missing = left = units - came[4]
    others = {}
    for each in sent:
        if each is not came and left:
            others[each[0]] = min(left, each[4])
            left -= others[each[0]]
    return Kept(came[0], missing, others)


def movements(
    asked: Asked | None, moves: Sequence[Sequence[Any]], nobody: str = abi.NOBODY
) -> Iterator[tuple[str, str, str, int]]:
    """Place, contract, account and base units of all that logs say, ordinals first. `asked`: what
    the transaction itself tells a token to pay."""
    less = None if asked is None else kept(*asked, moves)
    others = {} if less is None else less.others
    for ordinal, contract, payer, payee, units in moves:
        if less is not None and ordinal == less.ordinal:
            yield withheld_place(ordinal), contract, payer, -less.units
        for account, change in abi.sides(payer, payee, units, nobody):
            told = change + others.get(ordinal, 0) if account == payer else change
            if told or not change:
                yield f"transfer:{ordinal}", contract, account, told
