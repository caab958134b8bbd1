"""Why a contract refused, from the octets that it returned. Pure.

Solidity's "Error handling: Assert, Require, Revert and Exceptions": `Error(string)`,
`Panic(uint256)`, and errors that contracts declare. What is read is read strictly
(`chains.contracts`); all else is shown as its selector. A contract may return what it likes, so
what it says is told as its word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chains.contracts.functions import SELECTOR_BYTES, Function
from chains.contracts.texts import Spelling, spell
from chains.contracts.types import parse_type
from chains.contracts.values import Value
from chains.errors import MalformedTransaction

TEXT_MAX: Final = 300
"""Characters of what a contract says."""


def _error(name: str, **arguments: str) -> Function:
    named = tuple((each, parse_type(type_)) for each, type_ in arguments.items())
    return Function(name, named, payable=False, changes=True)


_ERROR: Final = _error("Error", reason="string")
_PANIC: Final = _error("Panic", code="uint256")
_PANICS: Final[Mapping[int, str]] = {
    0x00: "the compiler's own check",
    0x01: "an assertion that does not hold",
    0x11: "a number above or below what its type holds",
    0x12: "a division by zero",
    0x21: "a value that the enumeration does not have",
    0x22: "bytes in storage that are encoded wrongly",
    0x31: "taking from an empty list",
    0x32: "an element that the list does not have",
    0x41: "more memory than there is",
    0x51: "a call of a function that was never set",
}
STANDARD: Final = (
    _error("ERC20InsufficientBalance", sender="address", balance="uint256", needed="uint256"),
    _error("ERC20InvalidSender", sender="address"),
    _error("ERC20InvalidReceiver", receiver="address"),
    _error("ERC20InsufficientAllowance", spender="address", allowance="uint256", needed="uint256"),
    _error("ERC20InvalidApprover", approver="address"),
    _error("ERC20InvalidSpender", spender="address"),
)
"""ERC-6093, of tokens."""


def told(data: bytes, account: Spelling, errors: Iterable[Function] = ()) -> str:
    """In words that can be shown. `account`: spells 20 octets of one; `errors`: those that the
    contract's description declares."""
    if not data:
        return "it reverted and said nothing"
    for each in (_ERROR, _PANIC, *errors, *STANDARD):
        if data[:SELECTOR_BYTES] == each.selector:
            try:
                return _words(each, each.read(data), account)
            except MalformedTransaction:
                break
    octets = "0x" + data[:SELECTOR_BYTES].hex()
    return f"it reverted with {octets} ({len(data)} bytes), which nothing describes"


def _words(error: Function, values: tuple[Value, ...], account: Spelling) -> str:
    if error is _ERROR:
        return f"it says: {_shown(str(values[0]))}"
    if error is _PANIC:
        code = values[0]
        assert isinstance(code, int)
        return f"it broke off: {_PANICS.get(code, 'a panic that nobody knows')} (0x{code:02x})"
    arguments = ", ".join(
        f"{name} {_shown(spell(type_, value, account))}"
        for (name, type_), value in zip(error.arguments, values, strict=True)
    )
    return f"{error.name}({arguments})"


def _shown(text: str) -> str:
    """Free of what moves a cursor or hides what stands beside it."""
    kept = "".join(each if each.isprintable() else "?" for each in text[:TEXT_MAX])
    return kept + ("…" if len(text) > TEXT_MAX else "") or "nothing"
