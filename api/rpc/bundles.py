"""EIP-5792: bundles of calls, their status, and what the wallet can do.

One call is one transfer, and the app's own id is its retry key. Several calls are one transaction
only with a contract that makes them so, which is not there yet: then none of them is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.rpc.asking import ask, digest_of, shown
from api.rpc.wallet import Wallet
from chains.evm.eip1193.faults import (
    ATOMICITY_UNSUPPORTED,
    CAPABILITY_UNSUPPORTED,
    CHAIN_UNSUPPORTED,
    ID_UNKNOWN,
    ID_USED,
    TOO_LARGE,
    RpcFault,
    invalid,
)
from chains.evm.eip1193.fields import listed, members, party, quantity
from chains.evm.eip1193.transactions import wanted
from custody.errors import Conflict
from custody.provider.asks import named_key
from custody.provider.model import Progress
from custody.transfers.state import NEVER_SIGNED, State

_VERSION: Final = "2.0.0"
_ID_LENGTH_MAX: Final = 4_096 * 2 + 2
_NAMES: Final = frozenset(
    {"version", "id", "from", "chainId", "atomicRequired", "calls", "capabilities"}
)
_CALL_NAMES: Final = frozenset({"to", "data", "value", "capabilities"})
_PENDING, _CONFIRMED, _FAILED_OFF_CHAIN, _REVERTED = 100, 200, 400, 500
_RECEIPT: Final = ("status", "blockHash", "blockNumber", "gasUsed", "transactionHash")
_LOG: Final = ("address", "data", "topics")


async def capabilities(wallet: Wallet, params: Any) -> dict[str, Any]:
    """By chain; of others nothing is said."""
    given = listed(params, 1, 2)
    await wallet.own(party(given[0], "address"))
    mine = hex(wallet.chain_id)
    if len(given) > 1 and given[1] is not None:
        if not isinstance(given[1], list):
            raise invalid("chain ids are a list")
        if wallet.chain_id not in [quantity(each, "chainId") for each in given[1]]:
            return {}
    return {mine: {"atomic": {"status": "unsupported"}}}


async def send_calls(wallet: Wallet, params: Any) -> dict[str, Any]:
    """The bundle's id. What becomes of it is for `wallet_getCallsStatus` to say."""
    (given,) = listed(params, 1, 1)
    bundle = members(given, "the bundle")
    _check(wallet, bundle)
    fields = _only_call(bundle)
    sender = bundle.get("from")
    asked = wanted({**fields, **({} if sender is None else {"from": sender})}, wallet.chain_id)
    digest = digest_of(wallet, "wallet_sendCalls", bundle)
    named = bundle.get("id")
    key = wallet.key if named is None else _key(wallet, _id_of(named))
    try:
        made = await ask(wallet, asked, digest, key)
    except Conflict as error:
        if error.code != "idempotency_key_reused" or named is None:
            raise
        raise RpcFault(ID_USED, "this id was used for other calls") from None
    return {"id": made.transfer_id if named is None else named}


async def status(wallet: Wallet, params: Any) -> dict[str, Any]:
    (given,) = listed(params, 1, 1)
    found = await _find(wallet, given)
    number = _status(found)
    answer: dict[str, Any] = {
        "version": _VERSION,
        "id": given,
        "chainId": hex(wallet.chain_id),
        "status": number,
        "atomic": False,
        "transfer": shown(found),
    }
    if found.txid is not None:
        receipt = await wallet.node("eth_getTransactionReceipt", [found.txid])
        if isinstance(receipt, dict):
            answer["receipts"] = [_receipt(receipt)]
            succeeded = receipt.get("status") != "0x0"
            answer["status"] = _CONFIRMED if succeeded else _REVERTED
    return answer


async def show(wallet: Wallet, params: Any) -> None:
    """There is nothing to show here: people look at the console."""
    (given,) = listed(params, 1, 1)
    await _find(wallet, given)


def _check(wallet: Wallet, bundle: Mapping[str, Any]) -> None:
    """Raises RpcFault."""
    unknown = sorted(bundle.keys() - _NAMES)
    if unknown:
        raise invalid(f"{unknown[0][:64]}: not understood here")
    if bundle.get("version") != _VERSION:
        raise invalid(f"version is {_VERSION}")
    if quantity(bundle.get("chainId"), "chainId") != wallet.chain_id:
        raise RpcFault(CHAIN_UNSUPPORTED, f"this is chain {wallet.chain_id}")
    if not isinstance(bundle.get("atomicRequired"), bool):
        raise invalid("atomicRequired is true or false")
    _check_capabilities(bundle)
    if bundle["atomicRequired"]:
        words = "calls are not made as one here yet: send them one by one"
        raise RpcFault(ATOMICITY_UNSUPPORTED, words)


def _check_capabilities(given: Mapping[str, Any]) -> None:
    named = given.get("capabilities")
    for name, wish in members({} if named is None else named, "capabilities").items():
        if not isinstance(wish, dict) or wish.get("optional") is not True:
            raise RpcFault(CAPABILITY_UNSUPPORTED, f"{name[:64]}: not done here")


def _only_call(bundle: Mapping[str, Any]) -> dict[str, Any]:
    calls = bundle.get("calls")
    if not isinstance(calls, list) or not calls:
        raise invalid("calls is a list of at least one")
    if len(calls) > 1:
        words = "one call at a time: several are not made as one here yet"
        raise RpcFault(TOO_LARGE, words)
    call = members(calls[0], "the call")
    if unknown := sorted(call.keys() - _CALL_NAMES):
        raise invalid(f"{unknown[0][:64]}: not understood here")
    _check_capabilities(call)
    return {name: call[name] for name in ("to", "data", "value") if name in call}


def _id_of(given: object) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= _ID_LENGTH_MAX:
        raise invalid("an id is a string of at most 4096 bytes")
    return given


def _key(wallet: Wallet, named: str) -> str:
    door = wallet.door
    return named_key("calls", door.caller.initiator, door.vault_id, door.network, named)


async def _find(wallet: Wallet, given: object) -> Progress:
    """By the app's own id, or by ours. Raises RpcFault."""
    named, asks = _id_of(given), wallet.services.asks
    transfer = await asks.transfer_of(wallet.door.vault_id, _key(wallet, named))
    found = await asks.progress(named if transfer is None else transfer)
    if found is None or (found.vault_id, found.network, found.initiator) != (
        wallet.door.vault_id,
        wallet.door.network,
        wallet.door.caller.initiator,
    ):
        raise RpcFault(ID_UNKNOWN, "no calls were sent under this id")
    return found


def _status(found: Progress) -> int:
    if found.state is State.FAILED:
        return _REVERTED if found.txid is not None else _FAILED_OFF_CHAIN
    if found.state in NEVER_SIGNED:
        return _FAILED_OFF_CHAIN
    return _CONFIRMED if found.state is State.FINAL else _PENDING


def _receipt(receipt: Mapping[str, Any]) -> dict[str, Any]:
    logs = receipt.get("logs")
    return {
        "logs": [
            {name: each.get(name) for name in _LOG}
            for each in (logs if isinstance(logs, list) else [])
            if isinstance(each, dict)
        ],
        **{name: receipt.get(name) for name in _RECEIPT},
    }
