"""`eth_sendTransaction`: from what an app asks to the hash of a transaction, or to why not yet; and
what messages share with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from api.rpc.wallet import Wallet
from chains.effects import Asked as Effect
from chains.errors import CallUnknown
from chains.evm.eip1193.faults import (
    PENDING,
    REJECTED,
    UNAUTHORIZED,
    UNSUPPORTED,
    USER_REJECTED,
    RpcFault,
)
from chains.evm.eip1193.fields import listed, members, quantity
from chains.evm.eip1193.transactions import Wanted, wanted
from chains.model import Address
from custody.provider.asks import Asked, Denied
from custody.provider.model import Needed, Progress, ToldAs
from custody.transfers.request import TransferRequest
from custody.transfers.state import State
from custody.transfers.telling import asking

_ENDS: Final[Mapping[State, tuple[int, str]]] = {
    State.DENIED: (UNAUTHORIZED, "refused"),
    State.REJECTED: (USER_REJECTED, "an approver said no"),
    State.EXPIRED: (USER_REJECTED, "it was not approved and signed in time"),
    State.CANCELLED: (USER_REJECTED, "it was called off"),
    State.FAILED: (REJECTED, "it failed"),
}


async def send_transaction(wallet: Wallet, params: Any) -> str:
    """The hash. Raises RpcFault."""
    (given,) = listed(params, 1, 1)
    fields = members(given, "the transaction")
    asked = wanted(fields, wallet.chain_id)
    digest = digest_of(wallet, "eth_sendTransaction", fields)
    return await answered(wallet, await ask(wallet, asked, digest, wallet.key))


async def ask(wallet: Wallet, asked: Wanted, digest: bytes, key: str | None) -> Asked:
    """The transfer that comes of it. Raises RpcFault, and what the transfers' service raises."""
    mine = await wallet.own(asked.sender)
    effect = _effect(wallet, asked, mine)
    return await made(wallet, await _request(wallet, asked, effect, mine), digest, key)


async def made(wallet: Wallet, request: TransferRequest, digest: bytes, key: str | None) -> Asked:
    """Raises as `ask`."""
    try:
        return await wallet.services.asks.ask(request, wallet.door.caller, digest, key)
    except Denied as refusal:
        if refusal.ask is not None:
            wallet.ended.append((refusal.ask, ToldAs.END))
        code = UNAUTHORIZED if refusal.transfer_id is not None else REJECTED
        data = {"code": refusal.code, "transfer": refusal.transfer_id}
        raise RpcFault(code, str(refusal), data) from None


async def answered(wallet: Wallet, asked: Asked) -> str:
    """What the app wanted, as soon as it is there. Raises RpcFault."""
    found = await wallet.services.asks.settled(asked.transfer_id, wallet.patience_s)
    if found.is_told and asked.ask is not None:
        wallet.ended.append((asked.ask, found.told_as))
    return result_of(found)


def digest_of(wallet: Wallet, method: str, fields: Mapping[str, Any]) -> bytes:
    """Of who asks for what, in the app's own words: whatever differs is another request."""
    door = wallet.door
    said = {
        "initiator": door.caller.initiator,
        "vault": door.vault_id,
        "network": door.network,
        "method": method,
        "fields": dict(fields),
    }
    spelled = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return sha256(spelled.encode()).digest()


def result_of(found: Progress) -> str:
    """A transaction's hash or a signature. Raises RpcFault while there is none, and where none
    comes."""
    if found.result is not None:
        return found.result
    data = shown(found)
    end = _ENDS.get(found.state)
    if end is None:
        raise RpcFault(PENDING, f"{_waits(found)}: send the same request again", data)
    code, words = end
    raise RpcFault(code, f"{words}: {found.reason}" if found.reason else words, data)


def shown(found: Progress) -> dict[str, Any]:
    """What programs read of it."""
    return {
        "code": found.state.value,
        "transfer": found.transfer_id,
        "href": f"/v1/transfers/{found.transfer_id}",
        "state": found.state.value,
        "waiting": found.waiting,
        "reason": found.reason,
        "needs": [
            {"group": each.group, "count": each.count, "people": list(each.people)}
            for each in found.needs
        ],
        "expires_at": found.expires_at.isoformat().replace("+00:00", "Z"),
    }


def _waits(found: Progress) -> str:
    if found.state is State.AWAITING_APPROVAL:
        people = "; ".join(map(_need, found.needs))
        return f"it waits for approval by {people}" if people else "it waits for approval"
    return f"it waits ({found.waiting})" if found.waiting else "it is being signed and sent"


def _need(need: Needed) -> str:
    return f"{need.count} of {need.group} ({', '.join(need.people) or 'nobody may'})"


def _effect(wallet: Wallet, asked: Wanted, mine: Address) -> Effect:
    """What its bytes do, as the signer reads them too. Raises RpcFault with the reason why nobody
    can say it."""
    codec = wallet.services.custody.codecs[wallet.network.id]
    try:
        (effect,) = codec.understand(mine, asked.to, asked.data, asked.value)
    except CallUnknown as error:
        raise RpcFault(UNSUPPORTED, f"data: {error}", {"code": error.code}) from None
    return effect


async def _request(wallet: Wallet, asked: Wanted, effect: Effect, mine: Address) -> TransferRequest:
    fee_max = asked.fee_max()
    if asked.needs_gas:
        estimate = await wallet.node("eth_estimateGas", [{**asked.question, "from": mine}])
        fee_max = asked.fee_max(quantity(estimate, "the estimate"))
    request = TransferRequest(
        vault_id=wallet.door.vault_id,
        network=wallet.network.id,
        asset=wallet.network.native.id,
        outputs=(),
        fee_max=fee_max,
    )
    return asking(request, wallet.services.custody.codecs[wallet.network.id], effect)
