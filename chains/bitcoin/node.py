"""What we ask a bitcoin node, as typed calls that distrust the answers. Decides nothing.

`adapter.py` makes these into the chain interface. Every answer that another part of the answer, or
a hash, can contradict is checked; a contradiction raises NodeMisbehaved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any, Final

from chains.answers import Answers, attempt, found
from chains.bitcoin import SATOSHI_MAX
from chains.bitcoin.rpc import (
    RPC_INVALID_ADDRESS_OR_KEY,
    RPC_INVALID_PARAMETER,
    BitcoinRpc,
    RpcRefused,
)
from chains.bitcoin.transaction import Transaction, parse_transaction
from chains.errors import ChainError, CodecError, FeeUnknown, NodeMisbehaved, NodeUnavailable
from chains.model import Address, BlockRef, TxId
from chains.transport.jsonrpc import Call

_SATOSHI_PER_COIN: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class ChainInfo:
    tip: BlockRef
    genesis: str
    catching_up: bool
    index_ready: bool | None
    """Whether the transaction index is complete; None without one."""


@dataclass(frozen=True, slots=True)
class Unspent:
    """A coin in the node's set of unspent outputs; `best_block` is the tip that answered."""

    amount: int
    script: bytes
    confirmations: int
    coinbase: bool
    best_block: str


@dataclass(frozen=True, slots=True)
class Located:
    """A transaction the node knows. `block_hash` is None while it waits to be included."""

    block_hash: str | None
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Waits:
    """A transaction in the node's mempool. `before`: all that it stands on and that waits there
    too. `size` (virtual bytes) and `fees` (satoshi) are of all these together."""

    transaction: Transaction
    before: tuple[Transaction, ...]
    size: int
    fees: int


@dataclass(frozen=True, slots=True)
class Children:
    """What spends a transaction in the mempool, and what spends that: how many, their virtual bytes
    and what they pay, satoshi."""

    count: int
    size: int
    fee: int


@dataclass(frozen=True, slots=True)
class Sent:
    """`answer`: the txid as the node names it, or its error. `waited`: in the mempool before."""

    waited: bool
    answer: Any


