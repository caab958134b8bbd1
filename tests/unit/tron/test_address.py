import pytest
from coincurve import PrivateKey

from chains.errors import InvalidAddress, WrongNetwork
from chains.model import Address, AddressType
from chains.tron import address
from chains.tron.codec import TronCodec
from tests.support.tron import MAIN, key_at, vectors

VECTORS = vectors("addresses")


@pytest.mark.parametrize("row", VECTORS["paths"], ids=lambda row: row["path"])
def test_derivation_by_bip44(row):
    public_key = key_at(VECTORS["mnemonic"], row["path"]).public_key.format()
    assert TronCodec(MAIN).derive_address(public_key, AddressType.TRON) == row["address"]


def test_paths_are_bip44_with_slip44_type_195():
    codec = TronCodec(MAIN)
    assert codec.account_path(AddressType.TRON, 2) == "m/44'/195'/2'"
    assert codec.address_path(AddressType.TRON, 0, 1) == "m/44'/195'/0'/0/1"


@pytest.mark.parametrize("row", VECTORS["keys"], ids=lambda row: row["address"])
def test_address_of_a_key(row):
    key = PrivateKey.from_hex(row["private_key"])
    assert address.from_public_key(key.public_key.format()) == row["address"]


@pytest.mark.parametrize("row", VECTORS["hexadecimal"], ids=lambda row: row["address"])
def test_every_spelling_becomes_base58check(row):
    for text in (row["address"], row["hex"], "0x" + row["hex"], row["hex"].upper()):
        assert address.parse(text) == row["address"]
    assert address.to_bytes(Address(row["address"])).hex() == row["hex"]


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["text"] or "empty")
def test_what_is_no_address_of_this_network(row):
    with pytest.raises(InvalidAddress) as caught:
        address.parse(row["text"])
    assert caught.value.code == row["code"]


def test_canonical_text_only():
    with pytest.raises(InvalidAddress):
        address.to_bytes(Address(VECTORS["hexadecimal"][0]["hex"]))
    with pytest.raises(WrongNetwork):
        address.to_bytes(Address("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"))


@pytest.mark.parametrize("key", [b"", bytes(33), b"\x04" + bytes(64), b"\x02" * 32])
def test_no_address_without_a_compressed_point(key):
    with pytest.raises(ValueError, match=r".+"):
        address.from_public_key(key)
