"""One network under test: its node, adapters on it, keys of ours, and the steps that custody takes.

Tests share a node for a whole module, so every test takes a purse of its own: an account that
nobody else pays from, with keys of the signer's keychain. Knows the chains only through the
interfaces; where a step needs coins or change, the adapter's capabilities say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from chains.adapter import ChainAdapter
from chains.block import Block, Movement, output_index
from chains.devnet.node import DevNode
from chains.effects import Pay
from chains.follow import BlockFollower, Connected, Event
from chains.model import (
    Address,
    AddressType,
    BlockRef,
    Broadcast,
    Coin,
    OwnedAddress,
    Signature,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import TransferIntent, TxState, TxStatus
from signer.keychain import Root
from tests.support.single import one

OpenAdapter = Callable[[Network, float], ChainAdapter]
"""An adapter for a network (not necessarily the node's own) at the node under test."""


class World:
    """`coin`: one whole coin of the network in base units."""

    def __init__(self, network: Network, node: DevNode, open_adapter: OpenAdapter) -> None:
        self.network = network
        self.node = node
        self.coin: int = 10**network.native.decimals
        self._open = open_adapter
        self._opened: list[ChainAdapter] = []
        self._accounts = count()
        self.root = Root(bytearray(network.alias.encode().ljust(64, b".")))
        self.adapter = self.connect()

    def connect(self, network: Network | None = None, timeout_s: float = 60.0) -> ChainAdapter:
        """A new adapter, closed with the world."""
        adapter = self._open(network or self.network, timeout_s)
        self._opened.append(adapter)
        return adapter

    async def close(self) -> None:
        for adapter in self._opened:
            await adapter.close()
        self.root.wipe()

    def purse(self, kind: AddressType | None = None) -> Purse:
        return Purse(self, next(self._accounts), kind or self.network.address_types[0])

    async def books(self) -> Books:
        """From the present tip on."""
        books = Books(self.adapter, self.network)
        await books.catch_up()
        return books

    async def tip_block(self) -> Block:
        block = await self.adapter.block((await self.adapter.tip()).height)
        assert block is not None, "a tip has a block"
        return block

    async def final(self) -> BlockRef:
        """The newest final block, as the network's configuration has it."""
        confirmations = self.network.finality.confirmations
        if confirmations is None:
            finalized = await self.adapter.finalized()
            assert finalized is not None
            return finalized
        tip = await self.adapter.tip()
        newest = max(0, tip.height - confirmations + 1)
        block = await self.adapter.block(newest)
        assert block is not None
        return block.ref

    async def settled(self, signed: SignedTx, to: Address, amount: int) -> TxStatus:
        """Sent (perhaps again), a block made, and then as below."""
        assert await one(self.adapter.broadcast, signed) in Broadcast
        await self.node.mine()
        return await self.included(signed, to, amount)

    async def included(self, signed: SignedTx, to: Address, amount: int) -> TxStatus:
        """Its status, after adapter and engine agree that it paid `amount`."""
        status = await one(self.adapter.statuses, signed.txid)
        assert status.state is TxState.INCLUDED, status
        assert status.block is not None
        assert all(units > 0 for units in (*status.costs.values(), *status.held.values()))
        native = self.network.native.id
        assert await self.node.received(signed.txid, to, native) == amount
        return status


class Purse:
    """An account of ours: `source` pays, and gets the change where there is change."""

    def __init__(self, world: World, account: int, kind: AddressType) -> None:
        self._world = world
        self._codec = world.adapter.codec
        self._scope = self._codec.account_path(kind, account)
        self._scheme = self._codec.key_scheme(kind)
        self._funded_at: list[int] = []
        self.source = self._owned(kind, account, change=False)
        self.change: OwnedAddress | None = None
        if world.adapter.codec.traits.coins:
            self.change = self._owned(kind, account, change=True)
        self.owned = [each for each in (self.source, self.change) if each is not None]

    async def receive(self, amount: int = 0) -> tuple[Block, Movement]:
        """Paid from outside (five coins), in the newest block."""
        amount = amount or 5 * self._world.coin
        txid = await self._world.node.fund(self.source.address, amount)
        await self._world.node.mine()
        return await self.arrived(txid)

    async def arrived(self, txid: TxId) -> tuple[Block, Movement]:
        """The one credit of `txid` to us in the newest block."""
        block = await self._world.tip_block()
        (credit,) = [
            each for each in block.movements if (each.txid, each.address) == (txid, self.address)
        ]
        self._funded_at.append(block.ref.height)
        return block, credit

    @property
    def address(self) -> Address:
        return self.source.address

    async def intent(self, to: Address, amount: int, **changes: Any) -> TransferIntent:
        intent = TransferIntent(
            network=self._world.network.id,
            effects=(Pay(to, self._world.network.native.id, amount),),
            costs_max=self._world.network.costs_max,
            source=None if self.change else self.source,
            change=self.change,
            coins=await self._coins() if self.change else (),
        )
        return replace(intent, **changes)

    async def claimed(self, to: Address, amount: int, **changes: Any) -> TransferIntent:
        intent = await self.intent(to, amount, **changes)
        return replace(intent, claim=await one(self._world.adapter.claim, intent))

    async def signed(self, to: Address, amount: int, **changes: Any) -> SignedTx:
        """Claimed, prepared and signed; not sent."""
        intent = await self.claimed(to, amount, **changes)
        return self.sign(await one(self._world.adapter.prepare, intent))

    def sign(self, tx: UnsignedTx) -> SignedTx:
        needed = self._codec.signing_inputs(tx)
        return self._codec.attach(tx, tuple(self._signature(each) for each in needed))

    async def balance(self) -> int:
        """Of all our addresses; adapter and engine must agree."""
        total = 0
        for each in self.owned:
            asset = self._world.network.native.id
            found = await self._world.adapter.balance(each.address, asset)
            assert found == await self._world.node.balance(each.address)
            total += found
        return total

    def _owned(self, kind: AddressType, account: int, *, change: bool) -> OwnedAddress:
        path = self._codec.address_path(kind, account, 0, change=change)
        with self._world.root.keychain(self._scope, self._scheme) as keychain:
            public_key = keychain.public_key(path)
        address = self._codec.derive_address(public_key, kind)
        return OwnedAddress(address, kind, path, public_key)

    def _signature(self, needed: SigningInput) -> Signature:
        (owner,) = [each for each in self.owned if each.address == needed.address]
        assert needed.path in (None, owner.path)
        with self._world.root.keychain(self._scope, self._scheme) as keychain:
            return keychain.sign(owner.path, needed.algorithm, needed.message)

    async def _coins(self) -> tuple[Coin, ...]:
        """What was credited to us since the first deposit and not spent, read from the blocks."""
        found: dict[str, Coin] = {}
        ours = {each.address: each for each in self.owned}
        network = self._world.network.id
        tip = await self._world.adapter.tip()
        for height in range(min(self._funded_at, default=tip.height), tip.height + 1):
            block = await self._world.adapter.block(height)
            assert block is not None
            for each in block.movements:
                if each.address in ours:
                    key = f"{network}/outpoint:{each.txid}:{output_index(each.place)}"
                    coin = Coin(each.txid, output_index(each.place), each.units, ours[each.address])
                    found[key] = coin
            for key in block.consumed:
                found.pop(key, None)
        return tuple(found.values())


class Books:
    """Follows the chain and keeps its credits by block, as the deposit service does."""

    def __init__(
        self, adapter: ChainAdapter, network: Network, refs: Iterable[BlockRef] = ()
    ) -> None:
        """`refs`: stored by earlier books, to go on from."""
        self._adapter = adapter
        self._network = network
        self._follower: BlockFollower | None = None
        self._credits: dict[str, tuple[Movement, ...]] = {}
        stored = tuple(refs)
        if stored:
            self._follower = BlockFollower(0, network.follow_depth, stored)

    @property
    def refs(self) -> tuple[BlockRef, ...]:
        assert self._follower is not None
        return self._follower.refs

    def resume(self, adapter: ChainAdapter) -> Books:
        """The books of a process that starts again from what this one stored."""
        resumed = Books(adapter, self._network, self.refs)
        resumed._credits = dict(self._credits)
        return resumed

    async def catch_up(self) -> list[Event]:
        """Everything up to the node's tip."""
        tip = await self._adapter.tip()
        if self._follower is None:
            self._follower = BlockFollower(tip.height, self._network.follow_depth)
        events: list[Event] = []
        while (height := self._follower.wants(tip)) is not None:
            block = await self._adapter.block(height)
            if block is None:
                self._follower.skip(height)
                continue
            for event in self._follower.feed(block):
                self._apply(event)
                events.append(event)
        assert self._follower.position == tip
        return events

    def _apply(self, event: Event) -> None:
        if isinstance(event, Connected):
            self._credits[event.block.ref.hash] = event.block.movements
        else:
            del self._credits[event.ref.hash]

    def credits_to(self, address: Address) -> list[Movement]:
        return [
            each for block in self._credits.values() for each in block if each.address == address
        ]

    def total(self, address: Address) -> int:
        return sum(each.units for each in self.credits_to(address))
