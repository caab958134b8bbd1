"""Every codec reads its own addresses in every spelling and names every other's a wrong network."""

from __future__ import annotations

from itertools import product

import pytest

from chains.effects import Pay
from chains.errors import InvalidAddress, WrongNetwork
from chains.families import CODECS
from chains.model import Address, AddressType
from chains.networks import Environment, Family
from chains.tron.address import to_bytes
from tests.support import families
from tests.support.paper import AMOUNT_MIN, CODEC_OF
from tests.support.wallet import Wallet

WALLET = Wallet()

# Kinds that we never derive and people still pay: P2PKH, P2SH, P2WSH (BIP-173 and Bitcoin Core's
# documentation), a token account of a wallet (program-derived, so off the curve).
FOREIGN_KINDS: dict[str, list[tuple[str, AddressType]]] = {
    "bitcoin": [
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", AddressType.P2PKH),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", AddressType.P2SH),
        (
            "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
            AddressType.P2WSH,
        ),
    ],
    "bitcoin-regtest": [
        ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", AddressType.P2PKH),
        ("2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm", AddressType.P2SH),
    ],
    "solana": [("9ZNTfG4NyQgxy2SWjSiQoUyBPEvXT2xo7fKc5hPYYJ7b", AddressType.SOLANA)],
}


def spellings(address: Address, family: Family) -> set[str]:
    """All that people paste for this one address."""
    match family:
        case families.BITCOIN:
            segwit = address.lower().startswith(("bc1", "bcrt1"))
            return {address, address.upper()} if segwit else {address}
        case families.EVM:
            return {address, address.lower(), "0x" + address[2:].upper()}
        case families.TRON:
            digits = to_bytes(address).hex()
            return {address, digits, digits.upper(), "0x" + digits}
        case _:
            return {address}


def known(alias: str) -> dict[Address, AddressType]:
    """Canonical addresses of a network with their types."""
    codec = CODEC_OF[alias]
    ours = {
        WALLET.owned(codec, kind, 1, index).address: kind
        for kind in codec.network.address_types
        for index in range(3)
    }
    return ours | {Address(text): kind for text, kind in FOREIGN_KINDS.get(alias, [])}


@pytest.mark.parametrize("alias", CODEC_OF)
def test_every_spelling_has_one_canonical_form(alias: str) -> None:
    codec = CODEC_OF[alias]
    for address, kind in known(alias).items():
        for text in spellings(address, codec.network.family):
            parsed = codec.parse_address(text)
            assert (parsed.address, parsed.address_type) == (address, kind)
            assert codec.parse_address(parsed.address) == parsed
            payment = Pay(Address(text), codec.network.native.id, AMOUNT_MIN)
            if text == address:
                codec.check_payment(payment)
            else:
                with pytest.raises(InvalidAddress):
                    codec.check_payment(payment)


@pytest.mark.parametrize("alias", CODEC_OF)
def test_all_addresses_of_a_network_differ(alias: str) -> None:
    codec = CODEC_OF[alias]
    made = [
        WALLET.owned(codec, kind, account, index).address
        for kind in codec.network.address_types
        for account in range(4)
        for index in range(5)
    ]
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(("alias", "foreign"), [*product(CODEC_OF, CODEC_OF)])
def test_the_address_of_another_family_is_a_wrong_network(alias: str, foreign: str) -> None:
    """Never a typing error and never accepted, however it is spelled. Networks of one family share
    their addresses, but for bitcoin's, which name their network."""
    codec, other = CODEC_OF[alias], CODEC_OF[foreign].network
    same_family = codec.network.family == other.family
    if alias == foreign or (same_family and other.family != families.BITCOIN):
        for address in known(foreign):
            assert codec.parse_address(address).address == address
        return
    for address in known(foreign):
        for text in spellings(address, other.family):
            with pytest.raises(InvalidAddress) as refused:
                codec.parse_address(text)
            assert refused.type is WrongNetwork, text
            assert text not in str(refused.value), "what people paste may be a secret"


def test_there_is_a_network_of_every_family_in_both_environments() -> None:
    found = {(codec.network.family, codec.network.environment) for codec in CODEC_OF.values()}
    assert found == set(product(CODECS, Environment))
