"""java-tron's HTTP API, as far as we ask it: requests out, checked values back.

A node serves `/wallet` (its head) and `/walletsolidity` (what is solidified, hence final) on two
ports; put both behind one address, as public gateways do. We always ask with `visible: false`, so
that every address and byte string is hexadecimal. Fields with default values are absent from its
JSON (proto3), and it answers 200 also when it fails, with `Error` in the body.

Knows the node's JSON; decides nothing. How the node is reached is `chains.transport`'s affair.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from chains.contracts import reverts
from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.model import BlockRef, TxId
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.meaning import Meaning, of_error
from chains.tron import transfers
from chains.tron.calling import spell

_REASON_LENGTH: Final = 200
_OK: Final = 200
_NO_CODES: Final[frozenset[int]] = frozenset()
# Amounts in an info; a transaction has one of them, by its type.
_RETURNED: Final = ("unfreeze_amount", "withdraw_amount", "withdraw_expire_amount")
_EXCHANGED: Final = (
    "exchange_received_amount",
    "exchange_inject_another_amount",
    "exchange_withdraw_another_amount",
)


@dataclass(frozen=True, slots=True)
class NodeTransaction:
    """One transaction of a block. `txid` is recomputed from `raw_data`, never read. `result` is
    the chain's verdict [contractRet]: SUCCESS, REVERT, OUT_OF_ENERGY..."""

    txid: TxId
    raw_data: bytes
    result: str


@dataclass(frozen=True, slots=True)
class NodeBlock:
    """`transactions` is empty when only the header was asked for."""

    ref: BlockRef
    parent_hash: str
    timestamp_ms: int
    transactions: tuple[NodeTransaction, ...]


