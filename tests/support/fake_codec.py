"""The pure half of the fake chain: addresses, transactions and signatures, all of them checked.

Transactions are JSON, addresses are `<alias>/<type>/<40 hex of a key's hash><4 hex of checksum>`;
keys, signatures, paths and conflict keys are real. One format serves both kinds of network: coins
(family bitcoin) and accounts (the others). TRON's has no conflict keys and expires at a height.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar

from coincurve import PrivateKey, PublicKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chains.codec import Traits, check_single
from chains.costs import CostKind, CostsMost, costs_in
from chains.effects import Allow, Asked, Call, Create, Effect, Pay, Return
from chains.errors import (
    CallUnknown,
    DustAmount,
    InvalidAddress,
    InvalidAmount,
    MalformedTransaction,
    MemoUnsupported,
    SignatureMismatch,
    TooManyOutputs,
    WrongChecksum,
    WrongNetwork,
    ZeroAddress,
)
from chains.families import CODECS
from chains.model import (
    Address,
    AddressType,
    AssetId,
    ConflictKey,
    Excludes,
    KeyScheme,
    ParsedAddress,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import Lifetime, TxSummary, Until
from signer.agreement import parse_effect
from tests.support import families
from tests.support.networks import all_networks

DUST = 294
OUTPUTS_MAX = 8
_PURPOSES = {AddressType.P2WPKH: 84, AddressType.P2TR: 86}


@dataclass(frozen=True)
class FakeInput:
    """A coin, or (position None) the sender of an account chain and its nonce."""

    txid: str
    position: int | None
    amount: int
    address: Address
    path: str | None


@dataclass(frozen=True)
class FakeOutput:
    """`path`: set for what the builder calls change."""

    address: Address
    asset: AssetId
    amount: int
    path: str | None = None


@dataclass(frozen=True)
class FakeTx:
    """`nonce`: account chains; on TRON a salt. `expires`: last height that may include it. `rent`:
    what the payer puts into an account that stays its own. `call`: what it has a contract do, as
    the signer writes it; its output is the coins that go with it. `apart`: it is no transaction but
    a payment that anybody submits, and this its nonce."""

    network: str
    inputs: tuple[FakeInput, ...]
    outputs: tuple[FakeOutput, ...]
    fee_max: int
    nonce: int | None = None
    rent: int = 0
    expires: int | None = None
    call: str | None = None
    apart: str | None = None

    def payload(self) -> bytes:
        seldom = ("call", "apart")
        said = {name: value for name, value in vars(self).items() if name not in seldom or value}
        return json.dumps(said, default=vars, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, payload: bytes) -> FakeTx:
        try:
            row: dict[str, Any] = json.loads(payload)
            inputs = tuple(FakeInput(**each) for each in row.pop("inputs"))
            outputs = tuple(FakeOutput(**each) for each in row.pop("outputs"))
            tx = cls(**row, inputs=inputs, outputs=outputs)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise MalformedTransaction("not a fake transaction") from error
        if tx.payload() != payload:
            raise MalformedTransaction("not in canonical form")
        return tx

    @property
    def txid(self) -> TxId:
        return TxId(sha256(self.payload()).hexdigest())


class FakeCodec:
    traits: Traits
    """The real chain's."""
    separator: ClassVar[str] = "/"

    def __init__(self, network: Network) -> None:
        self._network = network
        self.traits = CODECS[network.family].traits

    @property
    def network(self) -> Network:
        return self._network

    def key_scheme(self, address_type: AddressType) -> KeyScheme:
        solana = self._network.family == families.SOLANA
        return KeyScheme.ED25519 if solana else KeyScheme.SECP256K1

    def account_path(self, address_type: AddressType, account: int) -> str:
        purpose = _PURPOSES.get(address_type, 44)
        return f"m/{purpose}'/{self._network.number('coin_type')}'/{account}'"

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        prefix = self.account_path(address_type, account)
        if self._network.family == families.SOLANA:
            return f"{prefix}/{index}'"
        return f"{prefix}/{int(change)}/{index}"

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        return self._address(address_type, sha256(public_key).hexdigest()[:40])

    def _address(self, address_type: AddressType, body: str) -> Address:
        text = self.separator.join((self._network.alias, address_type.value, body))
        return Address(text + sha256(text.encode()).hexdigest()[:4])

    def parse_address(self, text: str) -> ParsedAddress:
        alias, _, rest = text.strip().partition(self.separator)
        kind, _, body = rest.partition(self.separator)
        aliases = {self._network.alias, *(network.alias for network in all_networks().values())}
        if alias not in aliases or kind not in list(AddressType) or len(body) != 44:
            raise InvalidAddress("not an address of the fake chain")
        if alias != self._network.alias:
            raise WrongNetwork(f"an address of {alias}")
        address = self._address(AddressType(kind), body[:40])
        if address != text.strip():
            raise WrongChecksum("checksum")
        if set(body[:40]) == {"0"}:
            raise ZeroAddress("the zero address")
        return ParsedAddress(address, AddressType(kind))

    def check_payment(self, payment: Pay) -> None:
        self.parse_address(payment.address)
        asset = self._network.tokens.get(payment.asset, self._network.native)
        if not 0 < payment.amount <= asset.maximum:
            raise InvalidAmount("amount")
        if payment.memo is not None:
            raise MemoUnsupported("memo")
        if self.has_coins and payment.amount < DUST:
            raise DustAmount("dust")

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        if self._network.family not in (families.BITCOIN, families.SOLANA):
            check_single(self._network, payments)
        if len(payments) > OUTPUTS_MAX:
            raise TooManyOutputs(f"{len(payments)} outputs")

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        """Accounts call whatever is no `unknown`, and nobody who is among the arguments."""
        if self.has_coins:
            raise CallUnknown("nothing is called here")
        if isinstance(call, Allow):
            if not self._network.is_listed(call.asset):
                raise CallUnknown("not listed")
            return
        if call.function == "unknown":
            raise CallUnknown("unknown")
        if sender is not None and sender in dict(call.arguments).values():
            raise CallUnknown("nobody calls about himself")

    def understand(
        self, sender: Address, contract: Address, data: bytes, value: int
    ) -> tuple[Asked, ...]:
        """Octets are the JSON of an effect, the coins apart."""
        if not data:
            return (Pay(contract, self._network.native.id, value),)
        try:
            effect = parse_effect(json.loads(data))
        except ValueError as error:
            raise CallUnknown("not JSON") from error
        if not isinstance(effect, Call | Allow):
            raise CallUnknown("neither a call nor an allowance")
        self.check_call(effect, sender)
        return (effect,)

    def call_of(
        self, contract: Address, function: str, arguments: Mapping[str, object], value: int
    ) -> Asked:
        said = tuple((name, str(each)) for name, each in arguments.items())
        call = Call(contract, function, said, value)
        self.check_call(call, None)
        return call

    def size_of(self, effects: Sequence[Effect]) -> int:
        """As the real one's: longer addresses weigh more."""
        if not self.has_coins:
            return len(effects)
        return sum(9 + len(each.address) for each in effects if isinstance(each, Pay))

    @property
    def has_coins(self) -> bool:
        return self.traits.coins

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None: ...

    def lifetime(self, tx: UnsignedTx) -> Lifetime | None:
        """Counted in heights, which the fake chain never skips."""
        expires = FakeTx.parse(tx.payload).expires
        return None if expires is None else Until(600_000 * (expires + 1))

    def conflict_keys(self, tx: FakeTx) -> frozenset[ConflictKey]:
        network = self._network.id
        if tx.apart is not None:
            return frozenset({self.apart_key(tx.inputs[0].address, tx.apart)})
        if self.has_coins:
            return frozenset(
                ConflictKey(f"{network}/outpoint:{each.txid}:{each.position}", Excludes.INCLUSION)
                for each in tx.inputs
            )
        if not self.traits.conflict_keys:
            return frozenset()
        return frozenset({self.nonce_key(tx.inputs[0].address, tx.nonce or 0)})

    def apart_key(self, payer: Address, nonce: str) -> ConflictKey:
        text = f"{self._network.id}/authorization:{payer}:{nonce}"
        return ConflictKey(text, Excludes.EFFECT)

    def nonce_key(self, address: Address, nonce: int) -> ConflictKey:
        excludes = Excludes.INCLUSION if self.traits.binding_keys else Excludes.NOTHING
        return ConflictKey(f"{self._network.id}/nonce:{address}:{nonce}", excludes)

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        fake = self._parse(tx)
        payments = [out for out in fake.outputs if out.path is None]
        native = self._network.native.id
        return TxSummary(
            network=self._network.id,
            sources=tuple(dict.fromkeys(each.address for each in fake.inputs)),
            effects=tuple(Pay(out.address, out.asset, out.amount) for out in payments)
            if fake.call is None
            else (parse_effect(json.loads(fake.call)),),
            returns=tuple(
                Return(out.address, out.asset, out.amount, out.path)
                for out in fake.outputs
                if out.path is not None
            ),
            creates=tuple(
                Create(Address(f"rent of {each.address}"), each.address, fake.rent)
                for each in fake.inputs
                if fake.rent
            ),
            costs=CostsMost(
                costs_in(native, {CostKind.FEE: fake.fee_max, CostKind.RENT: fake.rent})
            ),
            conflict_keys=self.conflict_keys(fake),
            identity=fake.txid,
        )

    def signs_apart(self, asset: AssetId) -> bool:
        token = self._network.tokens.get(asset)
        return token is not None and "eip-3009" in token.traits

    def submitter(self, tx: UnsignedTx) -> None:
        return None

    def submits(self, tx: UnsignedTx, signed: SignedTx) -> Call:
        fake = self._parse(tx)
        if fake.apart is None:
            raise MalformedTransaction("submits itself")
        said = (("payer", fake.inputs[0].address), ("number", fake.apart))
        contract = Address(fake.outputs[0].asset.rpartition(":")[2])
        return Call(contract, "submit", (*said, ("signed", signed.raw.hex())), 0)

    def submitted(self, tx: FakeTx) -> FakeTx | None:
        """What the call of a transaction submits."""
        if tx.call is None:
            return None
        call = parse_effect(json.loads(tx.call))
        if not isinstance(call, Call) or call.function != "submit":
            return None
        return self.open_raw(bytes.fromhex(dict(call.arguments)["signed"]))

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        fake = self._parse(tx)
        return tuple(
            SigningInput(each.address, self._algorithm(), self._message(tx.payload, at), each.path)
            for at, each in enumerate(fake.inputs)
        )

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        wanted = self.signing_inputs(tx)
        if len(wanted) != len(signatures):
            raise SignatureMismatch("number of signatures")
        for need, given in zip(wanted, signatures, strict=True):
            kind = self.parse_address(need.address).address_type
            if self.derive_address(given.public_key, kind) != need.address:
                raise SignatureMismatch("made by another key")
            _verify(need, given)
        proofs = [[each.public_key.hex(), each.signature.hex()] for each in signatures]
        raw = json.dumps({"payload": tx.payload.decode(), "signatures": proofs}).encode()
        fake = self._parse(tx)
        names = [key.text for key in self.conflict_keys(fake)] if fake.apart else [fake.txid]
        return SignedTx(self._network.id, TxId(names[0]), raw)

    def open_raw(self, raw: bytes) -> FakeTx:
        """What a node does with broadcast bytes: read them and verify every signature."""
        row = json.loads(raw)
        unsigned = UnsignedTx(self._network.id, row["payload"].encode())
        signatures = [Signature(bytes.fromhex(k), bytes.fromhex(s)) for k, s in row["signatures"]]
        self.attach(unsigned, tuple(signatures))
        return self._parse(unsigned)

    def _parse(self, tx: UnsignedTx) -> FakeTx:
        fake = FakeTx.parse(tx.payload)
        if fake.network != self._network.id or tx.network != self._network.id:
            raise MalformedTransaction("another network's transaction")
        return fake

    def _algorithm(self) -> SignatureAlgorithm:
        if self._network.family == families.SOLANA:
            return SignatureAlgorithm.ED25519
        return SignatureAlgorithm.ECDSA_RECOVERABLE

    def _message(self, payload: bytes, index: int) -> bytes:
        return sha256(payload + index.to_bytes(4, "big")).digest()


def sign_ecdsa(secret: bytes, digest: bytes) -> bytes:
    return bytes(PrivateKey(secret).sign_recoverable(digest, hasher=None))


def _verify(need: SigningInput, given: Signature) -> None:
    if need.algorithm is SignatureAlgorithm.ED25519:
        try:
            Ed25519PublicKey.from_public_bytes(given.public_key).verify(
                given.signature, need.message
            )
        except InvalidSignature as error:
            raise SignatureMismatch("signature") from error
        return
    found = PublicKey.from_signature_and_message(given.signature, need.message, hasher=None)
    if found.format() != given.public_key:
        raise SignatureMismatch("signature")
