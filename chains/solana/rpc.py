"""A Solana node's JSON-RPC, as far as the adapter needs it: questions in, checked values out.

Reads the answers itself: solana-py's typed methods can neither ask for a minimum context slot nor
read versions and error codes that are newer than the library. How the node is reached is
`chains.transport`'s affair. Holds no key, decides nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from pydantic_core import from_json
from solana.rpc.jsonrpc import JsonRpcErrorCode
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey

from chains.errors import BlockUnreadable, NodeMisbehaved, NodeUnavailable
from chains.model import BlockRef, TxId
from chains.solana import TRANSACTION_VERSION_MAX, shrink
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


@dataclass(frozen=True, slots=True)
class Account:
    """`lamports` and `data` of an account that exists; `owner` is the program it belongs to."""

    lamports: int
    owner: Pubkey
    data: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction in a block. `fee` in lamports; `error` is None if it took effect."""

    slot: int
    raw: bytes
    fee: int
    error: Any


@dataclass(frozen=True, slots=True)
class Gain:
    """By how many lamports a transaction left an account richer than it found it. `index`: of the
    account in the transaction, lookup tables' accounts last."""

    txid: TxId
    index: int
    account: str
    lamports: int


@dataclass(frozen=True, slots=True)
class RawBlock:
    ref: BlockRef
    parent_hash: str
    parent_slot: int
    timestamp: int
    gains: tuple[Gain, ...]


@dataclass(frozen=True, slots=True)
class BlockSignatures:
    """Which transactions a block holds, by their first signatures, and where it is linked to."""

    ref: BlockRef
    parent_slot: int
    parent_hash: str
    signatures: frozenset[str]


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
        return await self._ask(_text, "getGenesisHash")

    async def latest_block(self, commitment: Commitment) -> BlockRef:
        """The newest block of that commitment. A frozen bank's latest blockhash is its block's."""

        def read(result: Any) -> BlockRef:
            blockhash = _hash(result["value"]["blockhash"])
            return BlockRef(height=self._slot_of(result, commitment), hash=blockhash)

        return await self._ask(read, "getLatestBlockhash", self._context(commitment))

    async def block(self, slot: int, *, gains: bool = True) -> RawBlock | None:
        """The confirmed block of `slot`; None if the node says that the slot was skipped, which it
        also says of blocks that it lost.

        Raises Refused where it can't say: there is no block yet, or not on this fork.
        """
        options = {
            "commitment": Commitment.CONFIRMED,
            "encoding": "base64",
            "transactionDetails": "accounts" if gains else "none",
            "rewards": False,
            "maxSupportedTransactionVersion": TRANSACTION_VERSION_MAX,
        }
        try:
            return await self._ask(
                lambda result: _block(slot, result, gains=gains),
                "getBlock",
                slot,
                options,
                passes=_NO_BLOCK,
                reader=shrink.block if gains else None,
            )
        except Refused as refused:
            if refused.code in _SKIPPED:
                return None
            raise

    async def signatures_in(self, slot: int) -> BlockSignatures | None:
        """Of a finalized block; None if the node does not show it, for whatever reason."""
        options = {
            "commitment": Commitment.FINALIZED,
            "transactionDetails": "signatures",
            "rewards": False,
            "maxSupportedTransactionVersion": TRANSACTION_VERSION_MAX,
        }
        try:
            return await self._ask(
                lambda result: _signatures(slot, result),
                "getBlock",
                slot,
                options,
                passes=_NOT_SHOWN,
            )
        except Refused:
            return None

    async def slots_with_blocks(self, first: int, last: int) -> tuple[int, ...]:
        """Which slots of the range, both ends included, have a confirmed block."""
        return await self._ask(
            lambda result: tuple(_integer(slot) for slot in result),
            "getBlocks",
            first,
            last,
            {"commitment": Commitment.CONFIRMED},
        )

    async def accounts(
        self, keys: Sequence[Pubkey], commitment: Commitment
    ) -> tuple[Account | None, ...]:
        """None for an account that does not exist. At most ACCOUNTS_PER_CALL `keys`."""

        def read(result: Any) -> tuple[Account | None, ...]:
            if commitment is Commitment.FINALIZED:
                self._check_context(result)
            self._slot_of(result, commitment)
            found = tuple(_account(value) for value in result["value"])
            if len(found) != len(keys):
                raise ValueError("another number of accounts than asked for")
            return found

        options = {**self._context(commitment), "encoding": "base64"}
        return await self._ask(read, "getMultipleAccounts", [str(key) for key in keys], options)

    async def balance(self, key: Pubkey) -> int:
        return await self._ask(
            lambda result: _integer(result["value"]),
            "getBalance",
            str(key),
            {"commitment": Commitment.CONFIRMED},
        )

    async def rent_exempt_minimum(self, data_bytes: int) -> int:
        return await self._ask(_integer, "getMinimumBalanceForRentExemption", data_bytes)

    async def recent_unit_prices(self, written: Sequence[Pubkey]) -> list[int]:
        """The least micro-lamports per compute unit that got into each of the last 150 blocks,
        for transactions that write these accounts."""
        return await self._ask(
            lambda result: [_integer(entry["prioritizationFee"]) for entry in result],
            "getRecentPrioritizationFees",
            [str(key) for key in written],
        )

    async def fee_of(self, message: bytes) -> int | None:
        """What the network would charge now; None if it does not know the message's lifetime."""
        return await self._ask(
            lambda result: None if result["value"] is None else _integer(result["value"]),
            "getFeeForMessage",
            base64.b64encode(message).decode(),
            {"commitment": Commitment.CONFIRMED},
        )

    async def is_blockhash_valid(self, blockhash: Hash) -> bool:
        """Whether a transaction on `blockhash` could still enter a block on the finalized one."""

        def read(result: Any) -> bool:
            self._check_context(result)
            return _boolean(result["value"])

        return await self._ask(
            read,
            "isBlockhashValid",
            str(blockhash),
            self._context(Commitment.FINALIZED),
        )

    async def send(self, raw: bytes) -> str:
        """Hand over a transaction after simulating it. Raises Refused."""
        options = {
            "encoding": "base64",
            "skipPreflight": False,
            "preflightCommitment": Commitment.CONFIRMED,
        }
        payload = base64.b64encode(raw).decode()
        return await self._ask(_text, "sendTransaction", payload, options, passes=None)

    async def transaction(self, txid: TxId, commitment: Commitment) -> Transaction | None:
        options = {
            "commitment": commitment,
            "encoding": "base64",
            "maxSupportedTransactionVersion": TRANSACTION_VERSION_MAX,
        }
        return await self._ask(_transaction, "getTransaction", txid, options)

    async def is_known(self, txid: TxId) -> bool:
        """Whether the node has seen the transaction in any block, settled or not."""

        def read(result: Any) -> bool:
            (status,) = result["value"]
            return status is not None

        options = {"searchTransactionHistory": True}
        return await self._ask(read, "getSignatureStatuses", [txid], options)

    async def signatures_of(self, key: Pubkey, *, before: str | None) -> list[tuple[TxId, int]]:
        """Finalized transactions that name `key`, newest first, with their slots. A page of them:
        ask again with the last one as `before`."""
        options = self._context(Commitment.FINALIZED)
        if before is not None:
            options["before"] = before
        return await self._ask(
            lambda result: [(TxId(_text(e["signature"])), _integer(e["slot"])) for e in result],
            "getSignaturesForAddress",
            str(key),
            options,
        )

    def _context(self, commitment: Commitment) -> dict[str, object]:
        context: dict[str, object] = {"commitment": commitment}
        if commitment is Commitment.FINALIZED:
            context["minContextSlot"] = self._final_slot
        return context

    def _check_context(self, result: Any) -> None:
        """Finalized state older than what is known is another node's, or one that does not look at
        minContextSlot."""
        slot = _integer(result["context"]["slot"])
        if slot < self._final_slot:
            raise NodeUnavailable(f"the node's finalized slot {slot} is older than what is known")

    def _slot_of(self, result: Any, commitment: Commitment) -> int:
        """The slot an answer was taken from, remembered if it is final."""
        slot = _integer(result["context"]["slot"])
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
        try:
            result = await self._result(method, list(params), reader)
        except Refused as refused:
            if passes is not None and refused.code in passes:
                raise
            if refused.code in NOT_NOW:
                raise NodeUnavailable(f"{method}: {refused}") from None
            if passes is None:
                raise
            raise NodeMisbehaved(f"{method}: {refused}") from None
        try:
            return read(result)
        except (KeyError, TypeError, ValueError, IndexError, ParseHashError) as error:
            raise NodeMisbehaved(f"unexpected answer to {method}: {error!r}") from error

    async def _result(self, method: str, params: list[object], reader: Reader | None) -> Any:
        result = await self._rpc.ask(method, params, reader=reader)
        if isinstance(result, Fault):
            raise Refused(result.code, result.message, result.data)
        return result


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a non-negative integer expected")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false expected")
    return value


