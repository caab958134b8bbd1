"""How a node writes blocks, transactions, accounts and errors as JSON."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any, Final

from embit import base58
from solders.account import Account
from solders.message import Message, MessageV0, MessageV1
from solders.rpc.responses import RpcSimulateTransactionResult
from solders.transaction_metadata import TransactionMetadata
from solders.transaction_status import TransactionErrorType

from chains.devnet.solana_server.chain import Block
from chains.devnet.solana_server.execution import Executed
from chains.devnet.solana_server.held import TokenBalance

LEGACY: Final = -1
"""Stands for transactions without a version, which every client reads."""


class UnsupportedEncoding(ValueError):
    """An encoding that this server does not write."""


def error_json(error: TransactionErrorType | None) -> Any:
    """`{"InstructionError": [0, {"Custom": 1}]}`, `"BlockhashNotFound"` and the like."""
    return json.loads(RpcSimulateTransactionResult(err=error).to_json())["err"]


def version_of(executed: Executed) -> int:
    message = executed.transaction.message
    if isinstance(message, Message):
        return LEGACY
    return 1 if isinstance(message, MessageV1) else 0


def account_json(account: Account | None, encoding: str) -> dict[str, Any] | None:
    if account is None:
        return None
    return {
        "data": data_json(bytes(account.data), encoding),
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }


def data_json(data: bytes, encoding: str) -> Any:
    if encoding == "base64":
        return [base64.b64encode(data).decode(), "base64"]
    if encoding == "base58":
        return [base58.encode(data) if data else "", "base58"]
    if encoding == "binary":
        return base58.encode(data) if data else ""
    raise UnsupportedEncoding(encoding)


def simulation_json(
    error: TransactionErrorType | None, meta: TransactionMetadata | None
) -> dict[str, Any]:
    return {
        "err": error_json(error),
        "logs": [] if meta is None else meta.logs(),
        "accounts": None,
        "unitsConsumed": 0 if meta is None else meta.compute_units_consumed(),
        "returnData": None,
        "innerInstructions": None,
    }


def block_json(block: Block, details: str, encoding: str) -> dict[str, Any]:
    value: dict[str, Any] = {
        "blockHeight": block.height,
        "blockTime": block.time,
        "blockhash": str(block.hash),
        "parentSlot": block.parent_slot,
        "previousBlockhash": str(block.parent_hash),
    }
    if details == "signatures":
        value["signatures"] = [str(executed.signature) for executed in block.transactions]
    elif details in ("full", "accounts"):
        listing = encoding if details == "full" else "accounts"
        value["transactions"] = [
            transaction_json(executed, listing) for executed in block.transactions
        ]
    return value


def transaction_json(executed: Executed, encoding: str) -> dict[str, Any]:
    """A transaction with its metadata; `encoding` may be "accounts" for the short form."""
    version = version_of(executed)
    return {
        "meta": _meta_json(executed),
        "transaction": _body_json(executed, encoding),
        "version": "legacy" if version == LEGACY else version,
    }


def _body_json(executed: Executed, encoding: str) -> Any:
    if encoding == "accounts":
        return {
            "accountKeys": _accounts_json(executed),
            "signatures": [str(signature) for signature in executed.transaction.signatures],
        }
    if encoding == "json":
        return {
            "message": _message_json(executed.transaction.message),
            "signatures": [str(signature) for signature in executed.transaction.signatures],
        }
    return data_json(bytes(executed.transaction), encoding)


def _accounts_json(executed: Executed) -> list[dict[str, Any]]:
    loaded = executed.loaded
    signers = executed.transaction.message.header.num_required_signatures
    return [
        {
            "pubkey": str(key),
            "signer": index < signers,
            "source": "transaction" if index < loaded.static else "lookupTable",
            "writable": loaded.writable[index],
        }
        for index, key in enumerate(loaded.keys)
    ]


def _message_json(message: Message | MessageV0 | MessageV1) -> dict[str, Any]:
    header = message.header
    value: dict[str, Any] = {
        "accountKeys": [str(key) for key in message.account_keys],
        "header": {
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            "numRequiredSignatures": header.num_required_signatures,
        },
        "instructions": [_instruction_json(each, None) for each in message.instructions],
        "recentBlockhash": str(message.recent_blockhash),
    }
    if isinstance(message, MessageV0):
        value["addressTableLookups"] = [
            {
                "accountKey": str(lookup.account_key),
                "readonlyIndexes": list(bytes(lookup.readonly_indexes)),
                "writableIndexes": list(bytes(lookup.writable_indexes)),
            }
            for lookup in message.address_table_lookups
        ]
    return value


def _meta_json(executed: Executed) -> dict[str, Any]:
    error, loaded = error_json(executed.error), executed.loaded
    added = range(loaded.static, len(loaded.keys))
    return {
        "computeUnitsConsumed": executed.meta.compute_units_consumed(),
        "err": error,
        "fee": executed.fee,
        "innerInstructions": _inner_json(executed),
        "loadedAddresses": {
            "readonly": [str(loaded.keys[i]) for i in added if not loaded.writable[i]],
            "writable": [str(loaded.keys[i]) for i in added if loaded.writable[i]],
        },
        "logMessages": executed.meta.logs(),
        "postBalances": list(executed.after),
        "postTokenBalances": [_held_json(each) for each in executed.held_after],
        "preBalances": list(executed.before),
        "preTokenBalances": [_held_json(each) for each in executed.held_before],
        "rewards": None,
        "status": {"Ok": None} if error is None else {"Err": error},
    }


def _held_json(held: TokenBalance) -> dict[str, Any]:
    shown = str(Decimal(held.units).scaleb(-held.decimals).normalize())
    return {
        "accountIndex": held.index,
        "mint": str(held.mint),
        "owner": str(held.owner),
        "programId": str(held.program),
        "uiTokenAmount": {
            "amount": str(held.units),
            "decimals": held.decimals,
            "uiAmount": float(shown),
            "uiAmountString": shown,
        },
    }


def _inner_json(executed: Executed) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "instructions": [
                _instruction_json(inner.instruction(), inner.stack_height()) for inner in group
            ],
        }
        for index, group in enumerate(executed.meta.inner_instructions())
        if group
    ]


def _instruction_json(instruction: Any, stack_height: int | None) -> dict[str, Any]:
    data = bytes(instruction.data)
    return {
        "accounts": list(bytes(instruction.accounts)),
        "data": base58.encode(data) if data else "",
        "programIdIndex": instruction.program_id_index,
        "stackHeight": stack_height,
    }
