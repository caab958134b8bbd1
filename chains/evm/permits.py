"""What a token's holder signs and anybody may submit: EIP-3009 authorizations, EIP-2612 permits.

They are typed data (EIP-712). What is stored and signed is the JSON that wallets exchange for it
(eth_signTypedData_v4), in one spelling: RFC 8785, whole numbers as decimal digits in quotes,
addresses by EIP-55, a nonce of 32 bytes in lower case. Whatever is spelled in another way, has a
member more or types of its own is refused: the hash covers what the types name and nothing else, so
that two readers could see two payments.

Who submits it pays for the block's space and can't change a byte of it. So it takes no nonce of the
account, and nothing ends it but its own time, its use, or a cancellation in a block. Knows no
policy; which contracts are believed is said by the network's rows. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from coincurve import PublicKey

from chains.abi import PADDING, WORD, selector
from chains.assets import Asset
from chains.effects import Allow, Effect, Pay
from chains.errors import InvalidAddress, MalformedTransaction, SignatureMismatch
from chains.evm import CURVE_ORDER, UINT256_MAX, address, erc20
from chains.evm.address import to_bytes
from chains.hashes import keccak256
from chains.json_text import read_json
from chains.model import Address
from chains.networks import Network
from chains.schema import SAFE_INTEGER_MAX

LIFETIME_MAX_S: Final = 3600
"""From the signature to the last block that may have it. Until then its money is not free."""
PAYLOAD_MAX: Final = 4096
"""Bytes. Ours have about 900."""
NONCE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
"""r, s and the parity of y."""
_V: Final = 27
"""What contracts add to the parity."""


class PermitTrait(StrEnum):
    """What a holder can sign, by how the contract says it. The row names the domain too."""

    EIP3009 = "eip-3009"
    """Payments: transferWithAuthorization, receiveWithAuthorization."""
    EIP2612 = "eip-2612"
    """Allowances: permit."""


class Kind(StrEnum):
    """The primary type."""

    TRANSFER = "TransferWithAuthorization"
    RECEIVE = "ReceiveWithAuthorization"
    """Only who is paid can submit it."""
    PERMIT = "Permit"


_DOMAIN: Final = "EIP712Domain"
_AUTHORIZATION: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
_PERMIT: Final = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_TYPES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    _DOMAIN: (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ),
    Kind.TRANSFER: _AUTHORIZATION,
    Kind.RECEIVE: _AUTHORIZATION,
    Kind.PERMIT: _PERMIT,
}
_AUTHORIZED: Final = "address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32"
_FUNCTIONS: Final = {
    Kind.TRANSFER: selector(f"transferWithAuthorization({_AUTHORIZED})"),
    Kind.RECEIVE: selector(f"receiveWithAuthorization({_AUTHORIZED})"),
    Kind.PERMIT: selector("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
}
_SUBMITTED: Final = {_FUNCTIONS[kind]: kind for kind in (Kind.TRANSFER, Kind.RECEIVE)}
_ARGUMENTS: Final = 9


def type_hash(name: str) -> bytes:
    """EIP-712, "Definition of hashStruct"."""
    members = ",".join(f"{kind} {member}" for member, kind in _TYPES[name])
    return keccak256(f"{name}({members})".encode())


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
        texts = keccak256(self.name.encode()) + keccak256(self.version.encode())
        where = _word(self.chain_id) + _padded(self.contract)
        return keccak256(type_hash(_DOMAIN) + texts + where)


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

    @property
    def words(self) -> bytes:
        numbers = map(_word, (self.units, self.after, self.before))
        return b"".join((_padded(self.payer), _padded(self.payee), *numbers, self.nonce))


@dataclass(frozen=True, slots=True)
class Permit:
    """`spender` may take up to `units` of the owner's, for ever, if this is in a block whose time
    is not later than `deadline` (Unix seconds). `nonce`: the owner's next at the contract."""

    owner: Address
    spender: Address
    units: int
    nonce: int
    deadline: int

    @property
    def words(self) -> bytes:
        numbers = map(_word, (self.units, self.nonce, self.deadline))
        return b"".join((_padded(self.owner), _padded(self.spender), *numbers))


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
        """EIP-712, "Specification of the eth_signTypedData JSON RPC"."""
        said = keccak256(type_hash(self.kind) + self.said.words)
        return keccak256(b"\x19\x01" + self.domain.separator + said)

    @property
    def payload(self) -> bytes:
        """The one spelling."""
        document = {
            "domain": {
                "chainId": self.domain.chain_id,
                "name": self.domain.name,
                "verifyingContract": self.domain.contract,
                "version": self.domain.version,
            },
            "message": _message(self.said),
            "primaryType": self.kind.value,
            "types": {
                name: [{"name": member, "type": kind} for member, kind in _TYPES[name]]
                for name in (_DOMAIN, self.kind.value)
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def parse(payload: bytes) -> Typed:
    """The exact inverse of `Typed.payload`. Raises MalformedTransaction."""
    if len(payload) > PAYLOAD_MAX:
        raise MalformedTransaction("more bytes than typed data of ours has")
    try:
        found = _read(read_json(payload))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidAddress) as error:
        raise MalformedTransaction("not typed data that has words here") from error
    if found.payload != payload:
        raise MalformedTransaction("typed data in another spelling than its one")
    return found


def domain_of(network: Network, asset: Asset) -> Domain | None:
    """As the asset's row says it; None where it says none."""
    if asset.domain is None:
        return None
    contract = erc20.contract_of(network.id, asset.id)
    return Domain(*asset.domain, network.number("chain_id"), contract)


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
    said = typed.said
    if isinstance(said, Authorization):
        words = said.words
    else:  # its nonce is the contract's to know
        numbers = map(_word, (said.units, said.deadline))
        words = b"".join((_padded(said.owner), _padded(said.spender), *numbers))
    return _FUNCTIONS[typed.kind] + words + _word(_V + signature[64]) + signature[:64]


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
    kind = _SUBMITTED.get(data[:4])
    if kind is None or len(data) != 4 + _ARGUMENTS * WORD:
        return None
    words = [data[at : at + WORD] for at in range(4, len(data), WORD)]
    payer, payee = (address.spell(word[len(PADDING) :]) for word in words[:2])
    units, after, before, v = (int.from_bytes(words[at], "big") for at in (2, 3, 4, 6))
    typed = Typed(kind, domain, Authorization(payer, payee, units, after, before, words[5]))
    signature = words[7] + words[8] + bytes([max(0, min(v - _V, 255))])
    try:
        again = call(typed, signature)
    except SignatureMismatch:
        return None
    return (typed, signature) if again == data else None


def _read(document: Any) -> Typed:
    domain, said = document["domain"], document["message"]
    chain_id = domain["chainId"]
    if type(chain_id) is not int or not 0 < chain_id <= SAFE_INTEGER_MAX:
        raise ValueError("a chain id")
    name, version = _text(domain["name"]), _text(domain["version"])
    kind = Kind(document["primaryType"])
    contract = address.parse(domain["verifyingContract"])
    return Typed(kind, Domain(name, version, chain_id, contract), _said(kind, said))


def _said(kind: Kind, said: Any) -> Authorization | Permit:
    values: list[Any] = [_READERS[type_](said[member]) for member, type_ in _TYPES[kind]]
    return Permit(*values) if kind is Kind.PERMIT else Authorization(*values)


def _message(said: Authorization | Permit) -> dict[str, str]:
    if isinstance(said, Permit):
        values = (said.owner, said.spender, *map(str, (said.units, said.nonce, said.deadline)))
        return dict(zip((member for member, _ in _PERMIT), values, strict=True))
    numbers = map(str, (said.units, said.after, said.before))
    values = (said.payer, said.payee, *numbers, "0x" + said.nonce.hex())
    return dict(zip((member for member, _ in _AUTHORIZATION), values, strict=True))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError("a text that can't be shown")
    return value


def _number(value: Any) -> int:
    if not value.isdecimal():
        raise ValueError("a number")
    if (found := int(value)) > UINT256_MAX:
        raise ValueError("more than a word holds")
    return found


def _octets(value: Any) -> bytes:
    found = bytes.fromhex(value.removeprefix("0x"))
    if len(found) != NONCE_BYTES:
        raise ValueError("another length")
    return found


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": address.parse,
    "uint256": _number,
    "bytes32": _octets,
}


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


def _padded(spelled: Address) -> bytes:
    return PADDING + to_bytes(spelled)
