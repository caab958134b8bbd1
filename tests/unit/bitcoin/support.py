"""A tiny wallet for the bitcoin tests: keys, coins that exist on paper, and signatures.

Signs with coincurve (ECDSA) and embit (BIP-340), never with code of ours, and reads vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from embit import compact, ec

from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.selection import settle
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.effects import Pay
from chains.model import (
    Address,
    AddressType,
    Coin,
    OwnedAddress,
    Signature,
    SignatureAlgorithm,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.transaction import TransferIntent
from tests.support.networks import find_network

VECTORS = Path(__file__).parents[2] / "vectors" / "bitcoin"
MAIN = find_network("bitcoin")
REGTEST = find_network("bitcoin-regtest")
CODEC = BitcoinCodec(REGTEST)
P2WPKH, P2TR = AddressType.P2WPKH, AddressType.P2TR
TIP = 812
FEE_RATE = 2000


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text())


class Wallet:
    """Deterministic keys by index; remembers which address is whose."""

    def __init__(self, codec: BitcoinCodec = CODEC) -> None:
        self.codec = codec
        self._secrets: dict[Address, bytes] = {}

    def address(
        self, index: int, address_type: AddressType = P2WPKH, *, change: bool = False
    ) -> OwnedAddress:
        path = self.codec.address_path(address_type, 0, index, change=change)
        secret = sha256(path.encode()).digest()
        public_key = PrivateKey(secret).public_key.format()
        address = self.codec.derive_address(public_key, address_type)
        self._secrets[address] = secret
        return OwnedAddress(address, address_type, path, public_key)

    def sign(self, needed: Iterable[SigningInput]) -> tuple[Signature, ...]:
        return tuple(_sign(self._secrets[each.address], each) for each in needed)


def _sign(secret: bytes, needed: SigningInput) -> Signature:
    key = PrivateKey(secret)
    public_key = key.public_key.format()
    if needed.algorithm is SignatureAlgorithm.ECDSA_RECOVERABLE:
        return Signature(public_key, key.sign_recoverable(needed.message, hasher=None))
    tweaked = ec.PrivateKey(secret).taproot_tweak(b"")
    return Signature(public_key, tweaked.schnorr_sign(needed.message).serialize())


def funding(owner: OwnedAddress, amount: int, salt: int = 0) -> tuple[Coin, Transaction]:
    """A coin at `owner`, second output of a transaction that exists only here."""
    made_by = Transaction(
        2,
        (TxInput(sha256(f"{owner.address}{amount}{salt}".encode()).digest(), salt, 0xFFFFFFFF),),
        (TxOutput(7000, b"\x00\x14" + bytes(20)), TxOutput(amount, script_of(owner))),
        0,
    )
    return Coin(made_by.txid(), 1, amount, owner), made_by


def script_of(owner: OwnedAddress) -> bytes:
    return CODEC.addresses.script_of(owner.address)


def payment(address: str, amount: int) -> Pay:
    return Pay(Address(address), REGTEST.native.id, amount)


def intent_of(
    payments: Sequence[Pay],
    change: OwnedAddress,
    coins: Sequence[Coin] = (),
    fee_max: int = 50_000,
) -> TransferIntent:
    bounds = REGTEST.bounds(fee_max)
    return TransferIntent(REGTEST.id, tuple(payments), bounds, change=change, coins=tuple(coins))


def unsigned(
    intent: TransferIntent,
    previous: Mapping[TxId, Transaction],
    fee_rate: int = FEE_RATE,
    tip_height: int = TIP,
) -> UnsignedTx:
    """A PSBT that spends all coins of `intent`."""
    order = order_of(REGTEST, CODEC.addresses, intent, fee_rate)
    plan = settle(order, intent.coins)
    assert intent.change is not None
    payload = build_psbt(CODEC.addresses, order, plan, intent.change, previous, tip_height)
    return UnsignedTx(REGTEST.id, payload)


def example(
    types: Sequence[AddressType] = (P2WPKH, P2TR), change_type: AddressType = P2WPKH
) -> tuple[Wallet, TransferIntent, UnsignedTx]:
    """A payment to two outsiders from one coin of each type, with change."""
    wallet = Wallet()
    outside = Wallet()
    made = [funding(wallet.address(n, kind), 60_000 + n, n) for n, kind in enumerate(types)]
    intent = intent_of(
        [
            payment(outside.address(90).address, 25_000),
            payment(outside.address(91, P2TR).address, 14_000),
        ],
        wallet.address(5, change_type, change=True),
        [coin for coin, _ in made],
    )
    return wallet, intent, unsigned(intent, {coin.txid: tx for coin, tx in made})


PsbtMap = dict[bytes, bytes]


def split_psbt(payload: bytes) -> list[PsbtMap]:
    """The maps of a PSBT as plain dictionaries: global, inputs, outputs. For tampering."""
    stream = BytesIO(payload)
    assert stream.read(5) == b"psbt\xff"
    maps: list[PsbtMap] = []
    while stream.tell() < len(payload):
        entries: PsbtMap = {}
        while key := stream.read(compact.read_from(stream)):
            entries[key] = stream.read(compact.read_from(stream))
        maps.append(entries)
    return maps


def join_psbt(maps: Iterable[PsbtMap]) -> bytes:
    out = b"psbt\xff"
    for entries in maps:
        for pair in entries.items():
            out += b"".join(compact.to_bytes(len(each)) + each for each in pair)
        out += b"\0"
    return out
