"""What is fuzzed: every decoder that reads bytes which an intruder may have written.

A target takes one input and either returns, or fails: by an exception that the decoder does not
document, by a value that does not turn into the same bytes again, or by two readings that differ.
The reading itself must only raise what `documented` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, cast

import pytest
from embit.psbt import PSBT
from embit.transaction import Transaction as EmbitTransaction
from solders.message import to_bytes_versioned

from chains.bitcoin.blocks import read_block
from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.psbt import parse_psbt
from chains.bitcoin.transaction import parse_transaction
from chains.catalogue import built_in
from chains.codec import TransactionCodec
from chains.contracts import typed
from chains.contracts.values import decode, encode
from chains.effects import Pay
from chains.errors import (
    CodecError,
    InvalidAddress,
    MalformedTransaction,
    NodeMisbehaved,
)
from chains.evm import parse as evm_parse
from chains.evm import permits
from chains.evm.build import encode_signed, encode_unsigned
from chains.families import CODECS
from chains.hashes import sha256d
from chains.keys import ExtendedPublicKey, InvalidExtendedKey, InvalidPath, format_path, parse_path
from chains.model import BlockRef, Signature, UnsignedTx
from chains.solana.build import build_message
from chains.solana.explain import Unexplained, explain, parse_message
from chains.tron import parse as tron_parse
from signer.errors import JournalDamaged, KeystoreDamaged
from signer.keystore import Header, read_header
from signer.logfile import records_of, verify_log
from signer.messages import (
    CallRefused,
    frame,
    parse_request,
    parse_response,
    read_length,
    request,
)
from signer.policy import (
    Evaluation,
    InvalidPolicy,
    Policy,
    Ruling,
    SignedPolicy,
    evaluate,
    facts_of,
)
from signer.policy import (
    explain as explain_evaluation,
)
from signer.proof import Proof
from signer.tree import ProofInvalid
from signer.wire import (
    BATCH_MAX,
    Consent,
    MalformedMessage,
    SignRequest,
    Status,
    listed,
    outcome_to_json,
    parse_outcome,
)
from tests.fuzz import mutation, seeds
from tests.fuzz.mutation import Mutate
from tests.support.networks import all_networks, find_network
from tests.support.signer import MANDATE, NOON
from tests.support.signer_policy import nothing_known

Run = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """`seeds`: valid inputs. `mutate`: makes another input of one. `input_max`: bytes."""

    name: str
    run: Run
    seeds: Sequence[bytes]
    mutate: Mutate = field(repr=False)
    input_max: int = 4096


# The signer's wire


def wire(data: bytes) -> None:
    """A message as a request, and as an answer."""
    try:
        call, arguments = parse_request(data)
        assert request(call, arguments) == data
        if call == "sign":
            for row in listed(arguments.get("requests"), maximum=BATCH_MAX):
                parsed = SignRequest.parse(row)
                assert parsed.to_json() == row
                again = SignRequest.parse(row)
                for one, other in zip(parsed.consents, again.consents, strict=True):
                    assert one.mandate.digest == other.mandate.digest
        if call == "consider":
            for row in listed(arguments.get("consents"), maximum=BATCH_MAX):
                assert Consent.parse(row).to_json() == row
        if call == "publish_policy":
            row = arguments.get("policy")
            assert SignedPolicy.parse(row).to_json() == row
    except MalformedMessage:
        pass
    try:
        answer = parse_response(data)
        rows = answer if isinstance(answer, list) else [answer]
        assert [outcome_to_json(parse_outcome(row)) for row in rows] == rows
        assert Status.parse(answer).to_json() == answer
    except (MalformedMessage, CallRefused):
        pass


def frames(data: bytes) -> None:
    """A stream of frames, as the server cuts it."""
    rest = data
    try:
        while len(rest) >= 4:
            length = read_length(rest[:4])
            body, following = rest[4 : 4 + length], rest[4 + length :]
            if len(body) < length:
                return
            assert frame(body) == rest[: 4 + length]
            wire(body)
            rest = following
    except MalformedMessage:
        pass


def policy(data: bytes) -> None:
    """A document that is read is one that can be evaluated, whatever its numbers and times are."""
    try:
        parsed = Policy.parse(data)
    except InvalidPolicy:
        return
    facts = facts_of(MANDATE, built_in())
    evaluations: list[Evaluation] = [
        evaluate(parsed, facts, nothing_known, now, ("ada", "bob"), {"large": NOON})
        for now in (NOON, NOON + timedelta(days=4000))
    ]
    for evaluation in evaluations:
        read = parsed.rules if parsed.knows(facts.core.initiator) else ()
        assert len(evaluation.trace) == len(read)
        assert evaluation.ruling in list(Ruling) and explain_evaluation(evaluation)


# Codecs


@cache
def codec(alias: str) -> TransactionCodec:
    network = find_network(alias)
    return CODECS[network.family](network)


def _read(alias: str, tx: UnsignedTx) -> bool:
    """All three calls of a codec. Whether the transaction is one that we would sign."""
    reader = codec(alias)
    try:
        summary = reader.summarize(tx)
    except MalformedTransaction:
        with pytest.raises(CodecError):  # no summary, then no digests
            reader.signing_inputs(tx)
        with pytest.raises(CodecError):
            reader.attach(tx, ())
        return False
    assert summary.network == tx.network
    assert all(units > 0 for units in summary.costs.most.values())
    assert all(isinstance(paid, Pay) and paid.amount > 0 for paid in summary.effects)
    again = CODECS[reader.network.family](reader.network)
    assert again.summarize(tx) == summary
    try:
        inputs = reader.signing_inputs(tx)
    except MalformedTransaction:
        assert summary.unexplained
        return False
    for signatures in ((), tuple(Signature(seeds.PUBLIC_KEY, bytes(65)) for _ in inputs)):
        with pytest.raises(CodecError):  # signatures that nobody made
            reader.attach(tx, signatures)
    if not summary.unexplained:
        assert {item.address for item in inputs} == set(summary.sources)
    return not summary.unexplained


def bitcoin(data: bytes) -> None:
    alias = "bitcoin-regtest"
    tx = UnsignedTx(find_network(alias).id, data)
    if _read(alias, tx):
        summary = codec(alias).summarize(tx)
        psbt = parse_psbt(data)
        paid = sum(out.amount for out in psbt.transaction.outputs)
        paying = [out.amount for out in summary.effects if isinstance(out, Pay)]
        named = [*paying, *(out.amount for out in summary.returns)]
        assert paid == sum(named)
        assert len(summary.conflict_keys) == len(psbt.transaction.inputs)


def psbt(data: bytes) -> None:
    """Our reader against embit's: what we can sign, the other reads as the same transaction."""
    try:
        ours = parse_psbt(data)
    except MalformedTransaction:
        return
    tx = UnsignedTx(find_network("bitcoin-regtest").id, data)
    try:
        explained = not codec("bitcoin-regtest").summarize(tx).unexplained
    except MalformedTransaction:
        return
    if explained:
        theirs = PSBT.parse(data)
        assert theirs.tx.serialize() == ours.transaction.serialize()
        assert theirs.serialize() == data


