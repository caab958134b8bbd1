import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.errors import InvalidAddress, InvalidInput
from chains.model import AddressType
from chains.solana import NONCE_ACCOUNTS_MAX, RESERVED_ACCOUNTS, address, nonce
from chains.solana.codec import SolanaCodec
from tests.support.solana import LOCAL, MAIN, key_at, vectors

VECTORS = vectors("addresses")
CODEC = SolanaCodec(MAIN)


@pytest.mark.parametrize("row", VECTORS["derived"], ids=lambda row: row["path"])
def test_address_of_a_derived_key(row):
    public_key = bytes(key_at(row["mnemonic"], row["path"]).pubkey())
    assert CODEC.derive_address(public_key, AddressType.SOLANA) == row["address"]


@pytest.mark.parametrize("row", VECTORS["on_curve"], ids=lambda row: row["address"])
def test_on_curve(row):
    parsed = CODEC.parse_address(row["address"])
    assert (parsed.address, parsed.address_type) == (row["address"], AddressType.SOLANA)


@pytest.mark.parametrize("row", VECTORS["off_curve"], ids=lambda row: row["address"])
def test_off_curve(row):
    parsed = CODEC.parse_address(row["address"])
    assert (parsed.address, parsed.address_type) == (row["address"], AddressType.SOLANA_OFF_CURVE)


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["text"][:50] or "empty")
def test_refused(row):
    with pytest.raises(InvalidAddress) as caught:
        CODEC.parse_address(row["text"])
    assert caught.value.code == row["error"]
    assert row["text"][:1] == "" or row["text"] not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize("reserved", sorted(RESERVED_ACCOUNTS))
def test_reserved_accounts_are_addresses_that_can_not_receive(reserved):
    assert str(Pubkey.from_string(reserved)) == reserved
    with pytest.raises(InvalidAddress):
        address.parse(reserved)


@pytest.mark.parametrize("public_key", [b"", bytes(31), bytes(33), b"\x02" * 32])
def test_no_address_for_what_is_no_public_key(public_key):
    with pytest.raises(ValueError, match=r"public key|curve"):
        address.from_public_key(public_key)


def test_paths_are_hardened_throughout():
    assert CODEC.account_path(AddressType.SOLANA, 7) == "m/44'/501'/7'"
    assert CODEC.address_path(AddressType.SOLANA, 7, 3) == "m/44'/501'/7'/3'"


@pytest.mark.parametrize("other", [kind for kind in AddressType if kind is not AddressType.SOLANA])
def test_derives_no_other_type(other):
    with pytest.raises(InvalidInput):
        CODEC.account_path(other, 0)
    with pytest.raises(InvalidInput):
        CODEC.key_scheme(other)
    with pytest.raises(InvalidInput):
        CODEC.derive_address(bytes(Keypair().pubkey()), other)


@pytest.mark.parametrize("row", VECTORS["with_seed"], ids=lambda row: row["seed"])
def test_create_with_seed(row):
    base, owner = Pubkey.from_string(row["base"]), Pubkey.from_string(row["owner"])
    assert str(Pubkey.create_with_seed(base, row["seed"], owner)) == row["address"]


def test_nonce_accounts_are_found_by_index_and_belong_to_one_source():
    one, other = Keypair().pubkey(), Keypair().pubkey()
    accounts = nonce.accounts_of(one)
    assert len(set(accounts)) == NONCE_ACCOUNTS_MAX
    assert [nonce.index_of(one, account) for account in accounts[:3]] == [0, 1, 2]
    assert nonce.index_of(other, accounts[0]) is None
    assert accounts[5] == Pubkey.create_with_seed(one, "custody-nonce-5", Pubkey.default())


def test_local_and_main_network_share_the_format():
    text = VECTORS["on_curve"][0]["address"]
    assert SolanaCodec(LOCAL).parse_address(text) == CODEC.parse_address(text)
