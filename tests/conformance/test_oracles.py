"""Independent wallets must agree with us on addresses, on every byte of a transaction, on its id.

Ours go the product's way: words, signer's keychain, codec. Theirs start from the same words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from mnemonic import Mnemonic
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, from_bytes_versioned, to_bytes_versioned
from solders.transaction import VersionedTransaction

from chains.bitcoin.codec import BitcoinCodec
from chains.bitcoin.transaction import parse_transaction
from chains.effects import Pay
from chains.evm import build as evm
from chains.evm import erc20
from chains.model import (
    Address,
    AddressType,
    BlockRef,
    Coin,
    OwnedAddress,
    SignedTx,
    TxId,
    UnsignedTx,
)
from chains.solana.address import to_key
from chains.solana.build import Payment, TransferPlan, build_message
from chains.tron import build as tron
from chains.tron import parse as tron_parse
from tests.conformance.peers import (
    P2TR,
    P2WPKH,
    PEERS,
    Place,
    bitcoinlib,
    bitcoinlib_key,
    seed_of,
)
from tests.support import families
from tests.support.oracle import Oracle
from tests.support.paper import CODEC_OF, DERIVED_KINDS, paper_coin, spend
from tests.support.wallet import Wallet

# Of the BIP-39 test vectors (trezor/python-mnemonic), 12, 18 and 24 words.
MNEMONICS = [
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "gravity machine north sort system female filter attitude volume fold club stay feature "
    "office ecology stable narrow fog",
    "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing "
    "screen patrol group space point ten exist slush involve unfold",
]
Coins = dict[tuple[TxId, int], Coin]
PLACES = [(0, 0, False), (7, 3, True), (2**31 - 1, 2**31 - 1, False)]
BITCOINS = ["bitcoin", "bitcoin-regtest"]
OUTSIDERS = {
    "bitcoin": [
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
        "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
    ],
    "bitcoin-regtest": [
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
        "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6",
    ],
}


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as started:
        yield started


@pytest.fixture(params=[*MNEMONICS, "random"], ids=["12", "18", "24", "random"])
def wallet(request: pytest.FixtureRequest) -> Wallet:
    words = request.param if request.param != "random" else Mnemonic("english").generate(256)
    print("words:", words)  # shown with a failure; they are worth nothing
    return Wallet(words)


# Addresses


def test_every_kind_of_address_has_peers() -> None:
    assert set(PEERS) == set(DERIVED_KINDS)
    assert min(len(peers) for peers in PEERS.values()) >= 2


@pytest.mark.parametrize(("alias", "kind"), DERIVED_KINDS)
def test_addresses(oracle: Oracle, wallet: Wallet, alias: str, kind: AddressType) -> None:
    codec = CODEC_OF[alias]
    for account, index, change in PLACES:
        change = change and codec.network.family == families.BITCOIN
        ours = wallet.owned(codec, kind, account, index, change=change)
        place = Place(wallet.words, codec.network, kind, ours.path)
        theirs = {peer.__name__: peer(oracle, place) for peer in PEERS[alias, kind]}
        assert theirs == dict.fromkeys(theirs, ours.address), ours.path
        if kind is not AddressType.SOLANA:
            assert bitcoinlib_key(place).public_byte == ours.public_key


# Bitcoin


@pytest.mark.parametrize("alias", BITCOINS)
@pytest.mark.parametrize(
    "kinds",
    [[P2WPKH], [P2WPKH] * 3, [P2TR], [P2TR, P2WPKH, P2TR]],
    ids=lambda kinds: "+".join(kinds),
)
def test_bitcoin_transactions(
    oracle: Oracle, wallet: Wallet, alias: str, kinds: list[AddressType]
) -> None:
    """wallet-core signs our PSBT, and builds and signs the same from its parts: both must give our
    bytes, signatures included (RFC 6979, BIP-340 without random nonces)."""
    codec = CODEC_OF[alias]
    assert isinstance(codec, BitcoinCodec)
    owners = [wallet.owned(codec, kind, 2, index) for index, kind in enumerate(kinds)]
    made = [paper_coin(codec, owner, 60_000 + n, n) for n, owner in enumerate(owners)]
    native = codec.network.native.id
    payments = [
        Pay(Address(address), native, 8_000 + n) for n, address in enumerate(OUTSIDERS[alias])
    ]
    tx = spend(codec, made, payments, wallet.owned(codec, None, 2, 9, change=True))
    ours = wallet.sign(codec, tx)

    hrp = codec.network.text("bech32_hrp")
    expected = {"raw": ours.raw.hex(), "txid": ours.txid}
    paths = [owner.path for owner in owners]
    signed = oracle.call(
        "signPsbt", mnemonic=wallet.words, paths=paths, psbt=tx.payload.hex(), hrp=hrp
    )
    assert signed == expected
    coins = {(coin.txid, coin.position): coin for coin, _ in made}
    assert built_by_wallet_core(oracle, wallet, codec, ours, coins) == expected
    check_with_bitcoinlib(wallet, codec, ours, coins)


def built_by_wallet_core(
    oracle: Oracle,
    wallet: Wallet,
    codec: BitcoinCodec,
    ours: SignedTx,
    coins: Coins,
) -> Any:
    final = parse_transaction(ours.raw)
    spent = [(each, coins[each.previous_txid, each.position]) for each in final.inputs]
    return oracle.call(
        "buildBitcoin",
        mnemonic=wallet.words,
        hrp=codec.network.text("bech32_hrp"),
        lockTime=final.locktime,
        coins=[
            {
                "txid": coin.txid,
                "index": coin.position,
                "amount": str(coin.amount),
                "path": coin.owner.path,
                "kind": "p2trKeyPath" if coin.owner.address_type is P2TR else "p2wpkh",
                "sequence": each.sequence,
            }
            for each, coin in spent
        ],
        outputs=[
            {"address": codec.addresses.address_of(each.script), "amount": str(each.amount)}
            for each in final.outputs
        ],
    )


def check_with_bitcoinlib(
    wallet: Wallet, codec: BitcoinCodec, ours: SignedTx, coins: Coins
) -> None:
    """It reads what we wrote; and where it can sign (P2WPKH), it signs the same bytes."""
    library = bitcoinlib().transactions.Transaction
    assert library.parse(ours.raw, strict=False).txid == ours.txid
    final = parse_transaction(ours.raw)
    spent = [coins[each.previous_txid, each.position] for each in final.inputs]
    if {coin.owner.address_type for coin in spent} != {P2WPKH}:
        return
    network = "bitcoin" if codec.network.alias == "bitcoin" else "regtest"
    theirs = library(network=network, version=2, locktime=final.locktime, witness_type="segwit")
    for each, coin in zip(final.inputs, spent, strict=True):
        place = Place(wallet.words, codec.network, P2WPKH, coin.owner.path)
        theirs.add_input(
            coin.txid,
            coin.position,
            keys=bitcoinlib_key(place),
            value=coin.amount,
            sequence=each.sequence,
            witness_type="segwit",
        )
    for output in final.outputs:
        theirs.add_output(output.amount, lock_script=output.script)
    theirs.sign()
    assert theirs.raw_hex() == ours.raw.hex()


# Ethereum and BNB Smart Chain


EVM_CASES = [  # nonce, value, gas, fee per gas, priority fee
    (0, 1, 21_000, 1, 0),
    (127, 10**18, 21_000, 30 * 10**9, 10**9),
    (128, 2**64, 21_001, 2**40, 2**40),
    (2**32, 2**255 - 19, 2**24, 10**11 + 7, 3),
]


@pytest.mark.parametrize("alias", ["ethereum", "ethereum-local", "bsc", "bsc-local"])
@pytest.mark.parametrize(("nonce", "value", "gas", "fee", "priority"), EVM_CASES)
def test_evm_transactions(
    oracle: Oracle,
    wallet: Wallet,
    alias: str,
    nonce: int,
    value: int,
    gas: int,
    fee: int,
    priority: int,
) -> None:
    codec = CODEC_OF[alias]
    source, payee = wallet.owned(codec, None, 3), wallet.owned(codec, None, 4)
    built = evm.transfer(
        codec.network,
        nonce=nonce,
        to=payee.address,
        value=value,
        gas=gas,
        fee_per_gas_max=fee,
        priority_fee=priority,
    )
    unsigned = UnsignedTx(codec.network.id, evm.encode_unsigned(built), source.address)
    ours = wallet.sign(codec, unsigned)

    legacy = codec.network.text("transaction_type") == "legacy"
    fields: dict[str, Any] = {"chainId": codec.network.number("chain_id"), "nonce": nonce}
    fields |= {"to": payee.address, "value": value, "gas": gas}
    dynamic = {"type": 2, "maxFeePerGas": fee, "maxPriorityFeePerGas": priority}
    fields |= {"gasPrice": fee} if legacy else dynamic
    account = Account.from_mnemonic(wallet.words, account_path=source.path)
    theirs = account.sign_transaction(fields)
    assert ours.raw.hex() == theirs.raw_transaction.hex().removeprefix("0x")
    assert ours.txid == theirs.hash.to_0x_hex()

    prices = {"gasPrice": fee} if legacy else {"maxFee": fee, "maxPriorityFee": priority}
    signed = oracle.call(
        "signEthereum",
        mnemonic=wallet.words,
        path=source.path,
        chainId=str(codec.network.number("chain_id")),
        nonce=str(nonce),
        gasLimit=str(gas),
        to=payee.address,
        amount=str(value),
        **{name: str(price) for name, price in prices.items()},
    )
    assert signed == {"raw": ours.raw.hex()}


@pytest.mark.parametrize("alias", ["ethereum", "bsc"])
@pytest.mark.parametrize("amount", [1, 255, 256, 10**18, 2**256 - 1])
def test_erc20_transfers(oracle: Oracle, wallet: Wallet, alias: str, amount: int) -> None:
    codec = CODEC_OF[alias]
    source, payee = wallet.owned(codec, None, 3), wallet.owned(codec, None, 4)
    token = min(codec.network.tokens)
    contract, fee, gas = erc20.contract_of(codec.network.id, token), 3 * 10**10, 70_000
    built = evm.transfer(
        codec.network,
        nonce=7,
        to=contract,
        value=0,
        gas=gas,
        fee_per_gas_max=fee,
        priority_fee=fee,
        data=erc20.transfer(payee.address, amount),
    )
    unsigned = UnsignedTx(codec.network.id, evm.encode_unsigned(built), source.address)
    assert codec.summarize(unsigned).effects == (Pay(payee.address, token, amount),)
    legacy = codec.network.text("transaction_type") == "legacy"
    prices = {"gasPrice": fee} if legacy else {"maxFee": fee, "maxPriorityFee": fee}
    signed = oracle.call(
        "signEthereum",
        mnemonic=wallet.words,
        path=source.path,
        chainId=str(codec.network.number("chain_id")),
        nonce="7",
        gasLimit=str(gas),
        to=contract,
        payee=payee.address,
        amount=str(amount),
        **{name: str(price) for name, price in prices.items()},
    )
    assert signed == {"raw": wallet.sign(codec, unsigned).raw.hex()}


# TRON


@pytest.mark.parametrize("alias", ["tron", "tron-local"])
@pytest.mark.parametrize("amount", [1, 127, 128, 18_123_456, 2**53 - 1])
def test_tron_transactions(oracle: Oracle, wallet: Wallet, alias: str, amount: int) -> None:
    """wallet-core names the reference block by a header, here a made-up one; its name is all that
    we take over."""
    codec = CODEC_OF[alias]
    source, payee = wallet.owned(codec, None, 5), wallet.owned(codec, None, 6)
    meant = {"owner": source.address, "to": payee.address, "amount": str(amount)}
    times = {"expiration": str(1_777_445_721_000 + amount % 1000), "timestamp": "1777445121000"}
    header = {
        "number": "65537",
        "timestamp": "1777445118000",
        "txTrieRoot": "11" * 32,
        "parentHash": "00000000000000ff" + "22" * 24,
        "witnessAddress": "41" + "33" * 20,
        "version": 30,
    }
    core = oracle.call(
        "signTron", mnemonic=wallet.words, path=source.path, **meant, **times, block=header
    )
    payload = tron.build_transfer(
        source.address,
        payee.address,
        amount,
        reference=BlockRef(65537, "00" * 8 + core["referenceHash"] + "00" * 16),
        expiration_ms=int(times["expiration"]),
        timestamp_ms=int(times["timestamp"]),
    )
    ours = wallet.sign(codec, UnsignedTx(codec.network.id, payload))
    signature = tron_parse.signed_transaction(ours.raw).signature[0]
    assert (core["rawData"], core["txid"]) == (payload.hex(), ours.txid)
    assert core["signature"] == (signature[:64] + bytes([signature[64] - 27])).hex()

    references = {name: core[name] for name in ("referenceBytes", "referenceHash")}
    tronweb = oracle.call("tronwebTransfer", **meant, **times, **references)
    assert tronweb == {"rawData": payload.hex(), "txid": ours.txid}
    recovered = oracle.call("tronwebRecover", digest=ours.txid, signature=signature.hex())
    assert recovered == source.address


# Solana


@pytest.mark.parametrize("alias", ["solana", "solana-local"])
@pytest.mark.parametrize("amount", [1, 1_234_567_890, 2**63 - 1])
@pytest.mark.parametrize("versioned", [True, False])
def test_solana_transactions(
    oracle: Oracle, wallet: Wallet, alias: str, amount: int, versioned: bool
) -> None:
    """wallet-core orders a message's accounts by their use, the Rust SDK by their bytes. So its
    instructions, compiled by solders, must give our bytes; which solders then signs as we do."""
    codec = CODEC_OF[alias]
    source, payee = wallet.owned(codec, None, 7), wallet.owned(codec, None, 8)
    plan = TransferPlan(
        source=to_key(source.address),
        payments=(Payment(to_key(payee.address), amount),),
        nonce_index=amount % 256,
        lifetime=Hash(bytes([amount % 255 + 1]) * 32),
        unit_limit=3_000,
        unit_price=amount % 2**40 + 1,
    )
    unsigned = UnsignedTx(codec.network.id, build_message(plan))
    ours = wallet.sign(codec, unsigned)

    signed = oracle.call(
        "signSolana",
        mnemonic=wallet.words,
        path=source.path,
        to=payee.address,
        amount=str(amount),
        blockhash=str(plan.lifetime),
        unitPrice=str(plan.unit_price),
        unitLimit=str(plan.unit_limit),
        nonceAccount=str(plan.nonce_account),
        v0=versioned,
    )
    theirs = VersionedTransaction.from_bytes(bytes.fromhex(signed["raw"]))
    assert theirs.verify_with_results() == [True]
    assert isinstance(theirs.message, MessageV0 if versioned else Message)
    assert compiled_again(theirs.message) == unsigned.payload
    assert bytes(signed_by_solders(wallet, source, unsigned)) == ours.raw
    assert str(VersionedTransaction.from_bytes(ours.raw).signatures[0]) == ours.txid


def compiled_again(message: Message | MessageV0) -> bytes:
    """Its instructions in a version 0 message that solders lays out. What is signed and written
    follows from the places of the accounts ("Transactions" in Solana's documentation)."""
    keys, header = message.account_keys, message.header
    signers = header.num_required_signatures
    written = {*range(signers - header.num_readonly_signed_accounts)}
    written |= {*range(signers, len(keys) - header.num_readonly_unsigned_accounts)}
    steps = [
        Instruction(
            keys[each.program_id_index],
            bytes(each.data),
            [AccountMeta(keys[at], at < signers, at in written) for at in bytes(each.accounts)],
        )
        for each in message.instructions
    ]
    compiled = MessageV0.try_compile(keys[0], steps, [], message.recent_blockhash)
    return to_bytes_versioned(compiled)


def signed_by_solders(
    wallet: Wallet, source: OwnedAddress, unsigned: UnsignedTx
) -> VersionedTransaction:
    key = Keypair.from_seed_and_derivation_path(seed_of(wallet.words), source.path)
    message = from_bytes_versioned(unsigned.payload)
    return VersionedTransaction(message, [key])
