"""What the calls of a transaction moved, told from geth's callTracer. Pure, JSON to JSON.

A call that failed moved nothing, nor did anything below it. A call to oneself moves nothing, and
takes no number: the n-th call is the n-th that moved value, in the order of execution. So the
number is the same at every node that lists what it must, whatever else it lists.

Ether is also burnt. A contract that ends in the transaction that made it (EIP-6780) is removed with
all it has: at once what it would leave to itself, and after the last call what reached it later. A
contract that is older only pays its balance out. Before Cancun it was removed too; such old blocks
are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chains.errors import NodeMisbehaved

Moved = tuple[str, str, str | None, int]
"""Place, payer, payee (None: burnt) and base units."""

OWN_PLACE: Final = "call:"
"""What the transaction itself pays; not told apart by a number, so that receipts tell it too."""
_CREATES: Final = frozenset({"CREATE", "CREATE2"})
_ENDS: Final = "SELFDESTRUCT"
_MOVES: Final = frozenset({"CALL", "INVALID", _ENDS}) | _CREATES
"""Kinds of calls whose value goes from one account to another. INVALID is what nodes of Arbitrum's
chains called a payment that the chain itself makes while a transaction runs."""
_STAYS: Final = frozenset({"DELEGATECALL", "CALLCODE", "STATICCALL"})
"""Run another's code on the caller's own balance; the value they show goes nowhere."""


def moved(root: Any) -> list[Moved]:
    """Of a transaction's outermost call. Raises NodeMisbehaved for a kind of call that nobody here
    knows, ValueError for one that keeps its value back."""
    return list(_moved(root)) if not root.get("error") else []


def _moved(root: Any) -> Iterator[Moved]:
    born: set[str] = set()
    ended: dict[str, int] = {}
    """What reached a contract that was born and has ended here, since it ended."""
    number = 0
    for call in _effective(root):
        kind, units = call["type"], _value(call)
        if kind in _CREATES:
            born.add(call["to"])
        if kind not in _MOVES:
            if units and kind not in _STAYS:
                raise NodeMisbehaved(f"a call of unknown type {kind!r} that carries value")
            continue
        payer, payee = call["from"], call["to"]
        burns = kind == _ENDS and payer == payee and payer in born
        if units and (burns or payer != payee):
            place = OWN_PLACE if call is root else f"{OWN_PLACE}{number}"
            number += call is not root
            yield place, payer, None if burns else payee, units
            for account, change in ((payer, -units), (payee, units)):
                if account in ended:
                    ended[account] += change
        if kind == _ENDS and payer in born:
            ended[payer] = 0
    left = ((account, units) for account, units in ended.items() if units)
    for at, (account, units) in enumerate(left):
        yield f"burn:{at}", account, None, units


def _effective(root: Any) -> Iterator[Any]:
    """The calls that took effect, in the order of execution."""
    waiting = [root]
    while waiting:
        call = waiting.pop()
        if not call.get("error"):
            yield call
            waiting.extend(reversed(call.get("calls") or ()))


def _value(call: Any) -> int:
    """In base units. A kind that moves value always says how much; a node that leaves it out would
    hide a payment."""
    value = call.get("value")
    if value is None and call["type"] in _MOVES:
        raise ValueError(f"a {call['type']} without its value")
    return int(value or "0x0", 16)
