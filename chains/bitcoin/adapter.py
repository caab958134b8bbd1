"""The I/O half of bitcoin: what a transfer needs from a node, and what the node makes of it.

Holds no key. The node must run with ``-txindex``: without it, a confirmed transaction of which
every output is spent would look as if it had never existed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from chains.bitcoin import COINBASE_MATURITY
from chains.bitcoin.blocks import read_block
from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.codec import BitcoinCodec, outpoint_key
from chains.bitcoin.crosscheck import check_signed
from chains.bitcoin.death import Deaths
from chains.bitcoin.node import NodeView, Unspent
from chains.bitcoin.rpc import RPC_VERIFY_ALREADY_IN_UTXO_SET, BitcoinRpc, RpcRefused
from chains.bitcoin.selection import Order, Plan, choose_coins, settle
from chains.bitcoin.transaction import Transaction
from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    InsufficientFunds,
    MalformedTransaction,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Address,
    AddressType,
    AssetId,
    Block,
    BlockRef,
    Broadcast,
    Capabilities,
    Coin,
    ConflictKey,
    InternalCredits,
    OwnedAddress,
    Payment,
    Reading,
    SignedTx,
    TransferIntent,
    TxId,
    TxState,
    TxStatus,
    UnsignedTx,
)
from chains.networks import Environment, Network
from chains.transport.endpoint import Endpoint

_FEE_TARGET_BLOCKS: Final = 3
_FEE_RATE_MAX: Final = "0.10"
"""Coins per 1000 vbytes. The node refuses more: a last guard behind `fee_max`."""
_REJECTIONS: Final = (-22, -25, -26)
"""RPC_DESERIALIZATION_ERROR, RPC_VERIFY_ERROR, RPC_VERIFY_REJECTED."""
_LARGE_BLOCK_BYTES: Final = 100_000
_SCAN_SCRIPTS_MAX: Final = 300_000
"""In one question; bitcoind takes no request above 32 MiB (src/httpserver.cpp, MAX_SIZE)."""
_SCAN_TIMEOUT_S: Final = 600.0
_SCAN_POLL_S: Final = 0.1


class BitcoinAdapter:
    """`chains.adapter.ChainAdapter` for one bitcoin network at one node. `timeout_s` is for one
    request."""

    capabilities: Final = Capabilities(
        coins=True,
        historic_balance=False,
        internal_credits=InternalCredits.NONE,
        conflict_keys=True,
    )

    def __init__(self, network: Network, endpoint: str | Endpoint, timeout_s: float = 10.0) -> None:
        self._network = network
        self._codec = BitcoinCodec(network)
        self._rpc = BitcoinRpc(endpoint, timeout_s)
        self._node = NodeView(self._rpc)
        self._deaths = Deaths(network, self._codec.addresses, self._node)
        self._scanning = asyncio.Lock()

    @property
    def codec(self) -> BitcoinCodec:
        return self._codec

    async def check(self) -> None:
        info = await self._node.info()
        if info.genesis != self._network.text("genesis"):
            raise WrongChain(f"the node does not serve {self._network.name}")
        if info.index_ready is None:
            raise NodeMisbehaved(
                "the node has no transaction index", advice="start bitcoind with -txindex=1"
            )
        catching_up = info.catching_up and self._network.environment is Environment.MAIN
        if catching_up or not info.index_ready:
            raise NodeUnavailable("the node is still catching up with its chain")

    async def tip(self) -> BlockRef:
        return await self._node.tip()

    async def finalized(self) -> BlockRef:
        raise AssertionError("bitcoin nodes call no block final; the network counts confirmations")

    async def block(self, height: int) -> Block:
        """Credits are every output with an address; a coinbase's are spendable 100 blocks later."""
        ref, raw = await self._node.block(height)
        arguments = (raw, ref, self._network, self._codec.addresses)
        if len(raw) < _LARGE_BLOCK_BYTES:
            return read_block(*arguments)
        # Tens of milliseconds, during which the event loop has other things to do.
        return await asyncio.to_thread(read_block, *arguments)

    async def salvage(self, height: int) -> Block:
        ref, parent_hash, timestamp = await self._node.header(height)
        return Block(ref, parent_hash, timestamp, (), reading=Reading.PASSED)

    async def block_ref(self, height: int) -> BlockRef:
        return BlockRef(height, await self._node.block_hash(height))

    async def claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        """The coins to spend, chosen at the node's present fee rate."""
        order = await self._order(intent)
        refused = set(intent.taken)
        while True:
            offered = [coin for coin in intent.coins if self._key(coin) not in refused]
            plan = choose_coins(order, offered)
            spendable = await self._spendable(plan.coins)
            gone = {self._key(coin) for coin in plan.coins if coin not in spendable}
            if not gone:
                return tuple(sorted(self._key(coin) for coin in plan.coins))
            refused |= gone

    async def prepare(self, intent: TransferIntent) -> UnsignedTx:
        order = await self._order(intent)
        coins = self._claimed(intent)
        plan = self._settled(order, coins, intent)
        # A replacement spends what its predecessor in the mempool spends too: ask the chain alone.
        outpoints = [(coin.txid, coin.position) for coin in coins]
        unspent = await self._node.unspent(outpoints, mempool=False)
        found = self._still_there(coins, unspent)
        tip_height = await self._node.height_of(found[0].best_block)
        previous = await self._previous(coins, found, tip_height)
        change = _change_of(intent)
        payload = build_psbt(self._codec.addresses, order, plan, change, previous, tip_height)
        tx = UnsignedTx(self._network.id, payload)
        self._check_built(tx, intent, plan.change, plan.fee)
        return tx

    async def broadcast(self, tx: SignedTx) -> Broadcast:
        """bitcoinlib has to read the same transaction first (`crosscheck`)."""
        await asyncio.to_thread(check_signed, tx)
        known = await self._node.in_mempool(tx.txid)
        try:
            # Also when it waits there already: the node announces it to its peers again.
            answer = await self._rpc.call("sendrawtransaction", tx.raw.hex(), _FEE_RATE_MAX)
        except RpcRefused as refusal:
            if refusal.rpc_code == RPC_VERIFY_ALREADY_IN_UTXO_SET:
                return Broadcast.ALREADY_KNOWN
            if refusal.rpc_code not in _REJECTIONS:
                raise
            # Its own success makes its inputs spent: then "missing inputs" is no rejection.
            if await self._node.holds(tx.txid):
                return Broadcast.ALREADY_KNOWN
            raise BroadcastRejected(refusal.reason) from None
        if answer != tx.txid:
            raise NodeMisbehaved("the node took another transaction than the one sent")
        return Broadcast.ALREADY_KNOWN if known else Broadcast.ACCEPTED

    async def status(self, txid: TxId) -> TxStatus:
        located = await self._node.locate(txid)
        if located is None:
            return TxStatus(TxState.UNKNOWN)
        if located.block_hash is None:
            return TxStatus(TxState.PENDING)
        block = await self._node.included_at(located.block_hash)
        if block is None:
            return TxStatus(
                TxState.UNKNOWN
            )  # the index remembers a block that was reorganised away
        return TxStatus(TxState.INCLUDED, block, await self._node.fee_of(located.transaction))

    async def proven_dead(self, tx: SignedTx, final: BlockRef) -> str | None:
        """Dead once one of its coins was spent at or below `final` by another transaction."""
        return await self._deaths.prove(tx, final)

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        """At the tip, as `balances`."""
        return (await self.balances([address], asset, at))[address]

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        """At the tip, all from one walk through the node's coins. `at` is accepted if it is the tip
        that the node counted at, so that a caller can compare without a race; else NodeUnavailable.
        """
        assert asset == self._network.native.id
        scripts = {self._codec.addresses.script_of(address): address for address in addresses}
        if not scripts:
            return {}
        amounts: dict[Address, int] = {}
        async with self._scanning:
            for first in range(0, len(scripts), _SCAN_SCRIPTS_MAX):
                part = list(scripts.items())[first : first + _SCAN_SCRIPTS_MAX]
                counted, tip = await self._scan(dict(part))
                if at is not None and at != tip:
                    raise NodeUnavailable("the node counts at its tip only, and the tip has moved")
                amounts |= counted
                at = tip
        return amounts

    async def close(self) -> None:
        await self._rpc.close()

    async def _scan(self, scripts: Mapping[bytes, Address]) -> tuple[dict[Address, int], BlockRef]:
        while True:
            counted = await self._node.scan(scripts, _SCAN_TIMEOUT_S)
            if counted is not None:
                return counted
            await asyncio.sleep(_SCAN_POLL_S)  # the node does one scan at a time, not only for us

    def _key(self, coin: Coin) -> ConflictKey:
        return outpoint_key(self._network.id, coin.txid, coin.position)

    async def _order(self, intent: TransferIntent) -> Order:
        rate = await self._node.fee_rate(
            _FEE_TARGET_BLOCKS, floor_will_do=self._network.environment is Environment.LOCAL
        )
        return order_of(self._network, self._codec.addresses, intent, rate)

    async def _spendable(self, coins: tuple[Coin, ...]) -> set[Coin]:
        """Those that are confirmed, mature and not spent, not even by what waits in the mempool."""
        outpoints = [(coin.txid, coin.position) for coin in coins]
        unspent = await self._node.unspent(outpoints, mempool=True)
        usable = set()
        for coin, found in zip(coins, unspent, strict=True):
            if found is not None:
                self._check_recorded(coin, found)
                if found.confirmations >= (COINBASE_MATURITY if found.coinbase else 1):
                    usable.add(coin)
        return usable

    def _claimed(self, intent: TransferIntent) -> list[Coin]:
        by_key = {self._key(coin): coin for coin in intent.coins}
        if not intent.claim or not by_key.keys() >= set(intent.claim):
            raise ClaimUnusable("the claim names coins that are not offered")
        return [by_key[key] for key in dict.fromkeys(intent.claim)]

    def _settled(self, order: Order, coins: list[Coin], intent: TransferIntent) -> Plan:
        try:
            return settle(order, coins)
        except InsufficientFunds as error:
            if len(coins) == len(intent.coins):
                raise
            # The fee rate has risen since the claim; other coins may do.
            raise ClaimUnusable(f"the claimed coins do not suffice any more: {error}") from error

    def _still_there(self, coins: list[Coin], unspent: list[Unspent | None]) -> list[Unspent]:
        present = []
        for coin, found in zip(coins, unspent, strict=True):
            if found is None:
                raise ClaimUnusable(f"coin {coin.txid}:{coin.position} is spent or gone")
            self._check_recorded(coin, found)
            present.append(found)
        if len({found.best_block for found in present}) != 1:
            raise NodeUnavailable("the chain moved while it was being read")
        return present

    def _check_recorded(self, coin: Coin, found: Unspent) -> None:
        script = self._codec.addresses.script_of(coin.owner.address)
        if (found.amount, found.script) != (coin.amount, script):
            raise NodeMisbehaved(f"coin {coin.txid}:{coin.position} is not what was recorded")

    async def _previous(
        self, coins: list[Coin], found: list[Unspent], tip_height: int
    ) -> dict[TxId, Transaction]:
        """The whole transactions that made the coins whose amounts must be proven to the signer."""
        heights = {
            coin.txid: tip_height - each.confirmations + 1
            for coin, each in zip(coins, found, strict=True)
            if coin.owner.address_type is not AddressType.P2TR
        }
        return await self._node.transactions(heights)

    def _check_built(self, tx: UnsignedTx, intent: TransferIntent, change: int, fee: int) -> None:
        """What the codec reads must be what was asked for, before anybody is asked to sign it."""
        summary = self._codec.summarize(tx)
        as_asked = (
            sorted(summary.payments, key=_by_payment) == sorted(intent.payments, key=_by_payment)
            and sum(each.amount for each in summary.change) == change
            and all(each.address == _change_of(intent).address for each in summary.change)
            and summary.fee_max == fee <= intent.fee_max
            and summary.conflict_keys == set(intent.claim)
            and not summary.unexplained
        )
        if not as_asked:
            raise MalformedTransaction("the built transaction does something else than was asked")


def _change_of(intent: TransferIntent) -> OwnedAddress:
    assert intent.change is not None, "a transfer of coins needs an address for the change"
    return intent.change


def _by_payment(payment: Payment) -> tuple[str, int]:
    return payment.address, payment.amount
