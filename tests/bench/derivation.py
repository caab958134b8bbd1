"""Addresses derived: what custody does for each new deposit address, beside other libraries.

secp256k1: custody derives from an account's extended public key by itself. ed25519: custody asks
the signer's process for public keys in batches, since SLIP-10 has no public derivation there.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from coincurve import PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.families import CODECS
from chains.keys import HARDENED, ExtendedPublicKey
from chains.model import Address, AddressType
from custody.vaults.keys import AddressDeriver
from tests.bench import peers
from tests.bench.measure import Contestant, Rate, Work, cpu_of, race
from tests.bench.requests import Signer, Vault
from tests.bench.scale import Scale
from tests.bench.table import Aim, Figure, Row, core_aim
from tests.support.networks import find_network

SECTION = "Addresses derived"

_CORE_AIM = 10_000
_CHECKED = 5
_KINDS = (
    ("bitcoin-regtest", AddressType.P2WPKH, "BTC P2WPKH"),
    ("bitcoin-regtest", AddressType.P2TR, "BTC P2TR"),
    ("ethereum-local", AddressType.EVM, "EVM"),
    ("tron-local", AddressType.TRON, "TRON"),
)


async def measure(signer: Signer, vault: Vault, scale: Scale) -> list[Row]:
    """All rows of the section."""
    rows = []
    for alias, kind, what in _KINDS:
        ours = Account(signer, vault, alias, kind)
        branch = await ours.branch()
        theirs = {"bip_utils": peers.bip_utils_address(_mainnet(branch), kind, "bcrt")}
        if kind is AddressType.P2WPKH:
            theirs["bitcoinlib"] = peers.bitcoinlib_address(branch.serialize())
        sample = await ours.derive(_CHECKED)
        for address in theirs.values():
            peers.check_same(sample, address)
        rates = await race(
            scale.rounds,
            [
                Contestant("custody", ours.derives(scale.addresses)),
                Contestant("limit", _bare_secp256k1(branch, scale.addresses)),
                *(Contestant(n, _repeat(a, scale.peer_addresses)) for n, a in theirs.items()),
            ],
        )
        aim = core_aim(_CORE_AIM, rates[0].core)
        rows.append(_row(what, rates, "child keys alone", list(theirs), aim))
    return [*rows, await _solana(signer, vault, scale)]


async def _solana(signer: Signer, vault: Vault, scale: Scale) -> Row:
    ours = Account(signer, vault, "solana-local", AddressType.SOLANA)
    address = peers.bip_utils_solana()
    rates = await race(
        scale.rounds,
        [
            Contestant("signer", ours.derives(scale.addresses), cpu=cpu_of(signer.pid)),
            Contestant("limit", _bare_ed25519(scale.addresses)),
            Contestant("bip_utils", _repeat(address, scale.peer_addresses)),
        ],
    )
    what = "Solana, by the signer, in batches"
    return _row(what, rates, "child keys alone", ["bip_utils, with the private key"])


class Account:
    """One vault's account, deriving ever further. `branch`: the key its addresses hang below."""

    def __init__(self, signer: Signer, vault: Vault, alias: str, kind: AddressType) -> None:
        network = find_network(alias)
        self._client = signer.client
        self._codec = CODECS[network.family](network)
        self._deriver = AddressDeriver(signer.client)
        self._vault = vault
        self._kind = kind
        self._next = 0

    async def derive(self, number: int) -> list[Address]:
        """The next addresses, as custody derives them."""
        positions = range(self._next, self._next + number)
        self._next += number
        found = await self._deriver.derive(
            self._codec, self._vault.name, self._vault.account, self._kind, positions, change=False
        )
        return [each.address for each in found]

    def derives(self, number: int) -> Work:
        async def work() -> int:
            return len(await self.derive(number))

        return work

    async def branch(self) -> ExtendedPublicKey:
        network = self._codec.network.id
        xpub = await self._client.account_key(self._vault.name, network, self._kind)
        return ExtendedPublicKey.parse(xpub).child(0)


def _row(what: str, rates: Sequence[Rate], limit: str, theirs: Sequence[str], *aims: Aim) -> Row:
    ours, bare, *others = rates
    figures = [
        Figure(name, rate.wall, rate.core) for name, rate in zip(theirs, others, strict=True)
    ]
    return Row(
        SECTION,
        what,
        "1/s",
        Figure("ours", ours.wall, ours.core),
        Figure(limit, bare.wall, bare.core),
        tuple(figures),
        aims,
    )


def _repeat(address: peers.AddressAt, number: int) -> Work:
    """New indices each time, since a library may remember."""
    indices = count()

    async def work() -> int:
        for _ in range(number):
            address(next(indices))
        return number

    return work


def _bare_secp256k1(branch: ExtendedPublicKey, number: int) -> Work:
    """CKDpub of BIP-32 and nothing else: one HMAC, one multiplication, one addition."""
    parent, data, chain_code = PublicKey(branch.public_key), branch.public_key, branch.chain_code
    indices = count()

    async def work() -> int:
        for index in (next(indices) for _ in range(number)):
            digest = hmac.digest(chain_code, data + index.to_bytes(4, "big"), "sha512")
            tweak = PublicKey.from_valid_secret(digest[:32])
            PublicKey.combine_keys([parent, tweak]).format()
        return number

    return work


def _bare_ed25519(number: int) -> Work:
    """CKDpriv of SLIP-10 and the public key."""
    chain_code = bytes(32)
    indices = count()

    async def work() -> int:
        for index in (next(indices) + HARDENED for _ in range(number)):
            material = b"\0" + peers.SECRET + index.to_bytes(4, "big")
            digest = hmac.digest(chain_code, material, "sha512")
            Ed25519PrivateKey.from_private_bytes(digest[:32]).public_key().public_bytes_raw()
        return number

    return work


def _mainnet(key: ExtendedPublicKey) -> str:
    """The same key in the spelling that every library reads."""
    return replace(key, testnet=False).serialize()
