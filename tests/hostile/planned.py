"""Plans of a router's steps, and what is asked for beside and instead of them. Each begins with the
honest one, which is signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from eth_abi.abi import encode
from eth_abi.packed import encode_packed

from chains.evm import erc20
from chains.hashes import keccak256
from chains.model import Address
from tests.hostile.described import CALLING, NETWORK, ROUTER, TOKEN, asking
from tests.hostile.lies import Perform
from tests.hostile.transactions import ETHEREUM, THIEF_EVM
from tests.hostile.world import POOL_FEE, World

_PAID: Final = erc20.contract_of(NETWORK.id, TOKEN)
_SWAP: Final = ["address", "uint256", "uint256", "bytes", "bool"]
_SENDS: Final = ["address", "address", "uint160"]


class Plan(NamedTuple):
    """`inputs`: of each octet of `commands`."""

    commands: bytes
    inputs: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """By an encoder that is not ours."""
        words = encode(["bytes", "bytes[]"], [self.commands, list(self.inputs)])
        return keccak256(b"execute(bytes,bytes[])")[:4] + words

    def within(self, levels: int) -> Plan:
        """In a plan of one step, which is in another, and so on."""
        if not levels:
            return self
        words = encode(["bytes", "bytes[]"], [self.commands, list(self.inputs)])
        return Plan(b"\x21", (words,)).within(levels - 1)


def swap(to: Address, *, fee: int = POOL_FEE, over: bytes = b"") -> Plan:
    """One step. `over`: behind the way."""
    way = encode_packed(["address", "uint24", "address"], [_PAID, fee, ROUTER])
    return Plan(b"\0", (encode(_SWAP, [to, 1000, 990, way + over, True]),))


def sends(token: Address, to: Address, *, high: bytes = b"\0") -> bytes:
    """What TRANSFER and SWEEP are told. `high`: the first octet of the number's word."""
    words = encode(_SENDS, [token, to, 1])
    return words[:64] + high + words[65:]


Edit = Callable[[Plan], Plan]


def built(edit: Edit, *, agreed: bool = False) -> Perform:
    """The honest plan, and one that `edit` has made. `agreed`: to that one, and not to the
    first."""

    def perform(world: World) -> str:
        sender = world.owned(ETHEREUM, "desk").address
        good = swap(sender)
        (words,) = CALLING.understood(sender, ROUTER, good.data, 0)
        world.must_sign(asking(world, words))
        bad = edit(good).data
        if agreed:
            (words,) = CALLING.understood(sender, ROUTER, bad, 0)
        return world.word(asking(world, words, bad))

    return perform


def also(step: int, told: bytes) -> Edit:
    return lambda plan: Plan(plan.commands + bytes([step]), (*plan.inputs, told))


def instead(**changes: Any) -> Edit:
    """Another swap, for the thief if nothing is said."""
    return lambda plan: swap(**{"to": THIEF_EVM, **changes})


def own(**changes: Any) -> Perform:
    """Agreed to and built alike: for the address that calls, with a change."""

    def perform(world: World) -> str:
        sender = world.owned(ETHEREUM, "desk").address
        return built(lambda plan: swap(sender, **changes), agreed=True)(world)

    return perform
