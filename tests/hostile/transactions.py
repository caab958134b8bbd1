"""Honest transfers on every chain, and the same bytes bent in one place.

`honest(world, alias)` is a mandate with the transaction that does exactly what it says. Everything
that an attack changes is an argument or an edit of the container, so that nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from coincurve import PrivateKey
from google.protobuf.any_pb2 import Any as ProtobufAny
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.transaction import Transaction, TxOutput, parse_transaction
from chains.evm import address as evm_address
from chains.evm.build import Kind, encode_unsigned
from chains.evm.build import Transaction as EvmTransaction
from chains.model import Address, AddressType, BlockRef, Coin, OwnedAddress, UnsignedTx
from chains.solana.build import Payment, TransferPlan, build_payload, instructions
from chains.solana.nonce import accounts_of, value_of
from chains.solana.spl import Closing, associated
from chains.tron import address as tron_address
from chains.tron import tron_pb2 as pb
from chains.tron.build import build_transfer
from signer.wire import SignRequest
from tests.hostile.world import SUPPLIER, World, approved, payment
from tests.support import families
from tests.support.networks import find_network
from tests.unit.bitcoin.support import (
    PsbtMap,
    funding,
    intent_of,
    join_psbt,
    split_psbt,
    unsigned,
)

ETHEREUM, BSC = "ethereum-local", "bsc-local"
BITCOIN, TRON, SOLANA = "bitcoin-regtest", "tron-local", "solana-local"
AMOUNT = 25_000
THIEF_KEY = PrivateKey(sha256(b"thief").digest()).public_key.format()
THIEF_EVM = evm_address.derive(THIEF_KEY)
THIEF_TRON = tron_address.from_public_key(THIEF_KEY)
NOBODY_TRON = tron_address.to_text(b"\x41" + bytes(20))
PAYEE_TRON = tron_address.to_text(b"\x41" + b"\x11" * 20)
PAYEE_SOLANA, THIEF_SOLANA = Pubkey(b"\x11" * 32), Pubkey(b"\x13" * 32)
PAYEE_BITCOIN = Address("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
TOKEN = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
WRAPPED_COIN = Pubkey.from_string("So11111111111111111111111111111111111111112")
TOKEN_TRANSFER = bytes.fromhex("a9059cbb") + bytes(12) + evm_address.to_bytes(THIEF_EVM) + bytes(32)
"""`transfer(thief, …)` of ERC-20 and TRC-20."""
SPELLING = {
    ETHEREUM: SUPPLIER,
    BSC: SUPPLIER,
    TRON: PAYEE_TRON,
    SOLANA: Address(str(PAYEE_SOLANA)),
    BITCOIN: PAYEE_BITCOIN,
}
"""Who is paid by an honest transfer."""


def honest(world: World, alias: str, *, vault: str = "main", **changes: Any) -> SignRequest:
    """An approved mandate to pay AMOUNT, and its transaction. `changes`: fields of the mandate;
    `nonce` tells transactions apart, and is another one each time unless it is given."""
    nonce = changes.pop("nonce", None)
    if nonce is None:
        nonce = world.fresh()
    effects = changes.pop("effects", (payment(alias, SPELLING[alias], AMOUNT),))
    mandate = world.mandate(alias, effects, vault=vault, **changes)
    return approved(mandate, transaction(world, alias, vault=vault, nonce=nonce))


def transaction(world: World, alias: str, *, vault: str = "main", nonce: int = 0) -> UnsignedTx:
    """Pays AMOUNT out of the vault's first address, or from a coin of it."""
    match find_network(alias).family:
        case families.EVM:
            return evm(world, alias, vault=vault, nonce=nonce)
        case families.TRON:
            return tron(world, vault=vault, timestamp_ms=1_700_000_000_000 + nonce)
        case families.SOLANA:
            return solana(world, vault=vault, lifetime=Hash(sha256(b"nonce %d" % nonce).digest()))
        case _:
            return Coins(world, vault=vault, salts=(nonce,)).tx()


def with_tx(request: SignRequest, tx: UnsignedTx) -> SignRequest:
    """The same mandate and approvals for another transaction."""
    return replace(request, tx=tx)


# EVM


def evm(
    world: World, alias: str = ETHEREUM, *, vault: str = "main", index: int = 0, **changes: Any
) -> UnsignedTx:
    """`changes`: fields of the transaction; `network`: what the message calls it."""
    network = find_network(alias)
    label = changes.pop("network", network.id)
    kind = Kind(network.text("transaction_type"))
    plain = EvmTransaction(
        kind=kind,
        chain_id=network.number("chain_id"),
        nonce=0,
        priority_fee=1,
        fee_per_gas_max=1,
        gas=21_000,
        to=SUPPLIER,
        value=AMOUNT,
    )
    sender = world.owned(alias, vault, index).address
    return UnsignedTx(label, encode_unsigned(replace(plain, **changes)), sender)


# TRON


