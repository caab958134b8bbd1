"""The pure half of bitcoin: PSBT in; meaning, digests and the final transaction out.

Custody and the signer run this same code. It trusts no number that it can recompute: amounts of
non-taproot inputs come from the full previous transactions whose hash the input names (BIP-143
commits to one amount only, so a lie about another input would pass); those of taproot inputs are
committed to by every signature (BIP-341). What it can't explain it names, and refuses to sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chains.bitcoin import (
    BLOCK_SECONDS_MIN,
    GENESIS_TIME,
    LOCKTIME_TIME_START,
    PURPOSES,
    SATOSHI_MAX,
    SEQUENCE_RBF,
    SIGHASH_ALL,
    SIGHASH_DEFAULT,
    STANDARD_WEIGHT_MAX,
)
from chains.bitcoin.address import AddressFormat, script_type, taproot_output_key
from chains.bitcoin.outputs import dust_threshold, payment_output
from chains.bitcoin.psbt import KeyOrigin, Psbt, PsbtInput, PsbtOutput, parse_psbt
from chains.bitcoin.schema import SCHEMA
from chains.bitcoin.sighash import SignatureHashes
from chains.bitcoin.signatures import PUBLIC_KEY_BYTES, p2tr_witness, p2wpkh_witness
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.bitcoin.weight import lightest
from chains.codec import CallsNothing, Traits, payload_size, remember_small
from chains.costs import CostKind, CostsMost, costs_in
from chains.effects import Effect, Pay, Return
from chains.errors import (
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
    TooManyOutputs,
)
from chains.hashes import hash160
from chains.model import (
    Address,
    AddressType,
    ConflictKey,
    Excludes,
    KeyScheme,
    NetworkId,
    ParsedAddress,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    UnsignedTx,
)
from chains.networks import Network
from chains.transaction import TxSummary

_VERSION: Final = 2
_ADDRESSES: Final = 1024
_READINGS: Final = 256
_READING_BYTES_MAX: Final = 16 * 1024
_SCRIPT_BYTES_MAX: Final = 34
"""Of a script that an address stands for."""
_SIGHASH_OF: Final = {AddressType.P2WPKH: SIGHASH_ALL, AddressType.P2TR: SIGHASH_DEFAULT}
_ALGORITHM_OF: Final = {
    AddressType.P2WPKH: SignatureAlgorithm.ECDSA_RECOVERABLE,
    AddressType.P2TR: SignatureAlgorithm.BIP340_TAPROOT,
}


@dataclass(frozen=True, slots=True)
class _Spending:
    """One input with the output it consumes."""

    output: TxOutput
    address: Address | None
    address_type: AddressType | None
    path: str | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A PSBT with everything recomputed that can be."""

    psbt: Psbt
    spendings: tuple[_Spending, ...]
    payments: tuple[Pay, ...]
    returns: tuple[Return, ...]
    unexplained: tuple[str, ...]

    @property
    def transaction(self) -> Transaction:
        return self.psbt.transaction

    @property
    def fee(self) -> int:
        spent = sum(spending.output.amount for spending in self.spendings)
        return spent - sum(output.amount for output in self.transaction.outputs)


