"""What the verifier reads is what others read: official vectors, and codecs and libraries of which
it has no line."""

import json
from collections import Counter
from pathlib import Path

import pytest
from coincurve import PrivateKey
from custody_verify import bitcoin, evm, solana, tron
from custody_verify.addresses import eip55
from custody_verify.errors import Refuted
from custody_verify.hashes import keccak256
from custody_verify.model import Pay, Transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.hash import Hash
from solders.pubkey import Pubkey
from trie.hexary import HexaryTrie

from chains.evm import address as evm_address
from chains.evm import build, erc20, parse
from chains.model import BlockRef, UnsignedTx
from chains.solana import spl
from chains.solana.build import Payment, TransferPlan, build_message
from chains.tron import trc20
from chains.tron.address import to_text
from chains.tron.build import build_call
from tests.support.paper import CODEC_OF, transfer
from tests.support.wallet import Wallet

PATIENT = settings(deadline=None, max_examples=40)
"""Points are multiplied in Python; how long that takes is the machine's affair."""
VECTORS = Path(__file__).resolve().parents[2] / "vectors"
WALLET = Wallet()
FAMILIES = {"bip122": bitcoin, "eip155": evm, "tron": tron, "solana": solana}
ALIASES = sorted(CODEC_OF)


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def read(tx, signed=None):
    """As the verifier takes it, and its chain."""
    raw, txid = (b"", "") if signed is None else (signed.raw, signed.txid)
    made = Transaction(tx.network, tx.sender, txid, tx.payload, raw)
    return made, FAMILIES[tx.network.partition(":")[0]]


def told(codec, tx):
    """What our own codec says that it pays, with the coin's id as the verifier has it."""
    native, found = codec.network.native.id, Counter[Pay]()
    for effect in codec.summarize(tx).effects:
        asset = f"{tx.network}/slip44:" if effect.asset == native else effect.asset
        found[Pay(effect.address, asset, effect.amount, effect.memo)] += 1
    return found


@pytest.mark.parametrize("alias", ALIASES)
@PATIENT
@given(amount=st.integers(1_000, 10**14), salt=st.integers(0, 10**6))
def test_payments_of_coins_on_every_network(alias, amount, salt):
    codec = CODEC_OF[alias]
    paper = transfer(codec, WALLET, amount, salt)
    signed = WALLET.sign(codec, paper.tx)
    made, chain = read(paper.tx, signed)
    meaning, summary = chain.decode(made), codec.summarize(paper.tx)
    assert meaning.effects == told(codec, paper.tx)
    assert meaning.payer in (None, summary.sources[0])
    costs = {kind.value: units for (_, kind), units in summary.costs.most.items()}
    for kind, units in meaning.costs.items():
        assert units == costs[kind]
    chain.check_signed(made)
    other = made._replace(txid=made.txid[:-1] + ("1" if made.txid[-1] != "1" else "2"))
    with pytest.raises(Refuted):
        chain.check_signed(other)


ACCOUNTS = st.binary(min_size=20, max_size=20).filter(any)
UNITS = st.integers(1, 2**256 - 1)


@PATIENT
@given(contract=ACCOUNTS, payee=ACCOUNTS, amount=UNITS, nonce=st.integers(0, 2**32))
def test_payments_of_tokens_on_evm(contract, payee, amount, nonce):
    for alias in ("ethereum", "bsc"):
        codec = CODEC_OF[alias]
        sender = WALLET.owned(codec).address
        to, other = evm_address.checksum(contract), evm_address.checksum(payee)
        if len({to, other, sender}) < 3:
            return
        made = build.transfer(
            codec.network, nonce=nonce, to=to, value=0, gas=100_000, fee_per_gas_max=10**9,
            priority_fee=1, data=erc20.transfer(other, amount),
        )  # fmt: skip
        tx = UnsignedTx(codec.network.id, build.encode_unsigned(made), sender)
        assert evm.decode(read(tx)[0]).effects == told(codec, tx)
        evm.check_signed(read(tx, WALLET.sign(codec, tx))[0])


