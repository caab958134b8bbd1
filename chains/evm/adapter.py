"""One EVM node: blocks and their credits, fees, nonces, broadcasting and what became of it.

Holds no key. Decides nothing about money: what is final, what may be spent and which nonces are
taken is the caller's knowledge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from eth_typing import ChecksumAddress, HexAddress, HexStr
from web3 import AsyncWeb3

from chains.balances import each_balance
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    BuildError,
    ClaimUnusable,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.evm import ADDRESS_TYPE, TRANSFER_GAS, build, crediting, death, fees, shrink, tracing
from chains.evm.codec import EvmCodec
from chains.evm.rpc import NO_SUCH_METHOD, NodeConnection, RpcError, ask, reading
from chains.model import (
    Address,
    AssetId,
    Block,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    Credit,
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
from chains.networks import Network
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call

_FEE_BLOCKS: Final = 10
_FEE_PERCENTILE: Final = 50.0
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
        self._kind = build.Kind(network.text("transaction_type"))
        self._node = NodeConnection(endpoint, timeout_s)
        self._web3 = AsyncWeb3(self._node, middleware=[])
        self._traceable = network.parameters.get("traces") == "debug"
        self._internal = InternalCredits.UNKNOWN if self._traceable else InternalCredits.UNSEEN
        self._tip_height = 0

    @property
    def codec(self) -> EvmCodec:
        return self._codec

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            coins=False,
            historic_balance=True,
            internal_credits=self._internal,
            conflict_keys=True,
            read_depth=tracing.STATE_DEPTH if self._traceable else None,
        )

    async def check(self) -> None:
        """Also finds out whether the node traces blocks, unless it is known that it does. Only here
        a node becomes one that doesn't: `block` fails rather than overlook what contracts pay."""
        served, expected = await ask(self._web3.eth.chain_id), self._network.number("chain_id")
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

    async def claim(self, intent: TransferIntent) -> tuple[ConflictKey, ...]:
        """The lowest nonce that is neither used on the chain nor taken.

        A transaction that waits in the node's pool but is nobody's in `taken` (custody restored
        from an older backup, say) does not push the nonce up: taking the same nonce means that at
        most one of the two is ever included, which is the safe side.
        """
        source, payment = _parties(intent)
        nonce, _ = await asyncio.gather(
            self._confirmed_nonce(source.address), self._quote(intent, source, payment)
        )
        while (key := build.nonce_key(self._network.id, source.address, nonce)) in intent.taken:
            nonce += 1
        return (key,)

    async def prepare(self, intent: TransferIntent) -> UnsignedTx:
        source, payment = _parties(intent)
        self._codec.check_payment(payment)
        keys = [
            build.parse_nonce_key(self._network.id, source.address, key) for key in intent.claim
        ]
        if len(keys) != 1 or keys[0] is None:
            raise ClaimUnusable("the claim is not one nonce of the source")
        nonce = keys[0]
        confirmed, (gas, fee_per_gas_max, priority_fee) = await asyncio.gather(
            self._confirmed_nonce(source.address), self._quote(intent, source, payment)
        )
        if nonce < confirmed:
            raise ClaimUnusable(f"nonce {nonce} of {source.address} is used on the chain")
        transfer = build.transfer(
            self._network,
            nonce=nonce,
            to=payment.address,
            value=payment.amount,
            gas=gas,
            fee_per_gas_max=fee_per_gas_max,
            priority_fee=priority_fee,
        )
        tx = UnsignedTx(self._network.id, build.encode_unsigned(transfer), source.address)
        self._check_built(tx, intent)
        return tx

    async def broadcast(self, tx: SignedTx) -> Broadcast:
        try:
            answer = await ask(self._web3.eth.send_raw_transaction(tx.raw))
        except RpcError as refusal:
            # Nodes word "I have it" differently; whether the node has it is the better question.
            if await self._known(tx.txid):
                return Broadcast.ALREADY_KNOWN
            if refusal.transient:
                raise
            raise BroadcastRejected(refusal.reason) from None
        if answer.to_0x_hex() != tx.txid:
            raise NodeMisbehaved("the node took another transaction than it was given")
        return Broadcast.ACCEPTED

    async def status(self, txid: TxId) -> TxStatus:
        """Judged about one block of one node: the receipt and the block at its height come in one
        request. A node in the middle of a reorg may still show a receipt of the branch it leaves.
        """
        receipt, found = await self._all(
            [("eth_getTransactionReceipt", (txid,)), ("eth_getTransactionByHash", (txid,))]
        )
        if receipt is None:
            return TxStatus(TxState.UNKNOWN if found is None else TxState.PENDING)
        with reading("a receipt"):
            height = hex(_including(receipt).height)
        receipt, block = await self._all(
            [("eth_getTransactionReceipt", (txid,)), ("eth_getBlockByNumber", (height, False))]
        )
        with reading("a receipt"):
            if receipt is None or block is None or _including(receipt) != _ref(block):
                return TxStatus(TxState.PENDING)
            return _outcome(receipt)

    async def proven_dead(self, tx: SignedTx, final: BlockRef) -> str | None:
        """Needs the state of the blocks since the nonce was used, else it can't be proven."""
        return await death.prove_dead(self._node, tx, final)

    def _check_built(self, tx: UnsignedTx, intent: TransferIntent) -> None:
        """The bytes, read back, do what was intended: nobody else looks before they are stored."""
        summary = self._codec.summarize(tx)
        assert summary.payments == intent.payments
        assert summary.conflict_keys == frozenset(intent.claim)
        assert summary.fee_max <= intent.fee_max
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
    ) -> tuple[tuple[Credit, ...], Reading]:
        if not block["transactions"]:
            return crediting.from_receipts(self._network, block, ()), Reading.COMPLETE
        if self._internal is not InternalCredits.UNSEEN:
            try:
                return await self._by_traces(block), Reading.COMPLETE
            except RpcError as error:
                await self._judge(error, height)
        return await self._by_receipts(block), Reading.WITHOUT_INTERNAL

    async def _by_traces(self, block: dict[str, Any]) -> tuple[Credit, ...]:
        traces = await self._node.call(
            "debug_traceBlockByHash", block["hash"], _TRACER, reader=shrink.traces
        )
        self._internal = InternalCredits.SEEN
        receipts = None
        if crediting.needs_receipts(self._network, block, traces):
            receipts = await self._receipts(block)
        return crediting.from_traces(self._network, block, traces, receipts)

    async def _by_receipts(self, block: dict[str, Any]) -> tuple[Credit, ...]:
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

    async def _confirmed_nonce(self, address: Address) -> int:
        return await ask(self._web3.eth.get_transaction_count(_web3_address(address), "latest"))

    async def _quote(
        self, intent: TransferIntent, source: OwnedAddress, payment: Payment
    ) -> tuple[int, int, int]:
        """Gas, greatest fee and priority fee per unit of it. The balance is the chain's: what
        other unfinished transfers will spend of it is for the ledger to hold back."""
        balance, level = await asyncio.gather(
            self.balance(source.address, payment.asset), self._fee_level()
        )
        gas = TRANSFER_GAS
        if balance >= payment.amount:  # else estimating fails, and in other words than ours
            gas = await self._gas(source.address, payment)
        fee = fees.choose_fee(
            level, gas=gas, amount=payment.amount, fee_max=intent.fee_max, balance=balance
        )
        return gas, fee, level.priority

    async def _gas(self, source: Address, payment: Payment) -> int:
        """A payee with code decides itself how much it burns; a quarter is added to its wish."""
        to = _web3_address(payment.address)
        if not await ask(self._web3.eth.get_code(to)):
            return TRANSFER_GAS
        call = {"from": source, "to": to, "value": hex(payment.amount)}
        try:
            estimate = int(await self._node.call("eth_estimateGas", call), 16)
        except RpcError as error:
            if error.transient:
                raise
            raise BuildError(f"the payee is a contract that refuses: {error.reason}") from None
        return estimate + estimate // 4

    async def _fee_level(self) -> fees.FeeLevel:
        if self._kind is build.Kind.LEGACY:
            return fees.legacy_level(await ask(self._web3.eth.gas_price))
        history = await ask(self._web3.eth.fee_history(_FEE_BLOCKS, "latest", [_FEE_PERCENTILE]))
        with reading("a fee history"):
            used = zip(history["gasUsedRatio"], history["reward"], strict=True)
            priority = fees.usual_priority([reward[0] for ratio, reward in used if ratio > 0])
            next_base_fee = history["baseFeePerGas"][-1]
        if priority is None:
            priority = await ask(self._web3.eth.max_priority_fee)
        return fees.eip1559_level(next_base_fee, priority)

    async def _all(self, calls: Sequence[Call]) -> list[Any]:
        """Several answers of one node."""
        answers = await self._node.batch(calls)
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        return answers

    async def _known(self, txid: TxId) -> bool:
        return await self._node.call("eth_getTransactionByHash", txid) is not None


