"""TRON through java-tron's HTTP API: follow blocks, prepare transfers, send them, watch them.

Bandwidth is known before anything is signed: `prepare` asks what the transfer would burn as things
stand and compares the worst case with what the intent allows. Inclusion is never taken for
success, and a lost transaction is proven dead by its expiration. Holds no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from chains.adapter import AskedAllowance, Estimated
from chains.answers import Answers, attempt, each_answer, found
from chains.assets import TokenSaid
from chains.balances import Restrained, each_balance
from chains.block import Block, Reading
from chains.costs import Costs, costs_in
from chains.effects import Pay
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ChainError,
    ClaimUnusable,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.inclusion import Proof
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    InternalCredits,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.prices import Prices, rising
from chains.transaction import TransferIntent, TxState, TxStatus
from chains.transport.endpoint import Endpoint
from chains.tron import (
    blocks,
    build,
    contracts,
    fees,
    internal,
    proving,
    tokens,
    transfers,
)
from chains.tron.address import to_bytes
from chains.tron.codec import TronCodec
from chains.tron.prepare import Preparer, number, only, prices_of
from chains.tron.rpc import NodeBlock, TransactionInfo, TronRpc

_GENESIS: Final = 0
_REASON_LENGTH: Final = 200
_LATEST: Final = (1 << 42) - 1
"""Milliseconds: a time in the next century, which is as long as any that we write."""
_PROBE_BLOCKS: Final = 10
"""Half a minute of blocks. On the main network each has contracts that pay."""

# java-tron's answers to a broadcast that speak of the node, not of the transaction.
_NODE_BUSY: Final = frozenset(
    {
        "SERVER_BUSY",
        "NO_CONNECTION",
        "NOT_ENOUGH_EFFECTIVE_CONNECTION",
        "BLOCK_UNSOLIDIFIED",
    }
)
_ADVICE: Final = {
    "SIGERROR": "the account's permissions may have been changed so that its key no longer signs",
    "CONTRACT_VALIDATE_ERROR": "usually the balance no longer covers amount and activation fee",
    "BANDWITH_ERROR": "the account has neither the bandwidth nor the TRX to burn for it",
    "DUP_TRANSACTION_ERROR": "the node refused it before and says so for an hour; another may not",
    "TAPOS_ERROR": "the reference block is not in the node's chain: is it on a fork or far behind?",
    "TRANSACTION_EXPIRATION_ERROR": "too late; wait until it is proven dead, then prepare it anew",
    "TOO_BIG_TRANSACTION_ERROR": "the node's limits are lower than the protocol's",
}


class TronAdapter:
    """Implements `chains.adapter.ChainAdapter`. `endpoint` serves `/wallet` and
    `/walletsolidity`."""

    def __init__(
        self, network: Network, endpoint: str | Endpoint, *, timeout_s: float = 10.0
    ) -> None:
        self.codec: Final = TronCodec(network)
        self._network = network
        self._rpc = TronRpc(endpoint, timeout_s)
        self._preparer = Preparer(network, self.codec, self._rpc)
        self._internal = InternalCredits.UNKNOWN
        self._pairs: dict[int, tuple[bytes, bytes]] = {}
        wrapper = network.parameters.get("wrapper")
        self._wrapper = None if wrapper is None else Address(wrapper)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            historic_balance=False,
            internal_credits=self._internal,
        )

    async def check(self) -> None:
        genesis = await self._rpc.header(_GENESIS)
        if genesis.ref.hash != self._network.text("genesis"):
            raise WrongChain(f"the node's genesis block is {genesis.ref.hash}")
        if self._internal is not InternalCredits.SEEN:
            self._internal = await self._probe()

    async def tip(self) -> BlockRef:
        return (await self._rpc.head()).ref

    async def finalized(self) -> BlockRef:
        """The newest solidified block."""
        return (await self._rpc.solidified()).ref

    async def block(self, height: int) -> Block:
        found = await self._rpc.block(height)
        parsed = blocks.parse(found)
        infos = await self._rpc.infos(height) if parsed else ()
        self._learn(infos, height)
        pairs = {each: await self._pair(each) for each in blocks.exchanges(parsed)}
        read = blocks.read(found, parsed, infos, pairs, self._network)
        if read.reading is not Reading.COMPLETE:
            return read
        seen = internal.reading_of(blocks.runs_code(parsed), self._internal)
        return replace(read, reading=seen)

    async def salvage(self, height: int) -> Block:
        found = await self._rpc.header(height)
        return Block(
            ref=found.ref,
            parent_hash=found.parent_hash,
            timestamp=found.timestamp_ms // 1000,
            movements=(),
            reading=Reading.PASSED,
        )

    async def block_ref(self, height: int) -> BlockRef:
        return (await self._rpc.header(height)).ref

    async def describe(self, text: str) -> tuple[AssetId, TokenSaid]:
        """As `tokens.describe`. InvalidAddress."""
        contract = self.codec.parse_address(text).address
        return await tokens.describe(self._rpc, self._network, contract)

    async def code(self, text: str) -> tuple[Address, bool | None]:
        contract = self.codec.parse_address(text).address
        if (await self._rpc.account(to_bytes(contract))).get("type") != "Contract":
            raise NodeMisbehaved(f"the node has no contract at {contract}")
        return contract, None

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """Nothing: TRON transactions consume nothing that excludes another one."""
        return [() for _ in intents]

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        return [ClaimUnusable("keys have no numbers here")] * len(addresses)

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        """Transfers that expire ten to twelve minutes after the head block.

        Beyond the interface InvalidAddress where the recipient is the payer or a contract.
        """
        return await self._preparer.prepare(intents)

    async def estimate(self, intent: TransferIntent) -> Estimated:
        """Beyond the interface as `prepare`."""
        return await self._preparer.estimate(intent)

    async def allowances(self, asked: Sequence[AskedAllowance]) -> Answers[int]:
        return await each_answer(
            asked,
            lambda each: tokens.allowance(
                self._rpc, self._network, each.asset, each.owner, each.spender
            ),
        )

    async def quote(self, intent: TransferIntent) -> Costs:
        """A bound: what is burned follows from bandwidth and accounts at the block that has it, and
        what is not burned stays."""
        assert intent.source is not None
        owner, payment = intent.source.address, only(intent.effects)
        if not isinstance(payment, Pay) or payment.asset != self._network.native.id:
            return intent.costs_max
        most = self._network.native.maximum
        head = (await self._rpc.head()).ref
        longest = build.build_transfer(
            owner,
            payment.address,
            most,
            reference=head,
            expiration_ms=_LATEST,
            timestamp_ms=_LATEST,
        )
        return costs_in(self._network.native.id, fees.most(longest))

    async def broadcast(self, txs: Sequence[SignedTx]) -> Answers[Broadcast]:
        return await each_answer(txs, self._broadcast)

    async def statuses(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        """Judged by the block itself and by the transaction info; both must say it succeeded."""
        infos = await each_answer(txids, self._rpc.info)
        missing = [txid for txid, info in zip(txids, infos, strict=True) if info is None]
        known = dict(zip(missing, await each_answer(missing, self._rpc.knows), strict=True))
        heights = list(
            dict.fromkeys(each.height for each in infos if isinstance(each, TransactionInfo))
        )
        blocks_at = dict(zip(heights, await each_answer(heights, self._rpc.block), strict=True))

        def judge(txid: TxId, answer: TransactionInfo | ChainError | None) -> TxStatus:
            info = found(answer)
            if info is None:
                return TxStatus(TxState.PENDING if found(known[txid]) else TxState.UNKNOWN)
            return self._status(txid, info, found(blocks_at[info.height]))

        return [
            attempt(partial(judge, txid, info)) for txid, info in zip(txids, infos, strict=True)
        ]

    async def prove(self, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
        """With the headers until as many witnesses have signed as make a block solid, or until
        there are no more."""
        whole = await self._rpc.told(block.height, whole=True)
        header, tip = proving.Header(whole), (await self.tip()).height
        following: list[proving.Header] = []
        for height in range(block.height + 1, min(tip, block.height + proving.FOLLOWING_MAX) + 1):
            if proving.enough(header, following):
                break
            following.append(proving.Header(await self._rpc.told(height, whole=False)))
        return proving.proofs(whole, following, txids, block)

    async def prices(self) -> Prices:
        """Of a byte of bandwidth. The chain's parameters fix it: no bid is faster than another."""
        price = prices_of(await self._rpc.parameters()).per_byte
        return rising("sun/byte", price, price, price)

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        return await tokens.restrained(self._rpc, self._network, addresses, asset)

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        """In sun, at the tip. java-tron also counts what waits to be included."""
        assert at is None, "TRON nodes keep no earlier balances"
        if asset != self._network.native.id:
            return await tokens.balance(
                self._rpc, self._network, address, self._network.tokens[asset]
            )
        return number(await self._rpc.account(to_bytes(address)), "balance")

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await each_balance(self, addresses, asset, at)

    async def close(self) -> None:
        await self._rpc.close()

    async def _pair(self, exchange: int) -> tuple[bytes, bytes]:
        if exchange not in self._pairs:
            self._pairs[exchange] = await self._rpc.exchange(exchange)
        return self._pairs[exchange]

    def _learn(self, infos: Iterable[TransactionInfo], height: int) -> None:
        """Raises BlockUnreadable where a payment by a contract is missing from the answer of a node
        that may tell such payments: one of several nodes behind the URL does not. `check` finds out
        whether any does."""
        seen = internal.evidence(infos, self._wrapper)
        if seen is InternalCredits.SEEN:
            self._internal = seen
        elif seen is InternalCredits.UNSEEN and self._internal is not seen:
            self._internal = InternalCredits.UNKNOWN
            raise BlockUnreadable(
                "internal transactions are missing",
                height=height,
                advice="start java-tron with vm.saveInternalTx = true",
            )

    async def _probe(self) -> InternalCredits:
        """What the newest blocks show; what is known already where they show nothing."""
        tip = await self.tip()
        for height in range(tip.height, max(0, tip.height - _PROBE_BLOCKS), -1):
            found = internal.evidence(await self._rpc.infos(height), self._wrapper)
            if found is not InternalCredits.UNKNOWN:
                return found
        return self._internal

    async def _broadcast(self, tx: SignedTx) -> Broadcast:
        answer = await self._rpc.broadcast(tx.raw)
        if answer.get("txid", tx.txid) != tx.txid:
            raise NodeMisbehaved(f"the node calls transaction {tx.txid} {answer['txid']}")
        if answer.get("result") is True:
            return Broadcast.ACCEPTED
        code = str(answer.get("code", ""))
        message = str(answer.get("message", ""))[:_REASON_LENGTH]
        if code in _NODE_BUSY:
            raise NodeUnavailable(f"{code}: {message}")
        # "Duplicate" says only that the node has seen the id, also if it refused it then, and one
        # in a block since long ago is called expired. So what the node holds is asked for.
        if await self._rpc.knows(tx.txid):
            return Broadcast.ALREADY_KNOWN
        raise BroadcastRejected(f"{code}: {message}", advice=_ADVICE.get(code, ""))

    def _status(self, txid: TxId, info: TransactionInfo, block: NodeBlock) -> TxStatus:
        one = next((each for each in block.transactions if each.txid == txid), None)
        if one is None:
            raise NodeUnavailable("the node's chain changed between two answers")
        if not one.result:
            raise NodeMisbehaved("a transaction in a block without its result")
        if not (info.fee or info.bandwidth):
            raise NodeMisbehaved("a transaction that used no bandwidth and burned nothing")
        contract = blocks.contract_of(one)
        failure = blocks.outcome_of(one.result, contract, info)
        state = TxState.REVERTED if failure else TxState.INCLUDED
        costs = costs_in(self._network.native.id, contracts.paid(contract, info))
        if not failure:
            costs |= transfers.withheld(self._network.id, contract, info.moved)
        return TxStatus(state, block.ref, costs, reason=failure)
