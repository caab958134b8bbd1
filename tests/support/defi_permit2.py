"""Permit2, as its authors built it, where it is on every network."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from chains.devnet.evm import AnvilNode
from chains.evm.orders import PERMIT2
from chains.model import Address
from tests.support.evm_tokens import call

_FILE = (
    Path(__file__).resolve().parents[1] / "contracts/node_modules/@uniswap/v4-periphery/lib"
    "/permit2/test/utils/DeployPermit2.sol"
)
_CODE = re.compile(r'bytecode =\s+hex"([0-9a-f]+)"')

_CHAIN = 31_337


@cache
def code() -> str:
    """It was built on a chain of the same number at another address, and keeps that domain: without
    the number it works its domain out, as it does on any other chain."""
    (found,) = _CODE.findall(_FILE.read_text())
    kept = _CHAIN.to_bytes(32, "big").hex()
    assert found.count(kept) == 1
    return "0x" + str(found).replace(kept, bytes(32).hex())


async def install(node: AnvilNode) -> None:
    """Its address follows from a salt that somebody searched for, so the code is put there."""
    await node.ask("anvil_setCode", PERMIT2, code())


async def left(
    node: AnvilNode, owner: Address, token: Address, spender: Address
) -> tuple[int, int, int]:
    """What the spender may take by Permit2, until when, and the next permit's number."""
    asked = call("allowance(address,address,address)", owner, token, spender)
    row = {"to": PERMIT2, "data": "0x" + asked.hex()}
    said = bytes.fromhex((await node.ask("eth_call", row, "latest"))[2:])
    units, until, number = (int.from_bytes(said[at : at + 32], "big") for at in (0, 32, 64))
    return units, until, number