class BitcoinCodec(CallsNothing):
    """`chains.codec.TransactionCodec` for one bitcoin network."""

    traits: Final = Traits(coins=True, conflict_keys=True, binding_keys=True, memo=False)
    schema: Final = SCHEMA

    def __init__(self, network: Network) -> None:
        self._network = network
        self._addresses = AddressFormat(network)
        # Summary, digests and final transaction of one container are asked for one after the other.
        self._read = remember_small(
            self._decode, payload_size, entries=_READINGS, bytes_max=_READING_BYTES_MAX
        )
        # Our own addresses come again and again, as coins and as change.
        self._address_of = remember_small(
            self._addresses.address_of, len, entries=_ADDRESSES, bytes_max=_SCRIPT_BYTES_MAX
        )

    @property
    def network(self) -> Network:
        return self._network

    @property
    def addresses(self) -> AddressFormat:
        """Output scripts and their addresses, for the adapter."""
        return self._addresses

    def key_scheme(self, address_type: AddressType) -> KeyScheme:
        _purpose(address_type)
        return KeyScheme.SECP256K1

    def account_path(self, address_type: AddressType, account: int) -> str:
        """BIP-84 or BIP-86: ``m/purpose'/coin type'/account'``."""
        return f"m/{_purpose(address_type)}'/{self._network.number('coin_type')}'/{account}'"

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        return f"{self.account_path(address_type, account)}/{int(change)}/{index}"

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        return self._addresses.derive(public_key, address_type)

    def parse_address(self, text: str) -> ParsedAddress:
        return self._addresses.parse(text)

    def check_payment(self, payment: Pay) -> None:
        payment_output(self._network, self._addresses, payment)

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        """What is left of the standard weight must do for one coin and the change."""
        outputs = [payment_output(self._network, self._addresses, each) for each in payments]
        if lightest(outputs) > STANDARD_WEIGHT_MAX:
            raise TooManyOutputs("more than one transaction that nodes relay can hold")

    def size_of(self, effects: Sequence[Effect]) -> int:
        """Of outputs every byte is a virtual byte (BIP-141)."""
        pays = [each for each in effects if isinstance(each, Pay)]
        outputs = [TxOutput(each.amount, self._addresses.script_of(each.address)) for each in pays]
        return sum(len(each.serialize()) for each in outputs)

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        """A lock above every height that the chain can have reached keeps coins from moving."""
        if self._read(tx).transaction.locktime > height_max(now):
            raise MalformedTransaction("the transaction is locked until a height far ahead")

    def lifetime(self, tx: UnsignedTx) -> None:
        """None ends: a coin that nobody spends can be spent for ever."""

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        """The fee is exact: inputs minus outputs, both from bytes that the inputs commit to."""
        reading = self._read(tx)
        addresses = (spending.address for spending in reading.spendings)
        outpoints = frozenset(conflict_key(tx.network, each) for each in reading.transaction.inputs)
        return TxSummary(
            network=tx.network,
            sources=tuple(dict.fromkeys(each for each in addresses if each is not None)),
            effects=reading.payments,
            returns=reading.returns,
            creates=(),
            costs=CostsMost(costs_in(self._network.native.id, {CostKind.FEE: reading.fee})),
            conflict_keys=outpoints,
            identity=reading.transaction.txid(),
            unexplained=reading.unexplained,
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        """One per input, in order. Raises MalformedTransaction if anything is unexplained."""
        return _signing_inputs(self._read(tx))

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """The final transaction (BIP-144). Every signature is verified under the key that the
        spent output names; one that doesn't fit raises SignatureMismatch."""
        reading = self._read(tx)
        needed = _signing_inputs(reading)
        if len(signatures) != len(needed):
            raise SignatureMismatch(f"{len(signatures)} signatures for {len(needed)} inputs")
        witnesses = [
            _witness(spending, signing.message, signature)
            for spending, signing, signature in zip(
                reading.spendings, needed, signatures, strict=True
            )
        ]
        unsigned = reading.transaction
        inputs = zip(unsigned.inputs, witnesses, strict=True)
        final = replace(
            unsigned, inputs=tuple(replace(each, witness=witness) for each, witness in inputs)
        )
        if final.hash() != unsigned.hash():
            raise SignatureMismatch("signing changed the transaction")
        return SignedTx(tx.network, final.txid(), final.serialize())

    def _decode(self, tx: UnsignedTx) -> _Reading:
        if tx.network != self._network.id or tx.sender is not None:
            raise MalformedTransaction(f"not an unsigned transaction of {self._network.name}")
        psbt = parse_psbt(tx.payload)
        transaction = psbt.transaction
        if len({each.outpoint for each in transaction.inputs}) != len(transaction.inputs):
            raise MalformedTransaction("spends the same coin twice")
        doubts = [*psbt.unexplained, *_transaction_doubts(transaction)]
        pairs = enumerate(zip(transaction.inputs, psbt.inputs, strict=True))
        spendings = tuple(self._spending(f"input {n}", *pair, doubts) for n, pair in pairs)
        payments: list[Pay] = []
        returns: list[Return] = []
        returning: list[TxOutput] = []
        for index, output in enumerate(transaction.outputs):
            found = self._output(f"output {index}", output, psbt.outputs[index], doubts)
            if isinstance(found, Pay):
                payments.append(found)
            elif found is not None:
                returns.append(found)
                returning.append(output)
        doubts += _change_doubts(returning)
        reading = _Reading(psbt, spendings, tuple(payments), tuple(returns), tuple(doubts))
        if reading.fee < 0 or sum(each.output.amount for each in spendings) > SATOSHI_MAX:
            raise MalformedTransaction("pays out more than it spends, or spends more than exists")
        return reading

    def _spending(
        self, place: str, spent: TxInput, fields: PsbtInput, doubts: list[str]
    ) -> _Spending:
        output = _spent_output(place, spent, fields)
        kind = script_type(output.script)
        doubts += fields.unexplained
        if kind is None:
            doubts.append(f"{place} spends an output of a kind that we never receive")
        elif fields.sighash_type not in (None, _SIGHASH_OF[kind]):
            doubts.append(f"{place} asks for a signature that does not cover everything")
        elif not _owns(fields.origin, fields.internal_key, output.script):
            doubts.append(f"{place} names a key that is not the coin's")
        path = fields.origin.path if fields.origin is not None else None
        return _Spending(output, self._address_of(output.script), kind, path)

    def _output(
        self, place: str, output: TxOutput, fields: PsbtOutput, doubts: list[str]
    ) -> Pay | Return | None:
        doubts += fields.unexplained
        address = self._address_of(output.script)
        if address is None:
            doubts.append(f"{place} pays {output.amount} satoshi to a script without an address")
            return None
        if not _owns(fields.origin, fields.internal_key, output.script):
            doubts.append(f"{place} names a key that is not the address's")
        native = self._network.native.id
        if fields.origin is not None:
            return Return(address, native, output.amount, fields.origin.path)
        if not output.amount:
            doubts.append(f"{place} pays nothing")
            return None
        return Pay(address, native, output.amount)


def _change_doubts(change: Sequence[TxOutput]) -> list[str]:
    """What comes back comes back in one piece that is worth spending."""
    doubts = [f"{len(change)} change outputs instead of one"] if len(change) > 1 else []
    return doubts + [
        f"change of {each.amount} satoshi, which is dust"
        for each in change
        if each.amount < dust_threshold(each.script)
    ]


def conflict_key(network: NetworkId, spent: TxInput) -> ConflictKey:
    """What a transaction consumes by spending one coin."""
    return outpoint_key(network, spent.previous_txid, spent.position)


def outpoint_key(network: NetworkId, txid: str, position: int) -> ConflictKey:
    """Of all transactions that spend one coin, the chain includes at most one."""
    return ConflictKey(f"{network}/outpoint:{txid}:{position}", Excludes.INCLUSION)


def _purpose(address_type: AddressType) -> int:
    if address_type not in PURPOSES:
        raise InvalidInput(f"no {address_type} addresses are derived on bitcoin networks")
    return PURPOSES[address_type]


def _transaction_doubts(transaction: Transaction) -> list[str]:
    doubts = []
    if transaction.version != _VERSION:
        doubts.append(f"the transaction has version {transaction.version}")
    if transaction.locktime >= LOCKTIME_TIME_START:
        doubts.append("the transaction is locked until a point in time")
    doubts += (
        f"input {index} has the sequence {spent.sequence:#x}, which none of ours has"
        for index, spent in enumerate(transaction.inputs)
        if spent.sequence != SEQUENCE_RBF
    )
    return doubts


def _spent_output(place: str, spent: TxInput, fields: PsbtInput) -> TxOutput:
    """The consumed output, from the full previous transaction wherever that is possible."""
    claimed = fields.witness_output
    if fields.previous is not None:
        if fields.previous_hash != spent.previous:
            raise MalformedTransaction(f"{place}: the previous transaction is another one")
        if spent.position >= len(fields.previous.outputs):
            raise MalformedTransaction(f"{place}: the previous transaction has no such output")
        output = fields.previous.outputs[spent.position]
        if claimed is not None and claimed != output:
            raise MalformedTransaction(f"{place}: two contradicting spent outputs")
        return output
    if claimed is None:
        raise MalformedTransaction(f"{place}: nothing says what it spends")
    if script_type(claimed.script) is not AddressType.P2TR:
        raise MalformedTransaction(f"{place}: its amount needs the full previous transaction")
    return claimed


def height_max(now: int) -> int:
    """No chain of ours is higher at `now` (Unix seconds), and none is lower by years."""
    return max(0, now - GENESIS_TIME) // BLOCK_SECONDS_MIN


def _owns(origin: KeyOrigin | None, internal_key: bytes | None, script: bytes) -> bool:
    """Whether the key that the container names, if any, is the one that `script` pays."""
    if origin is None:
        return internal_key is None
    kind, public_key = script_type(script), origin.public_key
    if kind is AddressType.P2WPKH and internal_key is None:
        return len(public_key) == PUBLIC_KEY_BYTES and hash160(public_key) == script[2:]
    if kind is AddressType.P2TR and internal_key == public_key:
        try:
            return taproot_output_key(public_key) == script[2:]
        except InvalidInput:
            return False
    return False


def _signing_inputs(reading: _Reading) -> tuple[SigningInput, ...]:
    if reading.unexplained:
        raise MalformedTransaction(f"will not sign: {'; '.join(reading.unexplained)}")
    outputs = tuple(spending.output for spending in reading.spendings)
    hashes = SignatureHashes(reading.transaction, outputs)
    return tuple(
        _signing_input(hashes, index, spending) for index, spending in enumerate(reading.spendings)
    )


def _signing_input(hashes: SignatureHashes, index: int, spending: _Spending) -> SigningInput:
    assert spending.address is not None
    assert spending.address_type is not None
    taproot = spending.address_type is AddressType.P2TR
    return SigningInput(
        address=spending.address,
        algorithm=_ALGORITHM_OF[spending.address_type],
        message=hashes.p2tr_key_path(index) if taproot else hashes.p2wpkh(index),
        path=spending.path,
    )


def _witness(spending: _Spending, message: bytes, signature: Signature) -> tuple[bytes, ...]:
    if spending.address_type is AddressType.P2TR:
        return p2tr_witness(spending.output.script, message, signature)
    return p2wpkh_witness(spending.output.script, message, signature)
