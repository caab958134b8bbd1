"""TRON transactions for custody and the signer: what the bytes do, what to sign, how to finish.

The payload is raw_data. It names its owner, so `UnsignedTx.sender` stays empty. A transfer of TRX,
and a call that has words (`calling`), is all that is explained here; anything else in the bytes is
named in `unexplained`. There are no conflict keys: nothing in a TRON transaction
excludes another one, so a mandate gets exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from coincurve import PublicKey

from chains.codec import Traits, check_listed, check_single
from chains.costs import CostKind, CostsMost, costs_in
from chains.effects import Allow, Asked, Call, Effect, Pay, Return
from chains.errors import (
    CallUnknown,
    InvalidAddress,
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
)
from chains.model import (
    Address,
    AddressType,
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
from chains.transaction import TxSummary, Until
from chains.tron import (
    AMOUNT_MAX,
    KEY_SCHEME,
    LIFETIME_CHAIN_MAX_MS,
    PURPOSE,
    SIGNATURE_BYTES,
    TRANSFER_TYPE,
    TRANSFER_TYPE_URL,
    TRIGGER_TYPE,
    TRIGGER_TYPE_URL,
    address,
    fees,
    parse,
    trc20,
)
from chains.tron import tron_pb2 as pb
from chains.tron.calling import calling_of
from chains.tron.schema import SCHEMA

_HALF_ORDER: Final = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0
_HARDENED: Final = 1 << 31
_WIRE_RECOVERY_OFFSET: Final = 27

# Fields that a transfer of ours never sets, and what each would mean.
_UNUSED: Final = (
    ("ref_block_num", "a reference block number, which no node reads"),
    ("auths", "an authority list"),
    ("data", "a memo, for which the chain charges an extra fee"),
    ("scripts", "a script"),
)
_UNUSED_IN_CONTRACT: Final = (
    ("provider", "a contract provider"),
    ("contract_name", "a contract name"),
    ("permission_id", "a permission other than the owner's"),
)

_UNUSED_IN_CALL: Final = (
    ("call_token_value", "TRC-10 tokens that go with a call"),
    ("token_id", "a TRC-10 token that goes with a call"),
)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What the one contract of a transaction does, as far as it has words."""

    source: Address | None
    costs: Mapping[CostKind, int]
    effects: tuple[Effect, ...] = ()
    returns: tuple[Return, ...] = ()


