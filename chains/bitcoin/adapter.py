"""The I/O half of bitcoin: what a transfer needs from a node, and what the node makes of it.

Holds no key. The node must run with ``-txindex``: without it, a confirmed transaction of which
every output is spent would look as if it had never existed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from chains.answers import Answers, attempt, found
from chains.bitcoin import COINBASE_MATURITY, proving
from chains.bitcoin.blocks import read_block
from chains.bitcoin.build import Rival, build_psbt, order_of
from chains.bitcoin.codec import BitcoinCodec, outpoint_key
from chains.bitcoin.crosscheck import check_signed
from chains.bitcoin.node import Located, NodeView, Unspent
from chains.bitcoin.psbt import parse_psbt
from chains.bitcoin.rpc import BitcoinRpc
from chains.bitcoin.scanning import Scanner
from chains.bitcoin.selection import (
    Order,
    Plan,
    add_coins,
    choose_coins,
    empty,
    first_coins,
    settle,
)
from chains.bitcoin.sending import is_rejection, outcome
from chains.bitcoin.transaction import Transaction
from chains.bitcoin.waiting import (
    Market,
    described,
    market_of,
    outbid_of,
    still_waiting,
    young,
)
from chains.bitcoin.weight import weight
from chains.block import Block, Reading
from chains.costs import CostKind, Costs, above, costs_in
from chains.errors import (
    ChainError,
    ClaimUnusable,
    CoinsInUse,
    InsufficientFunds,
    MalformedTransaction,
    NodeMisbehaved,
    NodeUnavailable,
    NothingToHasten,
    TooManyCoins,
    WrongChain,
)
from chains.inclusion import Proof
from chains.model import (
    Address,
    AddressType,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    Coin,
    ConflictKey,
    InternalCredits,
    OwnedAddress,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Environment, Network
from chains.prices import Prices, rising
from chains.transaction import (
    CoinsFirst,
    Outbid,
    TransferIntent,
    TxState,
    TxStatus,
    WaitingTx,
)
from chains.transport.endpoint import Endpoint

_FEE_TARGET_BLOCKS: Final = 3
_SLOW_TARGET_BLOCKS: Final = 144
_FAST_TARGET_BLOCKS: Final = 1
_FEE_RATE_MAX: Final = "0.10"
"""Coins per 1000 vbytes. The node refuses more: a last guard behind `fee_max`."""
PSBT_BYTES_MAX: Final = 1024 * 1024
"""What a signer takes, who is shown whole what made each coin. Its refusal of more would end the
transfer; here it waits for fewer coins."""
_LARGE_BLOCK_BYTES: Final = 100_000


class BitcoinAdapter:
    """`chains.adapter.ChainAdapter` for one bitcoin network at one node. `timeout_s` is for one
    request."""

    capabilities: Final = Capabilities(
        historic_balance=False, internal_credits=InternalCredits.NONE
    )

    def __init__(self, network: Network, endpoint: str | Endpoint, timeout_s: float = 10.0) -> None:
        self._network = network
        self._codec = BitcoinCodec(network)
        self._rpc = BitcoinRpc(endpoint, timeout_s)
        self._node = NodeView(self._rpc)
        self._scanner = Scanner(self._node)

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

    async def prove(self, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
        after = (self._network.finality.confirmations or 1) - 1
        return await proving.prove(self._rpc, txids, block, after)

    async def salvage(self, height: int) -> Block:
        ref, parent_hash, timestamp = await self._node.header(height)
        return Block(ref, parent_hash, timestamp, (), reading=Reading.PASSED)

    async def block_ref(self, height: int) -> BlockRef:
        return BlockRef(height, await self._node.block_hash(height))

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """The coins to spend, chosen at the node's present fee rate. Where the node shows that one
        is gone, others are chosen for who wanted it. A replacement spends all that what it replaces
        does, and what it needs beside that; a child, what is in no block yet."""
        market = await self._market(intents)
        replaced = {coin: True for each in intents for coin in self._replaced(each)}
        known = {**await self._young(intents), **replaced}
        refused: set[ConflictKey] = set()

        def choose(intent: TransferIntent) -> tuple[Coin, ...]:
            keyed = [(self._key(coin), coin) for coin in intent.coins]
            offered = [c for key, c in keyed if key not in intent.taken and key not in refused]
            order = self._order(intent, market)
            if intent.replaces is None:
                emptying = empty(order, offered) if intent.empties else None
                coins = (
                    emptying.coins
                    if emptying
                    else _chosen(order, offered, intent.coins, intent.coins_first)
                )
            else:
                mine = self._replaced(intent)
                others = [coin for coin in offered if coin not in replaced]
                coins = add_coins(order, mine, others).coins
            refused.update(map(self._key, coins))
            return coins

        claims: dict[int, tuple[ConflictKey, ...] | ChainError] = {}
        waiting = list(range(len(intents)))
        while waiting:
            chosen = {at: attempt(partial(choose, intents[at])) for at in waiting}
            new = [coin for coin in _flat(chosen.values()) if coin not in known]
            spendable = {**known, **await self._spendable(new)}
            for at, coins in chosen.items():
                claim = attempt(partial(self._claim_of, coins, spendable))
                if claim is None:  # what of it is still there, others may have
                    refused -= {self._key(coin) for coin in found(coins) if spendable[coin]}
                else:
                    claims[at] = claim
            waiting = [at for at in waiting if at not in claims]
        return [claims[at] for at in range(len(intents))]

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        return [ClaimUnusable("keys have no numbers here")] * len(addresses)

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        market = await self._market(intents)
        plans = [attempt(partial(self._planned, intent, market)) for intent in intents]
        coins = _flat(plan if isinstance(plan, ChainError) else plan[1].coins for plan in plans)
        # A replacement spends what its predecessor in the mempool spends too: ask the chain alone.
        outpoints = [(coin.txid, coin.position) for coin in coins]
        answers = await self._node.unspent(outpoints, mempool=False)
        unspent = dict(zip(coins, answers, strict=True))
        hastened = [coin for coin in _hastened(intents) if unspent.get(coin, coin) is None]
        waiting, parents = await still_waiting(self._node, hastened)
        unspent |= waiting
        tips = await self._node.heights_of({each.best_block for each in unspent.values() if each})
        makers = {**await self._makers(unspent, tips), **parents}
        return [
            attempt(partial(self._build, intent, plan, unspent, tips, makers))
            for intent, plan in zip(intents, plans, strict=True)
        ]

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        """bitcoinlib has to read the same transactions first (`crosscheck`)."""
        doubts = await asyncio.to_thread(lambda: [attempt(partial(check_signed, tx)) for tx in txs])
        raws = {tx.txid: tx.raw for tx, doubt in zip(txs, doubts, strict=True) if doubt is None}
        sent = await self._node.send(raws, _FEE_RATE_MAX)
        # Its own success makes its inputs spent: then "missing inputs" is no rejection.
        refused = [txid for txid, each in sent.items() if is_rejection(each.answer)]
        held = dict(zip(refused, await self._node.holds(refused), strict=True))
        return [
            doubt
            if isinstance(doubt, ChainError)
            else attempt(partial(outcome, tx.txid, sent[tx.txid], held.get(tx.txid, False)))
            for tx, doubt in zip(txs, doubts, strict=True)
        ]

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        located = await self._node.locate(txids)
        blocks = await self._node.including(located)
        known = [
            each.transaction for each in located if isinstance(each, Located) and each.block_hash
        ]
        fees = iter(await self._node.fees_of(known))

        def judge(place: Located | ChainError | None, fee: int | ChainError) -> TxStatus:
            where = found(place)
            if where is None:
                return TxStatus(TxState.UNKNOWN)
            if where.block_hash is None:
                return TxStatus(TxState.PENDING)
            block = found(blocks[where.block_hash])
            if block is None:  # the index remembers a block that was reorganised away
                return TxStatus(TxState.UNKNOWN)
            costs = costs_in(self._network.native.id, {CostKind.FEE: found(fee)})
            return TxStatus(TxState.INCLUDED, block, costs)

        return [
            attempt(
                partial(
                    judge, each, next(fees) if isinstance(each, Located) and each.block_hash else 0
                )
            )
            for each in located
        ]

    async def quote(self, intent: TransferIntent) -> Costs:
        """Of all coins that are offered, at the rate that a payment would offer."""
        if intent.hastens:
            for each in (await self._young([intent])).values():
                found(each)
        order = self._order(intent, await self._market([intent]))
        kinds = [coin.owner.address_type for coin in intent.coins]
        units = order.fee(weight(kinds, order.outputs))
        return costs_in(self._network.native.id, {CostKind.FEE: units})

    async def waiting(self, txid: TxId) -> WaitingTx:
        return await described(self._node, self._network.id, self._codec.addresses, txid)

    async def outbid(self, intent: TransferIntent) -> Outbid:
        assert intent.replaces is not None
        children = await self._node.children(self._txid(intent.replaces))
        if children is None:
            raise NothingToHasten("it does not wait in the node's mempool")
        market = await self._market([intent])
        return outbid_of(self._rival(intent, market), market.rate, children)

    async def prices(self) -> Prices:
        """Of blocks within a day, within half an hour, and the next."""
        slow, normal, fast = [
            await self._fee_rate(blocks)
            for blocks in (_SLOW_TARGET_BLOCKS, _FEE_TARGET_BLOCKS, _FAST_TARGET_BLOCKS)
        ]
        return rising("sat/kvB", slow, normal, fast)

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
        return await self._scanner.balances(scripts, at)

    async def close(self) -> None:
        await self._rpc.close()

    def _key(self, coin: Coin) -> ConflictKey:
        return outpoint_key(self._network.id, coin.txid, coin.position)

    async def _fee_rate(self, target_blocks: int = _FEE_TARGET_BLOCKS) -> int:
        return await self._node.fee_rate(
            target_blocks, floor_will_do=self._network.environment is Environment.LOCAL
        )

    async def _spendable(self, coins: Sequence[Coin]) -> Mapping[Coin, bool | ChainError]:
        """Whether each is confirmed, mature and not spent, not even by what waits in the mempool.
        NodeMisbehaved for one that is not what was recorded."""
        outpoints = [(coin.txid, coin.position) for coin in coins]
        unspent = await self._node.unspent(outpoints, mempool=True)
        return {
            coin: attempt(partial(self._is_spendable, coin, seen))
            for coin, seen in zip(coins, unspent, strict=True)
        }

    def _is_spendable(self, coin: Coin, seen: Unspent | None) -> bool:
        if seen is None:
            return False
        self._check_recorded(coin, seen)
        return seen.confirmations >= (COINBASE_MATURITY if seen.coinbase else 1)

    async def _young(self, intents: Sequence[TransferIntent]) -> dict[Coin, bool | ChainError]:
        """Of the coins that children spend, whether each is there and in no block."""
        seen = await young(self._node, _hastened(intents))
        return {coin: attempt(partial(self._is_young, coin, each)) for coin, each in seen.items()}

    def _is_young(self, coin: Coin, seen: Unspent | ChainError) -> bool:
        self._check_recorded(coin, found(seen))
        return True

    def _claim_of(
        self, coins: tuple[Coin, ...] | ChainError, spendable: Mapping[Coin, bool | ChainError]
    ) -> tuple[ConflictKey, ...] | None:
        """None if one of the coins is gone."""
        chosen = found(coins)
        if not all(found(spendable[coin]) for coin in chosen):
            return None
        return tuple(sorted(map(self._key, chosen)))

    async def _market(self, intents: Sequence[TransferIntent]) -> Market:
        rate = await self._fee_rate()
        txids = [self._txid(each.replaces) for each in intents if each.replaces is not None]
        return await market_of(self._node, rate, txids, {coin.txid for coin in _hastened(intents)})

    def _txid(self, tx: UnsignedTx) -> TxId:
        return TxId(self._codec.summarize(tx).identity)

    def _order(self, intent: TransferIntent, market: Market) -> Order:
        rival = None if intent.replaces is None else self._rival(intent, market)
        lift = sum(market.lifts[coin.txid] for coin in _hastened([intent]))
        return order_of(self._network, self._codec.addresses, intent, market.rate, rival, lift)

    def _rival(self, intent: TransferIntent, market: Market) -> Rival:
        assert intent.replaces is not None
        outputs = parse_psbt(intent.replaces.payload).transaction.outputs
        return Rival(
            fee=sum(self._codec.summarize(intent.replaces).costs.most.values()),
            weight=weight([each.owner.address_type for each in self._replaced(intent)], outputs),
            children_fee=found(market.children[self._txid(intent.replaces)]),
            relay_rate=market.relay_rate,
        )

    def _replaced(self, intent: TransferIntent) -> list[Coin]:
        """The coins of what it replaces. Raises ClaimUnusable if one is not ours any more."""
        if intent.replaces is None:
            return []
        by_key = {self._key(coin): coin for coin in intent.coins}
        keys = sorted(self._codec.summarize(intent.replaces).conflict_keys)
        if not by_key.keys() >= set(keys):
            raise ClaimUnusable("a coin of what is to be replaced is gone")
        return [by_key[key] for key in keys]

    def _planned(self, intent: TransferIntent, market: Market) -> tuple[Order, Plan]:
        """With the claimed coins and no others."""
        order = self._order(intent, market)
        by_key = {self._key(coin): coin for coin in intent.coins}
        if not intent.claim or not by_key.keys() >= set(intent.claim):
            raise ClaimUnusable("the claim names coins that are not offered")
        coins = [by_key[key] for key in dict.fromkeys(intent.claim)]
        try:
            emptying = empty(order, coins) if intent.empties else None
            return order, emptying or settle(order, coins)
        except InsufficientFunds as error:
            if len(coins) == len(intent.coins):
                raise
            # The fee rate has risen since the claim; other coins may do.
            raise ClaimUnusable(f"the claimed coins do not suffice any more: {error}") from error

    def _build(
        self,
        intent: TransferIntent,
        planned: tuple[Order, Plan] | ChainError,
        unspent: Mapping[Coin, Unspent | None],
        tips: Mapping[str, int],
        makers: Mapping[TxId, Transaction | ChainError],
    ) -> UnsignedTx:
        order, plan = found(planned)
        best_block = self._seen_at(plan.coins, unspent)
        previous = {
            coin.txid: found(makers[coin.txid]) for coin in plan.coins if coin.txid in makers
        }
        change, tip_height = _change_of(intent), tips[best_block]
        payload = build_psbt(self._codec.addresses, order, plan, change, previous, tip_height)
        if len(payload) > PSBT_BYTES_MAX:
            raise TooManyCoins("the coins bring more bytes with them than a signer takes")
        tx = UnsignedTx(self._network.id, payload)
        self._check_built(tx, intent, plan)
        return tx

    def _seen_at(self, coins: Sequence[Coin], unspent: Mapping[Coin, Unspent | None]) -> str:
        """The block at which all of the coins are still there."""
        blocks = set()
        for coin in coins:
            seen = unspent[coin]
            if seen is None:
                raise ClaimUnusable(f"coin {coin.txid}:{coin.position} is spent or gone")
            self._check_recorded(coin, seen)
            blocks.add(seen.best_block)
        if len(blocks) != 1:
            raise NodeUnavailable("the chain moved while it was being read")
        return blocks.pop()

    async def _makers(
        self, unspent: Mapping[Coin, Unspent | None], tips: Mapping[str, int]
    ) -> Mapping[TxId, Transaction | ChainError]:
        """The whole transactions that made the coins whose amounts must be proven to the signer."""
        return await self._node.transactions(
            {
                coin.txid: tips[seen.best_block] - seen.confirmations + 1
                for coin, seen in unspent.items()
                if seen is not None
                and seen.confirmations
                and coin.owner.address_type is not AddressType.P2TR
            }
        )

    def _check_recorded(self, coin: Coin, seen: Unspent) -> None:
        script = self._codec.addresses.script_of(coin.owner.address)
        if (seen.amount, seen.script) != (coin.amount, script):
            raise NodeMisbehaved(f"coin {coin.txid}:{coin.position} is not what was recorded")

    def _check_built(self, tx: UnsignedTx, intent: TransferIntent, plan: Plan) -> None:
        """What the codec reads must be what was asked for, before anybody is asked to sign it."""
        summary = self._codec.summarize(tx)
        as_asked = (
            Counter(summary.effects) == Counter(intent.effects)
            and sum(each.amount for each in summary.returns) == plan.change
            and all(each.address == _change_of(intent).address for each in summary.returns)
            and summary.costs.most == costs_in(self._network.native.id, {CostKind.FEE: plan.fee})
            and above(summary.costs.most, intent.costs_max) is None
            and summary.conflict_keys == set(intent.claim)
            and not summary.unexplained
        )
        if not as_asked:
            raise MalformedTransaction("the built transaction does something else than was asked")


def _change_of(intent: TransferIntent) -> OwnedAddress:
    assert intent.change is not None, "a transfer of coins needs an address for the change"
    return intent.change


def _flat(chosen: Iterable[Sequence[Coin] | ChainError]) -> list[Coin]:
    """Each coin once."""
    coins = (coin for each in chosen if not isinstance(each, ChainError) for coin in each)
    return list(dict.fromkeys(coins))


def _hastened(intents: Iterable[TransferIntent]) -> list[Coin]:
    """Coins that children spend."""
    return _flat(each.coins for each in intents if each.hastens)


def _chosen(
    order: Order, free: Sequence[Coin], every: Sequence[Coin], first: CoinsFirst | None = None
) -> tuple[Coin, ...]:
    """Of the coins that are free. Raises CoinsInUse where others have what is missing."""
    try:
        if first is not None:
            return first_coins(order, first.ordered(free)).coins
        return choose_coins(order, free).coins
    except TooManyCoins:
        raise
    except InsufficientFunds as error:
        if sum(coin.amount for coin in every) < order.amount + order.fee_max:
            raise
        raise CoinsInUse("other transactions spend the coins that would pay") from error
