"""Addresses of all formats, both ways, against the BIPs' vectors and independent libraries."""

from __future__ import annotations

import pytest
from embit import base58 as embit_base58
from embit import ec, script
from embit.networks import NETWORKS

from chains.bitcoin.address import AddressFormat, script_type, taproot_output_key
from chains.bitcoin.codec import BitcoinCodec
from chains.errors import (
    InvalidAddress,
    InvalidInput,
    WrongChecksum,
    WrongNetwork,
    ZeroAddress,
)
from chains.keys import ExtendedPublicKey
from chains.model import AddressType, KeyScheme
from tests.unit.bitcoin.support import MAIN, P2TR, P2WPKH, REGTEST, Wallet, vectors

MAIN_FORMAT, REGTEST_FORMAT = AddressFormat(MAIN), AddressFormat(REGTEST)
BIP84, BIP86 = vectors("bip84"), vectors("bip86")
BIP173, BIP350 = vectors("bip173_segwit_addresses"), vectors("bip350_segwit_addresses")

# What BIP-350 calls valid and nobody can spend today.
FUTURE = {
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "BC1SW50QGDZ25J",
    "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
}


@pytest.mark.parametrize("row", BIP84["addresses"], ids=lambda row: row["path"])
def test_bip84_addresses(row: dict[str, str]) -> None:
    derived = MAIN_FORMAT.derive(bytes.fromhex(row["public_key"]), P2WPKH)
    assert derived == row["address"]
    assert MAIN_FORMAT.parse(row["address"]).address_type is P2WPKH


def test_bip84_account_key_leads_to_the_addresses() -> None:
    serialized = embit_base58.decode_check(BIP84["account_xpub"])
    account = ExtendedPublicKey.parse(
        embit_base58.encode_check(bytes.fromhex("0488b21e") + serialized[4:])
    )
    codec = BitcoinCodec(MAIN)
    for row in BIP84["addresses"]:
        change, index = (int(word) for word in row["path"].split("/")[-2:])
        assert codec.address_path(P2WPKH, 0, index, change=bool(change)) == row["path"]
        key = account.child(change).child_public_key(index)
        assert codec.derive_address(key, P2WPKH) == row["address"]


def test_bip86_account_key_leads_to_the_addresses() -> None:
    account = ExtendedPublicKey.parse(BIP86["account_xpub"])
    codec = BitcoinCodec(MAIN)
    for row in BIP86["addresses"]:
        change, index = (int(word) for word in row["path"].split("/")[-2:])
        assert codec.address_path(P2TR, 0, index, change=bool(change)) == row["path"]
        key = account.child(change).child_public_key(index)
        assert key[1:].hex() == row["internal_key"]
        assert taproot_output_key(key[1:]).hex() == row["output_key"]
        assert codec.derive_address(key, P2TR) == row["address"]
        assert codec.addresses.script_of(row["address"]).hex() == row["scriptPubKey"]


def test_bip341_output_without_script_tree() -> None:
    rows = [r for r in vectors("bip341_wallet")["scriptPubKey"] if not r["given"]["scriptTree"]]
    assert rows
    for row in rows:
        internal = bytes.fromhex(row["given"]["internalPubkey"])
        assert taproot_output_key(internal).hex() == row["intermediary"]["tweakedPubkey"]
        assert MAIN_FORMAT.derive(b"\x02" + internal, P2TR) == row["expected"]["bip350Address"]


@pytest.mark.parametrize(
    "row",
    [row for row in BIP350["valid"] if row["address"].lower().startswith("bc1")],
    ids=lambda row: row["address"],
)
def test_bip350_valid(row: dict[str, str]) -> None:
    if row["address"] in FUTURE:
        with pytest.raises(InvalidAddress, match="no rule for spending"):
            MAIN_FORMAT.parse(row["address"])
        return
    parsed = MAIN_FORMAT.parse(row["address"])
    assert parsed.address == row["address"].lower()
    assert MAIN_FORMAT.script_of(parsed.address).hex() == row["script"]
    assert MAIN_FORMAT.address_of(bytes.fromhex(row["script"])) == parsed.address


@pytest.mark.parametrize(
    "row",
    [row for row in BIP350["valid"] if row["address"].startswith("tb1")],
    ids=lambda row: row["address"],
)
def test_bip350_valid_on_another_network(row: dict[str, str]) -> None:
    for ours in (MAIN_FORMAT, REGTEST_FORMAT):
        with pytest.raises(WrongNetwork, match="testnet"):
            ours.parse(row["address"])


@pytest.mark.parametrize("row", BIP350["invalid"], ids=lambda row: row["address"])
def test_bip350_invalid(row: dict[str, str]) -> None:
    expected = {
        "Invalid human-readable part": WrongNetwork,
        "Invalid checksum (Bech32 instead of Bech32m)": WrongChecksum,
        "Invalid checksum (Bech32m instead of Bech32)": WrongChecksum,
    }.get(row["reason"], InvalidAddress)
    with pytest.raises(InvalidAddress) as caught:
        MAIN_FORMAT.parse(row["address"])
    assert caught.type is expected


