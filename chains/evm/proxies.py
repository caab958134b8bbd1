"""Whether a contract's code can be replaced, told by where proxies keep what they stand for. Pure.

A proxy runs another contract's code on its own storage, and whoever administers it can name another
one. So what its row says of it is true until then. Where it keeps the address is a convention:
EIP-1967 (OpenZeppelin, and BEP-20 tokens that Binance pegs), and before that ZeppelinOS (Circle's
FiatTokenProxy). A contract that keeps it elsewhere is not found out.
"""

from __future__ import annotations

from typing import Final

from chains.hashes import keccak256


def _erc1967(name: str) -> str:
    return f"0x{int.from_bytes(keccak256(name.encode())) - 1:064x}"


SLOTS: Final = (
    _erc1967("eip1967.proxy.implementation"),
    _erc1967("eip1967.proxy.beacon"),
    "0x" + keccak256(b"org.zeppelinos.proxy.implementation").hex(),
)
"""Each holds an address, or nothing."""
