"""Transactions of ours, one for each family, that tables can ask about. Always the same bytes."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from coincurve import PrivateKey

from chains.bitcoin.codec import BitcoinCodec
from chains.evm import build as evm
from chains.evm.codec import EvmCodec
from chains.model import (
    Address,
    AddressType,
    BlockRef,
    Signature,
    SignedTx,
    UnsignedTx,
)
from chains.networks import Family
from chains.transaction import TransferIntent
from chains.tron import build as tron
from chains.tron.codec import TronCodec
from tests.support import families, solana_answers
from tests.support.networks import find_network
from tests.support.tron import owned, sign
from tests.unit.bitcoin.support import REGTEST, example

KEY = PrivateKey(b"\x07" * 32)


@cache
def ours(family: Family) -> SignedTx:
    """What a table calls $TXID is its id."""
    return {
        families.BITCOIN: _bitcoin,
        families.EVM: _evm,
        families.TRON: _tron,
        families.SOLANA: solana_answers.signed,
    }[family]()


@cache
def bitcoin_intent() -> TransferIntent:
    """What that transaction of bitcoin's was built for."""
    return example()[1]


def _bitcoin() -> SignedTx:
    wallet, _, tx = example()
    codec = BitcoinCodec(REGTEST)
    return codec.attach(tx, wallet.sign(codec.signing_inputs(tx)))


def _evm() -> SignedTx:
    network = find_network("ethereum-local")
    codec = EvmCodec(network)
    public_key = KEY.public_key.format()
    transfer = evm.transfer(
        network,
        nonce=5,
        to=Address("0x52908400098527886E0F7030069857D2E4169EE7"),
        value=1,
        gas=21000,
        fee_per_gas_max=10**9,
        priority_fee=0,
    )
    sender = codec.derive_address(public_key, AddressType.EVM)
    unsigned = UnsignedTx(network.id, evm.encode_unsigned(transfer), sender)
    (wanted,) = codec.signing_inputs(unsigned)
    signature = KEY.sign_recoverable(wanted.message, hasher=None)
    return codec.attach(unsigned, (Signature(public_key, signature),))


def _tron() -> SignedTx:
    network = find_network("tron-local")
    payload = tron.build_transfer(
        owned(KEY).address,
        owned(PrivateKey(b"\x08" * 32)).address,
        1,
        reference=BlockRef(5, (5).to_bytes(8).hex() + sha256(b"5").hexdigest()[16:]),
        expiration_ms=600_000,
        timestamp_ms=1,
    )
    return sign(TronCodec(network), UnsignedTx(network.id, payload), KEY)