def bitcoin_transaction(data: bytes) -> None:
    try:
        parsed = parse_transaction(data)
    except MalformedTransaction:
        return
    assert parsed.serialize() == data
    theirs = EmbitTransaction.parse(data)
    assert theirs.serialize() == data and theirs.txid().hex() == parsed.txid()


def block(data: bytes) -> None:
    """With a header whose hash is the one that was asked for; the merkle root fits if the bytes
    are one transaction, so that something gets through."""
    network = find_network("bitcoin-regtest")
    addresses = BitcoinCodec(network).addresses
    hashes = []
    with suppress(MalformedTransaction):
        hashes = [parse_transaction(data[1:]).hash()]
    raw = seeds.block_header(hashes) + data
    ref = BlockRef(500, sha256d(raw[:80])[::-1].hex())
    try:
        found = read_block(raw, ref, network, addresses)
    except NodeMisbehaved:
        return
    assert found.ref == ref and hashes
    paying = parse_transaction(data[1:]).outputs
    assert sum(credit.units for credit in found.movements) <= sum(out.amount for out in paying)


def evm(data: bytes) -> None:
    for alias in ("ethereum-local", "bsc-local"):
        if _read(alias, UnsignedTx(find_network(alias).id, data, seeds.EVM_SENDER)):
            assert encode_unsigned(evm_parse.unsigned(data)) == data


def evm_typed(data: bytes) -> None:
    """What a holder signs, and, of other bytes, what calldata submits."""
    found = permits.submitted(seeds.DOMAIN, data)
    assert found is None or permits.call(*found) == data
    with suppress(MalformedTransaction):
        assert permits.parse(data).payload == data
    with suppress(MalformedTransaction):
        typed.parse(data, permits.octets)


def contract_values(data: bytes) -> None:
    """Arguments of every kind of type: what is read is written again as it was."""
    with suppress(MalformedTransaction):
        assert encode(seeds.ABI_TYPES, decode(seeds.ABI_TYPES, data)) == data


def evm_signed(data: bytes) -> None:
    """What another wrote and broadcast: the same bytes again, from what was read."""
    try:
        transaction, signature = evm_parse.signed_parts(data)
        assert encode_signed(transaction, signature) == data
        assert evm_parse.signed(data).transaction == transaction
    except MalformedTransaction:
        return


def tron(data: bytes) -> None:
    if _read("tron-local", UnsignedTx(find_network("tron-local").id, data)):
        raw = tron_parse.raw_data(data)
        assert raw.SerializeToString(deterministic=True) == data
        assert len(raw.contract) == 1