class TronCodec:
    """Implements `chains.codec.TransactionCodec` for one TRON network."""

    traits: Final = Traits(coins=False, conflict_keys=False, binding_keys=False, memo=False)
    schema: Final = SCHEMA

    def __init__(self, network: Network) -> None:
        self._network = network
        self._calling = calling_of(network)

    @property
    def network(self) -> Network:
        return self._network

    def key_scheme(self, address_type: AddressType) -> KeyScheme:
        _check_type(address_type)
        return KEY_SCHEME

    def account_path(self, address_type: AddressType, account: int) -> str:
        _check_type(address_type)
        if not 0 <= account < _HARDENED:
            raise InvalidInput(f"no account {account}")
        return f"m/{PURPOSE}'/{self._network.number('coin_type')}'/{account}'"

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        """Raises InvalidInput for `change`, which an account chain doesn't have."""
        if change or not 0 <= index < _HARDENED:
            raise InvalidInput(f"TRON has no change addresses, and no address {index}")
        return f"{self.account_path(address_type, account)}/0/{index}"

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        _check_type(address_type)
        return address.from_public_key(public_key)

    def parse_address(self, text: str) -> ParsedAddress:
        return ParsedAddress(address.parse(text), AddressType.TRON)

    def check_payment(self, payment: Pay) -> None:
        check_listed(self._network, payment)
        if address.parse(payment.address) != payment.address:
            raise InvalidAddress("not in canonical form")
        if payment.asset == trc20.asset_of(self._network.id, payment.address):
            raise InvalidAddress("the token's own contract: what it is paid is lost")

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        check_single(self._network, payments)

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        if self._calling.of(call, sender).value > AMOUNT_MAX:
            raise CallUnknown("more coins than a call can carry")

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
        """One that expires later than the chain would take today could be kept and sent then."""
        if self._read(tx).expiration > 1000 * now + LIFETIME_CHAIN_MAX_MS:
            raise MalformedTransaction("expires later than the network allows")

    def lifetime(self, tx: UnsignedTx) -> Until:
        """A block's parent must be earlier than the expiration (java-tron
        `Manager.validateCommon`)."""
        return Until(self._read(tx).expiration)

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        """Of one payment, allowance or call. The costs are the worst case for a transaction of this
        size and, of a call, its fee limit."""
        raw = self._read(tx)
        unexplained = [what for name, what in _UNUSED if getattr(raw, name)]
        if len(raw.ref_block_bytes) != 2 or len(raw.ref_block_hash) != 8:
            unexplained.append("a reference block that names no block")
        if raw.expiration <= 0 or raw.timestamp < 0:
            unexplained.append("an expiration or timestamp before 1970")
        contract = _only_contract(raw, unexplained)
        if (contract.type, contract.parameter.type_url) == (TRIGGER_TYPE, TRIGGER_TYPE_URL):
            meant = self._call(tx, raw, parse.call(contract.parameter.value), unexplained)
        else:
            meant = self._transfer(tx, raw, _transfer_in(contract, unexplained), unexplained)
        return TxSummary(
            network=self._network.id,
            sources=(meant.source,) if meant.source is not None else (),
            effects=meant.effects,
            returns=meant.returns,
            creates=(),
            costs=CostsMost(costs_in(self._network.native.id, meant.costs)),
            conflict_keys=frozenset(),
            identity=sha256(tx.payload).hexdigest(),
            unexplained=tuple(unexplained),
        )

    def _transfer(
        self,
        tx: UnsignedTx,
        raw: pb.RawData,
        transfer: pb.TransferContract,
        unexplained: list[str],
    ) -> _Meant:
        if raw.fee_limit:
            unexplained.append("a fee limit, which only a contract call may have")
        source = _explained_address(transfer.owner_address, "owner", unexplained)
        recipient = _explained_address(transfer.to_address, "recipient", unexplained)
        if transfer.amount <= 0:
            unexplained.append("an amount that is not positive")
        native, costs = self._network.native.id, fees.most(tx.payload)
        if recipient is not None and recipient == source:
            back = Return(recipient, native, transfer.amount, None)
            return _Meant(source, costs, returns=(back,))
        if recipient is not None and transfer.amount > 0:
            return _Meant(source, costs, (Pay(recipient, native, transfer.amount),))
        return _Meant(source, costs)

    def _call(
        self,
        tx: UnsignedTx,
        raw: pb.RawData,
        call: pb.TriggerSmartContract,
        unexplained: list[str],
    ) -> _Meant:
        unexplained += [what for name, what in _UNUSED_IN_CALL if getattr(call, name)]
        if raw.fee_limit <= 0:
            unexplained.append("no fee limit, without which no contract runs")
        source = _explained_address(call.owner_address, "owner", unexplained)
        contract = _explained_address(call.contract_address, "contract", unexplained)
        costs = fees.most_of_call(tx.payload, max(0, raw.fee_limit))
        if source is None or contract is None:
            return _Meant(source, costs)
        try:
            if call.call_value < 0:
                raise CallUnknown("fewer coins than none")
            told = self._calling.told(source, contract, call.data, call.call_value)
        except CallUnknown as error:
            what = f"a TriggerSmartContract with {len(call.data)} bytes of calldata"
            unexplained.append(f"{what}: {error}")
            return _Meant(source, costs)
        return _Meant(source, costs, (told,))

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        """The owner's signature over the transaction id. Raises MalformedTransaction also when
        the bytes do anything else than a transfer: nobody gets a digest of what is unexplained."""
        summary = self.summarize(tx)
        if summary.unexplained:
            raise MalformedTransaction(f"not a transfer: {summary.unexplained[0]}")
        (owner,) = summary.sources
        digest = sha256(tx.payload).digest()
        return (SigningInput(owner, SignatureAlgorithm.ECDSA_RECOVERABLE, digest),)

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """Checks the key and the signature against the owner in the bytes, by recovery."""
        (needed,) = self.signing_inputs(tx)
        if len(signatures) != 1:
            raise SignatureMismatch(f"one signature needed, {len(signatures)} given")
        signature = signatures[0]
        _check_signature(signature, needed)
        wire = signature.signature[:64] + bytes([signature.signature[64] + _WIRE_RECOVERY_OFFSET])
        signed = pb.Transaction(raw_data=tx.payload, signature=[wire])
        return SignedTx(
            network=self._network.id,
            txid=TxId(needed.message.hex()),
            raw=signed.SerializeToString(deterministic=True),
        )

    def _read(self, tx: UnsignedTx) -> pb.RawData:
        if tx.network != self._network.id:
            raise MalformedTransaction(f"a transaction for {tx.network}")
        if tx.sender is not None:
            raise MalformedTransaction("a sender beside the bytes, which name their own")
        return parse.raw_data(tx.payload)


def _check_type(address_type: AddressType) -> None:
    if address_type is not AddressType.TRON:
        raise InvalidInput(f"TRON derives no {address_type} addresses")


def _only_contract(raw: pb.RawData, unexplained: list[str]) -> pb.Contract:
    """The one in `raw`, or an empty one."""
    if len(raw.contract) != 1:
        unexplained.append(f"{len(raw.contract)} contracts instead of one")
        return pb.Contract()
    contract = raw.contract[0]
    unexplained += [what for name, what in _UNUSED_IN_CONTRACT if getattr(contract, name)]
    return contract


def _transfer_in(contract: pb.Contract, unexplained: list[str]) -> pb.TransferContract:
    """The transfer that `contract` is, or an empty one."""
    if contract.type != TRANSFER_TYPE or contract.parameter.type_url != TRANSFER_TYPE_URL:
        kind = contract.parameter.type_url.rpartition(".")[2][:60] or "nothing"
        unexplained.append(f"contract type {contract.type} ({kind!r})")
        return pb.TransferContract()
    return parse.transfer(contract.parameter.value)


def _explained_address(raw: bytes, role: str, unexplained: list[str]) -> Address | None:
    if address.is_address(raw):
        return address.to_text(raw)
    unexplained.append(f"no TRON address as {role}")
    return None


def _check_signature(signature: Signature, needed: SigningInput) -> None:
    """Raises SignatureMismatch unless `signature` is a low-s signature by the needed key."""
    if len(signature.signature) != SIGNATURE_BYTES or signature.signature[64] > 3:
        raise SignatureMismatch("not a 65-byte recoverable signature")
    if int.from_bytes(signature.signature[32:64]) > _HALF_ORDER:
        raise SignatureMismatch("s is in the upper half of the order")
    try:
        claimed = address.from_public_key(signature.public_key)
        recovered = PublicKey.from_signature_and_message(
            signature.signature, needed.message, hasher=None
        )
    except ValueError as error:
        raise SignatureMismatch("not a signature, or not a public key") from error
    if claimed != needed.address or recovered.format() != signature.public_key:
        raise SignatureMismatch("not signed by the key of the owner")
