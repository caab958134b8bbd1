"""Real transactions of the real codecs: signed here, completed and verified by the codec."""

from dataclasses import replace

import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.costs import CostKind, above, costs_in
from chains.effects import Pay
from chains.evm.build import encode_unsigned, transfer
from chains.keys import ExtendedPublicKey
from chains.model import (
    Address,
    AddressType,
    BlockRef,
    OwnedAddress,
    UnsignedTx,
)
from chains.solana.build import Payment, TransferPlan, build_message
from chains.tron.build import build_transfer
from signer.wire import Receipt
from tests.support.networks import find_network
from tests.support.signer import Bench, agreed, native, outcome_word, paying
from tests.unit.bitcoin.support import FEE_RATE, funding, intent_of, unsigned

THEIRS = {
    "ethereum-local": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "bsc-local": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "tron-local": "TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL",
    "solana-local": "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM",
    "bitcoin-regtest": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s", scripted=False)


def mandate(bench, alias, **changes):
    paid = (Pay(Address(THEIRS[alias]), native(alias), 5000),)
    kinds = dict.fromkeys((CostKind.FEE, CostKind.RENT, CostKind.ACTIVATION), 10**17)
    costs = costs_in(native(alias), kinds)
    return bench.mandate(alias, effects=paid, **{"costs_max": costs, **changes})


def evm(alias, sender, **changes):
    network = find_network(alias)
    tx = transfer(
        network,
        nonce=3,
        to=Address(THEIRS[alias]),
        value=5000,
        gas=21000,
        fee_per_gas_max=10**9,
        priority_fee=10**9,
    )
    return UnsignedTx(network.id, encode_unsigned(replace(tx, **changes)), sender)


def tron(sender, amount=5000, timestamp_ms=1_772_629_000_000):
    payload = build_transfer(
        sender,
        Address(THEIRS["tron-local"]),
        amount,
        reference=BlockRef(7, "00" * 32),
        expiration_ms=1_772_630_000_000,
        timestamp_ms=timestamp_ms,
    )
    return UnsignedTx(find_network("tron-local").id, payload)


def solana(sender, amount=5000):
    plan = TransferPlan(
        source=Pubkey.from_string(sender),
        payments=(Payment(Pubkey.from_string(THEIRS["solana-local"]), amount),),
        nonce_index=0,
        lifetime=Hash.default(),
        unit_limit=10_000,
        unit_price=1,
    )
    return UnsignedTx(find_network("solana-local").id, build_message(plan))


def coins(bench, address_type=AddressType.P2WPKH, amounts=(120_000,), fee_rate=FEE_RATE):
    """Spends two coins, to pay these amounts."""
    network = find_network("bitcoin-regtest")
    codec = bench.codecs[network.id]

    account = ExtendedPublicKey.parse(
        bench.session.vaults.account_key("v1", network.id, address_type)
    )

    def ours(index, change=False):
        key = account.derive(f"{int(change)}/{index}").public_key
        path = codec.address_path(address_type, 0, index, change=change)
        return OwnedAddress(codec.derive_address(key, address_type), address_type, path, key)

    coin, previous = funding(ours(0), 100_000)
    other, other_previous = funding(ours(1), 50_000, salt=1)
    paid = [Pay(Address(THEIRS["bitcoin-regtest"]), network.native.id, each) for each in amounts]
    intent = intent_of(paid, ours(0, change=True), [coin, other])
    return unsigned(intent, {coin.txid: previous, other.txid: other_previous}, fee_rate)


def completed(bench, request):
    """Signed by us, then put together by the codec, which verifies every signature."""
    outcome = bench.sign(request)
    assert isinstance(outcome, Receipt), outcome
    return bench.codecs[request.tx.network].attach(request.tx, outcome.signatures)


@pytest.mark.parametrize("alias", ["ethereum-local", "bsc-local"])
def test_evm(bench, alias):
    offered = mandate(bench, alias)
    assert completed(bench, paying(agreed(offered), tx=evm(alias, offered.core.source_address))).raw


def test_tron(bench):
    offered = mandate(bench, "tron-local")
    assert completed(bench, paying(agreed(offered), tx=tron(offered.core.source_address))).raw
    later = replace(offered, expires_at=offered.expires_at.replace(minute=30))
    second = bench.sign(paying(agreed(later), tx=tron(offered.core.source_address)))
    assert isinstance(second, Receipt), "the very same bytes are no second transaction"


def test_solana(bench):
    offered = mandate(bench, "solana-local")
    assert completed(bench, paying(agreed(offered), tx=solana(offered.core.source_address))).raw


@pytest.mark.parametrize(
    ("address_type", "account"),
    [(AddressType.P2WPKH, "m/84'/1'/0'"), (AddressType.P2TR, "m/86'/1'/0'")],
)
def test_bitcoin(bench, address_type, account):
    offered = bitcoin_mandate(bench, account)
    assert completed(bench, paying(agreed(offered), tx=coins(bench, address_type))).raw


def bitcoin_mandate(bench, account="m/84'/1'/0'", **changes):
    paid = (Pay(Address(THEIRS["bitcoin-regtest"]), native("bitcoin-regtest"), 120_000),)
    base = {"source_path": account, "source_address": None, "effects": paid, "fee_max": 50_000}
    return bench.mandate("bitcoin-regtest", **{**base, **changes})


TOKEN_CALL = bytes.fromhex("a9059cbb") + bytes(64)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": TOKEN_CALL}, "unexplained/transaction"),
        ({"data": b"\1"}, "unexplained/transaction"),
        ({"access_list": ((bytes(20), (bytes(32),)),)}, "unexplained/transaction"),
        ({"to": None}, "unexplained/transaction"),
        ({"value": 5001}, "mismatch/amount"),
        ({"to": Address("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")}, "mismatch/destination"),
        ({"fee_per_gas_max": 10**13}, "mismatch/fee"),
        ({"chain_id": 1}, "malformed/transaction_malformed"),
        ({"chain_id": 31338}, "malformed/transaction_malformed"),
    ],
)
def test_evm_transactions_that_do_something_else(bench, changes, expected):
    offered = mandate(bench, "ethereum-local")
    tx = evm("ethereum-local", offered.core.source_address, **changes)
    assert outcome_word(bench.sign(paying(agreed(offered), tx=tx))) == expected


