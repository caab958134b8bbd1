"""Other people's libraries deriving addresses by path, each from the words alone.

A peer gets the words, the network, the kind of address and the path; nothing of ours helps it, so
that agreement means something. Which peers must answer for which network is a table, so that a
peer which falls silent is noticed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from unittest import mock

from bip_utils import (
    Bip32Slip10Ed25519,
    Bip32Slip10Secp256k1,
    EthAddrEncoder,
    P2TRAddrEncoder,
    P2WPKHAddrEncoder,
    SolAddrEncoder,
    TrxAddrEncoder,
)
from embit import bip32, script
from embit.networks import NETWORKS
from eth_account import Account
from mnemonic import Mnemonic
from solders.keypair import Keypair

from chains.model import AddressType
from chains.networks import Environment, Family, Network
from tests.support import families
from tests.support.oracle import Oracle

P2WPKH, P2TR = AddressType.P2WPKH, AddressType.P2TR


@dataclass(frozen=True, slots=True)
class Place:
    words: str
    network: Network
    kind: AddressType
    path: str

    @property
    def is_main(self) -> bool:
        return self.network.environment is Environment.MAIN


Account.enable_unaudited_hdwallet_features()

Peer = Callable[[Oracle, Place], str]


@cache
def seed_of(words: str) -> bytes:
    return Mnemonic.to_seed(words)


def by_bip_utils(_: Oracle, place: Place) -> str:
    tree: Any = Bip32Slip10Ed25519 if place.kind is AddressType.SOLANA else Bip32Slip10Secp256k1
    key = tree.FromSeed(seed_of(place.words)).DerivePath(place.path).PublicKey().KeyObject()
    match place.kind:
        case AddressType.P2WPKH | AddressType.P2TR:
            encoder = P2WPKHAddrEncoder if place.kind is P2WPKH else P2TRAddrEncoder
            return encoder.EncodeKey(key, hrp=place.network.text("bech32_hrp"))
        case AddressType.EVM:
            return EthAddrEncoder.EncodeKey(key)
        case AddressType.TRON:
            return TrxAddrEncoder.EncodeKey(key)
    return SolAddrEncoder.EncodeKey(key)


def by_bitcoinlib(_: Oracle, place: Place) -> str:
    return bitcoinlib_key(place).address()


def by_embit(_: Oracle, place: Place) -> str:
    key = bip32.HDKey.from_seed(seed_of(place.words)).derive(place.path)
    write = script.p2wpkh if place.kind is P2WPKH else script.p2tr
    return write(key).address(NETWORKS["main" if place.is_main else "regtest"])


def by_eth_account(_: Oracle, place: Place) -> str:
    return Account.from_mnemonic(place.words, account_path=place.path).address


def by_solders(_: Oracle, place: Place) -> str:
    return str(Keypair.from_seed_and_derivation_path(seed_of(place.words), place.path).pubkey())


def by_tronweb(oracle: Oracle, place: Place) -> str:
    return oracle.call("tronwebMnemonic", mnemonic=place.words, path=place.path)


def by_wallet_core(oracle: Oracle, place: Place) -> str:
    family = place.network.family
    coin = "smartChain" if place.network.alias.startswith("bsc") else WALLET_CORE_COINS[family]
    derivation = "bitcoinTaproot" if place.kind is P2TR else "bitcoinSegwit"
    return oracle.call(
        "address", coin=coin, mnemonic=place.words, path=place.path, derivation=derivation
    )


WALLET_CORE_COINS: Final[Mapping[Family, str]] = {
    families.BITCOIN: "bitcoin",
    families.EVM: "ethereum",
    families.TRON: "tron",
    families.SOLANA: "solana",
}

_EVM = (by_bip_utils, by_eth_account, by_wallet_core)
_TRON = (by_bip_utils, by_tronweb, by_wallet_core)
_SOLANA = (by_bip_utils, by_solders, by_wallet_core)
PEERS: Final[Mapping[tuple[str, AddressType], tuple[Peer, ...]]] = {
    ("bitcoin", P2WPKH): (by_bip_utils, by_bitcoinlib, by_embit, by_wallet_core),
    ("bitcoin", P2TR): (by_bip_utils, by_embit, by_wallet_core),
    ("bitcoin-regtest", P2WPKH): (by_bip_utils, by_bitcoinlib, by_embit),
    ("bitcoin-regtest", P2TR): (by_bip_utils, by_embit),
    ("ethereum", AddressType.EVM): _EVM,
    ("ethereum-local", AddressType.EVM): _EVM,
    ("bsc", AddressType.EVM): _EVM,
    ("bsc-local", AddressType.EVM): _EVM,
    ("tron", AddressType.TRON): _TRON,
    # tronweb derives below 44'/195' only, and a local network has keys of its own.
    ("tron-local", AddressType.TRON): (by_bip_utils, by_wallet_core),
    ("solana", AddressType.SOLANA): _SOLANA,
    ("solana-local", AddressType.SOLANA): _SOLANA,
}
"""bitcoinlib derives no taproot addresses, wallet-core knows no regtest addresses."""


def bitcoinlib_key(place: Place) -> Any:
    network = "bitcoin" if place.is_main else "regtest"
    return _bitcoinlib_root(place.words, network).key_for_path(place.path)


@cache
def _bitcoinlib_root(words: str, network: str) -> Any:
    return bitcoinlib().keys.HDKey.from_seed(seed_of(words), network=network, witness_type="segwit")


@cache
def bitcoinlib() -> Any:
    """The package, with its folder in a place that vanishes instead of the home directory."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, BCL_DATA_DIR=folder):
        Path(folder, "config.ini").write_text("[logs]\nenable_bitcoinlib_logging = False\n")
        import bitcoinlib
        import bitcoinlib.keys
        import bitcoinlib.transactions
    return bitcoinlib
