"""What an EVM transaction does, told from its bytes: the codec of custody and the signer.

Pure. EVM bytes do not name who pays, so every call wants `UnsignedTx.sender`; `attach` proves it by
recovering the key from the signature. A transaction for another chain id is refused outright.
Bytes that are no transaction are a payment that its payer signs and anybody submits (`permits`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from coincurve import PublicKey

from chains.codec import Traits, check_listed, check_single, payload_size, remember_small
from chains.costs import CostKind, CostsMost, costs_in
from chains.effects import Allow, Asked, Call, Effect, Pay, Return
from chains.errors import (
    CallUnknown,
    InvalidAddress,
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
)
from chains.evm import (
    ACCOUNT_PATH,
    ADDRESS_TYPE,
    CURVE_ORDER,
    KEY_SCHEME,
    TRANSFER_GAS,
    address,
    build,
    carrying,
    erc20,
    parse,
    permits,
)
from chains.evm.build import Transaction
from chains.evm.calling import calling_of
from chains.evm.schema import SCHEMA
from chains.evm.traits import Trait, traits_of
from chains.hashes import keccak256
from chains.model import (
    Address,
    AddressType,
    AssetId,
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
from chains.transaction import Lifetime, TxSummary

_READINGS: Final = 256
_READING_BYTES_MAX: Final = 4096


class EvmCodec:
    """`chains.codec.TransactionCodec` of one EVM network."""

    traits: Final = Traits(
        coins=False, conflict_keys=True, binding_keys=True, memo=False, numbered_keys=True
    )
    schema: Final = SCHEMA

    def __init__(self, network: Network) -> None:
        self._network = network
        self._chain_id = network.number("chain_id")
        self._coin_type = network.number("coin_type")
        self._calling = calling_of(network)
        self._kind = build.Kind(network.text("transaction_type"))
        charged = Trait.L1_DATA_FEE in traits_of(network)
        self._uncapped = frozenset({CostKind.L1_DATA} if charged else ())
        # A transaction is summarized, hashed and completed in quick succession.
        self._read = remember_small(
            self._decode, payload_size, entries=_READINGS, bytes_max=_READING_BYTES_MAX
        )

    @property
    def network(self) -> Network:
        return self._network

    def key_scheme(self, address_type: AddressType) -> KeyScheme:
        _check_type(address_type)
        return KEY_SCHEME

    def account_path(self, address_type: AddressType, account: int) -> str:
        _check_type(address_type)
        return ACCOUNT_PATH.format(coin_type=self._coin_type, account=account)

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        return f"{self.account_path(address_type, account)}/{int(change)}/{index}"

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        _check_type(address_type)
        return address.derive(public_key)

    def parse_address(self, text: str) -> ParsedAddress:
        return ParsedAddress(address.parse(text), ADDRESS_TYPE)

    def check_payment(self, payment: Pay) -> None:
        check_listed(self._network, payment)
        if address.parse(payment.address) != payment.address:
            raise InvalidAddress("the address is not in its canonical form")
        if payment.asset == erc20.asset_of(self._network.id, payment.address):
            raise InvalidAddress("the token's own contract: what it is paid is lost")

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        check_single(self._network, payments)

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        self._calling.of(call, sender)

    def understand(
        self, sender: Address, contract: Address, data: bytes, value: int
    ) -> tuple[Asked, ...]:
        return self._calling.understood(sender, contract, data, value)

    def call_of(
        self, contract: Address, function: str, arguments: Mapping[str, object], value: int
    ) -> Asked:
        return self._calling.call_of(contract, function, arguments, value)

    def size_of(self, effects: Sequence[Effect]) -> int:
        return len(effects)

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        """A transaction has none, what is signed apart at most an hour."""
        if (typed := permits.typed_of(self._network, tx)) is not None:
            permits.check_lifetime(typed, now)

    def lifetime(self, tx: UnsignedTx) -> Lifetime | None:
        """No transaction's ends: a nonce that nobody uses can be used for ever."""
        typed = permits.typed_of(self._network, tx)
        return None if typed is None else permits.lifetime(typed)

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        if (typed := permits.typed_of(self._network, tx)) is not None:
            return permits.summarize(self._network, typed)
        parsed, sender = self._read(tx)
        native = self._network.native.id
        effects: tuple[Effect, ...] = ()
        returns: tuple[Return, ...] = ()
        called = self._called(parsed, sender)
        if parsed.to == sender:
            returns = (Return(sender, native, parsed.value, None),)
        elif called is not None and not isinstance(called, str):
            effects = (called,)
        elif parsed.to is not None and parsed.value:
            effects = (Pay(parsed.to, native, parsed.value),)
        return TxSummary(
            network=self._network.id,
            sources=(sender,),
            effects=effects,
            returns=returns,
            creates=(),
            costs=CostsMost(costs_in(native, {CostKind.FEE: parsed.fee_max}), self._uncapped),
            conflict_keys=frozenset({build.nonce_key(self._network.id, sender, parsed.nonce)}),
            identity=f"{sender}:{keccak256(tx.payload).hex()}",
            unexplained=tuple(_unexplained(parsed, sender, self._kind, called)),
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        if (typed := permits.typed_of(self._network, tx)) is not None:
            return (permits.signing_input(typed),)
        _, sender = self._read(tx)
        digest = keccak256(tx.payload)
        return (SigningInput(sender, SignatureAlgorithm.ECDSA_RECOVERABLE, digest),)

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        if (typed := permits.typed_of(self._network, tx)) is not None:
            return permits.attach(self._network, typed, signatures)
        parsed, sender = self._read(tx)
        if len(signatures) != 1:
            raise SignatureMismatch(f"{len(signatures)} signatures where one belongs")
        (signature,) = signatures
        _prove(signature, keccak256(tx.payload), sender)
        raw = build.encode_signed(parsed, signature.signature)
        # The other way round: what goes out says to others what `tx` said to us.
        if parse.signed_parts(raw) != (parsed, signature.signature):
            raise SignatureMismatch("the signed bytes say something else")
        return SignedTx(self._network.id, transaction_id(raw), raw)

    def signs_apart(self, asset: AssetId) -> bool:
        token = self._network.tokens.get(asset)
        return token is not None and permits.PermitTrait.EIP3009 in token.traits

    def submitter(self, tx: UnsignedTx) -> Address | None:
        return None

    def submits(self, tx: UnsignedTx, signed: SignedTx) -> Call:
        typed = permits.typed_of(self._network, tx)
        if typed is None:
            raise MalformedTransaction("a transaction, which submits itself")
        return carrying.words(typed, permits.signature_in(typed, signed.raw))

    def _decode(self, tx: UnsignedTx) -> tuple[Transaction, Address]:
        if tx.network != self._network.id:
            raise MalformedTransaction(f"a transaction of {tx.network}, not {self._network.id}")
        parsed = parse.unsigned(tx.payload)
        if parsed.chain_id != self._chain_id:
            raise MalformedTransaction(f"chain id {parsed.chain_id}, not {self._chain_id}")
        if tx.sender is None:
            raise MalformedTransaction("the payer is not named")
        try:
            canonical = address.parse(tx.sender)
        except InvalidAddress as error:
            raise MalformedTransaction("the payer is not an address") from error
        if canonical != tx.sender:
            raise MalformedTransaction("the payer's address is not in its canonical form")
        return parsed, canonical

    def _called(self, parsed: Transaction, sender: Address) -> Effect | str | None:
        """What a contract is told, or why that has no words. None where nothing is told."""
        if parsed.to is None or parsed.to == sender or not parsed.data:
            return None
        try:
            return self._calling.told(sender, parsed.to, parsed.data, parsed.value)
        except CallUnknown as error:
            return str(error)


def _unexplained(
    parsed: Transaction, sender: Address, kind: build.Kind, called: Effect | str | None
) -> list[str]:
    """`kind`: the network's. `called`: what the calldata means, or why nothing."""
    found = []
    if parsed.kind is not kind:
        found.append(f"a {parsed.kind} transaction, which this network does not use")
    if parsed.to is None:
        found.append(f"creates a contract, to which it pays {parsed.value}")
    elif not int(parsed.to, 16):
        found.append("pays the zero address")
    elif not parsed.value and not parsed.data and parsed.to != sender:
        found.append("pays nothing")
    if parsed.data and (called is None or isinstance(called, str)):
        found.append(f"{len(parsed.data)} bytes of calldata" + (f": {called}" if called else ""))
    if parsed.access_list:
        found.append("an access list")
    if parsed.gas < (least := least_gas(parsed.data)):
        found.append(f"less than {least} gas, so that it can't be included")
    if parsed.priority_fee > parsed.fee_per_gas_max:
        found.append("a priority fee above the whole fee, so that it can't be included")
    return found


def least_gas(data: bytes) -> int:
    """Of a transaction that calls somebody with `data` (Yellow Paper, section 6.2; EIP-2028)."""
    zeros = data.count(0)
    return TRANSFER_GAS + 4 * zeros + 16 * (len(data) - zeros)


def _check_type(address_type: AddressType) -> None:
    if address_type is not ADDRESS_TYPE:
        raise InvalidInput(f"EVM networks derive no {address_type} addresses")


def transaction_id(raw: bytes) -> TxId:
    """Keccak-256 of the signed bytes (EIP-2718), 0x and 64 digits."""
    return TxId("0x" + keccak256(raw).hex())


def _prove(signature: Signature, digest: bytes, sender: Address) -> None:
    """Raise unless `sender` signed `digest`, in the one form that the chain accepts (EIP-2)."""
    compact = signature.signature
    if len(compact) != 65 or compact[64] > 1:
        raise SignatureMismatch("not r, s and a recovery id of 0 or 1")
    if int.from_bytes(compact[32:64], "big") > CURVE_ORDER // 2:
        raise SignatureMismatch("a signature with high s")
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None).format()
    except ValueError as error:
        raise SignatureMismatch("a signature that no key can have made") from error
    if key != signature.public_key or address.derive(key) != sender:
        raise SignatureMismatch(f"not signed by the key of {sender}")
