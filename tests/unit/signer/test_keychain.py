"""Private derivation, and keychains that reach no further than they should."""

import pytest
from bip_utils import (
    Bip39SeedGenerator,
    Bip44,
    Bip44Changes,
    Bip44Coins,
    Bip84,
    Bip84Coins,
    Bip86,
    Bip86Coins,
)
from embit import base58
from eth_account import Account

from chains.families import CODECS
from chains.keys import InvalidPath, parse_path
from chains.model import AddressType, KeyScheme, SignatureAlgorithm
from signer.ceremonies.words import entropy_of, seed_of
from signer.errors import OutsideScope
from signer.keychain import Root
from tests.support.networks import find_network
from tests.support.signer import vectors

WORDS = vectors("bip84")["words"]
SECP, ED = KeyScheme.SECP256K1, KeyScheme.ED25519


def root() -> Root:
    return Root(seed_of(entropy_of(WORDS)))


def cases(name):
    return [
        pytest.param(case["seed"], chain, case.get("curve", "secp256k1"), id=chain["path"])
        for case in vectors(name)["cases"]
        for chain in case["chains"]
    ]


@pytest.mark.parametrize(("seed", "chain", "curve"), cases("bip32"))
def test_bip32_private_chains(seed, chain, curve):
    node = Root(bytearray.fromhex(seed)).node(SECP, parse_path(chain["path"]))
    private = base58.decode_check(chain["xprv"])
    assert (bytes(node.secret), node.chain_code) == (private[46:], private[13:45])
    assert node.public_key() == base58.decode_check(chain["xpub"])[45:]


@pytest.mark.parametrize(("seed", "chain", "curve"), cases("slip10"))
def test_slip10_chains(seed, chain, curve):
    node = Root(bytearray.fromhex(seed)).node(KeyScheme(curve), parse_path(chain["path"]))
    assert bytes(node.secret).hex() == chain["private"]
    assert node.chain_code.hex() == chain["chain_code"]
    assert node.public_key().hex() == chain["public"].removeprefix("00")


def test_bip84_keys_and_addresses():
    codec = CODECS[find_network("bitcoin").family](find_network("bitcoin"))
    with root().keychain("m/84'/0'/0'", SECP) as keychain:
        for case in vectors("bip84")["cases"]:
            key = keychain.public_key(case["path"])
            assert key.hex() == case["public_key"]
            assert codec.derive_address(key, AddressType.P2WPKH) == case["address"]


def test_bip86_account_keys_and_addresses():
    codec = CODECS[find_network("bitcoin").family](find_network("bitcoin"))
    with root().keychain("m/86'/0'/0'", SECP) as keychain:
        assert keychain.account_key().serialize() == vectors("bip86")["account"]["xpub"]
        for case in vectors("bip86")["cases"]:
            key = keychain.public_key(case["path"])
            assert key[1:].hex() == case["internal_key"]
            assert codec.derive_address(key, AddressType.P2TR) == case["address"]


@pytest.mark.parametrize(
    ("alias", "address_type", "maker", "coin"),
    [
        ("bitcoin", AddressType.P2WPKH, Bip84, Bip84Coins.BITCOIN),
        ("bitcoin", AddressType.P2TR, Bip86, Bip86Coins.BITCOIN),
        ("ethereum", AddressType.EVM, Bip44, Bip44Coins.ETHEREUM),
        ("bsc", AddressType.EVM, Bip44, Bip44Coins.ETHEREUM),
        ("tron", AddressType.TRON, Bip44, Bip44Coins.TRON),
    ],
)
def test_addresses_agree_with_bip_utils(alias, address_type, maker, coin):
    codec = CODECS[find_network(alias).family](find_network(alias))
    seed = Bip39SeedGenerator(WORDS).Generate()
    for account in (0, 7):
        theirs = maker.FromSeed(seed, coin).Purpose().Coin().Account(account)
        with root().keychain(codec.account_path(address_type, account), SECP) as keychain:
            for index in (0, 1, 1000):
                path = codec.address_path(address_type, account, index)
                ours = codec.derive_address(keychain.public_key(path), address_type)
                other = theirs.Change(Bip44Changes.CHAIN_EXT).AddressIndex(index)
                assert ours == other.PublicKey().ToAddress()


