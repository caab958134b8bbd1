"""A request for a signature under a message: who signs, and what that does.

The same reader that the signer runs says what the bytes do. What it does not explain is refused
here, before anybody is asked about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chains.codec import TransactionCodec
from chains.errors import MalformedTransaction
from chains.families import messages_of
from chains.messages.errors import MessageKindUnknown
from chains.messages.model import Message
from chains.model import UnsignedTx
from custody.db.session import ReadSession
from custody.errors import Invalid, NotFound, Unprocessable
from custody.transfers.asking import Ask
from custody.transfers.request import TransferRequest
from custody.vaults.paying_repository import Payer, Source
from custody.vaults.repository import find_address
from signer.wire import Mandate


def check_saying(request: TransferRequest, codec: TransactionCodec) -> None:
    """What can be judged without the database. Raises MessageKindUnknown."""
    assert request.message is not None and not request.outputs, "a message pays nobody"
    if request.message.kind not in messages_of(codec).kinds:
        raise MessageKindUnknown(f"no {request.message.kind} is signed on {codec.network.name}")


async def saying(session: ReadSession, ask: Ask, payer: Payer, named: str) -> Ask:
    """With who signs it and what it does, of a message. `named`: the transfer's id. Raises NotFound
    address_not_found, Unprocessable vault_without_address, MessageRefused, Invalid
    message_lifetime, and InvalidAddress."""
    wanted = ask.request.message
    if wanted is None:
        return ask
    source = await _signer(session, ask, payer)
    reader = messages_of(ask.codec)
    payload = Message(wanted.kind, named, wanted.content).payload
    tx = UnsignedTx(ask.codec.network.id, payload, source.address)
    try:
        effects = reader.summarize(tx).effects
        reader.check_lifetime(tx, int(ask.now.timestamp()))
    except MalformedTransaction as error:
        raise Invalid("message_lifetime", str(error), field="message") from error
    return replace(ask, source=source, says=effects)


def message_fields(ask: Ask, mandate: Mandate) -> Sequence[dict[str, Any]]:
    """The row beside a transfer that is a message."""
    wanted = ask.request.message
    if wanted is None:
        return []
    return [
        {
            "transfer_id": mandate.core.transfer,
            "kind": wanted.kind.value,
            "signer": mandate.core.source_address,
            "content": wanted.content,
        }
    ]


async def _signer(session: ReadSession, ask: Ask, payer: Payer) -> Source:
    wanted = ask.request.message
    if wanted is None or wanted.signer is None:
        if payer.first is None:
            words = "the vault has no address on this network"
            raise Unprocessable("vault_without_address", words, field="network")
        return payer.first
    address = ask.codec.parse_address(wanted.signer).address
    row = await find_address(session, ask.codec.network.id, address)
    if row is None or row.vault_id != payer.vault_id or row.change:
        raise NotFound("address_not_found", "the vault has no such address", field="address")
    return Source(row.path, address)