@PATIENT
@given(contract=ACCOUNTS, payee=ACCOUNTS, amount=UNITS, limit=st.integers(1, 10**12))
def test_payments_of_tokens_on_tron(contract, payee, amount, limit):
    codec = CODEC_OF["tron"]
    owner = WALLET.owned(codec).address
    to, other = to_text(b"\x41" + contract), to_text(b"\x41" + payee)
    if len({to, other, owner}) < 3:
        return
    payload = build_call(
        owner, to, trc20.transfer(other, amount), fee_limit=limit,
        reference=BlockRef(9, "00" * 32), expiration_ms=1_777_445_721_000,
        timestamp_ms=1_777_445_121_000,
    )  # fmt: skip
    tx = UnsignedTx(codec.network.id, payload)
    found = tron.decode(read(tx)[0])
    assert found.effects == told(codec, tx)
    assert found.costs == {"energy": limit}
    tron.check_signed(read(tx, WALLET.sign(codec, tx))[0])


@PATIENT
@given(
    salt=st.integers(1, 2**32),
    units=st.integers(1, 2**64 - 1),
    opens=st.booleans(),
    fee=st.none() | st.integers(0, 2**64 - 1),
    coins=st.integers(0, 2**40),
    creates=st.booleans(),
)
def test_payments_of_tokens_on_solana(salt, units, opens, fee, coins, creates):
    """Beside one of coins; to a wallet, whose account is made, or to a token account."""
    codec = CODEC_OF["solana"]
    source = Pubkey.from_string(WALLET.owned(codec).address)
    wallet = Pubkey.from_string(WALLET.owned(codec, index=salt % 50 + 1).address)
    mint, account = Pubkey(keccak256(salt.to_bytes(8, "big"))), Pubkey(b"\7" * 32)
    program = spl.TOKEN if fee is None else spl.TOKEN_2022
    token = spl.TokenPayment(wallet, units, mint, program, 6, account, opens, fee)
    beside = (Payment(Pubkey(b"\5" * 32), coins),) if coins else ()
    plan = TransferPlan(
        source=source, payments=(token, *beside), nonce_index=salt % 256,
        lifetime=Hash(keccak256(b"x")), unit_limit=3_000, unit_price=10_000,
        rent=1_447_680 if creates else 0,
    )  # fmt: skip
    tx = UnsignedTx(codec.network.id, build_message(plan))
    found = solana.decode(read(tx)[0])
    assert found.effects == told(codec, tx)
    assert found.costs["fee"] == plan.fee
    assert found.costs.get("rent", 0) == plan.rent
    solana.check_signed(read(tx, WALLET.sign(codec, tx))[0])


@PATIENT
@given(owner=st.binary(min_size=32, max_size=32), mint=st.binary(min_size=32, max_size=32))
def test_associated_accounts_are_those_of_another_library(owner, mint):
    for program in (spl.TOKEN, spl.TOKEN_2022):
        derived = solana.associated(owner, mint, bytes(program))
        assert derived == bytes(spl.associated(Pubkey(owner), Pubkey(mint), program))


# Official vectors


def test_bip143_native_p2wpkh():
    case = vectors("bitcoin/bip143_native_p2wpkh")
    tx, spent = bitcoin.parse(bytes.fromhex(case["unsigned_tx"])), case["spent"][1]
    found = bitcoin._sighash_v0(tx, 1, spent["amount"], bytes.fromhex(spent["script"]))
    assert found.hex() == case["sighash"]


def test_bip341_key_path():
    """The input that is signed by SIGHASH_DEFAULT, which alone we take."""
    case = vectors("bitcoin/bip341_wallet")["keyPathSpending"][0]
    tx = bitcoin.parse(bytes.fromhex(case["given"]["rawUnsignedTx"]))
    spent = [
        (each["amountSats"], bytes.fromhex(each["scriptPubKey"]))
        for each in case["given"]["utxosSpent"]
    ]
    seen = 0
    for each in case["inputSpending"]:
        if each["given"]["hashType"] == 0:
            seen += 1
            index = each["given"]["txinIndex"]
            found = bitcoin._sighash_taproot(tx, index, spent)
            assert found.hex() == each["intermediary"]["sigHash"]
    assert seen == 1


