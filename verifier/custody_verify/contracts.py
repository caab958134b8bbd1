"""What contracts are told, on EVM networks and TRON: ERC-20's payment and allowance are read whole,
of any other call the selector and the coins that go with it.
"""

from collections.abc import Callable
from typing import Final

from custody_verify.errors import refute, unread
from custody_verify.hashes import keccak256
from custody_verify.model import Allow, Call, Effect, Pay

Spell = Callable[[bytes], str]
PADDING: Final = bytes(12)
_PAY: Final = keccak256(b"transfer(address,uint256)")[:4] + PADDING
_ALLOW: Final = keccak256(b"approve(address,uint256)")[:4] + PADDING
PERMIT2: Final = "0x000000000022D473030F116dDEE9F6B43aC78BA3"


def told(asset: str, contract: str, value: int, data: bytes, spell: Spell) -> Effect:
    """`asset`: what the contract's token would be called. A payment or an allowance in another form
    than ERC-20's is a call, which no mandate means by these. Permit2 is told in its own."""
    unread(contract == PERMIT2, "what Permit2 is told is not read here")
    other, units = spell(data[16:36]), int.from_bytes(data[36:], "big")
    if data[:16] == _PAY and len(data) == 68 and not value:
        return Pay(other, asset, units)
    if data[:16] == _ALLOW and len(data) == 68 and not value:
        return Allow(other, asset, None if units == 2**256 - 1 else units)
    refute(len(data) < 4, "bytes that call no function")
    return Call(contract, data[:4], value)