def _hash(value: Any) -> str:
    return str(Hash.from_string(_text(value)))


def _bytes(value: Any) -> bytes:
    """The `[data, "base64"]` that nodes answer with."""
    data, encoding = value
    if encoding != "base64":
        raise ValueError("another encoding than asked for")
    try:
        return base64.b64decode(_text(data), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _account(value: Any) -> Account | None:
    if value is None:
        return None
    return Account(
        lamports=_integer(value["lamports"]),
        owner=Pubkey.from_string(_text(value["owner"])),
        data=_bytes(value["data"]),
    )


def _transaction(value: Any) -> Transaction | None:
    if value is None:
        return None
    return Transaction(
        slot=_integer(value["slot"]),
        raw=_bytes(value["transaction"]),
        fee=_integer(value["meta"]["fee"]),
        error=value["meta"]["err"],
    )


def _block(slot: int, value: Any, *, gains: bool) -> RawBlock:
    """`null` stands for a block that is not there yet or not there any more."""
    if value is None:
        raise BlockUnreadable("the node answers null", height=slot)
    parent_slot = _integer(value["parentSlot"])
    if parent_slot >= slot > 0:
        raise ValueError("a parent above its block")
    return RawBlock(
        ref=BlockRef(height=slot, hash=_hash(value["blockhash"])),
        parent_hash=_hash(value["previousBlockhash"]),
        parent_slot=parent_slot,
        timestamp=_integer(value.get("blockTime") or 0),
        gains=tuple(
            Gain(TxId(_text(txid)), _integer(index), _text(account), _integer(lamports))
            for txid, index, account, lamports in value["gains"]
        )
        if gains
        else (),
    )


def _signatures(slot: int, value: Any) -> BlockSignatures | None:
    if value is None:
        return None
    return BlockSignatures(
        ref=BlockRef(height=slot, hash=_hash(value["blockhash"])),
        parent_slot=_integer(value["parentSlot"]),
        parent_hash=_hash(value["previousBlockhash"]),
        signatures=frozenset(_text(each) for each in value["signatures"]),
    )
