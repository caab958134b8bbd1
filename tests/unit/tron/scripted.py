"""Answers of a TRON node, in java-tron's shapes, and who appears in them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, cast

from coincurve import PrivateKey
from google.protobuf.message import Message

from chains.block import Block
from chains.model import Address, BlockRef
from chains.tron import build
from chains.tron import tron_pb2 as pb
from chains.tron.address import to_bytes
from tests.support.node_answers.server import Answer
from tests.support.tron import owned

Script = dict[str, Any]
PAYER = owned(PrivateKey(b"\x01" * 32))
OTHER = owned(PrivateKey(b"\x02" * 32)).address
OURS = owned(PrivateKey(b"\x03" * 32)).address
CONTRACT_RAW = b"\x41" + b"\x0c" * 20
GENESIS_MS = 1_750_000_000_000
SIZE = 268
"""Charged for a transfer of some TRX at such times: 134 bytes of raw_data and 134 around them."""


def block_id(height: int) -> str:
    return height.to_bytes(8).hex() + sha256(b"%d" % height).hexdigest()[16:]


def block(height: int, *transactions: Script) -> Script:
    root = "17" * 32 if transactions else "00" * 32
    header: Script = {"timestamp": GENESIS_MS + height * 3000, "txTrieRoot": root}
    if height > 0:
        header |= {"number": height, "parentHash": block_id(height - 1)}
    return {
        "blockID": block_id(height),
        "block_header": {"raw_data": header},
        "transactions": list(transactions),
    }


def transaction(raw_data: bytes, result: str | None = "SUCCESS") -> Script:
    return {
        "ret": [{"contractRet": result}] if result else [],
        "txID": sha256(raw_data).hexdigest(),
        "raw_data_hex": raw_data.hex(),
    }


def transfer(amount: int = 5) -> bytes:
    return build.build_transfer(
        PAYER.address,
        OURS,
        amount,
        reference=BlockRef(1, block_id(1)),
        expiration_ms=600_000,
        timestamp_ms=1,
    )


def contract_of(kind: int, parameter: Message) -> bytes:
    contract = pb.Contract(type=cast("pb.Contract.Type", kind))
    contract.parameter.Pack(parameter)
    return pb.RawData(contract=[contract]).SerializeToString()


def call(owner: Address | None = None, value: int = 0) -> bytes:
    """Of a contract, by `owner` or by nobody."""
    parameter = pb.TriggerSmartContract(contract_address=CONTRACT_RAW, call_value=value)
    if owner is not None:
        parameter.owner_address = to_bytes(owner)
    return contract_of(pb.Contract.TRIGGER_SMART_CONTRACT, parameter)


def internal(
    to: bytes, value: int, note: str = "call", *, rejected: bool = False, token: str = ""
) -> Script:
    found: Script = {
        "caller_address": CONTRACT_RAW.hex(),
        "transferTo_address": to.hex(),
        "callValueInfo": [{"callValue": value} | ({"tokenId": token} if token else {})],
        "note": note.encode().hex(),
    }
    return found | ({"rejected": True} if rejected else {})


def info(raw_data: bytes, height: int, **fields: Any) -> Script:
    return {
        "id": sha256(raw_data).hexdigest(),
        "blockNumber": height,
        "blockTimeStamp": GENESIS_MS + height * 3000,
        "receipt": {"net_usage": 268},
    } | fields


async def block_of(scripted: Any, found: Script, infos: Any = None, **answers: Any) -> Block:
    """What the adapter makes of a block at height 7 and its infos."""
    adapter = scripted(
        {
            "/wallet/getblockbynum": found,
            "/wallet/gettransactioninfobyblocknum": infos,
            **{f"/wallet/{name}": answer for name, answer in answers.items()},
        }
    )
    read: Block = await adapter.block(7)
    return read


PARAMETERS = {
    "chainParameter": [
        {"key": "getTransactionFee", "value": 1000},
        {"key": "getCreateNewAccountFeeInSystemContract", "value": 1_000_000},
        {"key": "getCreateAccountFee", "value": 100_000},
        {"key": "getCreateNewAccountBandwidthRate", "value": 1},
        {"key": "getAllowMultiSign"},
    ]
}


def bare(found: Any) -> Any:
    """What the server sends as it is."""
    if callable(found):
        return lambda request: bare(found(request))
    return found if isinstance(found, Answer) else Answer(json=found)