def test_an_evm_payer_who_is_not_named_truly(bench):
    offered = mandate(bench, "ethereum-local")
    for sender in (None, Address("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")):
        outcome = bench.sign(paying(agreed(offered), tx=evm("ethereum-local", sender)))
        assert outcome_word(outcome) in ("malformed/transaction_malformed", "mismatch/source")


def test_a_bitcoin_input_amount_lied_about(bench):
    """The claimed amount beside the previous transaction would hide a fee."""
    from embit.psbt import PSBT

    tx = coins(bench)
    psbt = PSBT.parse(tx.payload)
    psbt.inputs[0].witness_utxo.value -= 10_000
    lied = replace(tx, payload=psbt.serialize())
    outcome = bench.sign(paying(agreed(bitcoin_mandate(bench)), tx=lied))
    assert outcome.code.value in ("malformed", "unexplained", "mismatch"), outcome


def test_any_flipped_bit_of_a_transaction_is_refused_or_changes_nothing_that_matters(bench):
    """The summary that was compared is that of the very bytes that were signed."""
    offered = mandate(bench, "ethereum-local")
    good = evm("ethereum-local", offered.core.source_address)
    codec = bench.codecs[good.network]
    for position in range(len(good.payload)):
        data = bytearray(good.payload)
        data[position] ^= 1
        outcome = bench.sign(paying(agreed(offered), tx=replace(good, payload=bytes(data))))
        if isinstance(outcome, Receipt):
            summary = codec.summarize(replace(good, payload=bytes(data)))
            assert summary.effects == offered.core.effects
            assert above(summary.costs.most, offered.costs_max) is None
