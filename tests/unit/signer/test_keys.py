"""Public BIP-32 derivation and paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.keys import (
    HARDENED,
    ExtendedPublicKey,
    InvalidExtendedKey,
    InvalidPath,
    format_path,
    is_under,
    parse_path,
)
from tests.support.signer import vectors

BIP32 = vectors("bip32")


def chains():
    return [chain for case in BIP32["cases"] for chain in case["chains"]]


@pytest.mark.parametrize("chain", chains(), ids=lambda chain: chain["path"])
def test_bip32_keys_survive_parsing(chain):
    assert ExtendedPublicKey.parse(chain["xpub"]).serialize() == chain["xpub"]


def test_bip32_public_children_of_every_non_hardened_step():
    checked = 0
    for case in BIP32["cases"]:
        for parent, child in zip(case["chains"], case["chains"][1:], strict=False):
            index = child["path"].rsplit("/", 1)[1]
            if index.endswith("'"):
                continue
            key = ExtendedPublicKey.parse(parent["xpub"])
            assert key.child(int(index)).serialize() == child["xpub"]
            assert key.derive(index).serialize() == child["xpub"]
            assert key.child_public_key(int(index)) == key.child(int(index)).public_key
            checked += 1
    assert checked == 6


@pytest.mark.parametrize("case", BIP32["invalid"], ids=lambda case: case["reason"])
def test_bip32_invalid_extended_keys(case):
    with pytest.raises(InvalidExtendedKey):
        ExtendedPublicKey.parse(case["key"])


def test_a_private_extended_key_is_no_public_one():
    with pytest.raises(InvalidExtendedKey):
        ExtendedPublicKey.parse(chains()[0]["xprv"])


@pytest.mark.parametrize("index", [-1, HARDENED, HARDENED + 5])
def test_hardened_children_need_the_private_key(index):
    with pytest.raises(InvalidPath):
        ExtendedPublicKey.parse(chains()[0]["xpub"]).child(index)


@pytest.mark.parametrize(
    "path",
    [
        "", "84'/1'", "M/0", "m/", "m//0", "m/0/", "m/00", "m/01'", "m/-1", "m/+1", "m/1''", "m/1h",
        "m/1H", "m/'", "m/ 1", "m/1 ", "m/2147483648", "m/2147483648'", "m/9999999999999", "m/١",
        "m/0x1", "m/1e1", "m\n/0", "m/" + "/".join(["0"] * 256),
    ],
)  # fmt: skip
def test_paths_have_one_spelling(path):
    with pytest.raises(InvalidPath):
        parse_path(path)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=12))
def test_path_round_trip(indices):
    assert parse_path(format_path(tuple(indices))) == tuple(indices)


@pytest.mark.parametrize(
    ("path", "prefix", "under"),
    [
        ("m/84'/1'/7'/0/1", "m/84'/1'/7'", True),
        ("m/84'/1'/7'", "m/84'/1'/7'", True),
        ("m/84'/1'/70'/0/1", "m/84'/1'/7'", False),
        ("m/84'/1'/7/0/1", "m/84'/1'/7'", False),
        ("m/84'/1'", "m/84'/1'/7'", False),
    ],
)
def test_is_under_compares_whole_indices(path, prefix, under):
    assert is_under(path, prefix) is under
