"""A Solana node's JSON-RPC, as far as the adapter needs it: questions in, checked values out.

Reads the answers itself: solana-py's typed methods can neither ask for a minimum context slot nor
read versions and error codes that are newer than the library. How the node is reached is
`chains.transport`'s affair. Holds no key, decides nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from pydantic_core import from_json
from solana.rpc.jsonrpc import JsonRpcErrorCode
from solders.hash import Hash, ParseHashError
from solders.message import from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chains.answers import Answers, attempt, chunks, found
from chains.errors import ChainError, NodeMisbehaved, NodeUnavailable
from chains.model import BlockRef, TxId
from chains.solana import (
    ACCOUNTS_PER_CALL,
    STATUSES_PER_CALL,
    TRANSACTION_VERSION_MAX,
    shrink,
    values,
)
from chains.solana.values import Account, RawBlock, Transaction
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Fault, JsonRpc
from chains.transport.offload import Reader

_Value = TypeVar("_Value")

_decode = partial(from_json, cache_strings="keys")

NOT_NOW: Final = frozenset(
    {
        JsonRpcErrorCode.INTERNAL_ERROR,
        JsonRpcErrorCode.SERVER_ERROR_BLOCK_CLEANED_UP,
        JsonRpcErrorCode.SERVER_ERROR_BLOCK_NOT_AVAILABLE,
        JsonRpcErrorCode.SERVER_ERROR_NODE_UNHEALTHY,
        JsonRpcErrorCode.SERVER_ERROR_NO_SNAPSHOT,
        JsonRpcErrorCode.SERVER_ERROR_TRANSACTION_HISTORY_NOT_AVAILABLE,
        JsonRpcErrorCode.SERVER_ERROR_BLOCK_STATUS_NOT_AVAILABLE_YET,
        JsonRpcErrorCode.SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED,
        JsonRpcErrorCode.SERVER_ERROR_LONG_TERM_STORAGE_UNREACHABLE,
    }
)
"""Errors after which the same question may be answered later, or by another node."""

_SKIPPED: Final = frozenset(
    {
        JsonRpcErrorCode.SERVER_ERROR_SLOT_SKIPPED,
        JsonRpcErrorCode.SERVER_ERROR_LONG_TERM_STORAGE_SLOT_SKIPPED,
    }
)
_NO_BLOCK: Final = _SKIPPED | {JsonRpcErrorCode.SERVER_ERROR_BLOCK_NOT_AVAILABLE}
_NOT_SHOWN: Final = _NO_BLOCK | {
    JsonRpcErrorCode.SERVER_ERROR_BLOCK_CLEANED_UP,
    JsonRpcErrorCode.SERVER_ERROR_TRANSACTION_HISTORY_NOT_AVAILABLE,
}
_NONE: Final[frozenset[int]] = frozenset()
_LAST: Final = 16
"""Transactions of an account that are listed: strangers may have paid it since it was advanced."""


class Commitment(StrEnum):
    """How settled the state must be that an answer is taken from."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


