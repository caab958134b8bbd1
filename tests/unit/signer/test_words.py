"""The seed on paper."""

import itertools

import pytest
from bip_utils import Bip39SeedGenerator

from signer.ceremonies.words import combine, entropy_of, seed_of, split, words_of
from signer.errors import WordsInvalid
from tests.support.signer import vectors

BIP39 = vectors("bip39")["cases"]


@pytest.mark.parametrize("case", BIP39, ids=lambda case: case["entropy"][:8])
def test_bip39_words_both_ways(case):
    entropy = bytearray.fromhex(case["entropy"])
    assert words_of(entropy) == case["words"]
    assert entropy_of(case["words"]) == entropy


@pytest.mark.parametrize("case", BIP39[::4], ids=lambda case: case["entropy"][:8])
def test_bip39_seed_agrees_with_bip_utils(case):
    ours = seed_of(bytearray.fromhex(case["entropy"]))
    assert bytes(ours) == Bip39SeedGenerator(case["words"]).Generate()


def test_case_and_spacing_of_words_are_forgiven():
    words = BIP39[12]["words"]
    assert entropy_of(f"  {words.upper()} \n").hex() == BIP39[12]["entropy"]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "abandon",
        " ".join(["abandon"] * 12),
        " ".join(["abandon"] * 11 + ["abou"]),
        BIP39[0]["words"] + " about",
        BIP39[0]["words"].replace("about", "zzzz"),
    ],
)
def test_words_with_a_mistake_are_refused_without_repeating_them(words):
    with pytest.raises(WordsInvalid) as raised:
        entropy_of(words)
    assert "abandon" not in str(raised.value)


@pytest.mark.parametrize(
    "case", vectors("slip39")["cases"], ids=lambda case: case["description"].split(".")[0]
)
def test_slip39_sets_that_restore_and_that_do_not(case):
    if case["secret_trezor"]:
        assert len(combine(case["shares"])) == len(case["secret_trezor"]) // 2
    else:
        with pytest.raises(WordsInvalid):
            combine(case["shares"])


@pytest.mark.parametrize("length", [16, 20, 24, 28, 32])
def test_any_threshold_of_shares_restores_and_fewer_do_not(length):
    entropy = bytearray(range(length))
    shares = split(entropy, 2, 4)
    for chosen in itertools.combinations(shares, 2):
        assert combine(chosen) == entropy
    with pytest.raises(WordsInvalid):
        combine(shares[:1])


@pytest.mark.parametrize(("threshold", "shares"), [(1, 3), (0, 0), (4, 3), (2, 17)])
def test_a_split_that_protects_nothing_is_refused(threshold, shares):
    with pytest.raises(WordsInvalid):
        split(bytearray(16), threshold, shares)


def test_shares_of_two_secrets_do_not_mix():
    with pytest.raises(WordsInvalid):
        combine([split(bytearray(16), 2, 2)[0], split(bytearray(16), 2, 2)[1]])
