"""Keys, intents, signing and an independent encoder for Solana tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embit import base58
from mnemonic import Mnemonic
from solders.keypair import Keypair

from chains.effects import Pay
from chains.model import (
    Address,
    AddressType,
    OwnedAddress,
    Signature,
    SignedTx,
    UnsignedTx,
)
from chains.solana.codec import SolanaCodec
from chains.transaction import TransferIntent
from tests.support.networks import find_network

LOCAL = find_network("solana-local")
MAIN = find_network("solana")
_VECTORS = Path(__file__).parents[1] / "vectors" / "solana"


def vectors(name: str) -> dict[str, Any]:
    return json.loads((_VECTORS / f"{name}.json").read_text())


def key_at(mnemonic: str, path: str) -> Keypair:
    """By solders' own SLIP-10, not ours."""
    return Keypair.from_seed_and_derivation_path(Mnemonic.to_seed(mnemonic), path)


def owned(key: Keypair) -> OwnedAddress:
    public_key = bytes(key.pubkey())
    address = SolanaCodec(LOCAL).derive_address(public_key, AddressType.SOLANA)
    return OwnedAddress(address, AddressType.SOLANA, "m/44'/501'/0'/0'", public_key)


def intent(
    source: OwnedAddress, to: Address, amount: int, fee_max: int | None = None
) -> TransferIntent:
    payment = Pay(to, LOCAL.native.id, amount)
    return TransferIntent(LOCAL.id, (payment,), LOCAL.bounds(fee_max), source=source)


def sign(codec: SolanaCodec, tx: UnsignedTx, key: Keypair) -> SignedTx:
    (needed,) = codec.signing_inputs(tx)
    return codec.attach(
        tx, (Signature(bytes(key.pubkey()), bytes(key.sign_message(needed.message))),)
    )


# A v0 message written by hand from the protocol's documentation ("Transactions", "Instructions"),
# sharing nothing with the library that ours is built with.

SYSTEM = bytes(32)
COMPUTE_BUDGET = base58.decode("ComputeBudget111111111111111111111111111111")
RECENT_BLOCKHASHES = base58.decode("SysvarRecentB1ockHashes11111111111111111111")
RENT = base58.decode("SysvarRent111111111111111111111111111111111")

Meta = tuple[bytes, bool, bool]
"""(key, signs, is written)"""


def compact(value: int) -> bytes:
    """compact-u16: 7 bits at a time, least first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encode_message(
    payer: bytes, instructions: Sequence[tuple[bytes, Sequence[Meta], bytes]], lifetime: bytes
) -> bytes:
    """Payer first; then writable signers, other signers, writable accounts, the rest; each of
    these groups in the order of the keys' bytes."""
    flags: dict[bytes, tuple[bool, bool]] = {}
    for program, metas, _ in instructions:
        for key, signs, written in [*metas, (program, False, False)]:
            signed_before, written_before = flags.get(key, (False, False))
            flags[key] = (signed_before or signs, written_before or written)
    flags.pop(payer, None)
    order = [(True, True), (True, False), (False, True), (False, False)]
    keys = [payer] + [key for group in order for key in sorted(flags) if flags[key] == group]
    counts = [sum(1 for value in flags.values() if value == group) for group in order]
    out = bytes([0x80, 1 + counts[0] + counts[1], counts[1], counts[3]])
    out += compact(len(keys)) + b"".join(keys) + lifetime + compact(len(instructions))
    for program, metas, data in instructions:
        indices = bytes(keys.index(key) for key, _, _ in metas)
        out += bytes([keys.index(program)]) + compact(len(indices)) + indices
        out += compact(len(data)) + data
    return out + compact(0)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def budget_steps(unit_price: int, unit_limit: int) -> list[tuple[bytes, list[Meta], bytes]]:
    return [
        (COMPUTE_BUDGET, [], bytes([3]) + u64(unit_price)),
        (COMPUTE_BUDGET, [], bytes([2]) + u32(unit_limit)),
    ]


def transfer_step(source: bytes, to: bytes, lamports: int) -> tuple[bytes, list[Meta], bytes]:
    return SYSTEM, [(source, True, True), (to, False, True)], u32(2) + u64(lamports)


def advance_step(source: bytes, nonce: bytes) -> tuple[bytes, list[Meta], bytes]:
    metas = [(nonce, False, True), (RECENT_BLOCKHASHES, False, False), (source, True, False)]
    return SYSTEM, metas, u32(4)


def allocate_step(source: bytes, nonce: bytes, seed: str) -> tuple[bytes, list[Meta], bytes]:
    text = seed.encode()
    data = u32(9) + source + u64(len(text)) + text + u64(80) + SYSTEM
    return SYSTEM, [(nonce, False, True), (source, True, False)], data


def initialize_step(source: bytes, nonce: bytes) -> tuple[bytes, list[Meta], bytes]:
    metas = [(nonce, False, True), (RECENT_BLOCKHASHES, False, False), (RENT, False, False)]
    return SYSTEM, metas, u32(6) + source
