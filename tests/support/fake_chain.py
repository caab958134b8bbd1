"""A small chain in memory.

Honest: every block is validated from its parent's state, balances are what the blocks say, a reorg
really replaces blocks, and signatures are verified at broadcast. `FakeNode` has the verbs of a
devnet node. Everything follows from the seed and the calls.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chains.effects import Call
from chains.errors import (
    NodeUnavailable,
)
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    NetworkId,
    TxId,
)
from chains.networks import Network
from signer.agreement import parse_effect
from tests.support.fake_codec import FakeCodec, FakeInput, FakeOutput, FakeTx
from tests.support.fake_tokens import Contract, Log, contract_of

T = TypeVar("T")

OUTSIDE = Address("outside")
"""Where money comes from: nobody's address, with as much as is wanted."""
LIFETIME_BLOCKS = 20


@dataclass
class State:
    """What is true after a block. `coins`: unspent, (txid, position) -> (address, amount)."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    coins: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)
    """Payer and number of what was signed apart."""

    def copied(self) -> State:
        return State(dict(self.balances), dict(self.coins), dict(self.nonces), set(self.used))

    def give(self, address: str, asset: str, amount: int) -> None:
        self.balances[address, asset] = self.balances.get((address, asset), 0) + amount


@dataclass(frozen=True)
class Included:
    """`fee`, `data`, `locked`: what it cost here. `mature`: for what a block itself mints.
    `inside`: what contracts passed on: payer, payee and amount of the native asset. `logs`: what
    tokens say that they moved. `reverted`: it did not do what it was meant to."""

    tx: FakeTx
    fee: int
    locked: int = 0
    reverted: bool = False
    mature: int | None = None
    inside: tuple[tuple[str, str, int], ...] = ()
    data: int = 0
    logs: tuple[Log, ...] = ()


@dataclass(frozen=True)
class Mined:
    ref: BlockRef
    parent_hash: str
    included: tuple[Included, ...]
    state: State


class FakeNode:
    """`fee`: what a transaction costs (coins: per transaction as well). `data`: what
    it costs beside that, whatever its bytes say (a rollup). `rent`: what the next payments lock
    beyond (Solana). `contracts`: addresses that send so much of every payment back
    to the payer. `hides_inside`: blocks don't show what contracts pass on (a node without traces).
    `tokens`: contracts that are not honest. `moves`: by contract, what a call of it moves of
    tokens; with `robs` also where the call failed. All verbs take effect at once."""

    def __init__(self, network: Network, seed: int = 0, codec: type[FakeCodec] = FakeCodec) -> None:
        self.network: NetworkId = network.id
        self.settings = network
        self.codec = codec(network)
        self.random = random.Random(seed)
        self.url = f"fake://{network.alias}"
        self.push = ""
        self.fee = 1000
        self.data = 0
        self.rent = 0
        self.final_height = 0
        self.contracts: dict[str, int] = {}
        self.tokens: dict[AssetId, Contract] = {}
        self.moves: dict[str, tuple[Log, ...]] = {}
        self.robs = False
        self.hides_inside = False
        self.paid_inside: set[TxId] = set()
        self.pulled: dict[TxId, Address] = {}
        self.uses: dict[TxId, FakeTx] = {}
        self.delegated: set[str] = set()
        """Addresses that have code."""
        self.pool: dict[TxId, FakeTx] = {}
        self._revert: set[TxId] = set()
        self._mature: dict[TxId, int] = {}
        self._faults: list[str] = []
        self._away = False
        self.delay_s = 0.0
        self.chain: list[Mined] = [Mined(BlockRef(0, self._salt()), "", (), State())]

    # The world outside

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def outside_address(self) -> Address:
        kind = self.settings.address_types[0]
        return self.codec.derive_address(self.random.randbytes(33), kind)

    async def fund(
        self,
        address: Address,
        amount: int,
        *,
        asset: AssetId | None = None,
        mature: int = 0,
        inside: bool = False,
    ) -> TxId:
        """`mature`: so many blocks must pass before it may be spent (coinbase). `inside`: through
        a contract."""
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
        if inside:
            self.paid_inside.add(tx.txid)
        return tx.txid

    def steal(self, address: Address, amount: int = 1) -> TxId:
        """Somebody who has the key of `address` pays from it. Of coins, its oldest is spent
        whole, and what is left comes back to the address."""
        native = self.settings.native.id
        outputs: tuple[FakeOutput, ...] = (FakeOutput(Address("thief"), native, amount),)
        if self.codec.has_coins:
            place, coin = next(
                (place, coin) for place, coin in self.state.coins.items() if coin[0] == address
            )
            inputs = (FakeInput(*place, coin[1], address, None),)
            rest = coin[1] - amount - self.fee
            outputs += (FakeOutput(address, native, rest),) if rest > 0 else ()
            tx = FakeTx(self.network, inputs, outputs, self.fee)
        else:
            nonce = self.state.nonces.get(address, 0)
            paying = (FakeInput("", None, 0, address, None),)
            tx = FakeTx(self.network, paying, outputs, self.fee, nonce)
        self.pool[tx.txid] = tx
        return tx.txid

    async def pull(self, address: Address, amount: int, *, asset: AssetId) -> TxId:
        """A contract takes a token from `address`; somebody else pays for the transaction."""
        txid = await self.fund(OUTSIDE, amount, asset=asset)
        self.pulled[txid] = address
        return txid

    async def submit(self, raw: bytes) -> TxId:
        """Somebody outside submits a payment that its payer signed apart, and pays for it."""
        said = self.codec.open_raw(raw)
        (out,) = said.outputs
        txid = await self.fund(out.address, out.amount, asset=out.asset)
        self.pulled[txid], self.uses[txid] = said.inputs[0].address, said
        return txid

    async def mine(self, blocks: int = 1, *, skip: int = 0) -> None:
        """`skip`: heights that stay empty before the next block (Solana's slots)."""
        for _ in range(blocks):
            self._mine(skip)

    async def finalize(self) -> None:
        confirmations = self.settings.finality.confirmations
        if confirmations is None:
            self.final_height = self.tip.height
        else:
            await self.mine(confirmations - 1)

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

    def find(self, ref: BlockRef) -> Mined | None:
        return next((block for block in self.chain if block.ref == ref), None)

    def locate(self, txid: TxId) -> tuple[Mined, Included] | None:
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
        state = parent.state.copied()
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
        self.chain.append(Mined(ref, parent.ref.hash, tuple(included), state))

    def _execute(self, state: State, tx: FakeTx, height: int) -> Included | None:
        """Change the state, or leave it alone and say None: the transaction can't be included."""
        first = tx.inputs[0]
        if tx.txid in self.pulled:
            return self._execute_pulled(state, tx, height)
        if first.address == OUTSIDE:
            logs = self._logs(OUTSIDE, tx)
            if logs is None:
                return None
            self._pay(state, tx, logs)
            if tx.txid in self.paid_inside:
                passed = tuple((OUTSIDE, out.address, out.amount) for out in tx.outputs)
                return Included(tx, self.fee, inside=passed)
            mature = self._mature.get(tx.txid)
            until = None if mature is None else height + mature
            return Included(tx, self.fee, mature=until, logs=logs)
        if self.codec.has_coins:
            return self._execute_coins(state, tx)
        return self._execute_account(state, tx, height)

    def _execute_pulled(self, state: State, tx: FakeTx, height: int) -> Included | None:
        """The contract asks nobody, and nobody pays more than he has. What was signed apart is paid
        once and in its time."""
        (out,), payer, said = tx.outputs, self.pulled[tx.txid], self.uses.get(tx.txid)
        if said is not None:
            logs = self._submit(state, said, height)
        elif state.balances.get((payer, out.asset), 0) < out.amount:
            logs = None
        else:
            logs = (Log(payer, out.address, out.asset, out.amount),)
        if logs is None:
            return None
        self._pay(state, tx, logs)
        return Included(tx, self.fee, logs=logs)

    def _submit(self, state: State, said: FakeTx, height: int) -> tuple[Log, ...] | None:
        """What the token's contract makes of a payment that was signed apart; None: it refuses."""
        (out,), payer = said.outputs, said.inputs[0].address
        name = (payer, said.apart or "")
        contract = contract_of(self.tokens, out.asset)
        if height > (said.expires or 0) or name in state.used:
            return None
        if contract.refusal(payer, out.address) is not None:
            return None
        if state.balances.get((payer, out.asset), 0) < out.amount:
            return None
        state.used.add(name)
        return (Log(payer, out.address, out.asset, out.amount),)

    def _execute_coins(self, state: State, tx: FakeTx) -> Included | None:
        native = self.settings.native.id
        places = [(each.txid, each.position or 0) for each in tx.inputs]
        if any(place not in state.coins for place in places):
            return None
        for place in places:
            address, amount = state.coins.pop(place)
            state.give(address, native, -amount)
        self._pay(state, tx)
        return Included(tx, tx.fee_max)

    def _execute_account(self, state: State, tx: FakeTx, height: int) -> Included | None:
        sender, native = tx.inputs[0].address, self.settings.native.id
        if tx.expires is not None and (height > tx.expires or self.locate(tx.txid) is not None):
            return None  # once it is in a block no other one takes it, whoever sends it again
        if tx.expires is None and state.nonces.get(sender, 0) != tx.nonce:
            return None
        fee, locked = min(self.fee, tx.fee_max), tx.rent
        reverted = tx.txid in self._revert
        needed: dict[str, int] = {native: fee + self.data + locked}
        for out in tx.outputs:
            needed[out.asset] = needed.get(out.asset, 0) + out.amount
        lacking = {each for each in needed if state.balances.get((sender, each), 0) < needed[each]}
        if native in lacking:
            return None
        reverted = reverted or bool(lacking)  # a token's contract says so itself
        state.nonces[sender] = state.nonces.get(sender, 0) + 1
        said = self.codec.submitted(tx)
        logs = None if reverted else self._logs(sender, tx)
        if said is not None and logs is not None:
            logs = self._submit(state, said, height)
        moved = self.moves.get(_called(tx), ())
        if logs is None or not _do_what_is_asked(tx, native, logs):
            state.give(sender, native, -fee - self.data)
            lost = moved if self.robs else logs or ()
            self._move(state, lost)
            return Included(tx, fee, reverted=True, data=self.data, logs=lost)
        logs = (*logs, *moved)
        state.give(sender, native, -needed[native])
        self._pay(state, tx, logs)
        back = [(out.address, self.contracts.get(out.address, 0)) for out in tx.outputs]
        for contract, amount in back:
            state.give(contract, native, -amount)
            state.give(sender, native, amount)
        inside = tuple((contract, sender, amount) for contract, amount in back if amount)
        return Included(tx, fee, locked, inside=inside, data=self.data, logs=logs)

    def _logs(self, payer: str, tx: FakeTx) -> tuple[Log, ...] | None:
        """What its tokens move; None: it reverts."""
        found: list[Log] = []
        for out in tx.outputs:
            if out.asset == self.settings.native.id:
                continue
            contract = contract_of(self.tokens, out.asset)
            moves = contract.moves(payer, out.address, out.asset, out.amount)
            if moves is None:
                return None
            found += moves
        return tuple(found)

    def _pay(self, state: State, tx: FakeTx, logs: tuple[Log, ...] = ()) -> None:
        for position, out in enumerate(tx.outputs):
            if out.asset == self.settings.native.id:
                state.give(out.address, out.asset, out.amount)
            if self.codec.has_coins:
                state.coins[tx.txid, position] = (out.address, out.amount)
        self._move(state, logs)

    def _move(self, state: State, logs: tuple[Log, ...]) -> None:
        for payer, payee, asset, units in logs:
            if payer != OUTSIDE:
                state.give(payer, asset, -units)
            state.give(payee, asset, units)

    def _salt(self) -> str:
        return self.random.randbytes(32).hex()


def _called(tx: FakeTx) -> str:
    """The contract that is called, if one is."""
    effect = None if tx.call is None else parse_effect(json.loads(tx.call))
    return effect.contract if isinstance(effect, Call) else ""


def _do_what_is_asked(tx: FakeTx, native: AssetId, logs: tuple[Log, ...]) -> bool:
    """Whether of each token something came to who was to be paid."""
    came = {(log.payee, log.asset) for log in logs}
    return all(out.asset == native or (out.address, out.asset) in came for out in tx.outputs)
