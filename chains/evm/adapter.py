"""One EVM node: blocks and their credits, fees, nonces, broadcasting and what became of it.

Holds no key. Decides nothing about money: what is final, what may be spent and which nonces are
taken is the caller's knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from chains.answers import Answers, attempt, chunks, found
from chains.balances import each_balance
from chains.block import Block, Movement, Reading
from chains.costs import CostKind, above, costs_in
from chains.effects import Pay
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ChainError,
    ClaimUnusable,
    InvalidInput,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.evm import ADDRESS_TYPE, build, crediting, quotes, shrink, tracing
from chains.evm.codec import EvmCodec
from chains.evm.rpc import NO_SUCH_METHOD, NodeConnection, RpcError, ask, reading
from chains.evm.traits import Trait, l1_data_fee, traits_of
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    InternalCredits,
    OwnedAddress,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import TransferIntent, TxState, TxStatus
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call

_TOGETHER: Final = 50
"""Transactions that are judged from one request: two questions each."""
_TRACER: Final = {"tracer": "callTracer"}


class EvmAdapter:
    """`chains.adapter.ChainAdapter` of one EVM network at one node.

    `timeout_s` bounds each request. Contracts' payments to us are seen where the network is
    configured with traces and the node has `debug_traceBlockByHash`; `capabilities` says so.
    """

    def __init__(
        self, network: Network, endpoint: str | Endpoint, *, timeout_s: float = 10.0
    ) -> None:
        self._network = network
        self._codec = EvmCodec(network)
        self._node = NodeConnection(endpoint, timeout_s)
        self._traceable = network.parameters.get("traces") == "debug"
        self._internal = InternalCredits.UNKNOWN if self._traceable else InternalCredits.UNSEEN
        self._tip_height = 0

    @property
    def codec(self) -> EvmCodec:
        return self._codec

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            historic_balance=True,
            internal_credits=self._internal,
            read_depth=tracing.STATE_DEPTH if self._traceable else None,
        )

    async def check(self) -> None:
        """Also finds out whether the node traces blocks, unless it is known that it does. Only here
        a node becomes one that doesn't: `block` fails rather than overlook what contracts pay."""
        served, expected = await ask(self._node.eth.chain_id), self._network.number("chain_id")
        if served != expected:
            raise WrongChain(f"the node serves chain id {served}, not {expected}")
        if self._traceable and self._internal is not InternalCredits.SEEN:
            self._internal = await self._probe()

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await each_balance(self, addresses, asset, at)

    async def close(self) -> None:
        await self._node.close()

    async def tip(self) -> BlockRef:
        tip = await self._head("latest")
        self._tip_height = max(self._tip_height, tip.height)
        return tip

    async def finalized(self) -> BlockRef | None:
        """None where the node has no such block: its software is too old, or nothing has told it
        what is final. Nodes word that differently, so any error about the question counts."""
        try:
            found = await self._node.call("eth_getBlockByNumber", "finalized", False)
        except RpcError as error:
            if error.transient and error.number not in NO_SUCH_METHOD:
                raise
            return None
        if found is None:
            return None
        with reading("a block"):
            return _ref(found)

    async def block(self, height: int) -> Block:
        """What contracts pay is missing (`Reading.WITHOUT_INTERNAL`) where the node does not trace
        at all, and in old blocks of which it no longer has the state."""
        found = await self._full_block(height)
        with reading("a block"):
            credits_, seen = await self._credits(found, height)
            return _block(found, credits_, seen)

    async def salvage(self, height: int) -> Block:
        found = await self._full_block(height)
        with reading("a block"):
            try:
                return _block(found, await self._by_receipts(found), Reading.WITHOUT_INTERNAL)
            except (NodeUnavailable, NodeMisbehaved):
                return _block(found, (), Reading.PASSED)

    async def block_ref(self, height: int) -> BlockRef:
        found = await self._head(hex(height))
        if found.height != height:
            raise NodeMisbehaved(f"block {found.height} where {height} was asked for")
        return found

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        assert asset == self._network.native.id
        # By hash (EIP-1898): by height, a node on another branch would answer something else.
        where = "latest" if at is None else {"blockHash": at.hash, "requireCanonical": True}
        balance = await self._node.call("eth_getBalance", address, where)
        with reading("a balance"):
            return int(balance, 16)

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """The lowest nonces that are neither used on the chain nor taken, one after the other.

        A transaction that waits in the node's pool but is nobody's in `taken` (custody restored
        from an older backup, say) does not push the nonce up: taking the same nonce means that at
        most one of the two is ever included, which is the safe side.
        """
        given: set[ConflictKey] = set()

        def choose(intent: TransferIntent, quote: quotes.Quote | ChainError) -> tuple[ConflictKey]:
            source, _ = _parties(intent)
            nonce = found(quote).nonce
            while (key := self._nonce_key(source, nonce)) in intent.taken or key in given:
                nonce += 1
            given.add(key)
            return (key,)

        quoted = zip(intents, await self._quotes(intents), strict=True)
        return [attempt(partial(choose, intent, quote)) for intent, quote in quoted]

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        quoted = zip(intents, await self._quotes(intents), strict=True)
        return [attempt(partial(self._build, intent, quote)) for intent, quote in quoted]

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        sent = await self._node.each(
            [("eth_sendRawTransaction", ("0x" + tx.raw.hex(),)) for tx in txs]
        )
        refused = [tx for tx, said in zip(txs, sent, strict=True) if isinstance(said, RpcError)]
        # Nodes word "I have it" differently; whether the node has it is the better question.
        known = iter(
            await self._node.each([("eth_getTransactionByHash", (tx.txid,)) for tx in refused])
        )
        return [
            attempt(partial(_sent, tx, said, next(known) if isinstance(said, RpcError) else None))
            for tx, said in zip(txs, sent, strict=True)
        ]

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        """Each judged about one block of one node: the receipt and the block at its height come in
        one request. A node in the middle of a reorg may still show a receipt of the branch it
        leaves."""
        judged: Answers[TxStatus] = []
        for part in chunks(txids, _TOGETHER):
            judged += await self._judged(part)
        return judged

    def _nonce_key(self, source: OwnedAddress, nonce: int) -> ConflictKey:
        return build.nonce_key(self._network.id, source.address, nonce)

    async def _quotes(self, intents: Sequence[TransferIntent]) -> Answers[quotes.Quote]:
        wishes = []
        for intent in intents:
            source, payment = _parties(intent)
            fee_max, data_max = (
                intent.costs_max.get((self._network.native.id, kind), 0)
                for kind in (CostKind.FEE, CostKind.L1_DATA)
            )
            wishes.append(
                quotes.Wish(source.address, payment.address, payment.amount, fee_max, data_max)
            )
        return await quotes.quotes(self._node, self._network, wishes) if wishes else []

    def _build(self, intent: TransferIntent, quote: quotes.Quote | ChainError) -> UnsignedTx:
        source, payment = _parties(intent)
        self._codec.check_payment(payment)
        if payment.address == source.address:
            raise InvalidInput("the transfer pays its own source")
        keys = [
            build.parse_nonce_key(self._network.id, source.address, key) for key in intent.claim
        ]
        if len(keys) != 1 or keys[0] is None:
            raise ClaimUnusable("the claim is not one nonce of the source")
        nonce, quoted = keys[0], found(quote)
        if nonce < quoted.nonce:
            raise ClaimUnusable(f"nonce {nonce} of {source.address} is used on the chain")
        transfer = build.transfer(
            self._network,
            nonce=nonce,
            to=payment.address,
            value=payment.amount,
            gas=quoted.gas,
            fee_per_gas_max=quoted.fee_per_gas_max,
            priority_fee=quoted.priority_fee,
        )
        tx = UnsignedTx(self._network.id, build.encode_unsigned(transfer), source.address)
        self._check_built(tx, intent)
        return tx

    def _status(self, receipt: Any, block: Any) -> TxStatus:
        with reading("a receipt"):
            if receipt is None or block is None or _including(receipt) != _ref(block):
                return TxStatus(TxState.PENDING)
            return _outcome(receipt, self._network)

    async def _judged(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        """Where they are, then for those in a block receipt and block together."""
        asked: list[Call] = [("eth_getTransactionReceipt", (txid,)) for txid in txids]
        asked += [("eth_getTransactionByHash", (txid,)) for txid in txids]
        answers = await self._node.each(asked)
        receipts, waiting = answers[: len(txids)], answers[len(txids) :]
        heights = [attempt(partial(_height, receipt)) for receipt in receipts]
        included = [at for at, height in enumerate(heights) if isinstance(height, str)]
        blocks = list(dict.fromkeys(height for height in heights if isinstance(height, str)))
        again: list[Call] = [("eth_getTransactionReceipt", (txids[at],)) for at in included]
        again += [("eth_getBlockByNumber", (height, False)) for height in blocks]
        answers = await self._node.each(again)
        receipt_at = dict(zip(included, answers, strict=False))
        block_at = dict(zip(blocks, answers[len(included) :], strict=True))

        def judge(at: int) -> TxStatus:
            height = found(heights[at])
            if height is None:
                seen = found(waiting[at]) is not None
                return TxStatus(TxState.PENDING if seen else TxState.UNKNOWN)
            return self._status(found(receipt_at[at]), found(block_at[height]))

        return [attempt(partial(judge, at)) for at in range(len(txids))]

    def _check_built(self, tx: UnsignedTx, intent: TransferIntent) -> None:
        """The bytes, read back, do what was intended: nobody else looks before they are stored."""
        summary = self._codec.summarize(tx)
        assert summary.effects == intent.effects
        assert summary.conflict_keys == frozenset(intent.claim)
        assert above(summary.costs.most, intent.costs_max) is None
        assert not summary.unexplained, summary.unexplained

    async def _head(self, tag: str) -> BlockRef:
        found = await self._node.call("eth_getBlockByNumber", tag, False)
        if found is None:
            raise NodeUnavailable(f"the node has no {tag} block yet")
        with reading("a block"):
            return _ref(found)

    async def _full_block(self, height: int) -> dict[str, Any]:
        found: dict[str, Any] | None = await self._node.call(
            "eth_getBlockByNumber", hex(height), True, reader=shrink.block
        )
        if found is None:
            raise NodeUnavailable(f"the node has no block {height} yet")
        with reading("a block"):
            ref = _ref(found)
        if ref.height != height:
            raise NodeMisbehaved(f"block {ref.height} where {height} was asked for")
        return found

    async def _credits(
        self, block: dict[str, Any], height: int
    ) -> tuple[tuple[Movement, ...], Reading]:
        if not block["transactions"]:
            return crediting.from_receipts(self._network, block, ()), Reading.COMPLETE
        if self._internal is not InternalCredits.UNSEEN:
            try:
                return await self._by_traces(block), Reading.COMPLETE
            except RpcError as error:
                await self._judge(error, height)
        return await self._by_receipts(block), Reading.WITHOUT_INTERNAL

    async def _by_traces(self, block: dict[str, Any]) -> tuple[Movement, ...]:
        traces = await self._node.call(
            "debug_traceBlockByHash", block["hash"], _TRACER, reader=shrink.traces
        )
        self._internal = InternalCredits.SEEN
        receipts = None
        if crediting.needs_receipts(self._network, block, traces):
            receipts = await self._receipts(block)
        return crediting.from_traces(self._network, block, traces, receipts)

    async def _by_receipts(self, block: dict[str, Any]) -> tuple[Movement, ...]:
        return crediting.from_receipts(self._network, block, await self._receipts(block))

    async def _receipts(self, block: dict[str, Any]) -> Any:
        return await self._node.call("eth_getBlockReceipts", block["hash"], reader=shrink.receipts)

    async def _judge(self, error: RpcError, height: int) -> None:
        """Return if receipts will have to do for the block that was not traced. Else raise, also
        when the method is suddenly unknown: it may be one of many nodes behind the URL, and `check`
        finds out."""
        if error.number in NO_SUCH_METHOD:
            self._internal = InternalCredits.UNKNOWN
            raise error
        if not self._tip_height:
            await self.tip()
        if not tracing.is_gone(error.reason, self._tip_height - height):
            raise BlockUnreadable(f"not traced: {error}", height=height) from error

    async def _probe(self) -> InternalCredits:
        """Traces the newest block. An error about that one block says nothing about the method."""
        for _ in range(tracing.PROBES):
            head = await self.tip()
            try:
                await self._node.call(
                    "debug_traceBlockByHash", head.hash, _TRACER, reader=shrink.traces
                )
            except RpcError as error:
                if error.number not in NO_SUCH_METHOD:
                    return InternalCredits.UNKNOWN
            else:
                return InternalCredits.SEEN
        return InternalCredits.UNSEEN


def _block(found: dict[str, Any], credits_: tuple[Movement, ...], seen: Reading) -> Block:
    return Block(
        ref=_ref(found),
        parent_hash=found["parentHash"],
        timestamp=int(found["timestamp"], 16),
        movements=credits_,
        reading=seen,
    )


def _ref(block: dict[str, Any]) -> BlockRef:
    return BlockRef(int(block["number"], 16), block["hash"])


def _including(receipt: dict[str, Any]) -> BlockRef:
    return BlockRef(int(receipt["blockNumber"], 16), receipt["blockHash"])


def _height(receipt: Any) -> str | None:
    """Of the block that a receipt names; None without one."""
    if found(receipt) is None:
        return None
    with reading("a receipt"):
        return hex(_including(receipt).height)


def _sent(tx: SignedTx, said: Any, known: Any) -> Broadcast:
    """What a node's answer to the bytes means. `known`: what it shows of a refused transaction."""
    if not isinstance(said, RpcError):
        if str(found(said)).lower() != tx.txid:
            raise NodeMisbehaved("the node took another transaction than it was given")
        return Broadcast.ACCEPTED
    if found(known) is not None:
        return Broadcast.ALREADY_KNOWN
    if said.transient:
        raise said
    raise BroadcastRejected(said.reason)


def _outcome(receipt: dict[str, Any], network: Network) -> TxStatus:
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    charged = Trait.L1_DATA_FEE in traits_of(network)
    data = l1_data_fee.taken(receipt) if charged else 0
    costs = costs_in(network.native.id, {CostKind.FEE: fee, CostKind.L1_DATA: data})
    if int(receipt["status"], 16) == 1:
        return TxStatus(TxState.INCLUDED, _including(receipt), costs)
    return TxStatus(TxState.REVERTED, _including(receipt), costs, reason="receipt status 0")


def _parties(intent: TransferIntent) -> tuple[OwnedAddress, Pay]:
    """Who pays and what: an EVM transaction has one payer and one payment."""
    assert intent.source is not None
    assert intent.source.address_type is ADDRESS_TYPE
    (payment,) = intent.effects
    return intent.source, payment
