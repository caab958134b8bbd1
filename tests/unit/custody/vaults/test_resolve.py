"""Whose address is it? Over all networks of the table, with the real codecs.

The addresses are of well-known keys: the generator point of secp256k1, BIP-173 and BIP-350's
examples, the system program's neighbourhood on Solana.
"""

from __future__ import annotations

import pytest

from chains.bitcoin.codec import BitcoinCodec
from chains.catalogue import built_in
from chains.errors import InvalidAddress, WrongChecksum, WrongNetwork, ZeroAddress
from chains.evm.codec import EvmCodec
from chains.families import Codecs
from chains.solana.codec import SolanaCodec
from chains.tron.codec import TronCodec
from custody.vaults.resolve import resolve_address
from tests.support import families
from tests.support.networks import find_network

CODECS: Codecs = {
    families.BITCOIN: BitcoinCodec,
    families.EVM: EvmCodec,
    families.TRON: TronCodec,
    families.SOLANA: SolanaCodec,
}
ADDRESSES = {
    "bitcoin": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bitcoin-regtest": "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "ethereum-local": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
    "bsc-local": "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
    "tron-local": "TMVQGm1qAQYVdetCeGRRkTWYYrLXuHK2HC",
    "solana-local": "4zvwRjXUKGfvwnParsHAS3HuSVzV5cA4McphgmoCtajS",
}
PAIRS = [
    (ours, theirs)
    for ours in ADDRESSES
    for theirs in ADDRESSES
    if ADDRESSES[ours] != ADDRESSES[theirs]
]


@pytest.mark.parametrize("alias", ADDRESSES)
def test_an_address_of_the_network(alias: str):
    network, text = find_network(alias), ADDRESSES[alias]
    assert resolve_address(network, f" {text} ", CODECS, built_in()).address == text


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_an_address_of_another_network_is_called_by_its_name(ours: str, theirs: str):
    network, owner = find_network(ours), find_network(theirs)
    with pytest.raises(WrongNetwork) as refused:
        resolve_address(network, ADDRESSES[theirs], CODECS, built_in())
    said = str(refused.value)
    # Networks of one family may share a format: the name of any of them helps.
    names = {owner.name, owner.name.removesuffix(" (local)")}
    if owner.family == families.EVM:
        names |= {"Ethereum", "BNB Smart Chain"}
    assert any(name in said for name in names), said


@pytest.mark.parametrize("text", ["", "hello", "0x7E5F", "bc1q", "T" * 34, "0" * 44])
def test_no_address_anywhere(text: str):
    with pytest.raises(InvalidAddress) as refused:
        resolve_address(find_network("ethereum-local"), text, CODECS, built_in())
    assert not isinstance(refused.value, WrongNetwork)


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "tron-local"])
def test_a_typing_error_stays_a_typing_error(alias: str):
    text = ADDRESSES[alias]
    wrong = text[:-1] + ("a" if text[-1] != "a" else "2")
    with pytest.raises(WrongChecksum):
        resolve_address(find_network(alias), wrong, CODECS, built_in())


def test_the_burn_address_stays_the_burn_address():
    with pytest.raises(ZeroAddress):
        resolve_address(find_network("ethereum-local"), "0x" + "00" * 20, CODECS, built_in())
