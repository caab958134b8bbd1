"""What somebody wants signed, in the words of libraries, to the words that are read and signed.

Pure. Wallets pass texts, octets and the JSON of typed data; here each gets its kind and its one
spelling. What that does is for the reader to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chains.codec import TransactionCodec
from chains.contracts.respelling import respelled
from chains.errors import InvalidAddress
from chains.families import messages_of
from chains.messages.errors import MessageKindUnknown, TypedDataMalformed
from chains.messages.model import CONTENT_MAX, LOGINS, TYPED, Kind
from chains.messages.texts import is_login
from custody.errors import Invalid
from custody.transfers.request import Wording

_TOO_LONG: Final = f"at most {CONTENT_MAX} bytes"


def text_wording(
    codec: TransactionCodec, content: bytes, kind: Kind | None = None, signer: str | None = None
) -> Wording:
    """Of a text. `kind`: None: a login if it is one, else as the network's wallets sign texts.
    Raises MessageKindUnknown, Invalid message_too_long."""
    kinds = [each for each in messages_of(codec).kinds if each not in TYPED]
    if kind is None:
        logins = [each for each in kinds if each in LOGINS and is_login(content)]
        kind = next(iter([*logins, *(each for each in kinds if each not in LOGINS)]), None)
    if kind is None or kind not in kinds:
        raise MessageKindUnknown(f"no such text is signed on {codec.network.name}")
    return _wording(kind, content, signer)


def typed_wording(
    codec: TransactionCodec, given: str | Mapping[str, Any], signer: str | None = None
) -> Wording:
    """Of typed data, as eth_signTypedData_v4 takes it. Raises MessageKindUnknown,
    TypedDataMalformed, Invalid message_too_long."""
    reader = messages_of(codec)
    kind = next((each for each in reader.kinds if each in TYPED), None)
    if kind is None:
        raise MessageKindUnknown(f"no typed data is signed on {codec.network.name}")
    try:
        content = respelled(given, reader.respell)
    except (ValueError, InvalidAddress, RecursionError) as error:
        raise TypedDataMalformed(f"typed data: {error}") from error
    return _wording(kind, content, signer)


def _wording(kind: Kind, content: bytes, signer: str | None) -> Wording:
    if len(content) > CONTENT_MAX:
        raise Invalid("message_too_long", _TOO_LONG, field="message")
    return Wording(kind, content, signer)
