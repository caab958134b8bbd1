"""What custody sees of the small chain in memory: its I/O half."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from chains.answers import Answers, attempt
from chains.balances import Restrained, each_balance
from chains.block import Block, Inclusion, Movement, Reading, cost_place, output_place
from chains.costs import CostKind, Costs, costs_in
from chains.effects import Told
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    InsufficientGas,
    NodeUnavailable,
    NothingToHasten,
    TooManyInFlight,
    WrongChain,
)
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    Coin,
    ConflictKey,
    Excludes,
    InternalCredits,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.prices import Prices, rising
from chains.transaction import Outbid, TransferIntent, TxState, TxStatus, WaitingTx
from custody.transfers.outputs import payments_in
from signer.agreement import effect_to_json
from tests.support import families
from tests.support.fake_apart import check_apart, is_used, signed_apart, used_up
from tests.support.fake_chain import LIFETIME_BLOCKS, OUTSIDE, FakeNode, Included, State
from tests.support.fake_codec import FakeCodec, FakeInput, FakeOutput, FakeTx
from tests.support.fake_simulating import FakeSimulating
from tests.support.fake_tokens import contract_of

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item


class FakeAdapter(FakeSimulating):
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
        self.internal_credits = InternalCredits.SEEN
        self.read_depth: int | None = None
        self.signs_apart = False
        """What it builds is a payment that anybody submits."""

    @property
    def codec(self) -> FakeCodec:
        return self._node.codec

    @property
    def capabilities(self) -> Capabilities:
        family = self._network.family
        return Capabilities(
            historic_balance=family == families.EVM,
            internal_credits=self.internal_credits,
            read_depth=self.read_depth,
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

    async def salvage(self, height: int) -> Block:
        return await self._ask("salvage", lambda: self._header(height))

    async def block_ref(self, height: int) -> BlockRef | None:
        found = await self._ask("block_ref", lambda: self._block(height))
        return None if found is None else found.ref

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        given: set[ConflictKey] = set()

        def choose(intent: TransferIntent) -> tuple[ConflictKey, ...]:
            keys = self._claim(replace(intent, taken=intent.taken | given))
            given.update(keys)
            return keys

        return await self._ask_each("claim", intents, choose)

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        nonces = self._node.state.nonces
        return await self._ask_each("next_numbers", addresses, lambda each: nonces.get(each, 0))

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        return await self._ask_each("prepare", intents, self._prepare)

    async def quote(self, intent: TransferIntent) -> Costs:
        kinds = {CostKind.FEE: self._node.fee, CostKind.RENT: self._node.rent}
        return await self._ask("quote", lambda: costs_in(self._network.native.id, kinds))

    async def waiting(self, txid: TxId) -> WaitingTx:
        return await self._ask("waiting", lambda: self._waiting(txid))

    async def outbid(self, intent: TransferIntent) -> Outbid:
        return await self._ask("outbid", lambda: self._outbid(intent))

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        return await self._ask_each("broadcast", txs, self._broadcast)

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        return await self._ask_each("statuses", txids, self._status)

    async def prices(self) -> Prices:
        fee = self._node.fee
        return await self._ask("prices", lambda: rising("unit/transaction", fee, fee, 2 * fee))

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        return await self._ask("balance", lambda: self._balance(address, asset, at))

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        if not self.codec.has_coins:
            return await each_balance(self, addresses, asset, at)
        return await self._ask(
            "balances", lambda: {each: self._balance(each, asset, at) for each in addresses}
        )

    async def is_used(self, tx: UnsignedTx, at: BlockRef) -> bool:
        return await self._ask("is_used", lambda: is_used(self._node, tx, at))

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        return await self._ask("restrained", lambda: self._restrained(addresses, asset))

    async def close(self) -> None: ...

    async def _ask_each(
        self, call: str, items: Sequence[I], effect: Callable[[I], T]
    ) -> Answers[T]:
        """One request about all of them."""
        return await self._ask(call, lambda: [attempt(partial(effect, each)) for each in items])

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
        chain = self._node.chain
        place = next((at for at, block in enumerate(chain) if block.ref.height == height), None)
        if place is None:
            return None
        mined = chain[place]
        return Block(
            ref=mined.ref,
            parent_hash=mined.parent_hash,
            parent_height=chain[place - 1].ref.height if place else None,
            timestamp=600 * height,
            movements=tuple(
                movement for each in mined.included for movement in self._movements(each)
            ),
            consumed=used_up(self._node, mined),
            included=tuple(
                Inclusion(
                    each.tx.txid,
                    each.tx.inputs[0].address,
                    "reverted" if each.reverted else None,
                )
                for each in mined.included
                if not self.codec.has_coins
            ),
        )

    def _movements(self, included: Included) -> list[Movement]:
        """What the transaction itself pays, then what contracts pass on; where there are accounts,
        each from somebody to somebody, then what it costs."""
        tx, native = included.tx, self._network.native.id
        sender = tx.inputs[0].address
        paid = [] if tx.txid in self._node.paid_inside or included.reverted else tx.outputs
        outputs = [(sender, out.address, native, out.amount) for out in paid if out.asset == native]
        outputs += [
            (Address(by), Address(to), asset, amount) for by, to, asset, amount in included.logs
        ]
        if not (self._node.hides_inside or included.reverted):
            outputs += [
                (Address(by), Address(to), native, amount) for by, to, amount in included.inside
            ]
        moved = []
        for index, (by, to, asset, amount) in enumerate(outputs):
            place = output_place(index)
            if not self.codec.has_coins and by != OUTSIDE:
                moved.append(Movement(tx.txid, place, by, asset, -amount))
            moved.append(Movement(tx.txid, place, to, asset, amount, included.mature))
        if self.codec.has_coins or sender == OUTSIDE:
            return moved
        taken = {
            cost_place(CostKind.FEE): included.fee,
            cost_place(CostKind.L1_DATA): included.data,
            "account:1": included.locked,
        }
        return moved + [
            Movement(tx.txid, place, sender, native, -units)
            for place, units in taken.items()
            if units
        ]

    def _header(self, height: int) -> Block:
        found = self._block(height)
        if found is None:
            raise BlockUnreadable("unknown", height=height)
        return replace(found, movements=(), consumed={}, included=(), reading=Reading.PASSED)

    def _claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        self._check_funds(intent)
        if intent.apart is not None:
            assert intent.source is not None
            return (self.codec.apart_key(intent.source.address, intent.apart.number.hex()),)
        if self.signs_apart and intent.source is not None:
            salt = f"{self._node.random.getrandbits(64):x}"
            return (self.codec.apart_key(intent.source.address, salt),)
        if intent.replaces is not None:
            return tuple(sorted(self.codec.summarize(intent.replaces).conflict_keys))
        if self.codec.has_coins:
            wanted = sum(each.amount for each in intent.payments) + self._node.fee
            chosen: list[Coin] = []
            first = intent.coins_first
            for coin in intent.coins if first is None else first.ordered(intent.coins):
                free = self._outpoint(coin) not in intent.taken
                exists = self._is_there(coin, intent)
                if free and exists and sum(each.amount for each in chosen) < wanted:
                    chosen.append(coin)
            if sum(each.amount for each in chosen) < wanted:
                raise InsufficientFunds("not enough coins")
            return tuple(self._outpoint(coin) for coin in chosen)
        if not self.codec.traits.conflict_keys:
            return ()
        assert intent.source is not None
        sender = intent.source.address
        nonce = self._node.state.nonces.get(sender, 0)
        most = None if intent.ahead_max is None else nonce + intent.ahead_max
        while self.codec.nonce_key(sender, nonce) in intent.taken:
            nonce += 1
        if self.codec.traits.numbered_keys and most is not None and nonce >= most:
            raise TooManyInFlight(f"number {nonce} has to wait")
        return (self.codec.nonce_key(sender, nonce),)

    def _prepare(self, intent: TransferIntent) -> UnsignedTx:
        self._check_funds(intent)
        native = self._network.native.id
        call = next((each for each in intent.effects if isinstance(each, Told)), None)
        paid = payments_in(intent.effects, native)
        outputs = tuple(FakeOutput(p.address, p.asset, p.amount) for p in paid)
        if self.codec.has_coins:
            tx = self._spend(intent, outputs)
        else:
            assert intent.source is not None
            source = intent.source
            expires = nonce = None
            if self.signs_apart or intent.apart is not None:
                return signed_apart(self._node, intent, outputs)
            if self.codec.traits.conflict_keys:
                (key,) = intent.claim
                nonce = int(key.text.rpartition(":")[2])
                if nonce < self._node.state.nonces.get(source.address, 0):
                    raise ClaimUnusable("the nonce is used")
            else:
                nonce = self._node.random.getrandbits(63)
                expires = self._node.tip.height + LIFETIME_BLOCKS
            paying = FakeInput("", None, 0, source.address, source.path)
            tx = FakeTx(
                self._network.id,
                (paying,),
                outputs,
                self._offer(intent),
                nonce,
                self._node.rent,
                expires,
                None if call is None else json.dumps(effect_to_json(call), sort_keys=True),
            )
        return UnsignedTx(self._network.id, tx.payload())

    def _spend(self, intent: TransferIntent, outputs: tuple[FakeOutput, ...]) -> FakeTx:
        coins = [coin for coin in intent.coins if self._outpoint(coin) in intent.claim]
        if len(coins) != len(intent.claim):
            raise ClaimUnusable("a claimed coin is gone")
        if not all(self._is_there(coin, intent) for coin in coins):
            raise ClaimUnusable("a claimed coin is spent")
        rest = sum(coin.amount for coin in coins) - sum(out.amount for out in outputs)
        fee = self._least(intent)
        rest -= fee
        if rest < 0:
            raise InsufficientFunds("the claimed coins are not enough")
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

    def _is_there(self, coin: Coin, intent: TransferIntent) -> bool:
        place = (coin.txid, coin.position)
        if not intent.hastens:
            return place in self._node.state.coins
        rivals = [tx for tx in self._node.pool.values() if intent.replaces is None]
        spent = any((i.txid, i.position) == place for tx in rivals for i in tx.inputs)
        if coin.txid not in self._node.pool or spent:
            raise NothingToHasten(f"{coin.txid} does not wait, or its coin is spent")
        return True

    def _waiting(self, txid: TxId) -> WaitingTx:
        found = self._node.pool.get(txid)
        if found is None:
            raise NothingToHasten(f"{txid} does not wait")
        outputs = {at: (each.address, each.amount) for at, each in enumerate(found.outputs)}
        needs: dict[str, TxId] = {}
        before = [found]
        while before:
            tx = before.pop()
            needs |= {key.text: tx.txid for key in self.codec.conflict_keys(tx)}
            pool = self._node.pool
            before += [pool[TxId(i.txid)] for i in tx.inputs if TxId(i.txid) in pool]
        return WaitingTx(txid, outputs, needs)

    def _outbid(self, intent: TransferIntent) -> Outbid:
        least = self._least(intent)
        return Outbid(least, least, 0, 0, 0, possible=True)

    def _check_funds(self, intent: TransferIntent) -> None:
        if intent.apart is not None:
            check_apart(self._node, intent)
            return
        too_dear = self._least(intent) > self._bound(intent, CostKind.FEE)
        if too_dear or self._node.rent > self._bound(intent, CostKind.RENT):
            raise FeeAboveMaximum(f"the fee is {self._node.fee}", needed=self._node.fee)
        if intent.source is not None:
            wanted: dict[str, int] = {self._network.native.id: self._node.fee + self._node.rent}
            paid = payments_in(intent.effects, self._network.native.id)
            for each in paid:
                wanted[each.asset] = wanted.get(each.asset, 0) + each.amount
            of_coins = all(each.asset == self._network.native.id for each in paid)
            for asset, amount in wanted.items():
                if self._node.state.balances.get((intent.source.address, asset), 0) < amount:
                    lacks_gas = asset == self._network.native.id and not of_coins
                    error = InsufficientGas if lacks_gas else InsufficientFunds
                    raise error(f"less than {amount} of {asset}")
            for each in paid:
                contract = contract_of(self._node.tokens, each.asset)
                refusal = contract.refusal(intent.source.address, each.address)
                if each.asset != self._network.native.id and refusal is not None:
                    raise refusal(f"{each.asset}: its contract does not let it be paid")

    def _restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> dict[Address, Restrained]:
        contract = contract_of(self._node.tokens, asset)
        stopped = {each: contract.refusal(each, OUTSIDE) for each in addresses}
        held = {each: self._balance(each, asset, None) for each in addresses}
        return {
            each: Restrained(held[each], error.code)
            for each, error in stopped.items()
            if error is not None and held[each]
        }

    def _least(self, intent: TransferIntent) -> int:
        """What the node asks for, and a tenth more than what is to be replaced offers."""
        if intent.replaces is None:
            return self._node.fee
        offered = sum(self.codec.summarize(intent.replaces).costs.most.values())
        return max(self._node.fee, raised(offered))

    def _offer(self, intent: TransferIntent) -> int:
        """Room for the fee to rise, as far as it is allowed."""
        return min(2 * self._least(intent), self._bound(intent, CostKind.FEE))

    def _bound(self, intent: TransferIntent, kind: CostKind) -> int:
        return intent.costs_max.get((self._network.native.id, kind), 0)

    def _outpoint(self, coin: Coin) -> ConflictKey:
        text = f"{self._network.id}/outpoint:{coin.txid}:{coin.position}"
        return ConflictKey(text, Excludes.INCLUSION)

    def _broadcast(self, signed: SignedTx) -> Broadcast:
        try:
            tx = self.codec.open_raw(signed.raw)
        except ValueError:
            raise BroadcastRejected("not a transaction") from None
        if tx.apart is not None:
            raise BroadcastRejected("no transaction: somebody has to submit it")
        assert tx.txid == signed.txid
        if tx.txid in self._node.pool or self._node.locate(tx.txid) is not None:
            return Broadcast.ALREADY_KNOWN
        keys = self.codec.conflict_keys(tx)
        rivals = [
            other
            for other in self._node.pool.values()
            if other.inputs[0].address != OUTSIDE and keys & self.codec.conflict_keys(other)
        ]
        if any(tx.fee_max < raised(other.fee_max) for other in rivals):
            raise BroadcastRejected("conflicts with a transaction that waits")
        if self._is_spent(tx, self._node.state, self._node.tip):
            raise BroadcastRejected("already spent or expired")
        if rivals:
            self._node.pool[rivals[0].txid] = tx  # in its place: what waits behind it needs it
            waiting = {each.txid: each for each in self._node.pool.values() if each not in rivals}
            self._node.pool.clear()
            self._node.pool.update(waiting)
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
        native = self._network.native.id
        costs = costs_in(native, {CostKind.FEE: included.fee, CostKind.L1_DATA: included.data})
        held = costs_in(native, {CostKind.RENT: included.locked})
        return TxStatus(state, block.ref, costs, held, reason)

    def _is_spent(self, tx: FakeTx, state: State, at: BlockRef) -> bool:
        """Whether the transaction can't be included after block `at` any more."""
        if self.codec.has_coins:
            known = [block.ref.height for block in self._node.chain if block.ref == at]
            return bool(known) and any(
                (each.txid, each.position or 0) not in state.coins
                and each.txid not in self._node.pool  # made by what waits
                for each in tx.inputs
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


def raised(fee: int) -> int:
    """What nodes ask of a replacement."""
    return fee + max(1, fee // 10)
