"""A bitcoin node, an adapter on it and a wallet of ours, for tests on the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count

import pytest
import pytest_asyncio

from chains.bitcoin.adapter import BitcoinAdapter
from chains.bitcoin.transaction import parse_transaction
from chains.block import output_index
from chains.devnet.bitcoin import BitcoinNode
from chains.model import (
    AddressType,
    Coin,
    OwnedAddress,
    SignedTx,
    UnsignedTx,
)
from chains.transaction import TransferIntent
from tests.support.single import one
from tests.unit.bitcoin.support import (
    P2WPKH,
    REGTEST,
    Wallet,
    intent_of,
    payment,
    unsigned,
)

on_one_loop = pytest.mark.asyncio(loop_scope="module")
NATIVE = REGTEST.native.id


class Bench:
    """A node, an adapter on it, and a wallet whose every address is used once."""

    def __init__(self, node: BitcoinNode) -> None:
        self.node = node
        self.adapter = BitcoinAdapter(REGTEST, node.url, timeout_s=60.0)
        self.wallet = Wallet()
        self._indices = count()

    def address(self, kind: AddressType = P2WPKH) -> OwnedAddress:
        return self.wallet.address(next(self._indices), kind)

    async def receive(self, *kinds: AddressType, amount: int = 100_000) -> tuple[Coin, ...]:
        """One confirmed coin per kind, found by reading the block."""
        owners = [self.address(kind) for kind in kinds]
        for owner in owners:
            await self.node.fund(owner.address, amount)
        await self.node.mine()
        block = await self.adapter.block((await self.adapter.tip()).height)
        found = {each.address: each for each in block.movements}
        arrived = [found[owner.address] for owner in owners]
        return tuple(
            Coin(each.txid, output_index(each.place), each.units, owner)
            for each, owner in zip(arrived, owners, strict=True)
        )

    async def intent(
        self, coins: Sequence[Coin], amount: int, fee_max: int = 20_000
    ) -> TransferIntent:
        target = await self.node.outside_address()
        return intent_of([payment(target, amount)], self.address(), coins, fee_max)

    async def prepared(self, intent: TransferIntent) -> UnsignedTx:
        claim = await one(self.adapter.claim, intent)
        return await one(self.adapter.prepare, replace(intent, claim=claim))

    def signed(self, tx: UnsignedTx) -> SignedTx:
        codec = self.adapter.codec
        return codec.attach(tx, self.wallet.sign(codec.signing_inputs(tx)))

    async def at_fee_rate(self, coins: Sequence[Coin], amount: int, fee_rate: int) -> SignedTx:
        """Built by hand, with the previous transactions asked of the engine."""
        intent = await self.intent(coins, amount)
        raws = [await self.node._ask("getrawtransaction", coin.txid) for coin in coins]
        previous = [parse_transaction(bytes.fromhex(raw)) for raw in raws]
        by_txid = {each.txid(): each for each in previous}
        tip = await self.adapter.tip()
        return self.signed(unsigned(intent, by_txid, fee_rate, tip.height))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    node = BitcoinNode(REGTEST, tmp_path_factory.mktemp("bitcoin"))
    await node.start()
    bench = Bench(node)
    try:
        yield bench
    finally:
        await bench.adapter.close()
        await node.stop()
