"""The chain in java-tron's JSON: proto3 (default values absent), bytes as hexadecimal, addresses as
base58check when asked with `visible: true`. Pure."""

from __future__ import annotations

from typing import Any, Final

from embit import base58

from chains.devnet.tron_server import rules
from chains.devnet.tron_server.chain import VERSION, Block, Chain, Included
from chains.devnet.tron_server.rules import Account
from chains.devnet.tron_server.wire import Contract, Transaction

_WITNESS_SIGNATURE: Final = "00" * 65


def address(raw: bytes, visible: bool) -> str:
    return str(base58.encode_check(raw)) if visible and raw else raw.hex()


def block(found: Block, *, visible: bool, detail: bool = True) -> dict[str, Any]:
    view: dict[str, Any] = {
        "blockID": found.id.hex(),
        "block_header": {
            "raw_data": _without_defaults(
                number=found.number,
                txTrieRoot=found.root.hex(),
                witness_address=address(found.witness, visible),
                parentHash=found.parent.hex(),
                version=VERSION,
                timestamp=found.timestamp_ms,
            ),
            "witness_signature": _WITNESS_SIGNATURE,
        },
    }
    if detail and found.included:
        view["transactions"] = [
            transaction(one.transaction, visible=visible) for one in found.included
        ]
    return view


def transaction(found: Transaction, *, visible: bool) -> dict[str, Any]:
    return {
        "ret": [{"contractRet": "SUCCESS"}],
        "signature": [signature.hex() for signature in found.signatures],
        "txID": found.id,
        "raw_data": _without_defaults(
            contract=[_contract(one, visible) for one in found.contracts],
            ref_block_bytes=found.reference_bytes.hex(),
            ref_block_hash=found.reference_hash.hex(),
            expiration=found.expiration_ms,
            data=found.memo.hex(),
            fee_limit=found.fee_limit,
            timestamp=found.timestamp_ms,
        ),
        "raw_data_hex": found.raw_data.hex(),
    }


def info(where: Block, included: Included) -> dict[str, Any]:
    receipt = included.receipt
    return _without_defaults(
        id=included.transaction.id,
        fee=receipt.fee,
        blockNumber=where.number,
        blockTimeStamp=where.timestamp_ms,
        contractResult=[""],
        receipt=_without_defaults(net_usage=receipt.net_usage, net_fee=receipt.net_fee),
    )


def account(raw: bytes, found: Account, chain: Chain, visible: bool) -> dict[str, Any]:
    began = chain.blocks[0].timestamp_ms
    return _without_defaults(
        address=address(raw, visible),
        balance=found.balance,
        create_time=found.created_ms,
        latest_opration_time=found.last_operation_ms,  # java-tron's spelling
        free_net_usage=rules.free_bandwidth_used(found, chain.moment.slot),
        latest_consume_free_time=began + found.free_slot * rules.BLOCK_INTERVAL_MS,
    )


def resources(found: Account, chain: Chain) -> dict[str, Any]:
    return _without_defaults(
        freeNetUsed=rules.free_bandwidth_used(found, chain.moment.slot),
        freeNetLimit=rules.PARAMETERS["getFreeNetLimit"],
    )


def parameters() -> dict[str, Any]:
    rows = [{"key": key, "value": value} for key, value in rules.PARAMETERS.items()]
    return {"chainParameter": rows}


def _contract(found: Contract, visible: bool) -> dict[str, Any]:
    assert found.transfer is not None, "nothing else gets in"
    value = _without_defaults(
        amount=found.transfer.amount,
        owner_address=address(found.transfer.owner, visible),
        to_address=address(found.transfer.recipient, visible),
    )
    return _without_defaults(
        parameter={"value": value, "type_url": found.type_url},
        type="TransferContract",
        Permission_id=found.permission,
    )


def _without_defaults(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
