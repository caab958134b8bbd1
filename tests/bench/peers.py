"""The other libraries, each doing by itself what ours does here; each is checked to give the right
result before it is measured.

bitcoinlib is imported late: that takes a second, and it makes a folder, which would be in the home
directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from bip_utils import (
    Bip32KeyIndex,
    Bip32Slip10Ed25519,
    Bip32Slip10Secp256k1,
    EthAddrEncoder,
    P2TRAddrEncoder,
    P2WPKHAddrEncoder,
    SolAddrEncoder,
    TrxAddrEncoder,
)
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from solders.keypair import Keypair
from solders.message import from_bytes_versioned
from solders.transaction import VersionedTransaction

from chains.evm.parse import unsigned
from chains.hashes import keccak256
from chains.model import Address, AddressType
from signer.wire import SignRequest

SECRET = bytes(range(1, 33))
"""The limits' and the peers' key; the signer has its own."""

Action = Callable[[], object]
AddressAt = Callable[[int], str]

_ENCODERS: dict[AddressType, Any] = {
    AddressType.P2WPKH: P2WPKHAddrEncoder,
    AddressType.P2TR: P2TRAddrEncoder,
    AddressType.EVM: EthAddrEncoder,
    AddressType.TRON: TrxAddrEncoder,
}
_HARDENED_ALL = "m/44'/501'/0'"


def prepare_bitcoinlib(folder: Path) -> None:
    """Where it may write. Call before anything here imports it."""
    folder.mkdir()
    (folder / "config.ini").write_text("[logs]\nenable_bitcoinlib_logging = False\n")
    os.environ["BCL_DATA_DIR"] = str(folder)


# One signed transaction each


def eth_account(request: SignRequest) -> Action:
    """From a dictionary of fields to the signed envelope."""
    transaction = unsigned(request.tx.payload)
    account: Any = Account.from_key(SECRET)
    fields = {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.priority_fee,
        "maxFeePerGas": transaction.fee_per_gas_max,
        "gas": transaction.gas,
        "to": transaction.to,
        "value": transaction.value,
    }
    signed = account.sign_transaction(fields)
    expected = PrivateKey(SECRET).sign_recoverable(keccak256(request.tx.payload), hasher=None)
    assert signed.r.to_bytes(32, "big") + signed.s.to_bytes(32, "big") == expected[:64]
    return partial(account.sign_transaction, fields)


def bitcoinlib(_: SignRequest) -> Action:
    """One P2WPKH input, two outputs; the transaction object is made beforehand."""
    from bitcoinlib.keys import Key
    from bitcoinlib.transactions import Transaction

    key = Key(SECRET.hex(), network="bitcoin")
    transaction = Transaction(network="bitcoin", witness_type="segwit")
    transaction.add_input(
        os.urandom(32),
        1,
        keys=key.public(),
        script_type="sig_pubkey",
        witness_type="segwit",
        value=100_000,
    )
    for amount in (50_000, 49_000):
        transaction.add_output(amount, lock_script=b"\x00\x14" + os.urandom(20))

    def sign() -> None:
        transaction.sign(key)
        assert transaction.inputs[0].signatures

    return sign


def solders(request: SignRequest) -> Action:
    """A v0 message and its one signature."""
    message = from_bytes_versioned(request.tx.payload)
    source = Keypair.from_seed(SECRET)
    owner = message.account_keys[0]
    payload = request.tx.payload.replace(bytes(owner), bytes(source.pubkey()))
    message = from_bytes_versioned(payload)
    (signature,) = VersionedTransaction(message, [source]).signatures
    assert bytes(signature) == Ed25519PrivateKey.from_private_bytes(SECRET).sign(payload)
    return lambda: VersionedTransaction(message, [source])


# One address each, from the extended public key that the addresses hang below


def bip_utils_address(branch: str, kind: AddressType, hrp: str) -> AddressAt:
    parent = Bip32Slip10Secp256k1.FromExtendedKey(branch)
    encode = _ENCODERS[kind].EncodeKey
    options = {"hrp": hrp} if kind in (AddressType.P2WPKH, AddressType.P2TR) else {}

    def address(index: int) -> str:
        text: str = encode(parent.ChildKey(index).PublicKey().KeyObject(), **options)
        return text

    return address


def bitcoinlib_address(branch: str) -> AddressAt:
    """P2WPKH of regtest."""
    from bitcoinlib.keys import HDKey

    parent = HDKey(branch, network="testnet", witness_type="segwit")

    def address(index: int) -> str:
        child = parent.child_public(index)
        text: str = child.address(prefix="bcrt", script_type="p2wpkh", encoding="bech32")
        return text

    return address


def bip_utils_solana() -> AddressAt:
    """From the account's private key, since SLIP-10 derives no public keys on ed25519."""
    account = Bip32Slip10Ed25519.FromSeedAndPath(sha256(SECRET).digest(), _HARDENED_ALL)

    def address(index: int) -> str:
        child = account.ChildKey(Bip32KeyIndex.HardenIndex(index))
        text: str = SolAddrEncoder.EncodeKey(child.PublicKey().KeyObject())
        return text

    return address


def check_same(ours: list[Address], theirs: AddressAt) -> None:
    """The peer derives what we derive."""
    assert [theirs(index) for index in range(len(ours))] == ours


def parse_with_bitcoinlib(raw: bytes, number: int) -> int:
    """The first `number` transactions of a block."""
    from bitcoinlib.blocks import Block

    block = Block.parse(raw, parse_transactions=True, limit=number)
    assert len(block.transactions) == number
    return number