@dataclass(frozen=True, slots=True)
class InternalTransfer:
    """A movement of TRX made by a contract. `kind` is call, create, suicide or another word of
    java-tron's."""

    caller: bytes
    recipient: bytes
    amount: int
    kind: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """What a transaction in a block did. `fee` is all the TRX it burned, `bandwidth_fee` the part
    of it for its size, or in place of that, `energy_fee` the part for running a contract;
    `bandwidth`: points that it used instead of burning (`BandwidthProcessor`). `failure` is empty
    on success, else java-tron's word for what went wrong. `contract`: the one that ran or was made.
    `returned`: TRX that came back to the owner from stakes or votes. `exchanged`: of an exchange's
    token that the transaction does not name. `events`: of each event the contract (20 bytes) and
    the first topic. `moved`: what tokens say that they moved; `wrapped`: that they made of
    coins, or burnt."""

    txid: TxId
    height: int
    timestamp_ms: int
    fee: int
    bandwidth_fee: int
    bandwidth: int
    failure: str
    internal: tuple[InternalTransfer, ...]
    energy_fee: int = 0
    contract: bytes = b""
    returned: int = 0
    exchanged: int = 0
    events: tuple[tuple[bytes, bytes], ...] = ()
    moved: tuple[transfers.Told, ...] = ()
    wrapped: tuple[transfers.Wrapped, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What a contract would do now. `energy` includes the penalty of a busy contract; `failure` is
    empty where it would succeed."""

    result: bytes
    energy: int
    failure: str


class TronRpc:
    """Every call may raise NodeUnavailable or NodeMisbehaved."""

    def __init__(self, endpoint: str | Endpoint, timeout_s: float) -> None:
        self._connection = Connection(endpoint, timeout_s)

    async def close(self) -> None:
        await self._connection.close()

    async def head(self) -> NodeBlock:
        """The header of the newest block."""
        return _block(await self._call("/wallet/getblock", detail=False))

    async def solidified(self) -> NodeBlock:
        """The header of the newest block that more than two thirds of the witnesses built on."""
        return _block(await self._call("/walletsolidity/getblock", detail=False))

    async def header(self, height: int) -> NodeBlock:
        answer = await self._call("/wallet/getblock", id_or_num=str(height), detail=False)
        return _block(answer, height)

    async def block(self, height: int) -> NodeBlock:
        return _whole(await self._call("/wallet/getblockbynum", num=height), height)

    async def told(self, height: int, *, whole: bool) -> Any:
        """A block, or its header alone, in the node's own JSON."""
        answer = await self._call("/wallet/getblock", id_or_num=str(height), detail=whole)
        _block(answer, height)
        return answer

    async def infos(self, height: int) -> tuple[TransactionInfo, ...]:
        """One for each transaction of the block, if the node keeps them."""
        answer = await self._call("/wallet/gettransactioninfobyblocknum", num=height)
        with _Understood("transaction infos"):
            return tuple(_info(row) for row in answer)

    async def info(self, txid: TxId) -> TransactionInfo | None:
        """None if the transaction is in no block of the node's best chain."""
        answer = await self._call("/wallet/gettransactioninfobyid", value=txid)
        with _Understood("transaction info"):
            return _info(answer) if answer else None

    async def exchange(self, number: int) -> tuple[bytes, bytes]:
        """The ids of the two tokens that an exchange deals in."""
        answer = _table(await self._call("/wallet/getexchangebyid", id=number))
        with _Understood("an exchange"):
            first, second = (answer[f"{which}_token_id"] for which in ("first", "second"))
            return bytes.fromhex(first), bytes.fromhex(second)

    async def knows(self, txid: TxId) -> bool:
        """Whether the node holds the transaction, in a block or waiting for one. An answer about
        another one is none."""
        for path in ("/wallet/gettransactionbyid", "/wallet/gettransactionfrompending"):
            if answer := _table(await self._call(path, value=txid)):
                if answer.get("txID") != txid:
                    raise NodeMisbehaved(f"{path}: another transaction than the one asked for")
                return True
        return False

    async def account(self, raw_address: bytes) -> dict[str, Any]:
        """`balance` and `type` of an account; empty if the chain does not know it, which it says
        by an empty object. Whatever is not empty must be about this account: only then is a balance
        that is absent a balance of nothing (proto3)."""
        found = _table(await self._call("/wallet/getaccount", address=raw_address.hex()))
        if found and found.get("address") != raw_address.hex():
            raise NodeMisbehaved("another account than the one asked for")
        return found

    async def resources(self, raw_address: bytes) -> dict[str, Any]:
        """Bandwidth of an account; empty if the chain does not know it."""
        return _table(await self._call("/wallet/getaccountresource", address=raw_address.hex()))

    async def constant(
        self, caller: bytes, contract: bytes, data: bytes, value: int = 0
    ) -> Answered:
        """A call that changes nothing, as of the head block. `value`: sun that go with it."""
        answer = _table(
            await self._call(
                "/wallet/triggerconstantcontract",
                owner_address=caller.hex(),
                contract_address=contract.hex(),
                data=data.hex(),
                **({"call_value": value} if value else {}),
            )
        )
        with _Understood("a constant call"):
            said = answer["result"]
            message = bytes.fromhex(said.get("message", "")).decode(errors="replace")
            failed = said.get("result") is not True or bool(message)
            returned = answer.get("constant_result") or [""]
            return Answered(
                result=bytes.fromhex(returned[0]),
                energy=int(answer.get("energy_used", 0)),
                failure=(message or str(said.get("code", "failed")))[:_REASON_LENGTH]
                if failed
                else "",
            )

    async def parameters(self) -> dict[str, int]:
        """The chain's parameters, those that are zero included."""
        answer = await self._call("/wallet/getchainparameters")
        with _Understood("chain parameters"):
            return {row["key"]: int(row.get("value", 0)) for row in answer["chainParameter"]}

    async def broadcast(self, raw: bytes) -> dict[str, Any]:
        """`result`, `code`, `message` and `txid`."""
        return _table(await self._call("/wallet/broadcasthex", transaction=raw.hex()))

    async def _call(self, path: str, **parameters: Any) -> Any:
        body = json.dumps({**parameters, "visible": False}).encode()
        reply = await self._connection.post(body, path=path)
        name = self._connection.name
        if reply.status != _OK:
            raise NodeUnavailable(f"{name}: {path} answered HTTP {reply.status}")
        try:
            answer = from_json(reply.body, cache_strings="keys")
        except ValueError:
            raise NodeUnavailable(f"{name}: {path} answered something that is not JSON") from None
        if isinstance(answer, dict) and "Error" in answer:
            raise self._failed(path, answer)
        self._connection.answered()
        return answer

    def _failed(self, path: str, answer: dict[str, Any]) -> NodeUnavailable:
        """java-tron's own failures, and those of the gateways before it, look alike."""
        text = self._connection.redact(str(answer["Error"]))[:_REASON_LENGTH]
        code = answer.get("StatusCode")
        meaning = of_error(code if isinstance(code, int) else 0, text, _NO_CODES)
        if meaning is Meaning.LIMITED:
            return self._connection.limited(text)
        if meaning is Meaning.DENIED:
            return self._connection.denied(text)
        return NodeUnavailable(f"{self._connection.name}: {path}: {text}")


class _Understood:
    """Turns whatever goes wrong while reading an answer into NodeMisbehaved."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, IndexError, AttributeError)):
            raise NodeMisbehaved(f"{self._what} without the fields they must have") from error


def _table(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise NodeMisbehaved("a list or a plain value where an object was expected")
    return answer


def _block(answer: Any, height: int | None = None) -> NodeBlock:
    if not _table(answer):
        raise NodeUnavailable("no such block yet" if height is None else f"no block {height} yet")
    with _Understood("a block"):
        header = answer["block_header"]["raw_data"]
        block_hash = str(answer["blockID"])
        block = NodeBlock(
            ref=BlockRef(int(header.get("number", 0)), block_hash),
            parent_hash=str(header.get("parentHash", "")),
            timestamp_ms=int(header.get("timestamp", 0)),
            transactions=tuple(_transaction(row) for row in answer.get("transactions", ())),
        )
        # A block's id begins with its height: hash and height can't belong to different blocks.
        if int(block_hash[:16], 16) != block.ref.height or len(block_hash) != 64:
            raise NodeMisbehaved("a block whose id does not match its height")
    if height is not None and block.ref.height != height:
        raise NodeMisbehaved(f"block {block.ref.height} in answer to {height}")
    return block


def _whole(answer: Any, height: int) -> NodeBlock:
    """With its transactions: the root of their hashes is zero only where there are none."""
    block = _block(answer, height)
    with _Understood("a block"):
        root = bytes.fromhex(answer["block_header"]["raw_data"]["txTrieRoot"])
    if any(root) and not block.transactions:
        raise NodeMisbehaved(f"block {height} without its transactions")
    return block


def _transaction(row: Any) -> NodeTransaction:
    raw_data = bytes.fromhex(row["raw_data_hex"])
    txid = sha256(raw_data).hexdigest()
    if row["txID"] != txid:
        raise NodeMisbehaved("a transaction whose id does not match its bytes")
    results = row.get("ret") or [{}]
    return NodeTransaction(TxId(txid), raw_data, str(results[0].get("contractRet", "")))


def _info(row: Any) -> TransactionInfo:
    receipt = row.get("receipt", {})
    result = receipt.get("result", "SUCCESS")
    failure = "" if result in ("SUCCESS", "DEFAULT") else str(result)
    if not failure and row.get("result") == "FAILED":
        failure = bytes.fromhex(row.get("resMessage", "")).decode(errors="replace") or "FAILED"
    returned = bytes.fromhex((row.get("contractResult") or [""])[0])
    if result == "REVERT" and returned:
        failure = f"REVERT: {reverts.told(returned, spell)}"
    fee, bandwidth_fee = int(row.get("fee", 0)), int(receipt.get("net_fee", 0))
    energy_fee = int(receipt.get("energy_fee", 0))
    if min(bandwidth_fee, energy_fee) < 0 or bandwidth_fee + energy_fee > fee:
        raise NodeMisbehaved("a transaction that burned less than its bandwidth and energy cost")
    return TransactionInfo(
        txid=TxId(row["id"]),
        height=int(row["blockNumber"]),
        timestamp_ms=int(row.get("blockTimeStamp", 0)),
        fee=fee,
        bandwidth_fee=bandwidth_fee,
        bandwidth=int(receipt.get("net_usage", 0)),
        failure=failure[:_REASON_LENGTH],
        internal=tuple(_internal(part) for part in row.get("internal_transactions", ())),
        energy_fee=energy_fee,
        contract=bytes.fromhex(row.get("contract_address", "")),
        returned=sum(int(row.get(name, 0)) for name in _RETURNED),
        exchanged=sum(int(row.get(name, 0)) for name in _EXCHANGED),
        events=tuple(_event(part) for part in row.get("log", ()) if part.get("topics")),
        moved=transfers.told(row.get("log", ())),
        wrapped=transfers.wraps(row.get("log", ())),
    )


def _event(row: Any) -> tuple[bytes, bytes]:
    return bytes.fromhex(row.get("address", "")), bytes.fromhex(row["topics"][0])


def _internal(row: Any) -> InternalTransfer:
    """`callValueInfo` mixes TRX (without tokenId) and TRC-10 tokens; a value that is absent is
    zero, and a call that carries one has a payee."""
    values = row.get("callValueInfo", ())
    amount = sum(int(value.get("callValue", 0)) for value in values if not value.get("tokenId"))
    recipient = bytes.fromhex(row.get("transferTo_address", ""))
    kind = bytes.fromhex(row.get("note", "")).decode(errors="replace")
    if amount and kind == "call" and not recipient:
        raise NodeMisbehaved("TRX that a contract passed on to nobody")
    return InternalTransfer(
        caller=bytes.fromhex(row.get("caller_address", "")),
        recipient=recipient,
        amount=amount,
        kind=kind,
        rejected=bool(row.get("rejected", False)),
    )