def tron(
    world: World,
    *,
    vault: str = "main",
    edit: Callable[[pb.RawData], None] | None = None,
    **changes: Any,
) -> UnsignedTx:
    network = find_network(TRON)
    plain: dict[str, Any] = {
        "recipient": PAYEE_TRON,
        "amount": AMOUNT,
        "reference": BlockRef(9, (9).to_bytes(8, "big").hex() + "ab" * 24),
        "expiration_ms": 1_700_000_600_000,
        "timestamp_ms": 1_700_000_000_000,
    }
    payload = build_transfer(world.owned(TRON, vault).address, **{**plain, **changes})
    if edit is not None:
        raw = pb.RawData.FromString(payload)
        edit(raw)
        payload = raw.SerializeToString(deterministic=True)
    return UnsignedTx(network.id, payload)


def tron_token_call(raw: pb.RawData) -> None:
    """The same owner calls `transfer(thief, …)` of a TRC-20 token."""
    transfer = pb.TransferContract.FromString(raw.contract[0].parameter.value)
    call = pb.TriggerSmartContract(
        owner_address=transfer.owner_address,
        contract_address=transfer.to_address,
        data=TOKEN_TRANSFER,
    )
    url = "type.googleapis.com/protocol.TriggerSmartContract"
    raw.contract[0].type = pb.Contract.TRIGGER_SMART_CONTRACT
    raw.contract[0].parameter.CopyFrom(
        ProtobufAny(type_url=url, value=call.SerializeToString(deterministic=True))
    )


def tron_amount(amount: int) -> Callable[[pb.RawData], None]:
    """Also one that our own builder refuses."""

    def edit(raw: pb.RawData) -> None:
        transfer = pb.TransferContract.FromString(raw.contract[0].parameter.value)
        transfer.amount = amount
        raw.contract[0].parameter.value = transfer.SerializeToString(deterministic=True)

    return edit


def tron_second_contract(raw: pb.RawData) -> None:
    raw.contract.append(raw.contract[0])


# Solana


def solana(world: World, *, vault: str = "main", **changes: Any) -> UnsignedTx:
    return UnsignedTx(find_network(SOLANA).id, build_payload(solana_plan(world, vault, **changes)))


def solana_plan(world: World, vault: str = "main", **changes: Any) -> TransferPlan:
    source = Pubkey(world.owned(SOLANA, vault).public_key)
    plain: dict[str, Any] = {
        "payments": (Payment(PAYEE_SOLANA, AMOUNT),),
        "nonce_index": 0,
        "lifetime": Hash(b"\x07" * 32),
        "unit_limit": 3_000,
        "unit_price": 10_000,
    }
    return TransferPlan(source, **{**plain, **changes})


def solana_proven(world: World, salt: int, **changes: Any) -> UnsignedTx:
    """On a nonce value that comes with its proof."""
    origin = Hash(bytes([salt]) * 32)
    return solana(world, **{"lifetime": value_of(origin), "origin": origin, **changes})


def solana_with(
    world: World, *extra: Instruction, payer: Pubkey | None = None, **changes: Any
) -> UnsignedTx:
    """The honest instructions and more."""
    plan = solana_plan(world, **changes)
    steps = [*instructions(plan), *extra]
    message = MessageV0.try_compile(payer or plan.source, steps, [], plan.lifetime)
    return UnsignedTx(find_network(SOLANA).id, to_bytes_versioned(message))


def solana_closing(
    world: World, *, destination: Pubkey | None = None, mint: Pubkey = WRAPPED_COIN
) -> Instruction:
    """The source closes its own associated account of the token, to `destination` or itself."""
    source = solana_plan(world).source
    closing = Closing(associated(source, mint, TOKEN_PROGRAM), TOKEN_PROGRAM).instruction(source)
    metas = list(closing.accounts)
    metas[1] = AccountMeta(destination or source, False, True)
    return Instruction(TOKEN_PROGRAM, closing.data, metas)


def solana_token_transfer(world: World) -> Instruction:
    """All tokens of an account of ours to the thief's (SPL Token, instruction 3)."""
    source = Pubkey(world.owned(SOLANA).public_key)
    metas = [
        AccountMeta(accounts_of(source)[9], False, True),
        AccountMeta(THIEF_SOLANA, False, True),
        AccountMeta(source, True, False),
    ]
    return Instruction(TOKEN_PROGRAM, bytes([3]) + (10**9).to_bytes(8, "little"), metas)


# Bitcoin


@dataclass
class Coins:
    """Coins that exist on paper, one for each salt, and the PSBT that spends them all."""

    world: World
    vault: str = "main"
    salts: Sequence[int] = (0,)
    kind: AddressType = AddressType.P2WPKH
    change_kind: AddressType | None = None
    change_index: int = 5

    def owner(self, index: int) -> OwnedAddress:
        return self.world.owned(BITCOIN, self.vault, index, self.kind)

    def made(self) -> list[tuple[Coin, Transaction]]:
        return [funding(self.owner(0), 200_000, salt) for salt in self.salts]

    def tx(self, *tampering: Callable[[list[PsbtMap]], None]) -> UnsignedTx:
        made = self.made()
        change = self.world.change(self.vault, self.change_index, self.change_kind or self.kind)
        amount = AMOUNT * len(self.salts)
        intent = intent_of(
            [payment(BITCOIN, PAYEE_BITCOIN, amount)], change, [coin for coin, _ in made]
        )
        plain = unsigned(intent, {coin.txid: tx for coin, tx in made})
        maps = split_psbt(plain.payload)
        for tamper in tampering:
            tamper(maps)
        return replace(plain, payload=join_psbt(maps))


