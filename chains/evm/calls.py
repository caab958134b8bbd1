"""What the calls of a transaction moved, told from geth's callTracer. Pure, JSON to JSON.

A call that failed moved nothing, nor did anything below it. A call to oneself moves nothing, and
takes no number: the n-th call is the n-th that moved value, in the order of execution. So the
number is the same at every node that lists what it must, whatever else it lists.

Ether is also burnt. A contract that ends in the transaction that made it (EIP-6780) is removed with
all it has: at once what it would leave to itself, and after the last call what reached it later. A
contract that is older only pays its balance out. Before Cancun it was removed too; such old blocks
are not followed.

An older contract that names itself as its heir moves nothing, and for it reth and anvil show
whatever was paid last, once more, as if it were paid again (before revm 3805; since then, no
account). Anybody can write such a contract, to be credited twice. So an end is believed only of the
account that was running, and not if it says again what the last payment was. A true end that pays
just that again is lost with it; it would have to be made on purpose, and shows as a surplus.
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
_BORROWS: Final = frozenset({"DELEGATECALL", "CALLCODE"})
"""Run another's code as the caller; the value they show goes nowhere."""
_STAYS: Final = _BORROWS | {"STATICCALL"}


def moved(root: Any) -> list[Moved]:
    """Of a transaction's outermost call. Raises NodeMisbehaved for a kind of call that nobody here
    knows, ValueError for one that keeps its value back."""
    return list(_moved(root)) if not root.get("error") else []


def _moved(root: Any) -> Iterator[Moved]:
    born: set[str] = set()
    ended: dict[str, int] = {}
    """What reached a contract that was born and has ended here, since it ended."""
    number, last = 0, None
    for call, running in _effective(root):
        kind = call["type"]
        if kind in _CREATES:
            born.add(call["to"])
        if kind == _ENDS and call["from"] != running:
            continue
        units = _value(call)
        if kind not in _MOVES:
            if units and kind not in _STAYS:
                raise NodeMisbehaved(f"a call of unknown type {kind!r} that carries value")
            continue
        payer, payee = call["from"], call["to"]
        ends_new = kind == _ENDS and payer in born
        if kind == _ENDS and not ends_new and last == (payer, payee, units):
            continue
        burns = ends_new and payer == payee
        if units and (burns or payer != payee):
            last = payer, payee, units
            place = OWN_PLACE if call is root else f"{OWN_PLACE}{number}"
            number += call is not root
            yield place, payer, None if burns else payee, units
            for account, change in ((payer, -units), (payee, units)):
                if account in ended:
                    ended[account] += change
        if ends_new:
            ended[payer] = 0
    left = ((account, units) for account, units in ended.items() if units)
    for at, (account, units) in enumerate(left):
        yield f"burn:{at}", account, None, units


def _effective(root: Any) -> Iterator[tuple[Any, str | None]]:
    """The calls that took effect, in the order of execution, and the account that ran when each was
    made."""
    waiting: list[tuple[Any, str | None]] = [(root, None)]
    while waiting:
        call, running = waiting.pop()
        if not call.get("error"):
            yield call, running
            inner = call["from" if call["type"] in _BORROWS else "to"]
            waiting.extend((each, inner) for each in reversed(call.get("calls") or ()))


def _value(call: Any) -> int:
    """In base units. A kind that moves value always says how much; a node that leaves it out would
    hide a payment."""
    value = call.get("value")
    if value is None and call["type"] in _MOVES:
        raise ValueError(f"a {call['type']} without its value")
    return int(value or "0x0", 16)