def test_eip1559_and_eip155():
    """Signed transactions of others: the payer is whom the vectors name."""
    cases = [(each["signed"], each["sender"]) for each in vectors("evm/eip155_signed")["cases"]]
    key = vectors("evm/eip1559")
    point = PrivateKey.from_hex(key["private_key"]).public_key.format(compressed=False)
    cases += [(each["signed"], keccak256(point[1:])[-20:].hex()) for each in key["cases"]]
    for signed, sender in cases:
        raw = bytes.fromhex(signed)
        unsigned = build.encode_unsigned(parse.signed_parts(raw)[0])
        payer, txid = eip55(bytes.fromhex(sender)), "0x" + keccak256(raw).hex()
        tx = Transaction("eip155:1", payer, txid, unsigned, raw)
        assert evm.check_signed(tx)
        with pytest.raises(Refuted, match="who pays"):
            evm.check_signed(tx._replace(sender=eip55(bytes(19) + b"\1")))


def spelled(address):
    """Nodes write addresses in hexadecimal, people in base58."""
    return to_text(bytes.fromhex(address)) if address.startswith("41") else address


def test_tron_transfers_of_other_wallets():
    seen = 0
    for case in vectors("tron/transactions")["transfers"]:
        if "raw_data" not in case:
            continue
        tx = Transaction("tron:0x2b6653dc", None, "", bytes.fromhex(case["raw_data"]), b"")
        paid = Pay(spelled(case["to"]), tx.coin, int(case["amount"]))
        assert tron.decode(tx).effects == Counter([paid])
        assert tron.decode(tx).payer == spelled(case["owner"])
        seen += 1
    assert seen >= 3


@pytest.mark.parametrize("case", vectors("solana/messages")["version_0"], ids=lambda c: c["name"])
def test_solana_messages_of_other_wallets(case):
    """They are read and their signatures hold, whatever they do; with lookup tables nobody can read
    them."""
    message, raw = bytes.fromhex(case["message"]), bytes.fromhex(case["raw"])
    if case["name"] == "Lookup tables":
        with pytest.raises(Refuted, match="lookup table"):
            solana.parse(message)
        return
    assert solana.parse(message).length == len(message)
    tx = Transaction("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", None, case["txid"], message, raw)
    solana.check_signed(tx)


@pytest.mark.parametrize("name", sorted(vectors("verifier/tries")["tries"]))
def test_tries_of_ethereum_tests(name):
    """Each key that is left is proven under the root that the vector names."""
    case = vectors("verifier/tries")["tries"][name]
    trie, kept = HexaryTrie({}), {}
    for key, value in case["in"]:
        kept[key] = value
        if value is None:
            del trie[key.encode()]
        else:
            trie[key.encode()] = value.encode()
    root = bytes.fromhex(case["root"][2:])
    assert trie.root_hash == root
    for key, value in kept.items():
        nodes = nodes_of(trie, key.encode())
        if value is None:
            with pytest.raises(Refuted):
                evm._walk(nodes, root, key.encode())
        else:
            assert evm._walk(nodes, root, key.encode()) == value.encode()


def test_eip1186_account_proof():
    case = vectors("verifier/tries")["eip1186"]
    root = keccak256(bytes.fromhex(case["nodes"][0]))
    key = keccak256(bytes.fromhex(case["address"]))
    nonce, balance, storage, _ = evm.parse_rlp(evm._walk(case["nodes"], root, key))
    assert (nonce, balance) == (bytes([case["nonce"]]), bytes([case["balance"]]))
    assert storage == bytes.fromhex(case["storage_hash"])


@PATIENT
@given(st.dictionaries(st.binary(min_size=1, max_size=3), st.binary(min_size=1, max_size=40)))
def test_tries_of_another_library(entries):
    """Also with nodes inside nodes, and values where a path goes on."""
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[key] = value
    for key, value in entries.items():
        nodes = nodes_of(trie, key)
        assert evm._walk(nodes, trie.root_hash, key) == value
        for wrong in (nodes[:-1], [*nodes, nodes[0]]):
            with pytest.raises(Refuted):
                evm._walk(wrong, trie.root_hash, key)


def nodes_of(trie, key):
    """The nodes down to `key`, as nodes of chains give them: what has less than 32 bytes stands
    inside the node above it, and not once more."""
    found = [evm.rlp(_plain(node)) for node in trie.get_proof(key)]
    return [raw.hex() for at, raw in enumerate(found) if at == 0 or len(raw) >= 32]


def _plain(node):
    return [_plain(each) for each in node] if isinstance(node, list | tuple) else bytes(node)


def test_rlp_of_ethereum_tests():
    for case in vectors("evm/rlp_valid")["cases"].values():
        data = bytes.fromhex(case["out"])
        assert evm.rlp(evm.parse_rlp(data)) == data
