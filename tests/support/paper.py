"""Transfers on paper: unsigned transactions of every network, built without a node.

Made by the chains' own builders from a wallet's keys, an amount and a salt, from which everything
else follows that a node would have said (nonces, coins, blockhashes, times, prices).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from solders.hash import Hash

from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.selection import settle
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput
from chains.codec import TransactionCodec
from chains.effects import Pay
from chains.evm import build as evm
from chains.families import CODECS
from chains.model import (
    AddressType,
    BlockRef,
    Coin,
    OwnedAddress,
    UnsignedTx,
)
from chains.networks import Family
from chains.solana.address import to_key
from chains.solana.build import Payment, TransferPlan, build_message
from chains.transaction import TransferIntent
from chains.tron import build as tron
from tests.support import families
from tests.support.networks import all_networks
from tests.support.wallet import Wallet

CODEC_OF: Mapping[str, TransactionCodec] = {
    network.alias: CODECS[network.family](network) for network in all_networks().values()
}
AMOUNT_MIN, AMOUNT_MAX = 1_000, 10**14
"""Base units that every network can carry in one transfer."""
_FEE_MAX = 10**6
_OUTSIDE = Wallet("zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong")


@dataclass(frozen=True, slots=True)
class Paper:
    """`tx` pays `payment` from `sources`, whose keys the wallet that made it has."""

    tx: UnsignedTx
    payment: Pay
    sources: tuple[OwnedAddress, ...]


def transfer(codec: TransactionCodec, wallet: Wallet, amount: int, salt: int = 0) -> Paper:
    """A payment of `amount` to somebody outside."""
    kinds = codec.network.address_types
    to = _OUTSIDE.owned(codec, kinds[salt % len(kinds)], 0, salt % 100)
    payment = Pay(to.address, codec.network.native.id, amount)
    make = _MAKERS[codec.network.family]
    return make(codec, wallet, payment, salt)


def _bitcoin(codec: TransactionCodec, wallet: Wallet, payment: Pay, salt: int) -> Paper:
    """From one or two coins, of each kind of address in turn."""
    assert isinstance(codec, BitcoinCodec)
    kinds = codec.network.address_types[salt % 2 :]
    owners = [wallet.owned(codec, kind, 1, salt % 50) for kind in kinds]
    share = payment.amount // len(owners) + _FEE_MAX
    made = [paper_coin(codec, owner, share, salt) for owner in owners]
    change = wallet.owned(codec, None, 1, salt % 50, change=True)
    tx = spend(codec, made, [payment], change, rate=1000 + salt % 1000, tip=salt % 10**6)
    return Paper(tx, payment, tuple(owners))


def paper_coin(
    codec: BitcoinCodec, owner: OwnedAddress, amount: int, salt: int = 0
) -> tuple[Coin, Transaction]:
    """A coin of `owner` and the transaction that made it, which exists only here."""
    elsewhere = TxInput(_digest(f"{owner.address}{amount}", salt), salt % 7, 0xFFFFFFFF)
    script = codec.addresses.script_of(owner.address)
    outputs = (TxOutput(7000, b"\x00\x14" + bytes(20)), TxOutput(amount, script))
    made_by = Transaction(2, (elsewhere,), outputs, 0)
    return Coin(made_by.txid(), 1, amount, owner), made_by


def spend(
    codec: BitcoinCodec,
    made: Sequence[tuple[Coin, Transaction]],
    payments: Sequence[Pay],
    change: OwnedAddress,
    *,
    rate: int = 2000,
    tip: int = 812_000,
) -> UnsignedTx:
    """A PSBT that spends all the coins. `rate`: satoshi per 1000 vbytes."""
    intent = TransferIntent(
        codec.network.id,
        tuple(payments),
        codec.network.bounds(_FEE_MAX),
        change=change,
        coins=tuple(coin for coin, _ in made),
    )
    order = order_of(codec.network, codec.addresses, intent, rate)
    plan = settle(order, intent.coins)
    previous = {coin.txid: made_by for coin, made_by in made}
    payload = build_psbt(codec.addresses, order, plan, change, previous, tip)
    return UnsignedTx(codec.network.id, payload)


def _evm(codec: TransactionCodec, wallet: Wallet, payment: Pay, salt: int) -> Paper:
    source = wallet.owned(codec, None, 1, salt % 50)
    built = evm.transfer(
        codec.network,
        nonce=salt,
        to=payment.address,
        value=payment.amount,
        gas=21_000,
        fee_per_gas_max=10**9 + salt,
        priority_fee=salt % 10**9,
    )
    tx = UnsignedTx(codec.network.id, evm.encode_unsigned(built), source.address)
    return Paper(tx, payment, (source,))


def _tron(codec: TransactionCodec, wallet: Wallet, payment: Pay, salt: int) -> Paper:
    source = wallet.owned(codec, None, 1, salt % 50)
    block_hash = salt.to_bytes(8, "big") + _digest("block", salt)[8:]
    payload = tron.build_transfer(
        source.address,
        payment.address,
        payment.amount,
        reference=BlockRef(salt, block_hash.hex()),
        expiration_ms=1_777_445_721_000 + salt,
        timestamp_ms=1_777_445_121_000 + salt,
    )
    return Paper(UnsignedTx(codec.network.id, payload), payment, (source,))


def _solana(codec: TransactionCodec, wallet: Wallet, payment: Pay, salt: int) -> Paper:
    """On a durable nonce, or (odd salts) creating one."""
    source = wallet.owned(codec, None, 1, salt % 50)
    plan = TransferPlan(
        source=to_key(source.address),
        payments=(Payment(to_key(payment.address), payment.amount),),
        nonce_index=salt % 256,
        lifetime=Hash(_digest("lifetime", salt)),
        unit_limit=3_000 + salt % 1000,
        unit_price=10_000 + salt,
        rent=1_447_680 if salt % 2 else 0,
    )
    return Paper(UnsignedTx(codec.network.id, build_message(plan)), payment, (source,))


_MAKERS: Mapping[Family, Callable[[TransactionCodec, Wallet, Pay, int], Paper]] = {
    families.BITCOIN: _bitcoin,
    families.EVM: _evm,
    families.TRON: _tron,
    families.SOLANA: _solana,
}
DERIVED_KINDS: list[tuple[str, AddressType]] = [
    (alias, kind) for alias, codec in CODEC_OF.items() for kind in codec.network.address_types
]


def _digest(what: str, salt: int) -> bytes:
    return sha256(f"{what}/{salt}".encode()).digest()