class NodeView:
    """Reads one node through `rpc`."""

    def __init__(self, rpc: BitcoinRpc) -> None:
        self._rpc = rpc
        self._ahead: tuple[int, str] | None = None

    async def info(self) -> ChainInfo:
        chain, genesis, indexes = _all(
            await self._rpc.batch(
                [("getblockchaininfo", ()), ("getblockhash", (0,)), ("getindexinfo", ())]
            )
        )
        index = indexes.get("txindex")
        return ChainInfo(
            tip=BlockRef(chain["blocks"], chain["bestblockhash"]),
            genesis=genesis,
            catching_up=chain["initialblockdownload"],
            index_ready=None if index is None else index["synced"],
        )

    async def tip(self) -> BlockRef:
        chain = await self._rpc.call("getblockchaininfo")
        return BlockRef(chain["blocks"], chain["bestblockhash"])

    async def heights_of(self, block_hashes: Collection[str]) -> Mapping[str, int]:
        answers = _all(await self._rpc.batch([("getblockheader", (h,)) for h in block_hashes]))
        return {h: int(header["height"]) for h, header in zip(block_hashes, answers, strict=True)}

    async def block_hash(self, height: int) -> str:
        """Of the best chain. Raises NodeUnavailable above the tip."""
        [answer] = await self._rpc.batch([("getblockhash", (height,))])
        return _best_hash(answer, height)

    async def block(self, height: int) -> tuple[BlockRef, bytes]:
        """The best chain's block, serialized.

        One round trip per block for a follower that goes up: the next hash is asked for along with
        a block. It is only a guess by the time it is used, so it is confirmed in that request.
        """
        ahead = self._ahead
        guess = ahead[1] if ahead and ahead[0] == height else await self.block_hash(height)
        answer, raw, following = await self._rpc.batch(
            [
                ("getblockhash", (height,)),
                ("getblock", (guess, 0)),
                ("getblockhash", (height + 1,)),
            ]
        )
        actual = _best_hash(answer, height)
        if actual != guess or isinstance(raw, RpcRefused):
            raw = await self._rpc.call("getblock", actual, 0)
        self._ahead = None if isinstance(following, RpcRefused) else (height + 1, following)
        return BlockRef(height, actual), _bytes(raw)

    async def header(self, height: int) -> tuple[BlockRef, str, int]:
        """The best chain's block, its parent's hash and its time (Unix seconds). A pruned node
        knows them for ever."""
        block_hash = await self.block_hash(height)
        header = await self._rpc.call("getblockheader", block_hash)
        try:
            parent, time = str(header.get("previousblockhash", "")), int(header["time"])
            if header["height"] != height or header["hash"] != block_hash:
                raise NodeMisbehaved("the header of another block than the one asked for")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NodeMisbehaved("a header that can't be read") from None
        return BlockRef(height, block_hash), parent, time

    async def fee_rate(self, target_blocks: int, *, floor_will_do: bool) -> int:
        """Satoshi per 1000 vbytes: the node's estimate, never below what its mempool takes.

        A node that has seen too few transactions, or takes part in no mempool, has no estimate. The
        floor alone may wait for days, so it counts only with `floor_will_do`; else FeeUnknown.
        """
        estimate, mempool = await self._rpc.batch(
            [("estimatesmartfee", (target_blocks,)), ("getmempoolinfo", ())]
        )
        [mempool] = _all([mempool])
        floor = max(_satoshi_up(mempool["mempoolminfee"]), _satoshi_up(mempool["minrelaytxfee"]))
        if isinstance(estimate, RpcRefused) or "feerate" not in estimate:
            if floor_will_do:
                return floor
            raise FeeUnknown(
                "the node has no estimate of fees yet",
                advice="a bitcoind without -blocksonly has one some blocks after its start",
            )
        return max(floor, _satoshi_up(estimate["feerate"]))

    async def relay(self, txids: Sequence[TxId]) -> tuple[int, Answers[int]]:
        """Satoshi per 1000 vbytes that the node wants for passing a replacement on, and what the
        children of each transaction pay that wait in its mempool with it."""
        calls: list[Call] = [("getmempoolinfo", ())]
        calls += [("getmempoolentry", (txid,)) for txid in txids]
        info, *entries = await self._rpc.each(calls)
        try:
            return _satoshi_up(found(info)["incrementalrelayfee"]), [
                attempt(partial(_children_fee, entry)) for entry in entries
            ]
        except (KeyError, TypeError):
            raise NodeMisbehaved("a mempool that can't be read") from None

    async def waiting(self, txid: TxId) -> Waits | None:
        """None if it is not in the mempool."""
        entry, before = await self._rpc.each(
            [("getmempoolentry", (txid,)), ("getmempoolancestors", (txid,))]
        )
        if _is_unknown(entry) or _is_unknown(before):
            return None
        try:
            size = int(found(entry)["ancestorsize"])
            fees = _satoshi(found(entry)["fees"]["ancestor"])
            names = [txid, *(TxId(str(each)) for each in found(before))]
        except (KeyError, TypeError, ValueError):
            raise NodeMisbehaved("a mempool that can't be read") from None
        answers = await self._rpc.each([("getrawtransaction", (each, 0)) for each in names])
        mine, *others = map(_proven_transaction, names, answers)
        return Waits(mine, tuple(others), size, fees)

    async def children(self, txid: TxId) -> Children | None:
        """None if it is not in the mempool."""
        (entry,) = await self._rpc.each([("getmempoolentry", (txid,))])
        if _is_unknown(entry):
            return None
        try:
            every = found(entry)
            count, size = int(every["descendantcount"]), int(every["descendantsize"])
            return Children(count - 1, size - int(every["vsize"]), _children_fee(every))
        except (KeyError, TypeError, ValueError):
            raise NodeMisbehaved("a mempool that can't be read") from None

    async def unspent(
        self, outpoints: Sequence[tuple[TxId, int]], *, mempool: bool
    ) -> list[Unspent | None]:
        """The coins that are still there; with `mempool`, minus what waits to be included."""
        calls = [("gettxout", (txid, position, mempool)) for txid, position in outpoints]
        answers = _all(await self._rpc.batch(calls))
        return [None if answer is None else _unspent(answer) for answer in answers]

    async def transactions(
        self, heights: Mapping[TxId, int]
    ) -> Mapping[TxId, Transaction | ChainError]:
        """Whole transactions by id, each from the block at its height and proven by its hash."""
        levels = list(dict.fromkeys(heights.values()))
        blocks = _all(await self._rpc.batch([("getblockhash", (each,)) for each in levels]))
        hash_at = dict(zip(levels, blocks, strict=True))
        answers = await self._rpc.each(
            [("getrawtransaction", (txid, 0, hash_at[at])) for txid, at in heights.items()]
        )
        return {
            txid: attempt(partial(_proven_transaction, txid, answer))
            for txid, answer in zip(heights, answers, strict=True)
        }

    async def locate(self, txids: Sequence[TxId]) -> Answers[Located | None]:
        """Where each transaction is, by the node's mempool and transaction index."""
        answers = await self._rpc.each([("getrawtransaction", (txid, 1)) for txid in txids])
        return [
            attempt(partial(_located, txid, answer))
            for txid, answer in zip(txids, answers, strict=True)
        ]

    async def fees_of(self, transactions: Sequence[Transaction]) -> Answers[int]:
        """Satoshi that the inputs of each hold beyond its outputs. Nodes tell a fee only since
        version 25 and only where they kept the block's undo data; the coins' own transactions
        always do."""
        spent = [each.previous_txid for one in transactions for each in one.inputs]
        made_by = list(dict.fromkeys(spent))
        answers = await self._rpc.each([("getrawtransaction", (txid, 0)) for txid in made_by])
        makers = {
            txid: attempt(partial(_proven_transaction, txid, answer))
            for txid, answer in zip(made_by, answers, strict=True)
        }

        def fee(transaction: Transaction) -> int:
            held = sum(
                found(makers[each.previous_txid]).outputs[each.position].amount
                for each in transaction.inputs
            )
            return held - sum(each.amount for each in transaction.outputs)

        return [attempt(partial(fee, each)) for each in transactions]

    async def holds(self, txids: Sequence[TxId]) -> Answers[bool]:
        """Whether each waits in the mempool or is in a block of the best chain. The index may also
        remember a block that was reorganised away."""
        located = await self.locate(txids)
        blocks = await self.including(located)

        def is_held(at: int) -> bool:
            place = found(located[at])
            if place is None or place.block_hash is None:
                return place is not None
            return found(blocks[place.block_hash]) is not None

        return [attempt(partial(is_held, at)) for at in range(len(txids))]

    async def including(
        self, located: Sequence[Located | ChainError | None]
    ) -> Mapping[str, BlockRef | ChainError | None]:
        """The blocks of what was located, by hash; None for one that is not of the best chain."""
        named = dict.fromkeys(
            each.block_hash for each in located if isinstance(each, Located) and each.block_hash
        )
        answers = await self._rpc.each([("getblockheader", (each,)) for each in named])
        return {
            block_hash: attempt(partial(_of_best_chain, block_hash, answer))
            for block_hash, answer in zip(named, answers, strict=True)
        }

    async def send(self, raws: Mapping[TxId, bytes], fee_rate_max: str) -> Mapping[TxId, Sent]:
        """Hand over each transaction, also one that waits already: the node announces it to its
        peers again. Refusals and failures are answers."""
        calls: list[Call] = []
        for txid, raw in raws.items():
            calls.append(("getmempoolentry", (txid,)))
            calls.append(("sendrawtransaction", (raw.hex(), fee_rate_max)))
        answers = await self._rpc.each(calls)
        return {
            txid: Sent(waited=not isinstance(before, ChainError), answer=answer)
            for txid, before, answer in zip(raws, answers[::2], answers[1::2], strict=True)
        }

    async def scan(
        self, addresses: Mapping[bytes, Address], timeout_s: float
    ) -> tuple[dict[Address, int], BlockRef] | None:
        """Satoshi at each of the addresses, which are named by their scripts, in the set of unspent
        outputs, and the tip it was counted at. The node goes through the whole set once. None while
        it is busy with another scan."""
        wanted = [f"raw({script.hex()})" for script in addresses]
        try:
            answer = await self._rpc.call("scantxoutset", "start", wanted, timeout_s=timeout_s)
        except RpcRefused as refusal:
            if refusal.rpc_code == RPC_INVALID_PARAMETER:
                return None
            raise
        if answer["success"] is not True:
            raise NodeUnavailable("the node gave up its scan of the unspent outputs")
        counted = dict.fromkeys(addresses.values(), 0)
        for coin in answer["unspents"]:
            address = addresses.get(_bytes(coin["scriptPubKey"]))
            if address is None:
                raise NodeMisbehaved("the node counted coins that were not asked for")
            counted[address] += _satoshi(coin["amount"])
        if sum(counted.values()) != _satoshi(answer["total_amount"]):
            raise NodeMisbehaved("the node's coins do not add up to its sum")
        return counted, BlockRef(answer["height"], answer["bestblock"])