def _block(found: dict[str, Any], credits_: tuple[Credit, ...], seen: Reading) -> Block:
    return Block(
        ref=_ref(found),
        parent_hash=found["parentHash"],
        timestamp=int(found["timestamp"], 16),
        credits=credits_,
        reading=seen,
    )


def _ref(block: dict[str, Any]) -> BlockRef:
    return BlockRef(int(block["number"], 16), block["hash"])


def _including(receipt: dict[str, Any]) -> BlockRef:
    return BlockRef(int(receipt["blockNumber"], 16), receipt["blockHash"])


def _outcome(receipt: dict[str, Any]) -> TxStatus:
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    if int(receipt["status"], 16) == 1:
        return TxStatus(TxState.INCLUDED, _including(receipt), fee)
    return TxStatus(TxState.REVERTED, _including(receipt), fee, reason="receipt status 0")


def _parties(intent: TransferIntent) -> tuple[OwnedAddress, Payment]:
    """Who pays and what: an EVM transaction has one payer and one payment."""
    assert intent.source is not None
    assert intent.source.address_type is ADDRESS_TYPE
    (payment,) = intent.payments
    return intent.source, payment


def _web3_address(address: Address) -> ChecksumAddress:
    """Our canonical form is what web3 calls a checksum address."""
    return ChecksumAddress(HexAddress(HexStr(address)))
