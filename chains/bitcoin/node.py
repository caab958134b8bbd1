"""What we ask a bitcoin node, as typed calls that distrust the answers. Decides nothing.

`adapter.py` makes these into the chain interface. Every answer that another part of the answer, or
a hash, can contradict is checked; a contradiction raises NodeMisbehaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any, Final

from chains.bitcoin import SATOSHI_MAX
from chains.bitcoin.rpc import (
    RPC_INVALID_ADDRESS_OR_KEY,
    RPC_INVALID_PARAMETER,
    BitcoinRpc,
    RpcRefused,
)
from chains.bitcoin.transaction import Transaction, parse_transaction
from chains.errors import CodecError, FeeUnknown, NodeMisbehaved, NodeUnavailable
from chains.model import Address, BlockRef, TxId

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

    async def height_of(self, block_hash: str) -> int:
        header = await self._rpc.call("getblockheader", block_hash)
        return int(header["height"])

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

    async def unspent(
        self, outpoints: Sequence[tuple[TxId, int]], *, mempool: bool
    ) -> list[Unspent | None]:
        """The coins that are still there; with `mempool`, minus what waits to be included."""
        calls = [("gettxout", (txid, position, mempool)) for txid, position in outpoints]
        answers = _all(await self._rpc.batch(calls)) if calls else []
        return [None if answer is None else _unspent(answer) for answer in answers]

    async def transactions(self, heights: Mapping[TxId, int]) -> dict[TxId, Transaction]:
        """Whole transactions by id, each from the block at its height and proven by its hash."""
        if not heights:
            return {}
        blocks = await self._rpc.batch([("getblockhash", (each,)) for each in heights.values()])
        places = zip(heights, _all(blocks), strict=True)
        answers = await self._rpc.batch(
            [("getrawtransaction", (txid, 0, block_hash)) for txid, block_hash in places]
        )
        return {
            txid: _proven_transaction(txid, answer)
            for txid, answer in zip(heights, answers, strict=True)
        }

    async def locate(self, txid: TxId) -> Located | None:
        """Where the transaction is, by the node's mempool and transaction index."""
        try:
            answer = await self._rpc.call("getrawtransaction", txid, 1)
        except RpcRefused as refusal:
            if refusal.rpc_code == RPC_INVALID_ADDRESS_OR_KEY:
                return None
            raise
        return Located(answer.get("blockhash"), _proven_transaction(txid, answer["hex"]))

    async def fee_of(self, transaction: Transaction) -> int:
        """Satoshi that its inputs hold beyond its outputs. Nodes tell a fee only since version 25
        and only where they kept the block's undo data; the coins' own transactions always do."""
        made_by = list(dict.fromkeys(each.previous_txid for each in transaction.inputs))
        answers = await self._rpc.batch([("getrawtransaction", (txid, 0)) for txid in made_by])
        makers = {
            txid: _proven_transaction(txid, answer)
            for txid, answer in zip(made_by, answers, strict=True)
        }
        held = sum(
            makers[each.previous_txid].outputs[each.position].amount for each in transaction.inputs
        )
        return held - sum(each.amount for each in transaction.outputs)

    async def holds(self, txid: TxId) -> bool:
        """Whether it waits in the mempool or is in a block of the best chain. The index may also
        remember a block that was reorganised away."""
        located = await self.locate(txid)
        if located is None or located.block_hash is None:
            return located is not None
        return await self.included_at(located.block_hash) is not None

    async def included_height(self, txid: TxId) -> int | None:
        """Where the best chain has it, by the node's transaction index."""
        located = await self.locate(txid)
        if located is None or located.block_hash is None:
            return None
        block = await self.included_at(located.block_hash)
        return None if block is None else block.height

    async def included_at(self, block_hash: str) -> BlockRef | None:
        """The block, if it is part of the best chain."""
        header = await self._rpc.call("getblockheader", block_hash)
        return BlockRef(header["height"], block_hash) if header["confirmations"] >= 1 else None

    async def in_mempool(self, txid: TxId) -> bool:
        [answer] = await self._rpc.batch([("getmempoolentry", (txid,))])
        if isinstance(answer, RpcRefused) and answer.rpc_code != RPC_INVALID_ADDRESS_OR_KEY:
            raise answer
        return not isinstance(answer, RpcRefused)

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
        found = dict.fromkeys(addresses.values(), 0)
        for coin in answer["unspents"]:
            address = addresses.get(_bytes(coin["scriptPubKey"]))
            if address is None:
                raise NodeMisbehaved("the node counted coins that were not asked for")
            found[address] += _satoshi(coin["amount"])
        if sum(found.values()) != _satoshi(answer["total_amount"]):
            raise NodeMisbehaved("the node's coins do not add up to its sum")
        return found, BlockRef(answer["height"], answer["bestblock"])


def _all(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise answer
    return answers


def _proven_transaction(txid: TxId, answer: Any) -> Transaction:
    if isinstance(answer, RpcRefused):
        if answer.rpc_code != RPC_INVALID_ADDRESS_OR_KEY:
            raise answer
        raise NodeUnavailable("the chain moved while it was being read")
    try:
        transaction = parse_transaction(_bytes(answer))
    except CodecError as error:
        raise NodeMisbehaved(f"a transaction that can't be read: {error}") from error
    if transaction.txid() != txid:
        raise NodeMisbehaved("the node sent another transaction than the one asked for")
    return transaction


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
