"""A local Solana cluster for a test module, a paying address of ours, and somebody else's client.

Gives the fixtures `node`, `adapter`, `peer` (one each for a module) and `payer` (a new one for each
test, which leaves the node healthy); a test module takes them by assigning them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest_asyncio
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0, MessageV1
from solders.transaction import VersionedTransaction

from chains.adapter import ChainAdapter
from chains.devnet.node import DevNode
from chains.devnet.solana import SolanaNode
from chains.model import Address, Broadcast, SignedTx, TxId
from chains.solana.adapter import SolanaAdapter
from tests.support.single import one
from tests.support.solana import LOCAL, intent, owned, sign

SOL = 10**9
NATIVE = LOCAL.native.id
FEE_CREATING, FEE = 5_045, 5_030


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory):
    started = SolanaNode(LOCAL, tmp_path_factory.mktemp("solana"))
    checked: DevNode = started
    await checked.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adapter(node):
    opened = SolanaAdapter(LOCAL, node.url, timeout_s=60.0)
    checked: ChainAdapter = opened
    yield checked
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer(node):
    """Somebody else's client of the same node."""
    async with AsyncClient(node.url, commitment=Confirmed, http2=False) as client:
        yield client


class Payer:
    """An address of ours with its key, and the steps a transfer takes."""

    def __init__(self, node: SolanaNode, adapter: SolanaAdapter) -> None:
        self.node, self.adapter = node, adapter
        self.key = Keypair()
        self.owned = owned(self.key)
        self.address = self.owned.address

    async def fund(self, amount: int) -> TxId:
        txid = await self.node.fund(self.address, amount)
        await self.node.mine()
        return txid

    async def claimed(self, to: Address, amount: int, taken=(), fee_max=None):
        wish = replace(intent(self.owned, to, amount, fee_max), taken=frozenset(taken))
        return replace(wish, claim=await one(self.adapter.claim, wish))

    async def signed(self, to: Address, amount: int, taken=()) -> SignedTx:
        wish = await self.claimed(to, amount, taken)
        return sign(self.adapter.codec, await one(self.adapter.prepare, wish), self.key)

    async def pay(self, to: Address, amount: int) -> SignedTx:
        tx = await self.signed(to, amount)
        assert await one(self.adapter.broadcast, tx) is Broadcast.ACCEPTED
        await self.node.mine()
        return tx

    async def rivals(self) -> tuple[SignedTx, SignedTx]:
        """Two transfers with the same claim."""
        wish = await self.claimed(await self.node.outside_address(), SOL)
        rival = replace(wish, effects=(replace(wish.effects[0], amount=2 * SOL),))
        first, second = [await one(self.adapter.prepare, each) for each in (wish, rival)]
        codec = self.adapter.codec
        return sign(codec, first, self.key), sign(codec, second, self.key)

    async def with_nonce(self) -> Payer:
        """Funded, and its first nonce account made and final."""
        await self.fund(10 * SOL)
        await self.pay(await self.node.outside_address(), SOL)
        await self.node.finalize()
        return self

    async def balance(self) -> int:
        """As the engine and the adapter both say."""
        theirs = await self.node.balance(self.address)
        assert await self.adapter.balance(self.address, NATIVE) == theirs
        return theirs


@pytest_asyncio.fixture(loop_scope="module")
async def payer(node, adapter):
    yield Payer(node, adapter)
    node.heal()


async def rent_of(peer: AsyncClient, data_bytes: int) -> int:
    return (await peer.get_minimum_balance_for_rent_exemption(data_bytes)).value


async def send(
    node,
    peer: AsyncClient,
    keys: list[Keypair],
    steps,
    version: int = 0,
    lifetime: Hash | None = None,
    preflight: bool = True,
) -> TxId:
    """A transaction of somebody else's, who pays with the first key, then a block. It stands on
    `lifetime`, or on the newest block."""
    blockhash = lifetime or (await peer.get_latest_blockhash()).value.blockhash
    payer = keys[0].pubkey()
    message = (
        MessageV1.try_compile(payer, steps, blockhash)
        if version == 1
        else MessageV0.try_compile(payer, steps, [], blockhash)
    )
    options = TxOpts(preflight_commitment=Confirmed, skip_preflight=not preflight)
    sent = await peer.send_transaction(VersionedTransaction(message, keys), options)
    await node.mine()
    return TxId(str(sent.value))


async def credits_to(adapter, address: Address, height: int | None = None):
    at = (await adapter.tip()).height if height is None else height
    block = await adapter.block(at)
    assert block is not None
    return [each for each in block.movements if each.address == address and each.units > 0]
