"""From what an app wants signed to its signature: `personal_sign`, `eth_signTypedData_v4`, and
`eth_signTypedData` as EIP-712 itself has it and web3.py asks it.

The same service, policy and approvals as those of `POST /v1/messages`; the signer reads what it
signs. What differs in its spelling alone is the same request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api.rpc.asking import answered, digest_of, made
from api.rpc.wallet import Wallet
from chains.codec import TransactionCodec
from chains.evm.eip1193 import messages
from chains.evm.eip1193.faults import INVALID_PARAMS, RpcFault
from chains.messages.errors import MessageRefused
from chains.model import Address
from custody.transfers.request import TransferRequest, Wording
from custody.transfers.wording import text_wording, typed_wording

Worded = Callable[[TransactionCodec], Wording]


async def personal_sign(wallet: Wallet, params: Any) -> str:
    """The signature of a text or of a login. Raises RpcFault."""
    named, text = messages.personal(params)
    mine = await wallet.own(named)
    return await _signed(wallet, mine, lambda codec: text_wording(codec, text, signer=mine))


async def sign_typed_data(wallet: Wallet, params: Any) -> str:
    """The signature of a document (EIP-712); of a permit, what it gives away was judged as an
    allowance. Raises RpcFault."""
    named, document = messages.typed_data(params)
    mine = await wallet.own(named)
    return await _signed(wallet, mine, lambda codec: typed_wording(codec, document, mine))


async def _signed(wallet: Wallet, mine: Address, worded: Worded) -> str:
    try:
        said = worded(wallet.services.custody.codecs[wallet.network.id])
        asked = await made(wallet, _request(wallet, said), _digest(wallet, mine, said), wallet.key)
    except MessageRefused as error:
        raise RpcFault(INVALID_PARAMS, str(error), {"code": error.code}) from None
    return await answered(wallet, asked)


def _request(wallet: Wallet, said: Wording) -> TransferRequest:
    return TransferRequest(
        vault_id=wallet.door.vault_id,
        network=wallet.network.id,
        asset=wallet.network.native.id,
        outputs=(),
        message=said,
    )


def _digest(wallet: Wallet, mine: Address, said: Wording) -> bytes:
    fields: Mapping[str, str] = {
        "kind": said.kind.value,
        "signer": mine,
        "content": said.content.hex(),
    }
    return digest_of(wallet, "message", fields)