class Refused(Exception):
    """The node answered with a JSON-RPC error; `data` is whatever came with it."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


Sent = list[str | Refused | ChainError]
"""The id by which the node calls each transaction that it took."""


class SolanaRpc:
    """One node. Every call may raise NodeUnavailable or NodeMisbehaved; those that say so raise
    Refused for errors the caller has to understand.

    What is final never goes back: behind one URL there may be many nodes, and one that has not
    reached the newest finalized slot we ever heard of is not asked about finalized state.
    """

    def __init__(self, endpoint: str | Endpoint, timeout_s: float) -> None:
        self._rpc = JsonRpc(Connection(endpoint, timeout_s), decode=_decode)
        self._final_slot = 0

    async def close(self) -> None:
        await self._rpc.close()

    def know_final(self, slot: int) -> None:
        """From now on, finalized state is that of `slot` or later."""
        self._final_slot = max(self._final_slot, slot)

    async def genesis_hash(self) -> str:
        return await self._ask(values.text, "getGenesisHash")

    async def latest_block(self, commitment: Commitment) -> BlockRef:
        """The newest block of that commitment. A frozen bank's latest blockhash is its block's."""

        def read(result: Any) -> BlockRef:
            blockhash = values.block_hash(result["value"]["blockhash"])
            return BlockRef(height=self._slot_of(result, commitment), hash=blockhash)

        return await self._ask(read, "getLatestBlockhash", self._context(commitment))

    async def block(self, slot: int) -> RawBlock | None:
        """The confirmed block of `slot`; None if the node says that the slot was skipped, which it
        also says of blocks that it lost.

        Raises Refused where it can't say: there is no block yet, or not on this fork.
        """
        return await self._block(slot, values.whole_block, "accounts", shrink.block)

    async def header(self, slot: int) -> RawBlock | None:
        """As `block`, without what is in it."""
        return await self._block(slot, values.block, "none", None)

    async def _block(
        self,
        slot: int,
        read: Callable[[int, Any], RawBlock],
        details: str,
        reader: Reader | None,
    ) -> RawBlock | None:
        options = _block_options(Commitment.CONFIRMED, details)
        try:
            return await self._ask(
                partial(read, slot), "getBlock", slot, options, passes=_NO_BLOCK, reader=reader
            )
        except Refused as refused:
            if refused.code in _SKIPPED:
                return None
            raise

    async def slots_with_blocks(self, first: int, last: int) -> tuple[int, ...]:
        """Which slots of the range, both ends included, have a confirmed block."""
        return await self._ask(
            lambda result: tuple(values.integer(slot) for slot in result),
            "getBlocks",
            first,
            last,
            {"commitment": Commitment.CONFIRMED},
        )

    async def accounts(
        self, keys: Sequence[Pubkey], commitment: Commitment
    ) -> tuple[Account | None, ...]:
        """None for an account that does not exist."""

        def read(result: Any) -> list[Account | None]:
            if commitment is Commitment.FINALIZED:
                self._check_context(result)
            self._slot_of(result, commitment)
            return [values.account(value) for value in result["value"]]

        options = {**self._context(commitment), "encoding": "base64"}
        parts = [[str(key) for key in part] for part in chunks(keys, ACCOUNTS_PER_CALL)]
        answers = await self._ask_each(
            read, "getMultipleAccounts", [(part, options) for part in parts]
        )
        shown = [found(each) for each in answers]
        if [len(each) for each in shown] != [len(part) for part in parts]:
            raise NodeMisbehaved("another number of accounts than asked for")
        return tuple(account for each in shown for account in each)

    async def balance(self, key: Pubkey) -> int:
        return await self._ask(
            lambda result: values.integer(result["value"]),
            "getBalance",
            str(key),
            {"commitment": Commitment.CONFIRMED},
        )

    async def token_accounts(self, owner: Pubkey, mint: Pubkey) -> list[tuple[Pubkey, Account]]:
        """All that the owner has of a mint. Where a node has no index of owners it reads every
        account there is, or refuses."""

        def read(result: Any) -> list[tuple[Pubkey, Account]]:
            return [
                (Pubkey.from_string(values.text(each["pubkey"])), found_account)
                for each in result["value"]
                if (found_account := values.account(each["account"])) is not None
            ]

        options = {"commitment": Commitment.CONFIRMED, "encoding": "base64"}
        wanted = {"mint": str(mint)}
        return await self._ask(read, "getTokenAccountsByOwner", str(owner), wanted, options)

    async def epoch(self) -> int:
        """By which mints change their fees."""
        return await self._ask(
            lambda result: values.integer(result["epoch"]),
            "getEpochInfo",
            {"commitment": Commitment.CONFIRMED},
        )

    async def rent_exempt_minimums(self, sizes: Sequence[int]) -> list[int]:
        """For accounts of so many bytes of data."""
        answers = await self._ask_each(
            values.integer, "getMinimumBalanceForRentExemption", [(size,) for size in sizes]
        )
        return [found(each) for each in answers]

    async def recent_unit_prices(
        self, transactions: Sequence[Sequence[Pubkey]]
    ) -> Answers[list[int]]:
        """The least micro-lamports per compute unit that got into each of the last 150 blocks, for
        transactions that write these accounts."""
        return await self._ask_each(
            lambda result: [values.integer(entry["prioritizationFee"]) for entry in result],
            "getRecentPrioritizationFees",
            [([str(key) for key in written],) for written in transactions],
        )

    async def fees_of(self, messages: Sequence[bytes]) -> Answers[int | None]:
        """What the network would charge now; None if it does not know the message's lifetime."""
        options = {"commitment": Commitment.CONFIRMED}
        return await self._ask_each(
            lambda result: None if result["value"] is None else values.integer(result["value"]),
            "getFeeForMessage",
            [(base64.b64encode(message).decode(), options) for message in messages],
        )

    async def simulate(self, messages: Sequence[bytes]) -> Answers[tuple[Any, int]]:
        """The runtime's error if the message was executed now, None if it would take effect; and
        the compute units that it takes. Nothing has to be signed for that."""
        options = {
            "commitment": Commitment.CONFIRMED,
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": False,
        }
        raws = [_unsigned(each) for each in messages]
        return await self._ask_each(
            lambda result: (
                result["value"]["err"],
                values.integer(result["value"].get("unitsConsumed") or 0),
            ),
            "simulateTransaction",
            [(base64.b64encode(raw).decode(), options) for raw in raws],
        )

    async def is_blockhash_valid(self, blockhash: Hash) -> bool:
        """Whether a transaction on `blockhash` could still enter a block on the finalized one."""

        def read(result: Any) -> bool:
            self._check_context(result)
            return values.boolean(result["value"])

        return await self._ask(
            read,
            "isBlockhashValid",
            str(blockhash),
            self._context(Commitment.FINALIZED),
        )

    async def send(self, raws: Sequence[bytes]) -> Sent:
        """Hand over transactions after simulating each. Refused is an answer."""
        options = {
            "encoding": "base64",
            "skipPreflight": False,
            "preflightCommitment": Commitment.CONFIRMED,
        }
        params = [(base64.b64encode(raw).decode(), options) for raw in raws]
        results = await self._rpc.ask_all([("sendTransaction", each) for each in params])
        sent: Sent = []
        for result in results:
            try:
                sent.append(self._answer(values.text, "sendTransaction", result, None))
            except (Refused, ChainError) as error:
                sent.append(error)
        return sent

    async def transactions(
        self, txids: Sequence[TxId], commitment: Commitment
    ) -> Answers[Transaction | None]:
        """None for one that is in no block."""
        options = {
            "commitment": commitment,
            "encoding": "base64",
            "maxSupportedTransactionVersion": TRANSACTION_VERSION_MAX,
        }
        return await self._ask_each(
            values.transaction, "getTransaction", [(txid, options) for txid in txids]
        )

    async def transaction(self, txid: TxId, commitment: Commitment) -> Transaction | None:
        [answer] = await self.transactions([txid], commitment)
        return found(answer)

    async def are_known(self, txids: Sequence[TxId]) -> list[bool]:
        """Whether the node has seen the transactions in any block, settled or not."""
        options = {"searchTransactionHistory": True}
        parts = list(chunks(txids, STATUSES_PER_CALL))
        answers = await self._ask_each(
            lambda result: [status is not None for status in result["value"]],
            "getSignatureStatuses",
            [(list(part), options) for part in parts],
        )
        shown = [found(each) for each in answers]
        if [len(each) for each in shown] != [len(part) for part in parts]:
            raise NodeMisbehaved("another number of statuses than asked for")
        return [is_known for each in shown for is_known in each]

    async def is_known(self, txid: TxId) -> bool:
        [known] = await self.are_known([txid])
        return known

    async def slots_of_last(self, accounts: Sequence[Pubkey]) -> Answers[tuple[int, ...]]:
        """For each account the slots of the newest final transactions that name it."""
        options = {"commitment": Commitment.FINALIZED, "limit": _LAST}
        return await self._ask_each(
            lambda result: tuple(values.integer(entry["slot"]) for entry in result),
            "getSignaturesForAddress",
            [(str(account), options) for account in accounts],
        )

    async def parent_hashes(self, slots: Sequence[int]) -> Answers[str]:
        """Of the parents of confirmed blocks, as `block_refs`."""
        headers = await self._headers(slots)
        return [each if isinstance(each, ChainError) else each.parent_hash for each in headers]

    async def block_refs(self, slots: Sequence[int]) -> Answers[BlockRef]:
        """Of confirmed blocks. NodeUnavailable for one that the node does not show."""
        headers = await self._headers(slots)
        return [each if isinstance(each, ChainError) else each.ref for each in headers]

    async def _headers(self, slots: Sequence[int]) -> Answers[RawBlock]:
        options = _block_options(Commitment.CONFIRMED, "none")
        results = await self._rpc.ask_all([("getBlock", (slot, options)) for slot in slots])

        def read(slot: int, result: Any) -> RawBlock:
            try:
                return self._answer(partial(values.block, slot), "getBlock", result, _NO_BLOCK)
            except Refused:
                raise NodeUnavailable(f"the node does not serve the block of slot {slot}") from None

        return [
            attempt(partial(read, slot, result))
            for slot, result in zip(slots, results, strict=True)
        ]

    def _context(self, commitment: Commitment) -> dict[str, object]:
        context: dict[str, object] = {"commitment": commitment}
        if commitment is Commitment.FINALIZED:
            context["minContextSlot"] = self._final_slot
        return context

    def _check_context(self, result: Any) -> None:
        """Finalized state older than what is known is another node's, or one that does not look at
        minContextSlot."""
        slot = values.integer(result["context"]["slot"])
        if slot < self._final_slot:
            raise NodeUnavailable(f"the node's finalized slot {slot} is older than what is known")

    def _slot_of(self, result: Any, commitment: Commitment) -> int:
        """The slot an answer was taken from, remembered if it is final."""
        slot = values.integer(result["context"]["slot"])
        if commitment is Commitment.FINALIZED:
            self.know_final(slot)
        return slot

    async def _ask(
        self,
        read: Callable[[Any], _Value],
        method: str,
        *params: object,
        passes: frozenset[int] | None = _NONE,
        reader: Reader | None = None,
    ) -> _Value:
        """One question. `read` turns the result into a value and may raise what reading JSON of
        another shape than expected raises. `passes`: error codes that reach the caller as
        Refused; None for all that a later try would not change."""
        result = await self._rpc.ask(method, list(params), reader=reader)
        return self._answer(read, method, result, passes)

    async def _ask_each(
        self, read: Callable[[Any], _Value], method: str, params: Sequence[Sequence[object]]
    ) -> Answers[_Value]:
        """The same question about several things, in one request."""
        results = await self._rpc.ask_all([(method, each) for each in params])
        return [attempt(partial(self._answer, read, method, each, _NONE)) for each in results]

    def _answer(
        self,
        read: Callable[[Any], _Value],
        method: str,
        result: Any,
        passes: frozenset[int] | None,
    ) -> _Value:
        """What `read` makes of a result, or its error raised."""
        if isinstance(result, ChainError):
            raise result
        if isinstance(result, Fault):
            refused = Refused(result.code, result.message, result.data)
            if passes is not None and refused.code in passes:
                raise refused
            if refused.code in NOT_NOW:
                raise NodeUnavailable(f"{method}: {refused}")
            if passes is None:
                raise refused
            raise NodeMisbehaved(f"{method}: {refused}")
        try:
            return read(result)
        except (KeyError, TypeError, ValueError, IndexError, ParseHashError) as error:
            raise NodeMisbehaved(f"unexpected answer to {method}: {error!r}") from error


def _unsigned(message: bytes) -> bytes:
    """A transaction whose signatures are zeros."""
    read = from_bytes_versioned(message)
    blank = [Signature.default()] * read.header.num_required_signatures
    return bytes(VersionedTransaction.populate(read, blank))


def _block_options(commitment: Commitment, details: str) -> dict[str, object]:
    return {
        "commitment": commitment,
        "encoding": "base64",
        "transactionDetails": details,
        "rewards": details == "accounts",
        "maxSupportedTransactionVersion": TRANSACTION_VERSION_MAX,
    }
