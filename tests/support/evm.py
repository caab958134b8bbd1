"""A world for tests of the EVM adapter: a real engine, a key of ours, and hand-made contracts.

The contracts are a few bytes each, so that nothing hides what they do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from coincurve import PrivateKey

from chains.block import Movement
from chains.devnet.evm import AnvilNode
from chains.effects import Pay
from chains.evm import address
from chains.evm.adapter import EvmAdapter
from chains.model import Address, OwnedAddress, Signature, SignedTx, TxId, UnsignedTx
from chains.networks import Network
from chains.transaction import TransferIntent
from tests.support.single import one

ETHER = 10**18
GAS = 500_000


@dataclass
class World:
    """One network: its engine, an adapter at it, and a key of ours with an address."""

    network: Network
    node: AnvilNode
    adapter: EvmAdapter
    key: PrivateKey
    owner: OwnedAddress

    def intent(self, to: Address, amount: int, **changes: Any) -> TransferIntent:
        plain = TransferIntent(
            network=self.network.id,
            effects=(Pay(to, self.network.native.id, amount),),
            costs_max=self.network.costs_max,
            source=self.owner,
        )
        return replace(plain, **changes)

    async def build(self, to: Address, amount: int, **changes: Any) -> UnsignedTx:
        intent = self.intent(to, amount, **changes)
        if not intent.claim:
            intent = replace(intent, claim=await one(self.adapter.claim, intent))
        return await one(self.adapter.prepare, intent)

    def sign(self, tx: UnsignedTx) -> SignedTx:
        (wanted,) = self.adapter.codec.signing_inputs(tx)
        signature = self.key.sign_recoverable(wanted.message, hasher=None)
        return self.adapter.codec.attach(tx, (Signature(self.owner.public_key, signature),))

    async def deposit(self, amount: int = 10 * ETHER) -> TxId:
        txid = await self.node.fund(self.owner.address, amount)
        await self.node.mine()
        return txid

    async def tip_credits(self, to: Address | None = None) -> list[Movement]:
        found = await self.adapter.block((await self.adapter.tip()).height)
        return [m for m in found.movements if m.units > 0 and to in (None, m.address)]

    async def deploy(self, code: bytes, value: int = 0) -> Address:
        """A contract that runs `code` on every call."""
        size, offset = len(code).to_bytes(2, "big"), (15).to_bytes(2, "big")
        init = b"\x61" + size + b"\x80\x61" + offset + b"\x60\0\x39\x60\0\xf3"
        init = init.ljust(15, b"\0") + code
        return await self.create(init, value)

    async def create(self, init: bytes, value: int = 0) -> Address:
        txid = await self.node.send(None, value, init, GAS)
        await self.node.mine()
        receipt = await self.node.ask("eth_getTransactionReceipt", txid)
        assert receipt["status"] == "0x1"
        return address.canonical(receipt["contractAddress"])

    async def call(self, to: Address, value: int, data: bytes = b"") -> TxId:
        txid = await self.node.send(to, value, data, GAS)
        await self.node.mine()
        return txid


def pays(to: Address, value: int) -> bytes:
    """Code: call `to` with `value` and go on, whatever comes of it."""
    pushed = b"\x60\0" * 4 + b"\x6f" + value.to_bytes(16, "big")
    return pushed + b"\x73" + address.to_bytes(to) + b"\x5a\xf1\x50"


def borrows(of: Address) -> bytes:
    """Code: run the code of `of` here (DELEGATECALL)."""
    return b"\x60\0" * 4 + b"\x73" + address.to_bytes(of) + b"\x5a\xf4\x50"


def destructs(heir: Address) -> bytes:
    return b"\x73" + address.to_bytes(heir) + b"\xff"


def creates(init: bytes, value: int) -> bytes:
    """Code: create a contract from `init` (at most 32 bytes) with `value`; its address, or 0, stays
    on the stack."""
    assert len(init) <= 32
    stored = b"\x7f" + init.ljust(32, b"\0") + b"\x60\0\x52"
    return (
        stored + b"\x60" + bytes([len(init)]) + b"\x60\0\x6f" + value.to_bytes(16, "big") + b"\xf0"
    )


def pays_created(value: int) -> bytes:
    """Code: call the address on top of the stack, which stays there, with `value`."""
    return b"\x60\0" * 4 + b"\x6f" + value.to_bytes(16, "big") + b"\x85\x5a\xf1\x50"


REVERTS = b"\x60\0\x60\0\xfd"
STOPS = b"\0"
ACCEPTS_ONCE = bytes.fromhex("600054600c576001600055005b") + REVERTS
"""Code: refuse if the first storage slot is set, else set it."""
