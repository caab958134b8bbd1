"""Keys, intents and signing for TRON tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from embit import bip32, bip39

from chains.effects import Pay
from chains.model import (
    Address,
    AddressType,
    OwnedAddress,
    Signature,
    SignedTx,
    UnsignedTx,
)
from chains.transaction import TransferIntent
from chains.tron.codec import TronCodec
from tests.support.networks import find_network

LOCAL = find_network("tron-local")
MAIN = find_network("tron")
_VECTORS = Path(__file__).parents[1] / "vectors" / "tron"


def vectors(name: str) -> dict[str, Any]:
    return json.loads((_VECTORS / f"{name}.json").read_text())


def key_at(mnemonic: str, path: str) -> PrivateKey:
    root = bip32.HDKey.from_seed(bip39.mnemonic_to_seed(mnemonic))
    return PrivateKey(root.derive(path).key.serialize())


def owned(key: PrivateKey) -> OwnedAddress:
    public_key = key.public_key.format()
    address = TronCodec(LOCAL).derive_address(public_key, AddressType.TRON)
    return OwnedAddress(address, AddressType.TRON, "m/44'/195'/0'/0/0", public_key)


def intent(
    source: OwnedAddress, to: Address, amount: int, fee_max: int | None = None
) -> TransferIntent:
    payment = Pay(to, LOCAL.native.id, amount)
    return TransferIntent(LOCAL.id, (payment,), LOCAL.bounds(fee_max), source=source)


def sign(codec: TronCodec, tx: UnsignedTx, key: PrivateKey) -> SignedTx:
    (needed,) = codec.signing_inputs(tx)
    signature = key.sign_recoverable(needed.message, hasher=None)
    return codec.attach(tx, (Signature(key.public_key.format(), signature),))
