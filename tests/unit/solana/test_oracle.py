"""Trust Wallet Core, asked for the same addresses and transactions, answers with the same.

It lists a message's accounts in the order of their use, we as the Rust SDK does in the order of
their bytes; so transactions are compared with all accounts resolved.
"""

import pytest
from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.model import Address, AddressType, UnsignedTx
from chains.solana.build import Payment, TransferPlan, build_message
from chains.solana.codec import SolanaCodec
from tests.support.oracle import Oracle
from tests.support.solana import MAIN, key_at, sign

pytestmark = pytest.mark.slow  # needs Node

CODEC = SolanaCodec(MAIN)
MNEMONIC = "all all all all all all all all all all all all"
RECIPIENT = Address("ETxHeBBcuw9Yu4dGuP3oXrD12V5RECvmi8ogQ9PkjyVF")


@pytest.fixture(scope="module")
def oracle():
    with Oracle() as started:
        yield started


@pytest.mark.parametrize(("account", "index"), [(0, 0), (0, 1), (7, 3), (2**31 - 1, 0)])
def test_addresses_agree(oracle, account, index):
    path = CODEC.address_path(AddressType.SOLANA, account, index)
    theirs = oracle.call("address", coin="solana", mnemonic=MNEMONIC, path=path)
    ours = CODEC.derive_address(bytes(key_at(MNEMONIC, path).pubkey()), AddressType.SOLANA)
    assert ours == theirs
    assert CODEC.parse_address(theirs).address_type is AddressType.SOLANA


@pytest.mark.parametrize(
    ("amount", "nonce_index", "unit_price", "unit_limit"),
    [(1, 0, 10_000, 3_000), (1_234_567_890, 3, 1, 600), (2**63 - 1, 255, 2**40, 1_400_000)],
)
def test_transfers_on_a_durable_nonce_agree(oracle, amount, nonce_index, unit_price, unit_limit):
    path = "m/44'/501'/0'/0'"
    key = key_at(MNEMONIC, path)
    plan = TransferPlan(
        source=key.pubkey(),
        payments=(Payment(Pubkey.from_string(RECIPIENT), amount),),
        nonce_index=nonce_index,
        lifetime=Hash(bytes([amount % 256]) * 32),
        unit_limit=unit_limit,
        unit_price=unit_price,
    )
    theirs = oracle.call(
        "signSolana",
        mnemonic=MNEMONIC,
        path=path,
        to=RECIPIENT,
        amount=str(amount),
        blockhash=str(plan.lifetime),
        unitPrice=str(unit_price),
        unitLimit=str(unit_limit),
        nonceAccount=str(plan.nonce_account),
    )
    ours = sign(CODEC, UnsignedTx(MAIN.id, build_message(plan)), key)
    raw = bytes.fromhex(theirs["raw"])
    assert resolved(ours.raw) == resolved(raw)
    assert len(ours.raw) == len(raw)


def resolved(raw: bytes):
    """Who signs, on which lifetime, and every instruction with its accounts and their flags."""
    transaction = VersionedTransaction.from_bytes(raw)
    assert transaction.verify_with_results() == [True]
    message = transaction.message
    assert isinstance(message, MessageV0)
    keys = message.account_keys
    flags = {
        key: (message.is_signer(index), message.is_maybe_writable(index))
        for index, key in enumerate(keys)
    }
    steps = [
        (
            keys[instruction.program_id_index],
            [(keys[index], *flags[keys[index]]) for index in bytes(instruction.accounts)],
            bytes(instruction.data),
        )
        for instruction in message.instructions
    ]
    return keys[0], message.recent_blockhash, flags, steps, message.address_table_lookups
