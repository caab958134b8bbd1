"""TRON through java-tron's HTTP API: follow blocks, prepare transfers, send them, watch them.

Bandwidth is known before anything is signed: `prepare` asks what the transfer would burn as things
stand and compares the worst case with what the intent allows. Inclusion is never taken for
success, and a lost transaction is proven dead by its expiration. Holds no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from secrets import randbelow
from typing import Any, Final

from chains.answers import Answers, attempt, each_answer, found
from chains.assets import TokenSaid
from chains.balances import Restrained, each_balance
from chains.block import Block, Reading
from chains.costs import Costs, check_within, costs_in
from chains.effects import Asked, Pay
from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ChainError,
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    InsufficientGas,
    InvalidAddress,
    InvalidAmount,
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
    LIFETIME_MS,
    LIFETIME_SPREAD_MS,
    SUN_PER_BYTE,
    TIMESTAMP_SPREAD_MS,
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
from chains.tron.calling import calling_of
from chains.tron.codec import TronCodec
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


@dataclass(frozen=True, slots=True)
class _Now:
    """What the chain says at this moment of payers, recipients and prices."""

    prices: fees.Prices
    head: NodeBlock
    solidified: NodeBlock
    accounts: Mapping[Address, dict[str, Any] | ChainError]
    resources: Mapping[Address, dict[str, Any] | ChainError]
    calls: Mapping[tuple[Address, Asked], tokens.Call | ChainError]


class TronAdapter:
    """Implements `chains.adapter.ChainAdapter`. `endpoint` serves `/wallet` and
    `/walletsolidity`."""

    def __init__(
        self, network: Network, endpoint: str | Endpoint, *, timeout_s: float = 10.0
    ) -> None:
        self.codec: Final = TronCodec(network)
        self._network = network
        self._rpc = TronRpc(endpoint, timeout_s)
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
        wanted = [attempt(partial(self._wanted, intent)) for intent in intents]
        now = await self._look([each for each in wanted if not isinstance(each, ChainError)])
        return [
            attempt(partial(self._build, intent, each, now))
            for intent, each in zip(intents, wanted, strict=True)
        ]

    async def quote(self, intent: TransferIntent) -> Costs:
        """A bound: what is burned follows from bandwidth and accounts at the block that has it, and
        what is not burned stays."""
        assert intent.source is not None
        owner, payment = intent.source.address, _only(intent.effects)
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
        price = _prices(await self._rpc.parameters()).per_byte
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
        return _number(await self._rpc.account(to_bytes(address)), "balance")

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

    def _wanted(self, intent: TransferIntent) -> tuple[Address, Asked]:
        """Who does what."""
        assert intent.network == self._network.id, intent.network
        assert intent.source is not None, "TRON pays from an account"
        assert not intent.claim, "TRON claims nothing"
        owner, effect = intent.source.address, _only(intent.effects)
        if not isinstance(effect, Pay):
            self.codec.check_call(effect, owner)
            return owner, effect
        self.codec.check_payment(effect)
        if effect.address == owner:
            raise InvalidAddress("the chain refuses payments to oneself")
        return owner, effect

    async def _look(self, wanted: Sequence[tuple[Address, Asked]]) -> _Now:
        """Everything that the set's transactions rest on, each thing asked once."""
        prices = _prices(await self._rpc.parameters())
        head, solidified = await self._rpc.head(), await self._rpc.solidified()
        owners = list(dict.fromkeys(owner for owner, _ in wanted))
        payees = (effect.address for _, effect in wanted if isinstance(effect, Pay))
        both = list(dict.fromkeys([*owners, *payees]))
        accounts = await each_answer(both, lambda each: self._rpc.account(to_bytes(each)))
        resources = await each_answer(owners, lambda each: self._rpc.resources(to_bytes(each)))
        told = [each for each in dict.fromkeys(wanted) if not self._is_of_coins(each[1])]
        calls = await each_answer(told, lambda each: self._call(*each))
        return _Now(
            calls=dict(zip(told, calls, strict=True)),
            prices=prices,
            head=head,
            solidified=solidified,
            accounts=dict(zip(both, accounts, strict=True)),
            resources=dict(zip(owners, resources, strict=True)),
        )

    def _is_of_coins(self, effect: Asked) -> bool:
        return isinstance(effect, Pay) and effect.asset == self._network.native.id

    async def _call(self, owner: Address, effect: Asked) -> tokens.Call:
        if isinstance(effect, Pay):
            return await tokens.call(self._rpc, self._network, owner, effect)
        return await tokens.tried(self._rpc, owner, calling_of(self._network).of(effect, owner))

    def _build(
        self, intent: TransferIntent, wanted: tuple[Address, Asked] | ChainError, now: _Now
    ) -> UnsignedTx:
        """Refers to the solidified block, which no reorganisation removes."""
        owner, payment = found(wanted)
        if not isinstance(payment, Pay) or not self._is_of_coins(payment):
            return self._build_call(intent, owner, payment, now)
        payload = build.build_transfer(
            owner,
            payment.address,
            payment.amount,
            reference=now.solidified.ref,
            expiration_ms=now.head.timestamp_ms + LIFETIME_MS + randbelow(LIFETIME_SPREAD_MS),
            timestamp_ms=max(0, now.head.timestamp_ms - randbelow(TIMESTAMP_SPREAD_MS)),
        )
        tx = UnsignedTx(self._network.id, payload)
        self._check_fee_and_funds(tx, intent, owner, payment, now)
        return tx

    def _build_call(
        self, intent: TransferIntent, owner: Address, effect: Asked, now: _Now
    ) -> UnsignedTx:
        """The fee limit covers all energy, what is staked too: java-tron counts it so
        (`VMActuator.getAccountEnergyLimitWithFixRatio`)."""
        call = found(now.calls[owner, effect])
        if now.prices.energy <= 0:
            raise NodeMisbehaved("the chain parameters lack getEnergyFee")
        payload = build.build_call(
            owner,
            call.contract,
            call.data,
            value=call.value,
            fee_limit=call.energy * now.prices.energy,
            reference=now.solidified.ref,
            expiration_ms=now.head.timestamp_ms + LIFETIME_MS + randbelow(LIFETIME_SPREAD_MS),
            timestamp_ms=max(0, now.head.timestamp_ms - randbelow(TIMESTAMP_SPREAD_MS)),
        )
        tx = UnsignedTx(self._network.id, payload)
        summary = self.codec.summarize(tx)
        assert summary.effects == (effect,) and not summary.unexplained, "built something else"
        if now.prices.per_byte > SUN_PER_BYTE:
            raise FeeAboveMaximum("the chain charges more for a byte than this software knows")
        check_within(summary.costs.most, intent.costs_max)
        resources = found(now.resources[owner])
        staked = _number(resources, "EnergyLimit") - _number(resources, "EnergyUsed")
        size = fees.charged_bytes(payload)
        expected = fees.expected_fee(size, _bandwidth(resources), now.prices, activates=False)
        expected += max(0, call.energy - max(0, staked)) * now.prices.energy
        balance = _number(found(now.accounts[owner]), "balance")
        if balance < call.value + expected:
            symbol, with_it = self._network.native.symbol, f"{call.value} with the call and "
            needed = f"{with_it if call.value else ''}{expected} to burn"
            raise InsufficientGas(f"{symbol} for energy: {balance} sun of {needed}")
        return tx

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

    def _check_fee_and_funds(
        self, tx: UnsignedTx, intent: TransferIntent, owner: Address, payment: Pay, now: _Now
    ) -> None:
        if fees.exceeds_known(now.prices):
            raise FeeAboveMaximum(
                "the chain charges more than this software knows",
                advice="raise the fee constants of chains/tron after checking the chain's vote",
            )
        summary = self.codec.summarize(tx)
        assert summary.effects == (payment,) and not summary.unexplained, "built something else"
        check_within(summary.costs.most, intent.costs_max)
        recipient = found(now.accounts[payment.address])
        if recipient.get("type") == "Contract":
            raise InvalidAddress("the address of a contract, which a plain transfer can't pay")
        expected = fees.expected_fee(
            fees.charged_bytes(tx.payload),
            _bandwidth(found(now.resources[owner])),
            now.prices,
            activates=not recipient,
        )
        balance = _number(found(now.accounts[owner]), "balance")
        if balance < payment.amount + expected:
            raise InsufficientFunds(
                f"{balance} sun, {payment.amount} to pay and {expected} to burn as things stand"
            )


def _only(effects: tuple[Asked, ...]) -> Asked:
    if len(effects) != 1:
        raise InvalidAmount("a TRON transfer does exactly one thing")
    return effects[0]


def _number(table: dict[str, Any], name: str) -> int:
    """A field of an answer; 0 where it is absent, as proto3 has it."""
    value = table.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NodeMisbehaved(f"{name} is not a number")
    return value


def _prices(parameters: dict[str, int]) -> fees.Prices:
    try:
        return fees.Prices(
            per_byte=parameters["getTransactionFee"],
            activation=parameters["getCreateNewAccountFeeInSystemContract"],
            activation_bandwidth=parameters["getCreateAccountFee"],
            activation_rate=parameters["getCreateNewAccountBandwidthRate"],
            energy=parameters.get("getEnergyFee", 0),
        )
    except KeyError as error:
        raise NodeMisbehaved(f"the chain parameters lack {error}") from error


def _bandwidth(resources: dict[str, Any]) -> fees.Bandwidth:
    return fees.Bandwidth(
        staked=_number(resources, "NetLimit") - _number(resources, "NetUsed"),
        free=_number(resources, "freeNetLimit") - _number(resources, "freeNetUsed"),
    )
