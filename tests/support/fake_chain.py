"""A small chain in memory, and the adapter that custody sees of it.

Honest: every block is validated from its parent's state, balances are what the blocks say, a reorg
really replaces blocks, and signatures are verified at broadcast. `FakeNode` has the verbs of a
devnet node; `FakeAdapter` is the chain's I/O half. Everything follows from the seed and the calls.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

from chains.errors import (
    BroadcastRejected,
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    NodeUnavailable,
    WrongChain,
)
from chains.model import (
    Address,
    AssetId,
    Block,
    BlockRef,
    Broadcast,
    Capabilities,
    Coin,
    ConflictKey,
    Credit,
    NetworkId,
    SignedTx,
    TransferIntent,
    TxId,
    TxState,
    TxStatus,
    UnsignedTx,
)
from chains.networks import NODE_FINALITY, Family, Network
from tests.support.fake_codec import FakeCodec, FakeInput, FakeOutput, FakeTx, nonce_key

T = TypeVar("T")

OUTSIDE = Address("outside")
"""Where money comes from: nobody's address, with as much as is wanted."""
_LIFETIME_BLOCKS = 20


@dataclass
class State:
    """What is true after a block. `coins`: unspent, (txid, position) -> (address, amount)."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    coins: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)

    def give(self, address: str, asset: str, amount: int) -> None:
        self.balances[address, asset] = self.balances.get((address, asset), 0) + amount


@dataclass(frozen=True)
class _Included:
    """`fee`, `locked`: what it cost here. `mature`: for what a block itself mints."""

    tx: FakeTx
    fee: int
    locked: int = 0
    reverted: bool = False
    mature: int | None = None


@dataclass(frozen=True)
class _Mined:
    ref: BlockRef
    parent_hash: str
    included: tuple[_Included, ...]
    state: State


class FakeNode:
    """`fee`: what a transaction costs (coins: per transaction as well). `rent`: what the next
    payments lock beyond (Solana). All verbs take effect at once."""

    def __init__(self, network: Network, seed: int = 0) -> None:
        self.network: NetworkId = network.id
        self.settings = network
        self.codec = FakeCodec(network)
        self.random = random.Random(seed)
        self.url = f"fake://{network.alias}"
        self.fee = 1000
        self.rent = 0
        self.final_height = 0
        self.pool: dict[TxId, FakeTx] = {}
        self._revert: set[TxId] = set()
        self._mature: dict[TxId, int] = {}
        self._faults: list[str] = []
        self._away = False
        self.delay_s = 0.0
        self.chain: list[_Mined] = [_Mined(BlockRef(0, self._salt()), "", (), State())]

    # The world outside

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def outside_address(self) -> Address:
        kind = self.settings.address_types[0]
        return self.codec.derive_address(self.random.randbytes(33), kind)

    async def fund(
        self, address: Address, amount: int, *, asset: AssetId | None = None, mature: int = 0
    ) -> TxId:
        """`mature`: so many blocks must pass before it may be spent (coinbase)."""
        tx = FakeTx(
            network=self.network,
            inputs=(FakeInput(self._salt(), 0, amount + self.fee, OUTSIDE, None),),
            outputs=(FakeOutput(address, asset or self.settings.native.id, amount),),
            fee_max=self.fee,
            nonce=self.random.getrandbits(63),
        )
        self.pool[tx.txid] = tx
        if mature:
            self._mature[tx.txid] = mature
        return tx.txid

    async def mine(self, blocks: int = 1, *, skip: int = 0) -> None:
        """`skip`: heights that stay empty before the next block (Solana's slots)."""
        for _ in range(blocks):
            self._mine(skip)

    async def finalize(self) -> None:
        if self.settings.confirmations == NODE_FINALITY:
            self.final_height = self.tip.height
        else:
            await self.mine(self.settings.confirmations - 1)

    async def reorg(self, depth: int, *, replay: bool = False) -> None:
        """Replace the newest `depth` blocks by `depth + 1` others. Their transactions wait again
        where there are coins; `replay` puts them into the first new block at once."""
        assert 0 < depth < len(self.chain)
        gone, self.chain = self.chain[-depth:], self.chain[:-depth]
        lost = {each.tx.txid: each.tx for block in gone for each in block.included}
        waiting, self.pool = self.pool, lost if replay else {}
        await self.mine(1)
        self.pool = {}
        await self.mine(depth)
        self.pool = {**lost, **waiting} if self.codec.has_coins and not replay else waiting

    def swap_tip(self, other: FakeNode) -> None:
        """Go over to a chain that another node of the same network made."""
        self.chain = list(other.chain)

    def revert(self, txid: TxId) -> None:
        """The transaction will be included, cost its fee and do nothing."""
        self._revert.add(txid)

    def drop(self, txid: TxId) -> None:
        """The node forgets what waits."""
        self.pool.pop(txid, None)

    async def balance(self, address: Address) -> int:
        return self.state.balances.get((address, self.settings.native.id), 0)

    async def received(self, txid: TxId, address: Address, asset: AssetId) -> int:
        return sum(
            out.amount
            for block in self.chain
            for each in block.included
            if each.tx.txid == txid and not each.reverted
            for out in each.tx.outputs
            if (out.address, out.asset) == (address, asset)
        )

    def delay(self, seconds: float) -> None:
        self.delay_s = seconds

    def drop_reply(self, count: int = 1) -> None:
        self._faults += ["after"] * count

    def error(self, count: int = 1) -> None:
        self._faults += ["before"] * count

    def go_away(self) -> None:
        self._away = True

    def heal(self) -> None:
        self._away, self.delay_s = False, 0.0
        self._faults.clear()

    # What the adapter asks

    @property
    def tip(self) -> BlockRef:
        return self.chain[-1].ref

    @property
    def state(self) -> State:
        return self.chain[-1].state

    def find(self, ref: BlockRef) -> _Mined | None:
        return next((block for block in self.chain if block.ref == ref), None)

    def locate(self, txid: TxId) -> tuple[_Mined, _Included] | None:
        for block in self.chain:
            for each in block.included:
                if each.tx.txid == txid:
                    return block, each
        return None

    async def reply(self, effect: Callable[[], T]) -> T:
        """One request, with whatever is wrong with the line at present."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        fault = self._faults.pop(0) if self._faults else ""
        if self._away or fault == "before":
            raise NodeUnavailable("the fake node does not answer")
        answer = effect()
        if fault == "after":
            raise NodeUnavailable("the reply was lost")
        return answer

    # Blocks

    def _mine(self, skip: int) -> None:
        parent = self.chain[-1]
        height = parent.ref.height + 1 + skip
        state = deepcopy(parent.state)
        included = []
        for tx in self.pool.values():
            done = self._execute(state, tx, height)
            if done is not None:
                included.append(done)
        for done in included:
            del self.pool[done.tx.txid]
        self.pool = {
            txid: tx for txid, tx in self.pool.items() if (tx.expires or height + 1) > height
        }
        ref = BlockRef(height, self._salt())
        self.chain.append(_Mined(ref, parent.ref.hash, tuple(included), state))

    def _execute(self, state: State, tx: FakeTx, height: int) -> _Included | None:
        """Change the state, or leave it alone and say None: the transaction can't be included."""
        first = tx.inputs[0]
        if first.address == OUTSIDE:
            self._pay(state, tx)
            mature = self._mature.get(tx.txid)
            return _Included(tx, self.fee, mature=None if mature is None else height + mature)
        if self.codec.has_coins:
            return self._execute_coins(state, tx)
        return self._execute_account(state, tx, height)

    def _execute_coins(self, state: State, tx: FakeTx) -> _Included | None:
        native = self.settings.native.id
        places = [(each.txid, each.position or 0) for each in tx.inputs]
        if any(place not in state.coins for place in places):
            return None
        for place in places:
            address, amount = state.coins.pop(place)
            state.give(address, native, -amount)
        self._pay(state, tx)
        return _Included(tx, tx.fee_max)

    def _execute_account(self, state: State, tx: FakeTx, height: int) -> _Included | None:
        sender, native = tx.inputs[0].address, self.settings.native.id
        if tx.expires is not None and height > tx.expires:
            return None
        if tx.expires is None and state.nonces.get(sender, 0) != tx.nonce:
            return None
        fee, locked = min(self.fee, tx.fee_max), self.rent
        reverted = tx.txid in self._revert
        needed: dict[str, int] = {native: fee + locked}
        for out in tx.outputs:
            needed[out.asset] = needed.get(out.asset, 0) + out.amount
        if any(state.balances.get((sender, asset), 0) < need for asset, need in needed.items()):
            return None
        state.nonces[sender] = state.nonces.get(sender, 0) + 1
        if reverted:
            state.give(sender, native, -fee)
            return _Included(tx, fee, reverted=True)
        for asset, need in needed.items():
            state.give(sender, asset, -need)
        self._pay(state, tx)
        return _Included(tx, fee, locked)

    def _pay(self, state: State, tx: FakeTx) -> None:
        for position, out in enumerate(tx.outputs):
            state.give(out.address, out.asset, out.amount)
            if self.codec.has_coins:
                state.coins[tx.txid, position] = (out.address, out.amount)

    def _salt(self) -> str:
        return self.random.randbytes(32).hex()


class FakeAdapter:
    """`calls`: how often each method was called. `before`: a hook that sees each call's name and
    may raise, sleep or change the chain. `network`: by default the node's own."""

    def __init__(
        self, node: FakeNode, network: Network | None = None, *, timeout_s: float | None = None
    ) -> None:
        self._node = node
        self._network = network or node.settings
        self._timeout_s = timeout_s
        self.calls: dict[str, int] = {}
        self.before: Callable[[str], None] = lambda call: None

    @property
    def codec(self) -> FakeCodec:
        return self._node.codec

    @property
    def capabilities(self) -> Capabilities:
        family = self._network.family
        return Capabilities(
            coins=self.codec.has_coins,
            historic_balance=family is Family.EVM,
            internal_credits=True,
            conflict_keys=family is not Family.TRON,
        )

    async def check(self) -> None:
        served = await self._ask("check", lambda: self._node.network)
        if served != self._network.id:
            raise WrongChain(f"the fake node serves {served}")

    async def tip(self) -> BlockRef:
        return await self._ask("tip", lambda: self._node.tip)

    async def finalized(self) -> BlockRef:
        def newest() -> BlockRef:
            final = [b.ref for b in self._node.chain if b.ref.height <= self._node.final_height]
            return final[-1]

        return await self._ask("finalized", newest)

    async def block(self, height: int) -> Block | None:
        return await self._ask("block", lambda: self._block(height))

    async def claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        return await self._ask("claim", lambda: self._claim(intent))

    async def prepare(self, intent: TransferIntent) -> UnsignedTx:
        return await self._ask("prepare", lambda: self._prepare(intent))

    async def broadcast(self, tx: SignedTx) -> Broadcast:
        return await self._ask("broadcast", lambda: self._broadcast(tx))

    async def status(self, txid: TxId) -> TxStatus:
        return await self._ask("status", lambda: self._status(txid))

    async def proven_dead(self, tx: SignedTx, final: BlockRef) -> str | None:
        return await self._ask("proven_dead", lambda: self._proven_dead(tx, final))

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        return await self._ask("balance", lambda: self._balance(address, asset, at))

    async def close(self) -> None: ...

    async def _ask(self, call: str, effect: Callable[[], T]) -> T:
        self.calls[call] = self.calls.get(call, 0) + 1
        self.before(call)
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._node.reply(effect)
        except TimeoutError:
            raise NodeUnavailable("the fake node is too slow") from None

    def _block(self, height: int) -> Block | None:
        if height > self._node.tip.height:
            raise NodeUnavailable("above the tip")
        mined = next((block for block in self._node.chain if block.ref.height == height), None)
        if mined is None:
            return None
        return Block(
            ref=mined.ref,
            parent_hash=mined.parent_hash,
            timestamp=600 * height,
            credits=tuple(
                Credit(each.tx.txid, position, out.address, out.asset, out.amount, each.mature)
                for each in mined.included
                if not each.reverted
                for position, out in enumerate(each.tx.outputs)
            ),
            spent=tuple(
                key
                for each in mined.included
                if self.codec.has_coins
                for key in sorted(self.codec.conflict_keys(each.tx))
            ),
        )

    def _claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        self._check_funds(intent)
        if self.codec.has_coins:
            wanted = sum(each.amount for each in intent.payments) + self._node.fee
            chosen: list[Coin] = []
            for coin in intent.coins:
                free = self._outpoint(coin) not in intent.taken
                exists = (coin.txid, coin.position) in self._node.state.coins
                if free and exists and sum(each.amount for each in chosen) < wanted:
                    chosen.append(coin)
            if sum(each.amount for each in chosen) < wanted:
                raise InsufficientFunds("not enough coins")
            return tuple(self._outpoint(coin) for coin in chosen)
        if not self.capabilities.conflict_keys:
            return ()
        assert intent.source is not None
        sender = intent.source.address
        nonce = self._node.state.nonces.get(sender, 0)
        while nonce_key(self._network.id, sender, nonce) in intent.taken:
            nonce += 1
        return (nonce_key(self._network.id, sender, nonce),)

    def _prepare(self, intent: TransferIntent) -> UnsignedTx:
        self._check_funds(intent)
        outputs = tuple(FakeOutput(p.address, p.asset, p.amount) for p in intent.payments)
        if self.codec.has_coins:
            tx = self._spend(intent, outputs)
        else:
            assert intent.source is not None
            source = intent.source
            expires = nonce = None
            if self.capabilities.conflict_keys:
                (key,) = intent.claim
                nonce = int(key.rpartition(":")[2])
                if nonce < self._node.state.nonces.get(source.address, 0):
                    raise ClaimUnusable("the nonce is used")
            else:
                nonce = self._node.random.getrandbits(63)
                expires = self._node.tip.height + _LIFETIME_BLOCKS
            paying = FakeInput("", None, 0, source.address, source.path)
            tx = FakeTx(self._network.id, (paying,), outputs, intent.fee_max, nonce, expires)
        return UnsignedTx(self._network.id, tx.payload())

    def _spend(self, intent: TransferIntent, outputs: tuple[FakeOutput, ...]) -> FakeTx:
        coins = [coin for coin in intent.coins if self._outpoint(coin) in intent.claim]
        if len(coins) != len(intent.claim):
            raise ClaimUnusable("a claimed coin is gone")
        if any((coin.txid, coin.position) not in self._node.state.coins for coin in coins):
            raise ClaimUnusable("a claimed coin is spent")
        rest = sum(coin.amount for coin in coins) - sum(out.amount for out in outputs)
        rest -= self._node.fee
        if rest < 0:
            raise InsufficientFunds("the claimed coins are not enough")
        fee = self._node.fee
        if intent.change is not None and rest >= 294:
            change = intent.change
            native = self._network.native.id
            outputs = (*outputs, FakeOutput(change.address, native, rest, change.path))
        else:
            fee += rest
        inputs = tuple(
            FakeInput(coin.txid, coin.position, coin.amount, coin.owner.address, coin.owner.path)
            for coin in coins
        )
        return FakeTx(self._network.id, inputs, outputs, fee)

    def _check_funds(self, intent: TransferIntent) -> None:
        if self._node.fee + self._node.rent > intent.fee_max:
            raise FeeAboveMaximum(f"the fee is {self._node.fee}")
        if intent.source is not None:
            wanted: dict[str, int] = {self._network.native.id: self._node.fee + self._node.rent}
            for each in intent.payments:
                wanted[each.asset] = wanted.get(each.asset, 0) + each.amount
            for asset, amount in wanted.items():
                if self._node.state.balances.get((intent.source.address, asset), 0) < amount:
                    raise InsufficientFunds(f"less than {amount} of {asset}")

    def _outpoint(self, coin: Coin) -> ConflictKey:
        return ConflictKey(f"{self._network.id}/outpoint:{coin.txid}:{coin.position}")

    def _broadcast(self, signed: SignedTx) -> Broadcast:
        tx = self.codec.open_raw(signed.raw)
        assert tx.txid == signed.txid
        if tx.txid in self._node.pool or self._node.locate(tx.txid) is not None:
            return Broadcast.ALREADY_KNOWN
        keys = self.codec.conflict_keys(tx)
        for other in self._node.pool.values():
            if other.inputs[0].address != OUTSIDE and keys & self.codec.conflict_keys(other):
                raise BroadcastRejected("conflicts with a transaction that waits")
        if self._is_spent(tx, self._node.state, self._node.tip):
            raise BroadcastRejected("already spent or expired")
        self._node.pool[tx.txid] = tx
        return Broadcast.ACCEPTED

    def _status(self, txid: TxId) -> TxStatus:
        found = self._node.locate(txid)
        if found is None:
            waits = txid in self._node.pool
            return TxStatus(TxState.PENDING if waits else TxState.UNKNOWN)
        block, included = found
        state = TxState.REVERTED if included.reverted else TxState.INCLUDED
        reason = "reverted" if included.reverted else ""
        return TxStatus(state, block.ref, included.fee, included.locked, reason)

    def _proven_dead(self, signed: SignedTx, final: BlockRef) -> str | None:
        block = self._node.find(final)
        if block is None:
            return None
        tx = self.codec.open_raw(signed.raw)
        found = self._node.locate(tx.txid)
        if found is not None and found[0].ref.height <= final.height:
            return None
        spent = self._is_spent(tx, block.state, final)
        if self.codec.has_coins:  # a coin made later is not spent, however absent
            spent = any(
                (each.txid, each.position or 0) not in block.state.coins
                and (made := self._node.locate(TxId(each.txid))) is not None
                and made[0].ref.height <= final.height
                for each in tx.inputs
            )
        return "replaced by a final transaction, or expired" if spent else None

    def _is_spent(self, tx: FakeTx, state: State, at: BlockRef) -> bool:
        """Whether the transaction can't be included after block `at` any more."""
        if self.codec.has_coins:
            known = [block.ref.height for block in self._node.chain if block.ref == at]
            return bool(known) and any(
                (each.txid, each.position or 0) not in state.coins for each in tx.inputs
            )
        if tx.expires is not None:
            return at.height >= tx.expires
        return state.nonces.get(tx.inputs[0].address, 0) > (tx.nonce or 0)

    def _balance(self, address: Address, asset: AssetId, at: BlockRef | None) -> int:
        state = self._node.state
        if at is not None:
            assert self.capabilities.historic_balance
            block = self._node.find(at)
            if block is None:
                raise NodeUnavailable("not a block of the best chain")
            state = block.state
        return state.balances.get((address, asset), 0)
