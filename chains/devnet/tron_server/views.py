"""The chain in java-tron's JSON: proto3 (default values absent), bytes as hexadecimal, addresses as
base58check when asked with `visible: true`. Pure."""

from __future__ import annotations

from typing import Any

from embit import base58

from chains.devnet.tron_server import rules
from chains.devnet.tron_server.chain import VERSION, Block, Chain, Included
from chains.devnet.tron_server.rules import Account, Ran
from chains.devnet.tron_server.wire import (
    KINDS,
    Body,
    Contract,
    Creation,
    Delegation,
    Transaction,
    Transfer,
    Trigger,
)


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
            "witness_signature": found.signature.hex(),
        },
    }
    if detail and found.included:
        view["transactions"] = [
            transaction(one.transaction, visible=visible, result=one.receipt.result)
            for one in found.included
        ]
    return view


def transaction(found: Transaction, *, visible: bool, result: str = "SUCCESS") -> dict[str, Any]:
    return {"ret": [{"contractRet": result}], **unsigned(found, visible=visible)} | {
        "signature": [signature.hex() for signature in found.signatures]
    }


def unsigned(found: Transaction, *, visible: bool) -> dict[str, Any]:
    return {
        "visible": visible,
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
    size = {"net_usage": receipt.net_usage, "net_fee": receipt.net_fee}
    view = {
        "id": included.transaction.id,
        "fee": receipt.fee,
        "blockNumber": where.number,
        "blockTimeStamp": where.timestamp_ms,
        "contractResult": [""],
        "receipt": _without_defaults(**size),
    }
    if receipt.ran is not None:
        view |= _ran(receipt.ran, size)
    return _without_defaults(**view)


def _ran(ran: Ran, size: dict[str, int]) -> dict[str, Any]:
    failed = ran.result != "SUCCESS"
    return {
        "contractResult": [ran.output.hex()],
        "contract_address": ran.contract.hex(),
        "receipt": _without_defaults(
            energy_usage=ran.usage,
            energy_fee=ran.burned,
            energy_usage_total=ran.energy,
            energy_penalty_total=ran.penalty,
            result=ran.result,
            **size,
        ),
        "result": "FAILED" if failed else "",
        "resMessage": ran.message.encode().hex(),
        "log": [
            {
                "address": contract.hex(),
                "topics": [topic.hex() for topic in topics],
                **_without_defaults(data=data.hex()),
            }
            for contract, topics, data in ran.logs
        ],
        "internal_transactions": [
            {
                "caller_address": caller.hex(),
                "transferTo_address": called.hex(),
                "callValueInfo": [_without_defaults(callValue=value)],
                "note": b"call".hex(),
                **_without_defaults(rejected=undone),
            }
            for caller, called, value, undone in ran.passed
        ],
    }


def account(raw: bytes, found: Account, began_ms: int, slot: int, visible: bool) -> dict[str, Any]:
    """`began_ms`: the time of block 0; `slot`: of the block that is asked."""
    return _without_defaults(
        address=address(raw, visible),
        type="Contract" if found.creation else "",
        balance=found.balance,
        create_time=found.created_ms,
        latest_opration_time=found.last_operation_ms,  # java-tron's spelling
        free_net_usage=rules.free_bandwidth_used(found, slot),
        latest_consume_free_time=began_ms + found.free_slot * rules.BLOCK_INTERVAL_MS,
        account_resource=_without_defaults(
            energy_usage=rules.energy_used(found, slot),
            acquired_delegated_frozenV2_balance_for_energy=found.delegated,
        ),
    )


def resources(found: Account, chain: Chain) -> dict[str, Any]:
    slot = chain.moment.slot
    return _without_defaults(
        freeNetUsed=rules.free_bandwidth_used(found, slot),
        freeNetLimit=rules.PARAMETERS["getFreeNetLimit"],
        EnergyUsed=rules.energy_used(found, slot),
        EnergyLimit=rules.energy_limit(found),
        TotalEnergyLimit=rules.PARAMETERS["getTotalEnergyCurrentLimit"],
        TotalEnergyWeight=rules.TOTAL_ENERGY_WEIGHT,
    )


def parameters() -> dict[str, Any]:
    rows = [{"key": key, "value": value} for key, value in rules.PARAMETERS.items()]
    return {"chainParameter": rows}


def _contract(found: Contract, visible: bool) -> dict[str, Any]:
    assert found.body is not None, "nothing else gets in"
    _, name = KINDS[type(found.body)]
    return _without_defaults(
        parameter={"value": _parameter(found.body, visible), "type_url": found.type_url},
        type=name,
        Permission_id=found.permission,
    )


def _parameter(body: Body, visible: bool) -> dict[str, Any]:
    owner = address(body.owner, visible)
    if isinstance(body, Transfer):
        to_address = address(body.recipient, visible)
        return _without_defaults(amount=body.amount, owner_address=owner, to_address=to_address)
    if isinstance(body, Trigger):
        return _without_defaults(
            data=body.data.hex(),
            call_value=body.call_value,
            owner_address=owner,
            contract_address=address(body.contract, visible),
        )
    if isinstance(body, Delegation):
        receiver = address(body.receiver, visible)
        return {
            "balance": body.amount,
            "resource": "ENERGY",
            "owner_address": owner,
            "receiver_address": receiver,
        }
    return {"owner_address": owner, "new_contract": smart_contract(body, visible)}


def smart_contract(body: Creation, visible: bool) -> dict[str, Any]:
    return _without_defaults(
        bytecode=body.bytecode.hex(),
        name=body.name,
        origin_address=address(body.origin, visible),
        consume_user_resource_percent=body.percent,
        origin_energy_limit=body.energy_limit,
    )


def _without_defaults(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