def solana(data: bytes) -> None:
    explained = _read("solana-local", UnsignedTx(find_network("solana-local").id, data))
    try:
        message = parse_message(data)
        plan = explain(message)
    except (MalformedTransaction, Unexplained):
        assert not explained
        return
    assert explained and build_message(plan) == data == to_bytes_versioned(message)


# Text


def address(data: bytes) -> None:
    """On every network: canonical in one step, and never two networks' canonical form at once
    where keys differ in kind."""
    text = data.decode("utf-8", "surrogateescape")  # what JSON can hold, and no encoder takes
    for network in all_networks().values():
        reader = codec(network.alias)
        try:
            parsed = reader.parse_address(text)
        except InvalidAddress:
            continue
        assert reader.parse_address(parsed.address) == parsed
        if isinstance(reader, BitcoinCodec):
            script = reader.addresses.script_of(parsed.address)
            assert reader.addresses.address_of(script) == parsed.address


def keys(data: bytes) -> None:
    """Extended public keys and derivation paths."""
    text = data.decode("latin-1")
    with suppress(InvalidExtendedKey):
        assert ExtendedPublicKey.parse(text).serialize() == text
    with suppress(InvalidPath):
        assert format_path(parse_path(text)) == text


# Files


class _InMemory:
    """As much of a path as the readers of files ask for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, mode: str) -> BytesIO:
        assert mode == "rb"
        return BytesIO(self._data)


def _file(data: bytes) -> Path:
    return cast(Path, _InMemory(data))


def keystore(data: bytes) -> None:
    try:
        header = read_header(_file(data))
    except KeystoreDamaged:
        return
    assert Header.parse(header.to_json()) == header
    header.derivation.checked()


def audit_log(data: bytes) -> None:
    file = _file(data)
    with suppress(JournalDamaged):
        verify_log(file, bytes(31) + b"\x01")
        assert not any(records_of(file)), "sound under a key that sealed nothing"


def log_proof(data: bytes) -> None:
    """A proof that a stranger hands over, read and checked as `log check` does."""
    try:
        proof = Proof.parse(data.decode(errors="replace"))
        assert Proof.parse(proof.text()) == proof
        signed = proof.check_record(seeds.PROVER.public_key)
    except (MalformedMessage, ProofInvalid):
        return
    assert (signed.origin, signed.size) == ("fuzz/log", 3), "signed by nobody"
    assert proof.record == b"a record", "another record under the same root"


_JSON_TOKENS: Final = (b"\\u0000", b"\\ud800", b"1e5", b"-0", b"{}", b"[[", b'"version":1')
_PSBT_TOKENS: Final = (b"psbt\xff", b"\x01\x00", b"\xfd\xff\xff", b"\x01\x16", b"\x01\x17")


def _bytes_target(
    name: str, run: Run, valid: Sequence[bytes], tokens: Sequence[bytes] = (), **more: int
) -> Target:
    return Target(name, run, valid, mutation.of_bytes(valid, tokens), **more)


def _json_target(name: str, run: Run, valid: Sequence[bytes]) -> Target:
    return Target(name, run, valid, mutation.of_json(valid), input_max=16384)


@cache
def targets() -> dict[str, Target]:
    """By name, in the order in which they are run."""
    listed = (
        _json_target("wire", wire, seeds.messages()),
        _bytes_target("frames", frames, seeds.frames(), _JSON_TOKENS, input_max=16384),
        _json_target("policy", policy, [seeds.policy()]),
        _bytes_target("bitcoin", bitcoin, seeds.psbts(), _PSBT_TOKENS),
        _bytes_target("psbt", psbt, seeds.psbts(), _PSBT_TOKENS),
        _bytes_target("bitcoin-transaction", bitcoin_transaction, seeds.bitcoin_transactions()),
        _bytes_target("block", block, seeds.blocks()),
        _bytes_target("evm", evm, seeds.evm_unsigned()),
        _bytes_target("evm-typed", evm_typed, seeds.evm_typed()),
        _bytes_target("contract-values", contract_values, seeds.contract_values()),
        _bytes_target("evm-signed", evm_signed, seeds.evm_signed()),
        _bytes_target("tron", tron, seeds.tron_raw_data()),
        _bytes_target("solana", solana, seeds.solana_messages()),
        _bytes_target("address", address, seeds.addresses(), input_max=256),
        _bytes_target("keys", keys, [*seeds.extended_keys(), b"m/84'/1'/0'/0/5"], input_max=256),
        _json_target("keystore", keystore, seeds.keystores()),
        _bytes_target("log-proof", log_proof, seeds.log_proofs(), (b"index ", b"extra ", b"\n\n")),
        _bytes_target("audit-log", audit_log, seeds.log_lines(), _JSON_TOKENS),
    )
    return {target.name: target for target in listed}
