"""The list of what is answered, and why the rest is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import structlog

from api.errors import describe
from api.rpc import asking, bundles, reading, signing
from api.rpc.protocol import Entry, Malformed, entries, failure, result
from api.rpc.wallet import Wallet
from chains.errors import NodeError
from chains.evm.eip1193.faults import (
    CHAIN_DISCONNECTED,
    CHAIN_UNKNOWN,
    INTERNAL,
    INVALID_PARAMS,
    INVALID_REQUEST,
    REJECTED,
    UNAUTHORIZED,
    RpcFault,
    unsupported,
)
from chains.evm.eip1193.fields import listed, members, quantity
from chains.evm.eip1193.reads import READS
from custody.db import trouble
from custody.transactions.outcomes import where

Method = Callable[[Wallet, Any], Awaitable[Any]]

log = structlog.get_logger()

_CLIENT: Final = "custody"

_UNSIGNED: Final = "bytes that nobody here has read are not sent; use eth_sendTransaction"
REFUSED: Final[Mapping[str, str]] = {
    "eth_sendRawTransaction": _UNSIGNED,
    "eth_sign": "it signs what may be a transaction in disguise: it is refused for good",
    "eth_signTransaction": "what is signed here is sent here: use eth_sendTransaction",
    "eth_signTypedData_v3": "use eth_signTypedData_v4",
    "wallet_addEthereumChain": "which networks there are is the house's to say",
    "wallet_watchAsset": "which tokens are listed is the policy's to say",
    "eth_newFilter": "nothing is kept between requests: use eth_getLogs or eth_subscribe",
    "eth_newBlockFilter": "nothing is kept between requests: use eth_subscribe",
    "eth_newPendingTransactionFilter": "what waits at a node is not shown here",
    "eth_subscribe": "over HTTP nothing can be told later: connect by WebSocket",
    "eth_unsubscribe": "over HTTP nothing can be told later: connect by WebSocket",
}
"""Methods that wallets or nodes have, and why they are not answered here."""


async def _accounts(wallet: Wallet, params: Any) -> list[str]:
    mine = await wallet.address()
    return [] if mine is None else [mine]


async def _request_accounts(wallet: Wallet, params: Any) -> list[str]:
    return [await wallet.own(None)]


async def _chain_id(wallet: Wallet, params: Any) -> str:
    return hex(wallet.chain_id)


async def _version(wallet: Wallet, params: Any) -> str:
    return str(wallet.chain_id)


async def _client(wallet: Wallet, params: Any) -> str:
    return _CLIENT


async def _switch(wallet: Wallet, params: Any) -> None:
    """Each network has a URL of its own; EIP-3326."""
    (given,) = listed(params, 1, 1)
    chain = quantity(members(given, "the chain").get("chainId"), "chainId")
    if chain != wallet.chain_id:
        words = f"chain {chain} has a URL of its own: connect there"
        raise RpcFault(CHAIN_UNKNOWN, words)


async def _permissions(wallet: Wallet, params: Any) -> list[dict[str, Any]]:
    """EIP-2255: whoever may ask at all sees the account."""
    mine = [await wallet.own(None)]
    caveat = {"type": "restrictReturnedAccounts", "value": mine}
    return [{"parentCapability": "eth_accounts", "caveats": [caveat]}]


ANSWERED: Final[Mapping[str, Method]] = {
    "eth_accounts": _accounts,
    "eth_requestAccounts": _request_accounts,
    "eth_chainId": _chain_id,
    "net_version": _version,
    "web3_clientVersion": _client,
    "wallet_switchEthereumChain": _switch,
    "wallet_getPermissions": _permissions,
    "wallet_requestPermissions": _permissions,
    "wallet_getCapabilities": bundles.capabilities,
    "wallet_getCallsStatus": bundles.status,
    "wallet_showCallsStatus": bundles.show,
}
ASKING: Final[Mapping[str, Method]] = {
    "eth_sendTransaction": asking.send_transaction,
    "wallet_sendCalls": bundles.send_calls,
    "personal_sign": signing.personal_sign,
    "eth_signTypedData": signing.sign_typed_data,
    "eth_signTypedData_v4": signing.sign_typed_data,
}
"""What becomes a transfer: one at a time of a batch, in its order."""


async def answers(
    wallet: Wallet, document: object, also: Mapping[str, Method] = MappingProxyType({})
) -> dict[str, Any] | Sequence[dict[str, Any]] | None:
    """Of a whole document; None where nobody wants an answer. `also`: as for `answer`."""
    try:
        asked, is_batch = entries(document)
        if is_batch and wallet.key is not None:
            raise RpcFault(INVALID_REQUEST, "an Idempotency-Key names one request, not a batch")
    except RpcFault as fault:
        return failure(None, fault)
    found = await asyncio.gather(*(answer(wallet, each, also) for each in asked))
    if not found:
        return None
    return found if is_batch else found[0]


async def answer(
    wallet: Wallet, entry: Entry, also: Mapping[str, Method] = MappingProxyType({})
) -> dict[str, Any]:
    """Of one request. `also`: what is answered here beside the list. Raises nothing but what ends
    the process's work."""
    if isinstance(entry, Malformed):
        return failure(entry.id, entry.fault)
    try:
        return result(entry.id, await _found(wallet, entry.method, entry.params, also))
    except RpcFault as fault:
        return failure(entry.id, fault)
    except Exception as error:  # noqa: BLE001 - the others of a batch are answered all the same
        return failure(entry.id, _fault_of(error))


async def _found(wallet: Wallet, method: str, params: Any, also: Mapping[str, Method]) -> Any:
    if method in also:
        return await also[method](wallet, params)
    if method in ASKING:
        async with wallet.turn:
            with wallet.bounds.asking(wallet.door.caller.key_id):
                return await ASKING[method](wallet, params)
    if method in ANSWERED:
        return await ANSWERED[method](wallet, params)
    if method in READS:
        return await reading.read(wallet, method, params)
    raise unsupported(f"{method}: {REFUSED.get(method, 'not answered here')}")


_CODES: Final = {403: UNAUTHORIZED, 404: INVALID_PARAMS, 409: INVALID_PARAMS}


def _fault_of(error: Exception) -> RpcFault:
    """What our services say, in the codes of wallets. Of what nobody foresaw the log has the class
    and the place, and the app a code."""
    if isinstance(error, NodeError):
        words = "the network's node gives no answer"
        return RpcFault(CHAIN_DISCONNECTED, words, {"code": error.code})
    if isinstance(error, trouble.TROUBLE):
        code = trouble.code_of(error)
        log.error("database_trouble", code=code, error=type(error).__name__)
        return RpcFault(INTERNAL, "nothing is known to be stored; send it again", {"code": code})
    try:
        status, problem = describe(error)
    except KeyError:
        log.error("rpc_failed", error=where(error))
        return RpcFault(INTERNAL, "something broke on our side", {"code": "internal_error"})
    if status >= 500:
        number = INTERNAL
    elif status == 422 and "errors" not in problem:
        number = REJECTED
    else:
        number = _CODES.get(status, INVALID_PARAMS)
    more = {name: problem[name] for name in ("transfer_id",) if name in problem}
    return RpcFault(number, problem["detail"], {"code": problem["code"], **more})