def _all(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise answer
    return answers


def _proven_transaction(txid: TxId, answer: Any) -> Transaction:
    if isinstance(answer, RpcRefused) and answer.rpc_code == RPC_INVALID_ADDRESS_OR_KEY:
        raise NodeUnavailable("the chain moved while it was being read")
    answer = found(answer)
    try:
        transaction = parse_transaction(_bytes(answer))
    except CodecError as error:
        raise NodeMisbehaved(f"a transaction that can't be read: {error}") from error
    if transaction.txid() != txid:
        raise NodeMisbehaved("the node sent another transaction than the one asked for")
    return transaction


def _located(txid: TxId, answer: Any) -> Located | None:
    if isinstance(answer, RpcRefused) and answer.rpc_code == RPC_INVALID_ADDRESS_OR_KEY:
        return None
    transaction = found(answer)
    return Located(transaction.get("blockhash"), _proven_transaction(txid, transaction["hex"]))


def _of_best_chain(block_hash: str, answer: Any) -> BlockRef | None:
    header = found(answer)
    return BlockRef(header["height"], block_hash) if header["confirmations"] >= 1 else None


def _is_unknown(answer: Any) -> bool:
    return isinstance(answer, RpcRefused) and answer.rpc_code == RPC_INVALID_ADDRESS_OR_KEY


def _children_fee(entry: Any) -> int:
    if _is_unknown(entry):
        return 0  # it waits elsewhere, or nowhere
    fees = found(entry)["fees"]
    return _satoshi(fees["descendant"]) - _satoshi(fees["base"])


def _best_hash(answer: Any, height: int) -> str:
    if isinstance(answer, RpcRefused):
        if answer.rpc_code == RPC_INVALID_PARAMETER:
            raise NodeUnavailable(f"the node has no block {height} yet")
        raise answer
    return str(answer)


def _unspent(answer: Any) -> Unspent:
    return Unspent(
        amount=_satoshi(answer["value"]),
        script=_bytes(answer["scriptPubKey"]["hex"]),
        confirmations=answer["confirmations"],
        coinbase=answer["coinbase"],
        best_block=answer["bestblock"],
    )


def _bytes(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise NodeMisbehaved("the node sent something that is not hexadecimal") from None


def _satoshi(coins: Decimal | int) -> int:
    amount = coins * _SATOSHI_PER_COIN
    if amount != int(amount) or not 0 <= amount <= SATOSHI_MAX:
        raise NodeMisbehaved("the node named an amount that can't exist")
    return int(amount)


def _satoshi_up(coins: Decimal | int) -> int:
    """A fee rate, rounded up to a whole satoshi."""
    return ceil(coins * _SATOSHI_PER_COIN)
