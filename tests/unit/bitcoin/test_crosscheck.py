"""bitcoinlib as the second decoder: it agrees with us, it notices, and it leaves no traces."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey

from chains.bitcoin import crosscheck
from chains.bitcoin.address import AddressFormat, taproot_output_key
from chains.bitcoin.transaction import Transaction, TxOutput, parse_transaction
from chains.errors import MalformedTransaction
from chains.model import AddressType, SignedTx
from tests.unit.bitcoin.support import CODEC, MAIN, P2TR, P2WPKH, example, vectors

ROOT = Path(__file__).parents[3]


def signed(kinds: tuple[AddressType, ...] = (P2WPKH, P2TR)) -> SignedTx:
    wallet, _, tx = example(kinds)
    return CODEC.attach(tx, wallet.sign(CODEC.signing_inputs(tx)))


@pytest.mark.parametrize(
    "kinds", [(P2WPKH,), (P2TR,), (P2TR, P2TR), (P2WPKH, P2TR, P2WPKH)], ids="+".join
)
def test_agrees_on_what_we_sign(kinds: tuple[AddressType, ...]) -> None:
    crosscheck.check_signed(signed(kinds))


@pytest.mark.parametrize(
    "raw",
    [
        vectors("bip143_native_p2wpkh")["signed_tx"],
        vectors("bip341_wallet")["keyPathSpending"][0]["auxiliary"]["fullySignedTx"],
    ],
    ids=["bip143", "bip341"],
)
def test_agrees_on_the_bips_transactions(raw: str) -> None:
    parsed = parse_transaction(bytes.fromhex(raw))
    crosscheck.check_signed(SignedTx(CODEC.network.id, parsed.txid(), bytes.fromhex(raw)))


def test_another_txid_than_the_bytes_have() -> None:
    tx = signed()
    with pytest.raises(MalformedTransaction, match="named transaction"):
        crosscheck.check_signed(replace(tx, txid=signed((P2WPKH,)).txid))


def _pay_somebody_else(transaction: Transaction) -> Transaction:
    first, *others = transaction.outputs
    return replace(transaction, outputs=(TxOutput(first.amount, b"\x00\x14" + bytes(20)), *others))


def _pay_more(transaction: Transaction) -> Transaction:
    first, *others = transaction.outputs
    return replace(transaction, outputs=(replace(first, amount=first.amount + 1), *others))


def _spend_another_coin(transaction: Transaction) -> Transaction:
    first, *others = transaction.inputs
    return replace(transaction, inputs=(replace(first, position=9), *others))


@pytest.mark.parametrize("mistake", [_pay_somebody_else, _pay_more, _spend_another_coin])
def test_a_mistake_of_our_decoder_is_noticed(
    mistake: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our side misreads the bytes; the same txid is claimed, so that only the contents differ."""
    tx = signed()
    wrong = mistake(parse_transaction(tx.raw))  # type: ignore[operator]
    monkeypatch.setattr(crosscheck, "parse_transaction", lambda raw: wrong)
    with pytest.raises(MalformedTransaction, match="second decoder"):
        crosscheck.check_signed(replace(tx, txid=wrong.txid()))


@pytest.mark.slow
def test_leaves_nothing_in_the_home_directory(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    tx = signed()
    program = (
        "import os, sys\n"
        "from chains.bitcoin.adapter import BitcoinAdapter\n"
        "assert 'bitcoinlib' not in sys.modules and 'sqlalchemy' not in sys.modules\n"
        "from chains.bitcoin.crosscheck import check_signed\n"
        "from chains.model import SignedTx\n"
        f"check_signed(SignedTx({tx.network!r}, {tx.txid!r}, bytes.fromhex({tx.raw.hex()!r})))\n"
        "assert 'bitcoinlib' in sys.modules\n"
        "assert 'BCL_DATA_DIR' not in os.environ\n"
    )
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary)}
    environment.pop("BCL_DATA_DIR", None)
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
    assert list(home.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_bitcoinlib_derives_the_same_addresses() -> None:
    crosscheck.check_signed(signed())  # loads it without its folder in the home directory
    from bitcoinlib.keys import Address as Theirs

    ours = AddressFormat(MAIN)
    for secret in range(1, 20):
        key = PrivateKey(secret.to_bytes(32, "big")).public_key.format()
        segwit = Theirs(key, script_type="p2wpkh", encoding="bech32", network="bitcoin")
        assert ours.derive(key, P2WPKH) == segwit.address
        taproot = Theirs(
            hashed_data=taproot_output_key(key[1:]),
            script_type="p2tr",
            encoding="bech32",
            network="bitcoin",
            witver=1,
        )
        assert ours.derive(key, P2TR) == taproot.address
        legacy = Theirs(key, script_type="p2pkh", encoding="base58", network="bitcoin")
        assert ours.address_of(ours.script_of(legacy.address)) == legacy.address
