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

from chains.contracts.described import encoded
from chains.contracts.functions import SELECTOR_BYTES, Function
from chains.contracts.texts import spell
from chains.effects import Allow, Call, Told
from chains.errors import CallUnknown
from chains.evm import address, erc20, orders, permits
from chains.evm.permits import Domain, Kind, Typed, octets
from chains.model import Address
from chains.networks import Network

FUNCTIONS: Final[Mapping[str, Function]] = {permits.SUBMITTED.signature: permits.SUBMITTED}
"""By signature."""


def words(typed: Typed, signature: bytes) -> Call:
    """What the one who submits it does. `signature`: r, s and the parity of y. Raises CallUnknown
    for a permit, whose calldata leaves out the nonce that was signed, and for what only its payee
    can submit."""
    if typed.kind is not Kind.TRANSFER:
        raise CallUnknown(f"a {typed.kind} is submitted by nobody")
    function = permits.SUBMITTED
    values = function.read(permits.call(typed, signature))
    arguments = tuple(
        (name, spell(type_, value, address.spell))
        for (name, type_), value in zip(function.arguments, values, strict=True)
    )
    return Call(typed.domain.contract, function.signature, arguments, 0)


def told(network: Network, sender: Address | None, contract: Address, data: bytes) -> Told | None:
    """What calldata that `sender` sends to `contract` does, None where it has no words here. Raises
    CallUnknown for an allowance by Permit2 that has none at all."""
    if contract == orders.PERMIT2 and data[:SELECTOR_BYTES] == orders.APPROVE.selector:
        return orders.told(network, sender, data)
    domain = _domain(network, contract)
    found = None if domain is None else permits.submitted(domain, data)
    if found is None or _hindrance(network, sender, found[0]) is not None:
        return None
    return words(*found)


def data_of(network: Network, call: Call, sender: Address | None) -> bytes:
    """The calldata. `sender`: who sends it, None where that is not known yet. Raises CallUnknown
    unless `told` finds the same words in it."""
    domain, function = _domain(network, call.contract), FUNCTIONS.get(call.function)
    if domain is None or function is None:
        raise CallUnknown(f"nothing describes {call.function} of {call.contract}")
    data = encoded(function, dict(call.arguments), octets)
    found = permits.submitted(domain, data)
    if found is None:
        raise CallUnknown("arguments that are not those of a payment that was signed")
    if words(*found) != call:
        raise CallUnknown("the call is not in the one form that has words")
    if (why := _hindrance(network, sender, found[0])) is not None:
        raise CallUnknown(why)
    return data


def allowed(network: Network, allow: Allow) -> tuple[Address, bytes]:
    """Whom an allowance that ends is told, and how. Raises CallUnknown."""
    return orders.PERMIT2, orders.data_of(network, allow)


def _hindrance(network: Network, sender: Address | None, typed: Typed) -> str | None:
    """Why `sender` never submits it."""
    if sender == typed.signer:  # money would leave by the name of a call, and no window knew it
        return "nobody carries a payment of his own"
    return next(iter(permits.unexplained(network, typed)), None)


def functions(network: Network, contract: Address) -> Mapping[str, Function]:
    """By signature, those that are read of the contract."""
    if contract == orders.PERMIT2:
        return {orders.APPROVE.signature: orders.APPROVE}
    return {} if _domain(network, contract) is None else FUNCTIONS


def _domain(network: Network, contract: Address) -> Domain | None:
    asset = network.tokens.get(erc20.asset_of(network.id, contract))
    return None if asset is None else permits.domain_of(network, asset)
