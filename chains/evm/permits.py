"""What a token's holder signs and anybody may submit: EIP-3009 authorizations, EIP-2612 permits.

They are typed data (EIP-712), stored in its one spelling (`contracts.typed`). What has types of its
own is refused.

Who submits it pays for the block's space and can't change a byte of it. So it takes no nonce of the
account, and nothing ends it but its own time, its use, or a cancellation in a block. Knows no
policy; which contracts are believed is said by the network's rows. Pure.

An authorization is a transaction of its payer's (ADR 0090): bytes with a lifetime that pay and cost
nothing. Its name, where others have a txid, is the text of the key that it uses up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from coincurve import PublicKey

from chains.assets import Asset
from chains.contracts import typed as typed_data
from chains.contracts.functions import SELECTOR_BYTES, Function
from chains.contracts.typed import DOMAIN, Members
from chains.contracts.types import parse_type
from chains.contracts.values import Value
from chains.costs import CostsMost
from chains.effects import Allow, Effect, Pay
from chains.errors import MalformedTransaction, SignatureMismatch
from chains.evm import CURVE_ORDER, UINT256_MAX, address, erc20
from chains.evm.address import to_bytes
from chains.model import (
    Address,
    ConflictKey,
    Excludes,
    NetworkId,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import TxSummary, Until

LIFETIME_MAX_S: Final = 3600
"""From the signature to the last block that may have it. Until then its money is not free."""
PAYLOAD_MAX: Final = 4096
"""Bytes. Ours have about 900."""
_BRACE: Final = b"{"
"""What typed data begins with, and no envelope of a transaction does."""
NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
"""r, s and the parity of y."""
_V: Final = 27
"""What contracts add to the parity."""
_VS: Final = (_V, _V + 1)


class PermitTrait(StrEnum):
    """What a holder can sign, by how the contract says it. The row names the domain too."""

    EIP3009 = "eip-3009"
    """Payments: transferWithAuthorization."""
    EIP2612 = "eip-2612"
    """Allowances: permit."""


class Kind(StrEnum):
    """The primary type."""

    TRANSFER = "TransferWithAuthorization"
    RECEIVE = "ReceiveWithAuthorization"
    """Only who is paid can submit it: known so that nobody signs one, as a payment or a message."""
    PERMIT = "Permit"


_AUTHORIZATION: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
_PERMIT: Final[Members] = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_DOMAIN: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_TYPES: Final[dict[Kind, Mapping[str, Members]]] = {
    Kind.TRANSFER: {DOMAIN: _DOMAIN, Kind.TRANSFER.value: _AUTHORIZATION},
    Kind.RECEIVE: {DOMAIN: _DOMAIN, Kind.RECEIVE.value: _AUTHORIZATION},
    Kind.PERMIT: {DOMAIN: _DOMAIN, Kind.PERMIT.value: _PERMIT},
}


def _function(name: str, members: Members) -> Function:
    signature = (("v", "uint8"), ("r", "bytes32"), ("s", "bytes32"))
    arguments = tuple((member, parse_type(kind)) for member, kind in (*members, *signature))
    return Function(name, arguments, payable=False, changes=True)


FUNCTIONS: Final = {
    Kind.TRANSFER: _function("transferWithAuthorization", _AUTHORIZATION),
    Kind.PERMIT: _function("permit", tuple(each for each in _PERMIT if each[0] != "nonce")),
}
"""A permit's calldata leaves out its nonce, which is the contract's to know."""
SUBMITTED: Final = FUNCTIONS[Kind.TRANSFER]
"""Its calldata has all that was signed."""


def type_hash(kind: Kind) -> bytes:
    """As a contract says it (TRANSFER_WITH_AUTHORIZATION_TYPEHASH and the like)."""
    return typed_data.type_hash(_TYPES[kind], kind.value)


@dataclass(frozen=True, slots=True)
class Domain:
    """For which contract it is. One with another name, version, chain or contract hashes to another
    separator, and the contract recovers a stranger."""

    name: str
    version: str
    chain_id: int
    contract: Address

    @property
    def separator(self) -> bytes:
        return typed_data.separator(self.members, octets)

    @property
    def members(self) -> Mapping[str, Any]:
        return {
            "chainId": self.chain_id,
            "name": self.name,
            "verifyingContract": self.contract,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True)
class Authorization:
    """`payer` pays `units` to `payee`, in a block whose time is later than `after` and earlier than
    `before` (Unix seconds). A `nonce` is used once by a payer and contract, in whatever order."""

    payer: Address
    payee: Address
    units: int
    after: int
    before: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Permit:
    """`spender` may take up to `units` of the owner's, for ever, if this is in a block whose time
    is not later than `deadline` (Unix seconds). `nonce`: the owner's next at the contract."""

    owner: Address
    spender: Address
    units: int
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Typed:
    """What is signed: `said` by the holder, to the contract of `domain`."""

    kind: Kind
    domain: Domain
    said: Authorization | Permit

    @property
    def signer(self) -> Address:
        return self.said.payer if isinstance(self.said, Authorization) else self.said.owner

    @property
    def digest(self) -> bytes:
        return typed_data.parse(self.payload, octets).digest

    @property
    def payload(self) -> bytes:
        """The one spelling."""
        document = {
            "domain": self.domain.members,
            "message": _message(self.kind, self.said),
            "primaryType": self.kind.value,
            "types": {
                name: [{"name": member, "type": kind} for member, kind in members]
                for name, members in _TYPES[self.kind].items()
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def parse(payload: bytes) -> Typed:
    """The exact inverse of `Typed.payload`. Raises MalformedTransaction."""
    if len(payload) > PAYLOAD_MAX:
        raise MalformedTransaction("more bytes than typed data of ours has")
    found = typed_data.parse(payload, octets)
    if found.primary not in list(Kind) or found.types != _TYPES[Kind(found.primary)]:
        raise MalformedTransaction("typed data that has no words here")
    kind, domain = Kind(found.primary), found.domain
    for name in (domain["name"], domain["version"]):
        if not name.isascii() or not name.isprintable():
            raise MalformedTransaction("a domain that can't be shown")
    where = Domain(
        domain["name"], domain["version"], domain["chainId"], domain["verifyingContract"]
    )
    values: list[Any] = [_READ[type_](found.message[member]) for member, type_ in _MEMBERS[kind]]
    said = Permit(*values) if kind is Kind.PERMIT else Authorization(*values)
    return Typed(kind, where, said)


def domain_of(network: Network, asset: Asset) -> Domain | None:
    """As the asset's row says it; None where it says none."""
    if asset.domain is None:
        return None
    contract = erc20.contract_of(network.id, asset.id)
    return Domain(*asset.domain, network.number("chain_id"), contract)


def typed_of(network: Network, tx: UnsignedTx) -> Typed | None:
    """None for the bytes of a transaction. Raises MalformedTransaction."""
    if not tx.payload.startswith(_BRACE):
        return None
    typed = parse(tx.payload)
    if (tx.network, tx.sender) != (network.id, typed.signer):
        raise MalformedTransaction("typed data of another network or signer than is named")
    return typed


def summarize(network: Network, typed: Typed) -> TxSummary:
    """It costs its signer nothing and takes nothing that binds. A permit is never signed: its
    allowance outlives what it was made for."""
    said = typed.said
    found, keys = unexplained(network, typed), frozenset[ConflictKey]()
    if isinstance(said, Authorization):
        contract = typed.domain.contract
        keys = frozenset({key(network.id, contract, said.payer, said.nonce)})
    else:
        found = (*found, "an allowance that anybody may submit")
    return TxSummary(
        network=network.id,
        sources=(typed.signer,),
        effects=(effect(network, typed),),
        returns=(),
        creates=(),
        costs=CostsMost({}),
        conflict_keys=keys,
        identity=f"{typed.signer}:{typed.digest.hex()}",
        unexplained=found,
    )


def signing_input(typed: Typed) -> SigningInput:
    return SigningInput(typed.signer, SignatureAlgorithm.ECDSA_RECOVERABLE, typed.digest)


def attach(network: Network, typed: Typed, signatures: Sequence[Signature]) -> SignedTx:
    """The calldata that somebody submits, under the name that the chain knows it by. Raises
    SignatureMismatch."""
    said = typed.said
    if len(signatures) != 1 or not isinstance(said, Authorization) or typed.kind is Kind.RECEIVE:
        raise SignatureMismatch("one signature belongs, to a payment")
    raw = call(typed, signatures[0].signature)
    named = key(network.id, typed.domain.contract, said.payer, said.nonce)
    return SignedTx(network.id, TxId(named.text), raw)


def lifetime(typed: Typed) -> Until:
    """A block whose time is not earlier can't have it, and so no later one."""
    said = typed.said
    end = said.deadline + 1 if isinstance(said, Permit) else said.before
    return Until(end * 1000)


def key(network: NetworkId, contract: Address, payer: Address, nonce: bytes) -> ConflictKey:
    """Of all payments with one payer and nonce, the contract makes at most one."""
    return ConflictKey(key_text(network, contract, payer, nonce.hex()), Excludes.EFFECT)


def key_text(network: NetworkId, contract: Address, payer: Address, nonce: str) -> str:
    """Of `key`, as `Block.consumed` has it. `nonce`: hex."""
    return f"{network}/authorization:{contract}:{payer}:{nonce}"


def effect(network: Network, typed: Typed) -> Effect:
    """What it does once somebody submits it. A permit's deadline bounds when it may be submitted;
    the allowance that it makes does not end."""
    asset, said = erc20.asset_of(network.id, typed.domain.contract), typed.said
    if isinstance(said, Authorization):
        return Pay(said.payee, asset, said.units)
    return Allow(said.spender, asset, None if said.units == UINT256_MAX else said.units, None)


def unexplained(network: Network, typed: Typed) -> tuple[str, ...]:
    """Each thing in it that `effect` does not say or that we never sign, in words."""
    said = typed.said
    asset = network.tokens.get(erc20.asset_of(network.id, typed.domain.contract))
    if asset is None:
        return ("typed data for a contract that is not listed",)
    found = []
    if typed.domain != domain_of(network, asset):
        found.append("a domain that is not the listed contract's")
    needed = PermitTrait.EIP2612 if isinstance(said, Permit) else PermitTrait.EIP3009
    if needed not in asset.traits:
        found.append(f"a {typed.kind}, which {asset.symbol} is not listed with")
    other = said.spender if isinstance(said, Permit) else said.payee
    if not int(other, 16) or other in (typed.signer, typed.domain.contract):
        found.append("for nobody, for its signer or for the contract itself")
    if isinstance(said, Authorization):
        if typed.kind is Kind.RECEIVE:  # whoever is to submit it may be another by then
            found.append("a payment that only its payee can submit")
        if not 0 < said.units <= asset.maximum:
            found.append("a payment of nothing, or of more than there is")
        if said.after:
            found.append("a payment that is not good at once")
    return tuple(found)


def check_lifetime(typed: Typed, now: int) -> None:
    """`now`: Unix seconds. Raises MalformedTransaction for one that is over, and for one that could
    be kept and submitted long after."""
    said = typed.said
    last = said.deadline if isinstance(said, Permit) else said.before - 1
    if not now <= last < now + LIFETIME_MAX_S:
        raise MalformedTransaction("typed data that is over, or good for longer than an hour")


def call(typed: Typed, signature: bytes) -> bytes:
    """The calldata that submits it to its contract. `signature`: r, s and the parity of y. Raises
    SignatureMismatch unless it is the signer's, in the one form that contracts take."""
    if recovered(typed, signature) != typed.signer:
        raise SignatureMismatch(f"not signed by the key of {typed.signer}")
    said, s = typed.said, signature[32:64]
    ends = (_V + signature[64], signature[:32], s)
    if isinstance(said, Authorization):
        numbers = (said.units, said.after, said.before)
        values: tuple[Value, ...] = (*_pair(said.payer, said.payee), *numbers, said.nonce, *ends)
    else:
        values = (*_pair(said.owner, said.spender), said.units, said.deadline, *ends)
    return FUNCTIONS[typed.kind].call(values)


def recovered(typed: Typed, signature: bytes) -> Address:
    """Who signed it. Raises SignatureMismatch where nobody can have."""
    if len(signature) != SIGNATURE_BYTES or signature[64] > 1:
        raise SignatureMismatch("not r, s and a parity of 0 or 1")
    if int.from_bytes(signature[32:64], "big") > CURVE_ORDER // 2:
        raise SignatureMismatch("a signature with high s")
    try:
        key = PublicKey.from_signature_and_message(signature, typed.digest, hasher=None)
    except ValueError as error:
        raise SignatureMismatch("a signature that no key can have made") from error
    return address.derive(key.format())


def submitted(domain: Domain, data: bytes) -> tuple[Typed, bytes] | None:
    """The authorization that calldata submits to the contract of `domain`, and its signature, which
    its payer made. None where it says anything else, or in another form than `call` gives it. A
    signature as bytes (FiatToken 2.2) may be a contract's, which nobody verifies offline; a
    permit's calldata leaves out the nonce that was signed."""
    if data[:SELECTOR_BYTES] != SUBMITTED.selector:
        return None
    try:
        values: Any = SUBMITTED.read(data)
    except MalformedTransaction:
        return None
    payer, payee, units, after, before, nonce, v, r, s = values
    if v not in _VS:
        return None
    pair = address.spell(payer), address.spell(payee)
    typed = Typed(Kind.TRANSFER, domain, Authorization(*pair, units, after, before, nonce))
    signature = r + s + bytes([v - _V])
    try:
        is_signed = recovered(typed, signature) == typed.signer
    except SignatureMismatch:
        return None
    return (typed, signature) if is_signed else None


def signature_in(typed: Typed, data: bytes) -> bytes:
    """That of `typed` in the calldata that `call` makes of it: r, s and the parity of y. Raises
    SignatureMismatch."""
    read = submitted(typed.domain, data)
    if read is None or read[0] != typed:
        raise SignatureMismatch("calldata that submits something else")
    return read[1]


def octets(spelled: str) -> bytes:
    """Of an address in its one spelling. Raises ValueError for another."""
    found = address.canonical(spelled)
    if found != spelled:
        raise ValueError("an address in another spelling")
    return to_bytes(found)


def _message(kind: Kind, said: Authorization | Permit) -> dict[str, str]:
    values = (getattr(said, field.name) for field in fields(said))
    return {
        member: "0x" + value.hex() if isinstance(value, bytes) else str(value)
        for (member, _), value in zip(_MEMBERS[kind], values, strict=True)
    }


def _pair(one: Address, other: Address) -> tuple[bytes, bytes]:
    return to_bytes(one), to_bytes(other)


_MEMBERS: Final = {kind: _TYPES[kind][kind.value] for kind in Kind}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "address": Address,
    "uint256": int,
    "bytes32": lambda text: bytes.fromhex(text[2:]),
}
"""Of values that `contracts.typed` has held to their types."""