def test_solana_addresses_agree_with_bip_utils():
    codec = CODECS[find_network("solana").family](find_network("solana"))
    theirs = Bip44.FromSeed(Bip39SeedGenerator(WORDS).Generate(), Bip44Coins.SOLANA)
    for account, index in ((0, 0), (7, 3)):
        with root().keychain(codec.account_path(AddressType.SOLANA, account), ED) as keychain:
            path = codec.address_path(AddressType.SOLANA, account, index)
            ours = codec.derive_address(keychain.public_key(path), AddressType.SOLANA)
        if index == 0:  # bip_utils has the change level only as an enumeration
            other = theirs.Purpose().Coin().Account(account).Change(Bip44Changes.CHAIN_EXT)
            assert ours == other.PublicKey().ToAddress()
        assert path == f"m/44'/501'/{account}'/{index}'"


def test_ethereum_agrees_with_eth_account():
    Account.enable_unaudited_hdwallet_features()
    codec = CODECS[find_network("ethereum").family](find_network("ethereum"))
    with root().keychain("m/44'/60'/0'", SECP) as keychain:
        for index in (0, 5):
            path = f"m/44'/60'/0'/0/{index}"
            ours = codec.derive_address(keychain.public_key(path), AddressType.EVM)
            assert ours == Account.from_mnemonic(WORDS, account_path=path).address


def test_public_derivation_reaches_the_same_keys():
    with root().keychain("m/84'/1'/3'", SECP) as keychain:
        account = keychain.account_key()
        assert account.serialize().startswith("tpub")
        for path in ("0/0", "0/7", "1/2"):
            assert account.derive(path).public_key == keychain.public_key(f"m/84'/1'/3'/{path}")


@pytest.mark.parametrize(
    "path",
    ["m/84'/1'/3'", "m/84'/1'/4'/0/0", "m/84'/1'", "m", "m/84'/1'/3/0/0", "m/86'/1'/3'/0/0"],
)
def test_a_path_outside_the_scope_is_refused(path):
    with root().keychain("m/84'/1'/3'", SECP) as keychain:
        with pytest.raises(OutsideScope):
            keychain.public_key(path)
        with pytest.raises(OutsideScope):
            keychain.sign(path, SignatureAlgorithm.ECDSA_RECOVERABLE, bytes(32))


@pytest.mark.parametrize("scope", ["m", "m/84'/1'/3", "m/0", "m/84'/1'/3'/0"])
def test_a_scope_that_is_not_hardened_is_refused(scope):
    with pytest.raises(OutsideScope):
        root().keychain(scope, SECP)


def test_a_closed_keychain_reaches_nothing():
    with root().keychain("m/84'/1'/3'", SECP) as keychain:
        pass
    with pytest.raises(OutsideScope):
        keychain.public_key("m/84'/1'/3'/0/0")


def test_an_algorithm_of_another_curve_is_refused():
    with root().keychain("m/84'/1'/3'", SECP) as keychain, pytest.raises(OutsideScope):
        keychain.sign("m/84'/1'/3'/0/0", SignatureAlgorithm.ED25519, b"text")


def test_ed25519_has_no_public_children():
    with root().keychain("m/44'/501'/3'", ED) as keychain, pytest.raises(OutsideScope):
        keychain.public_key("m/44'/501'/3'/0")


def test_a_path_in_another_spelling_is_refused():
    with root().keychain("m/84'/1'/3'", SECP) as keychain, pytest.raises(InvalidPath):
        keychain.public_key("m/84h/1h/3h/0/0")


def test_wiping_overwrites_every_node():
    everything = root()
    with everything.keychain("m/84'/1'/3'", SECP) as keychain:
        keychain.public_key("m/84'/1'/3'/0/0")
    secrets = [everything.node(SECP, ()).secret, everything.node(SECP, parse_path("m/84'")).secret]
    own = everything.own_key("log")
    everything.wipe()
    assert all(not any(secret) for secret in secrets)
    with pytest.raises(KeyError):
        everything.node(SECP, parse_path("m/84'"))
    assert "secret" not in repr(own)


def test_nothing_secret_in_a_repr():
    everything = root()
    node = everything.node(SECP, parse_path("m/84'"))
    secret = bytes(node.secret).hex()
    with everything.keychain("m/84'/1'/3'", SECP) as keychain:
        for thing in (everything, keychain, node):
            assert secret not in repr(thing)
            assert str(bytes(node.secret)) not in repr(thing)


def test_own_keys_differ_by_purpose_and_sign_only_our_own_statements():
    everything = root()
    assert everything.own_key("log").public_key != everything.own_key("attestation").public_key
    with pytest.raises(AssertionError):
        everything.own_key("log").sign(b"\x80 a transaction")
