"""One EVM node: blocks and what they moved, fees, nonces, broadcasting and what became of it.

Holds no key. Decides nothing about money: what is final, what may be spent and which nonces are
taken is the caller's knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from chains import restraints
from chains.adapter import AskedAllowance, Estimated
from chains.answers import Answers, attempt, chunks, found
from chains.assets import TokenSaid
from chains.balances import Restrained, each_balance
from chains.block import Block
from chains.contracts import missing
from chains.costs import CostKind, Costs, above, costs_in
from chains.effects import Asked, Pay
from chains.errors import (
    CallReverts,
    ChainError,
    ClaimUnusable,
    InvalidInput,
    MalformedTransaction,
    NetworkInvalid,
    NodeMisbehaved,
    TooManyInFlight,
    WrongChain,
)
from chains.evm import (
    ADDRESS_TYPE,
    authorizing,
    becoming,
    build,
    domains,
    erc20,
    orders,
    parse,
    permits,
    proving,
    proxies,
    quotes,
    simulating,
    tokens,
    tracing,
)
from chains.evm.address import to_bytes
from chains.evm.blocks import BlockReader
from chains.evm.codec import EvmCodec
from chains.evm.movements import ref_of
from chains.evm.paying import called, source_of
from chains.evm.rpc import NO_SUCH_METHOD, NodeConnection, RpcError, reading
from chains.inclusion import Proof
from chains.model import (
    Address,
    AssetId,
    BlockRef,
    Broadcast,
    Capabilities,
    ConflictKey,
    OwnedAddress,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.prices import Prices
from chains.restrained import restrained
from chains.simulation import Simulated, Watch
from chains.transaction import TransferIntent, TxState, TxStatus
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call

_TOGETHER: Final = 50
"""Transactions that are judged from one request: two questions each."""


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
        self._blocks = BlockReader(network, self._node)

    @property
    def codec(self) -> EvmCodec:
        return self._codec

    @property
    def capabilities(self) -> Capabilities:
        depth = self._network.parameters.get("trace_depth", tracing.STATE_DEPTH)
        return Capabilities(
            historic_balance=True,
            internal_credits=self._blocks.internal,
            read_depth=depth if self._blocks.traceable else None,
        )

    async def check(self) -> None:
        """Also finds out whether the node traces blocks, unless it is known that it does."""
        served = await (await self._node.questions()).chain_id()
        expected = self._network.number("chain_id")
        if served != expected:
            raise WrongChain(f"the node serves chain id {served}, not {expected}")
        await self._blocks.probe()

    async def balances(
        self, addresses: Sequence[Address], asset: AssetId, at: BlockRef | None = None
    ) -> Mapping[Address, int]:
        return await each_balance(self, addresses, asset, at)

    async def relay(self, method: str, params: Sequence[object]) -> Any:
        return await self._node.relay(method, params)

    async def close(self) -> None:
        await self._node.close()

    async def tip(self) -> BlockRef:
        return await self._blocks.tip()

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
            return ref_of(found)

    async def block(self, height: int) -> Block:
        """What contracts pay is missing (`Reading.WITHOUT_INTERNAL`) where the node does not trace
        at all, and in old blocks of which it no longer has the state."""
        return await self._blocks.read(height)

    async def salvage(self, height: int) -> Block:
        return await self._blocks.salvage(height)

    async def block_ref(self, height: int) -> BlockRef:
        return await self._blocks.ref(height)

    async def prove(self, txids: Sequence[TxId], block: BlockRef) -> Answers[Proof]:
        return await proving.prove(self._node, txids, block)

    async def prices(self) -> Prices:
        return await quotes.prices(self._node, self._network)

    async def quote(self, intent: TransferIntent) -> Costs:
        """A payee with code decides itself what it burns: then a part of the fee comes back. What
        a token costs is no part of it, so its bounds are those of any payment."""
        payer, call = source_of(intent).address, called(self._network, intent)
        if call.data:
            return intent.costs_max
        costs = await quotes.to_empty(self._node, self._network, payer, call.to)
        return costs_in(self._network.native.id, costs)

    async def estimate(self, intent: TransferIntent) -> Estimated:
        payer, call = source_of(intent).address, called(self._network, intent)
        try:
            gas, costs = await quotes.of_call(self._node, self._network, payer, call)
        except CallReverts as error:
            raise await self._helped(intent, error) from error
        return Estimated(gas, costs_in(self._network.native.id, costs))

    async def balance(self, address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        # By hash (EIP-1898): by height, a node on another branch would answer something else.
        where = "latest" if at is None else {"blockHash": at.hash, "requireCanonical": True}
        if asset != self._network.native.id:
            contract = erc20.contract_of(self._network.id, asset)
            method, params = tokens.asking(contract, erc20.balance_of(address), where)
            return tokens.word(await self._node.call(method, *params))
        balance = await self._node.call("eth_getBalance", address, where)
        with reading("a balance"):
            return int(balance, 16)

    async def allowances(self, asked: Sequence[AskedAllowance]) -> Answers[int]:
        """What ends is Permit2's: nothing is left of it in blocks after its end."""
        questions = [tokens.asking(*_allowance_of(self._network, each), "latest") for each in asked]
        head = ("eth_getBlockByNumber", ("latest", False))
        newest, *answers = await self._node.each([head, *questions])
        with reading("the newest block"):
            now = int(found(newest)["timestamp"], 16)
        return [
            attempt(partial(_left, each, answer, now))
            for each, answer in zip(asked, answers, strict=True)
        ]

    async def describe(self, text: str) -> tuple[AssetId, TokenSaid]:
        """The token of a contract, and what it says of itself. InvalidAddress; NodeMisbehaved where
        there is no contract; NetworkInvalid for one whose balances change without a payment."""
        contract = self._codec.parse_address(text).address
        asked = (erc20.SYMBOL, erc20.NAME, erc20.DECIMALS)
        probes = restraints.probes(to_bytes(contract))
        shares = tuple(each + bytes(32) for each in restraints.REBASING)
        signed = domains.questions(contract)
        questions = [
            tokens.asking(contract, each, "latest")
            for each in (*asked, *probes.values(), *signed, *shares)
        ]
        slots = [("eth_getStorageAt", (contract, each, "latest")) for each in proxies.SLOTS]
        asking = [("eth_getCode", (contract, "latest")), *slots, *questions]
        code, *answers = await self._node.batch(asking)
        kept, answers = answers[: len(slots)], answers[len(slots) :]
        if found(code) == "0x":
            raise NodeMisbehaved(f"the node has no contract at {contract}")
        asset = erc20.asset_of(self._network.id, contract)
        if any(tokens.number(each) is not None for each in answers[-len(shares) :]):
            why = "its balances change without a payment, which no books can follow"
            raise NetworkInvalid(why, row=asset)
        told = zip(probes, answers[len(asked) :], strict=False)
        traits = frozenset(trait.value for trait, each in told if tokens.number(each) in (0, 1))
        if any(tokens.word(each) for each in kept):
            traits |= {erc20.CodeTrait.UPGRADEABLE.value}
        words = [tokens.raw(each) for each in answers[-len(signed + shares) : -len(shares)]]
        permits, domain = domains.domain(self._network.number("chain_id"), contract, words)
        said = tokens.said(*answers[: len(asked)])
        return asset, replace(said, traits=traits | permits, domain=domain)

    async def code(self, text: str) -> tuple[Address, bool | None]:
        """As its proxy's slots say (`proxies`)."""
        contract = self._codec.parse_address(text).address
        slots = [("eth_getStorageAt", (contract, each, "latest")) for each in proxies.SLOTS]
        code, *kept = await self._node.batch([("eth_getCode", (contract, "latest")), *slots])
        if found(code) == "0x":
            raise NodeMisbehaved(f"the node has no contract at {contract}")
        return contract, any(tokens.word(each) for each in kept)

    async def restrained(
        self, addresses: Sequence[Address], asset: AssetId
    ) -> Mapping[Address, Restrained]:
        contract = erc20.contract_of(self._network.id, asset)

        async def ask(data: Sequence[bytes]) -> Sequence[int]:
            calls = [tokens.asking(contract, each, "latest") for each in data]
            return [tokens.word(each) for each in await self._node.batch(calls)]

        accounts = {each: to_bytes(each) for each in addresses}
        return await restrained(self._network.tokens[asset], accounts, ask, erc20.balance_of)

    async def claim(self, intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        """The lowest nonces that are neither used on the chain nor taken, one after the other.

        A transaction that waits in the node's pool but is nobody's in `taken` (custody restored
        from an older backup, say) does not push the nonce up: taking the same nonce means that at
        most one of the two is ever included, which is the safe side. A replacement takes the nonce
        of what it replaces. A gap is filled however much waits above it. What is signed apart takes
        no nonce.
        """
        ordinary = [each for each in intents if each.apart is None]
        claimed = iter(await self._claim_nonces(ordinary) if ordinary else [])
        return [
            next(claimed)
            if each.apart is None
            else attempt(partial(authorizing.claim, self._network, each))
            for each in intents
        ]

    async def _claim_nonces(
        self, intents: Sequence[TransferIntent]
    ) -> Answers[tuple[ConflictKey, ...]]:
        given: set[ConflictKey] = set()

        def choose(intent: TransferIntent, quote: quotes.Quote | ChainError) -> tuple[ConflictKey]:
            if intent.replaces is not None:
                return self._nonce_of(intent.replaces)
            source = source_of(intent)
            nonce = found(quote).nonce
            while (key := self._nonce_key(source, nonce)) in intent.taken or key in given:
                nonce += 1
            check_ahead(nonce, found(quote).nonce, intent.ahead_max)
            given.add(key)
            return (key,)

        quoted = zip(intents, await self._quotes(intents), strict=True)
        return [attempt(partial(choose, intent, quote)) for intent, quote in quoted]

    async def next_numbers(self, addresses: Sequence[Address]) -> Answers[int]:
        counted = await self._node.each(
            [("eth_getTransactionCount", (each, "latest")) for each in addresses]
        )
        return [attempt(partial(_count, each)) for each in counted]

    async def prepare(self, intents: Sequence[TransferIntent]) -> Answers[UnsignedTx]:
        ordinary = [each for each in intents if each.apart is None]
        quoted = iter(await self._quotes(ordinary) if ordinary else [])
        return [
            attempt(partial(self._build, each, next(quoted)))
            if each.apart is None
            else await self._prepare_apart(each)
            for each in intents
        ]

    async def is_used(self, tx: UnsignedTx, at: BlockRef) -> bool:
        typed = permits.typed_of(self._network, tx)
        if typed is None:
            raise MalformedTransaction("a transaction, about which no contract is asked")
        return await authorizing.is_used(self._node, typed, at)

    async def _prepare_apart(self, intent: TransferIntent) -> UnsignedTx | ChainError:
        try:
            tx = await authorizing.prepare(self._node, self._network, intent)
        except ChainError as error:
            return error
        self._check_built(tx, intent)
        return tx

    async def simulate(self, payer: Address, effect: Asked, watch: Watch) -> Simulated:
        """Of listed tokens too, whatever `watch` says."""
        source = OwnedAddress(payer, ADDRESS_TYPE, "", b"")
        call = called(self._network, TransferIntent(self._network.id, (effect,), {}, source))
        listed = Watch(watch.assets | self._network.tokens.keys(), watch.allowances)
        return await simulating.simulate(self._node, self._network, payer, call, listed)

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
            attempt(
                partial(
                    becoming.sent, tx, said, next(known) if isinstance(said, RpcError) else None
                )
            )
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

    def _nonce_of(self, tx: UnsignedTx) -> tuple[ConflictKey]:
        (key,) = self._codec.summarize(tx).conflict_keys
        return (key,)

    async def _quotes(self, intents: Sequence[TransferIntent]) -> Answers[quotes.Quote]:
        wishes = [attempt(partial(self._wish, intent)) for intent in intents]
        good = [each for each in wishes if not isinstance(each, ChainError)]
        quoted = iter(await quotes.quotes(self._node, self._network, good) if good else [])
        return [each if isinstance(each, ChainError) else next(quoted) for each in wishes]

    async def _helped(self, intent: TransferIntent, error: CallReverts) -> CallReverts:
        """With what keeps the contract from taking what the call says, if that is it."""
        payer = source_of(intent).address
        taken = missing.takes(self._network, intent.effects)
        asked = [
            tokens.asking(erc20.contract_of(self._network.id, each.token.id), data, "latest")
            for each in taken
            for data in (erc20.balance_of(payer), erc20.allowance(payer, each.spender))
        ]
        answers = [tokens.number(each) for each in await self._node.batch(asked)] if asked else []
        found = list(zip(answers[::2], answers[1::2], strict=True))
        return CallReverts("; ".join([str(error), *missing.words(taken, found)]))

    def _wish(self, intent: TransferIntent) -> quotes.Wish:
        payer, call = source_of(intent).address, called(self._network, intent)
        fee_max, data_max = (
            intent.costs_max.get((self._network.native.id, kind), 0)
            for kind in (CostKind.FEE, CostKind.L1_DATA)
        )
        other = None if intent.replaces is None else parse.unsigned(intent.replaces.payload)
        empties = intent.empties and other is None and not call.data
        return quotes.Wish(payer, call, fee_max, data_max, other, empties)

    def _build(self, intent: TransferIntent, quote: quotes.Quote | ChainError) -> UnsignedTx:
        source, call = source_of(intent), called(self._network, intent)
        for effect in intent.effects:
            if isinstance(effect, Pay):
                self._codec.check_payment(effect)
                if effect.address == source.address:
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
            to=call.to,
            value=call.value,
            data=call.data,
            gas=quoted.gas,
            fee_per_gas_max=quoted.fee_per_gas_max,
            priority_fee=quoted.priority_fee,
        )
        tx = UnsignedTx(self._network.id, build.encode_unsigned(transfer), source.address)
        self._check_built(tx, intent)
        return tx

    def _status(self, tx: Any, receipt: Any, block: Any) -> TxStatus:
        with reading("a receipt"):
            if None in (tx, receipt, block) or becoming.including(receipt) != ref_of(block):
                return TxStatus(TxState.PENDING)
            return becoming.status(tx, receipt, self._network)

    async def _judged(self, txids: Sequence[TxId]) -> Answers[TxStatus]:
        """Where they are, then for those in a block receipt and block together."""
        asked: list[Call] = [("eth_getTransactionReceipt", (txid,)) for txid in txids]
        asked += [("eth_getTransactionByHash", (txid,)) for txid in txids]
        answers = await self._node.each(asked)
        receipts, waiting = answers[: len(txids)], answers[len(txids) :]
        heights = [attempt(partial(becoming.height, receipt)) for receipt in receipts]
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
            return self._status(found(waiting[at]), found(receipt_at[at]), found(block_at[height]))

        return [attempt(partial(judge, at)) for at in range(len(txids))]

    def _check_built(self, tx: UnsignedTx, intent: TransferIntent) -> None:
        """The bytes, read back, do what was intended: nobody else looks before they are stored."""
        summary = self._codec.summarize(tx)
        assert summary.effects == intent.effects
        assert summary.conflict_keys == frozenset(intent.claim)
        assert above(summary.costs.most, intent.costs_max) is None
        assert not summary.unexplained, summary.unexplained


def check_ahead(nonce: int, first: int, ahead_max: int | None) -> None:
    """`first`: the first that no block has used. Nodes keep so many of an address and drop the
    rest. Raises TooManyInFlight."""
    if ahead_max is not None and nonce >= first + ahead_max:
        raise TooManyInFlight(f"{ahead_max} transactions of the address wait for a block")


def _count(answer: Any) -> int:
    with reading("a count"):
        return int(found(answer), 16)


def _allowance_of(network: Network, asked: AskedAllowance) -> tuple[Address, bytes]:
    """Who is asked, and what."""
    token = erc20.contract_of(network.id, asked.asset)
    if asked.ends:
        return orders.PERMIT2, orders.question(asked.owner, token, asked.spender)
    return token, erc20.allowance(asked.owner, asked.spender)


def _left(asked: AskedAllowance, answer: Any, now: int) -> int:
    return orders.left(tokens.raw(answer), now) if asked.ends else tokens.word(answer)