# What a PSBT's maps are keyed with (BIP-174, BIP-371).
UNSIGNED_TX, PREVIOUS, WITNESS_UTXO, SIGHASH = b"\x00", b"\x00", b"\x01", b"\x03"
IN_ORIGIN, OUT_ORIGIN = b"\x06", b"\x02"
TAP_ORIGIN = b"\x16"


def edit_transaction(edit: Callable[[Transaction], Transaction]) -> Callable[[list[PsbtMap]], None]:
    """Change the unsigned transaction inside. New outputs get empty maps."""

    def tamper(maps: list[PsbtMap]) -> None:
        edited = edit(parse_transaction(maps[0][UNSIGNED_TX]))
        maps[0][UNSIGNED_TX] = edited.serialize()
        while len(maps) < 1 + len(edited.inputs) + len(edited.outputs):
            maps.append({})

    return tamper


def edit_first_input(**changes: Any) -> Callable[[list[PsbtMap]], None]:
    return edit_transaction(
        lambda tx: replace(tx, inputs=(replace(tx.inputs[0], **changes), *tx.inputs[1:]))
    )


def edit_outputs(
    edit: Callable[[TxOutput], TxOutput],
) -> Callable[[list[PsbtMap]], None]:
    return edit_transaction(lambda tx: replace(tx, outputs=tuple(map(edit, tx.outputs))))


def pay_also(script: bytes, amount: int = 1_000) -> Callable[[list[PsbtMap]], None]:
    """One output more, at the end, out of the largest."""

    def edit(tx: Transaction) -> Transaction:
        largest = max(tx.outputs, key=lambda out: out.amount)
        kept = [
            replace(out, amount=out.amount - amount) if out is largest else out
            for out in tx.outputs
        ]
        return replace(tx, outputs=(*kept, TxOutput(amount, script)))

    return edit_transaction(edit)


def foreign_change(*, own_key: bool) -> Callable[[list[PsbtMap]], None]:
    """Change to the thief at a path of ours; with the thief's key named beside it, or ours."""
    script = thief_script()

    def tamper(maps: list[PsbtMap]) -> None:
        at = next(n for n, fields in enumerate(maps[2:]) if _origin_keys(fields, OUT_ORIGIN))
        fields = maps[2 + at]
        (key,) = _origin_keys(fields, OUT_ORIGIN)
        if not own_key:
            fields[OUT_ORIGIN + THIEF_KEY] = fields.pop(key)

        def steal(tx: Transaction) -> Transaction:
            outputs = list(tx.outputs)
            outputs[at] = TxOutput(outputs[at].amount, script)
            return replace(tx, outputs=tuple(outputs))

        edit_transaction(steal)(maps)

    return tamper


def lie_about_amount(*, keep_previous: bool) -> Callable[[list[PsbtMap]], None]:
    """What should come back goes to the fee; and the input is said to be worth so little that
    nothing of this shows."""

    def tamper(maps: list[PsbtMap]) -> None:
        leave_to_miner(maps)
        utxo = maps[1][WITNESS_UTXO]
        outputs = parse_transaction(maps[0][UNSIGNED_TX]).outputs
        apparent = sum(out.amount for out in outputs) + 500
        maps[1][WITNESS_UTXO] = apparent.to_bytes(8, "little") + utxo[8:]
        if not keep_previous:
            del maps[1][PREVIOUS]

    return tamper


def leave_to_miner(maps: list[PsbtMap]) -> None:
    """AMOUNT is paid as agreed; what should come back is left to the miner."""
    edit_outputs(lambda out: out if out.amount == AMOUNT else replace(out, amount=1_000))(maps)


def set_field(position: int, fields: Mapping[bytes, bytes]) -> Callable[[list[PsbtMap]], None]:
    def tamper(maps: list[PsbtMap]) -> None:
        maps[position].update(fields)

    return tamper


def repath(path: Iterable[int], prefix: bytes = IN_ORIGIN) -> Callable[[list[PsbtMap]], None]:
    """The first input claims another derivation path for the same key."""
    steps = b"".join(step.to_bytes(4, "little") for step in path)

    def tamper(maps: list[PsbtMap]) -> None:
        (key,) = _origin_keys(maps[1], prefix)
        lead = b"\x00" if prefix == TAP_ORIGIN else b""
        maps[1][key] = lead + bytes(4) + steps

    return tamper


def thief_script() -> bytes:
    codec = BitcoinCodec(find_network(BITCOIN))
    address = codec.derive_address(THIEF_KEY, AddressType.P2WPKH)
    return codec.addresses.script_of(address)


def _origin_keys(fields: PsbtMap, prefix: bytes) -> list[bytes]:
    return [key for key in fields if key.startswith(prefix) and len(key) > 1]
