"""What EVM addresses sign beside transactions: texts, logins and typed data. Pure.

Typed data that gives something away is told as the allowance that it gives, which the same rules,
limits and windows judge as those of transactions. A payment (EIP-3009) is none of these: it is
signed as one, apart (`permits`). What looks like such and is none that is described here is
refused, never shown as a mere message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chains.contracts import typed
from chains.contracts.typed import TypedData, giving
from chains.effects import Effect, Sign
from chains.errors import MalformedTransaction
from chains.evm import address, orders, permits, siwe
from chains.hashes import keccak256
from chains.messages.errors import (
    LoginForeign,
    MessagePays,
    TypedDataMalformed,
    TypedDataOtherChain,
    TypedDataUndescribed,
    TypedDataWithoutChain,
    TypedDataWithoutContract,
)
from chains.messages.model import ANYBODY, Kind, Message, Said
from chains.messages.recoverable import recoverable
from chains.messages.texts import no_login, readable, shown
from chains.model import Address, Signature, SignatureAlgorithm
from chains.networks import Network

_PREFIX: Final = b"\x19Ethereum Signed Message:\n"
"""ERC-191, version 0x45."""


class EvmMessages:
    """`chains.messages.reading.Family`."""

    kinds: Sequence[Kind] = (Kind.EIP191, Kind.SIWE, Kind.EIP712)

    def said(self, network: Network, sender: Address, message: Message) -> Said:
        match message.kind:
            case Kind.EIP191:
                no_login(readable(message.content))
                return _text(Sign(message.kind.value, ANYBODY, message.content), message.content)
            case Kind.SIWE:
                login = siwe.parse(readable(message.content))
                if (login.address, login.chain_id) != (sender, network.number("chain_id")):
                    raise LoginForeign("a login of another address or chain than signs it")
                return _text(
                    Sign(message.kind.value, login.domain, message.content), message.content
                )
            case _:
                return _typed(network, sender, message.content)

    def respell(self, spelled: str) -> str:
        return address.canonical(spelled)

    def sealed(self, said: Said, sender: Address, signature: Signature) -> str:
        """r, s and v, which is 27 or 28."""
        return recoverable(said, sender, signature, address.derive)


def text_digest(content: bytes) -> bytes:
    """What personal_sign signs."""
    return keccak256(_PREFIX + str(len(content)).encode() + content)


def _text(effect: Effect, content: bytes) -> Said:
    digest = text_digest(content)
    return Said((effect,), SignatureAlgorithm.ECDSA_RECOVERABLE, digest, digest.hex())


def _typed(network: Network, sender: Address, content: bytes) -> Said:
    try:
        data = typed.parse(content, permits.octets)
        shown(content)
    except MalformedTransaction as error:
        raise TypedDataMalformed(str(error)) from error
    _check_domain(network, data)
    effects, until = _does(network, sender, data, content)
    name = data.digest.hex()
    return Said(effects, SignatureAlgorithm.ECDSA_RECOVERABLE, data.digest, name, until)


def _check_domain(network: Network, data: TypedData) -> None:
    chain_id, ours = data.domain.get("chainId"), network.number("chain_id")
    if chain_id is None:
        raise TypedDataWithoutChain("its domain names no chain: it would count on all of them")
    if chain_id != ours:
        raise TypedDataOtherChain(f"its domain names chain {chain_id}, and this is {ours}")
    contract = data.domain.get("verifyingContract")
    if contract is None or not int(contract, 16):
        raise TypedDataWithoutContract("its domain names no contract that takes it")


def _does(
    network: Network, sender: Address, data: TypedData, content: bytes
) -> tuple[tuple[Effect, ...], int | None]:
    """The effects, and until when they can be had."""
    contract = data.domain["verifyingContract"]
    if contract == orders.PERMIT2:
        return orders.permit2(network, sender, data)
    if data.primary in list(permits.Kind):
        return _permit(network, sender, content)
    if found := giving(data.types):
        raise TypedDataUndescribed(f"{found} gives something away, and nothing here says what")
    domain = f"{contract}/{data.primary}"
    return (Sign(Kind.EIP712.value, domain, content),), None


def _permit(
    network: Network, sender: Address, content: bytes
) -> tuple[tuple[Effect, ...], int | None]:
    """EIP-2612. Others by that name (DAI's of before) have no words. Raises TypedDataUndescribed,
    MessagePays."""
    try:
        said = permits.parse(content)
    except MalformedTransaction as error:
        raise TypedDataUndescribed(f"named as a permit, in another form: {error}") from error
    if not isinstance(said.said, permits.Permit):
        raise MessagePays("it pays, whoever submits it: ask for a transfer")
    if said.signer != sender:
        raise TypedDataUndescribed("a permit of another owner than signs it")
    if why := permits.unexplained(network, said):
        raise TypedDataUndescribed("; ".join(why))
    return (permits.effect(network, said),), said.said.deadline