@pytest.mark.parametrize("row", BIP173["invalid"], ids=lambda row: row["address"])
def test_bip173_invalid(row: dict[str, str]) -> None:
    with pytest.raises(InvalidAddress):
        MAIN_FORMAT.parse(row["address"])


def test_version_1_and_above_in_bech32_is_a_wrong_checksum_since_bip350() -> None:
    later = [row for row in BIP173["valid"] if not row["script"].startswith("00")]
    assert later
    for row in later:
        with pytest.raises(WrongChecksum):
            MAIN_FORMAT.parse(row["address"])


# Outcomes in order of precedence; the texts are public examples of each kind.
REFUSALS = [
    ("", InvalidAddress),
    ("é1qqqq", InvalidAddress),
    ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdQ", InvalidAddress),  # mixed case
    ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp", WrongChecksum),  # one letter
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", WrongChecksum),
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN", WrongChecksum),  # one letter less
    ("1BvBMSEYstWetqTFn5Au4m4GF", InvalidAddress),  # cut off
    ("11BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", InvalidAddress),  # a zero byte too many
    ("1111111111111111111114oLvT2", ZeroAddress),
    ("bc1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq9e75rs", ZeroAddress),
    ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", WrongNetwork),
    ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", WrongNetwork),
    ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", WrongNetwork),
    ("LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1", WrongNetwork),  # Litecoin
    ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", WrongNetwork),  # TRON
    ("ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9", WrongNetwork),
    ("0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe", WrongNetwork),
    ("0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BA", InvalidAddress),  # one digit less
    ("9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM", WrongNetwork),  # Solana
    ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", InvalidAddress),  # a private key
    (
        "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
        InvalidAddress,
    ),
]


@pytest.mark.parametrize(("text", "error"), REFUSALS)
def test_refusals(text: str, error: type[InvalidAddress]) -> None:
    with pytest.raises(InvalidAddress) as caught:
        MAIN_FORMAT.parse(text)
    assert caught.type is error
    assert not text or text not in str(caught.value), "a pasted secret must not reach a log"


def test_taproot_key_that_is_not_on_the_curve_is_refused() -> None:
    # x = 5 has no point on secp256k1: nobody could ever spend it.
    text = script.Script(b"\x51\x20" + (5).to_bytes(32, "big")).address(NETWORKS["main"])
    with pytest.raises(InvalidAddress, match="not on the curve"):
        MAIN_FORMAT.parse(text)
    with pytest.raises(InvalidInput):
        taproot_output_key((5).to_bytes(32, "big"))


def test_upper_case_is_a_spelling_of_the_same_address() -> None:
    address = BIP84["addresses"][0]["address"]
    assert MAIN_FORMAT.parse(address.upper()).address == address


@pytest.mark.parametrize(
    ("network", "embit_network"), [(MAIN_FORMAT, "main"), (REGTEST_FORMAT, "regtest")]
)
@pytest.mark.parametrize("secret", range(1, 6))
def test_embit_agrees_on_every_script(
    network: AddressFormat, embit_network: str, secret: int
) -> None:
    key = ec.PrivateKey(secret.to_bytes(32, "big")).get_public_key()
    kinds = {
        AddressType.P2PKH: script.p2pkh(key),
        AddressType.P2SH: script.p2sh(script.p2wpkh(key)),
        AddressType.P2WPKH: script.p2wpkh(key),
        AddressType.P2WSH: script.p2wsh(script.p2pkh(key)),
        AddressType.P2TR: script.p2tr(key),
    }
    for kind, output in kinds.items():
        address = output.address(NETWORKS[embit_network])
        assert network.parse(address).address_type is kind
        assert network.script_of(address) == output.data
        assert network.address_of(output.data) == address
        assert script_type(output.data) is (kind if kind in (P2WPKH, P2TR) else None)
    assert network.derive(key.sec(), P2WPKH) == kinds[P2WPKH].address(NETWORKS[embit_network])
    assert network.derive(key.sec(), P2TR) == kinds[P2TR].address(NETWORKS[embit_network])


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"\x6a",
        b"\x6a\x04data",
        b"\x00\x14" + bytes(19),
        b"\x00\x15" + bytes(20),
        b"\x51\x02\x4e\x73",  # pay to anchor
        b"\x52\x20" + bytes(32),
        b"\x21" + b"\x02" * 33 + b"\xac",  # a bare public key
        b"\x76\xa9\x14" + bytes(20) + b"\x88\xad",
    ],
)
def test_other_scripts_have_no_address(output: bytes) -> None:
    assert MAIN_FORMAT.address_of(output) is None


def test_what_is_derived_and_what_is_not() -> None:
    codec = Wallet().codec
    assert codec.account_path(P2TR, 7) == "m/86'/1'/7'"
    assert codec.address_path(P2WPKH, 7, 3) == "m/84'/1'/7'/0/3"
    assert codec.key_scheme(P2TR) is KeyScheme.SECP256K1
    for refuse in (codec.key_scheme, lambda kind: codec.account_path(kind, 0)):
        with pytest.raises(InvalidInput):
            refuse(AddressType.P2PKH)
    with pytest.raises(InvalidInput):
        codec.derive_address(bytes(33), AddressType.P2SH)
