"""Calls that carry a payment which its payer signed (EIP-3009): the words of what such a call does,
its calldata, and back. Pure.

The words have all that the calldata has, the payer's signature too. So the calldata follows from
what was agreed to, whoever builds it and however often, and what another writes into it is another
call. The signature is verified wherever either is read. It moves nothing of who sends it, and so no
words are found for one that moves its sender's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chains.effects import Call
from chains.errors import CallUnknown, InvalidAddress, SignatureMismatch
from chains.evm import UINT256_MAX, address, erc20, permits
from chains.evm.permits import NONCE_BYTES, Authorization, Domain, Kind, Typed
from chains.model import Address
from chains.networks import Network

FUNCTIONS: Final[Mapping[Kind, str]] = {
    Kind.TRANSFER: "transferWithAuthorization",
    Kind.RECEIVE: "receiveWithAuthorization",
}
_KINDS: Final = {name: kind for kind, name in FUNCTIONS.items()}
_NAMES: Final = ("from", "to", "value", "validAfter", "validBefore", "nonce", "v", "r", "s")
_V: Final = 27


def words(typed: Typed, signature: bytes) -> Call:
    """What the one who submits it does. `signature`: r, s and the parity of y. Raises CallUnknown
    for a permit: its calldata leaves out the nonce that was signed."""
    said = typed.said
    if not isinstance(said, Authorization):
        raise CallUnknown("a permit is submitted by nobody")
    numbers = map(str, (said.units, said.after, said.before))
    parts = (said.nonce, signature[:32], signature[32:64])
    nonce, r, s = ("0x" + part.hex() for part in parts)
    values = (said.payer, said.payee, *numbers, nonce, str(_V + signature[64]), r, s)
    arguments = tuple(zip(_NAMES, values, strict=True))
    return Call(typed.domain.contract, FUNCTIONS[typed.kind], arguments, 0)


def told(network: Network, sender: Address, contract: Address, data: bytes) -> Call | None:
    """What calldata that `sender` sends to `contract` does, None where it has no words here."""
    domain = _domain(network, contract)
    found = None if domain is None else permits.submitted(domain, data)
    if found is None or _hindrance(network, sender, found[0]) is not None:
        return None
    return words(*found)


def data_of(network: Network, call: Call, sender: Address | None) -> bytes:
    """The calldata. `sender`: who sends it, None where that is not known yet. Raises CallUnknown
    unless `told` finds the same words in it."""
    domain, kind = _domain(network, call.contract), _KINDS.get(call.function)
    if domain is None or kind is None:
        raise CallUnknown(f"nothing describes {call.function} of {call.contract}")
    try:
        typed, signature = _read(domain, kind, dict(call.arguments))
        data = permits.call(typed, signature)
    except (ValueError, KeyError, OverflowError, InvalidAddress, SignatureMismatch) as error:
        raise CallUnknown("arguments that are not those of a payment that was signed") from error
    if words(typed, signature) != call:
        raise CallUnknown("the call is not in the one form that has words")
    if (why := _hindrance(network, sender, typed)) is not None:
        raise CallUnknown(why)
    return data


def _hindrance(network: Network, sender: Address | None, typed: Typed) -> str | None:
    """Why `sender` never submits it."""
    if sender == typed.signer:  # money would leave by the name of a call, and no window knew it
        return "nobody carries a payment of his own"
    payee = typed.said.payee if isinstance(typed.said, Authorization) else None
    if typed.kind is Kind.RECEIVE and sender not in (None, payee):
        return "only who is paid can submit it"
    return next(iter(permits.unexplained(network, typed)), None)


def _domain(network: Network, contract: Address) -> Domain | None:
    asset = network.tokens.get(erc20.asset_of(network.id, contract))
    return None if asset is None else permits.domain_of(network, asset)


def _read(domain: Domain, kind: Kind, said: Mapping[str, str]) -> tuple[Typed, bytes]:
    units, after, before, v = (
        _number(said[name]) for name in ("value", "validAfter", "validBefore", "v")
    )
    nonce, r, s = (_word(said[name]) for name in ("nonce", "r", "s"))
    payer, payee = address.parse(said["from"]), address.parse(said["to"])
    typed = Typed(kind, domain, Authorization(payer, payee, units, after, before, nonce))
    return typed, r + s + bytes([v - _V])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or (found := int(text)) > UINT256_MAX:
        raise ValueError("a number")
    return found


def _word(text: str) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != NONCE_BYTES:
        raise ValueError("another length")
    return found
