"""Turns what the signer tells about a vault's public keys into addresses.

secp256k1: the signer is asked once per account for the extended public key, and everything below it
is derived here, at the speed of libsecp256k1. ed25519 has no public derivation (SLIP-10), so there
the signer is asked for the keys themselves, in batches. No private key comes near this module.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from chains.codec import TransactionCodec
from chains.keys import ExtendedPublicKey
from chains.model import AddressType, KeyScheme, NetworkId, OwnedAddress
from signer.wire import BATCH_MAX, OpenedVault

_REMEMBERED = 10_000
"""Branches of which the key is kept in memory."""
_SLICE = 200
"""Addresses between two moments in which the event loop may do something else."""


class KeySource(Protocol):
    """The part of the signer's client that custody needs to make vaults and addresses."""

    async def open_vault(self, client: str, vault: str) -> OpenedVault:
        """The vault's account number, assigned at the first call. Safe to repeat."""
        ...

    async def account_key(self, vault: str, network: NetworkId, address_type: AddressType) -> str:
        """The extended public key at the codec's `account_path` (secp256k1 only)."""
        ...

    async def public_keys(
        self,
        vault: str,
        network: NetworkId,
        address_type: AddressType,
        start: int,
        count: int,
    ) -> tuple[bytes, ...]:
        """The public keys of receiving addresses `start` to `start + count - 1`, at most
        `signer.wire.BATCH_MAX` of them."""
        ...


class AddressDeriver:
    """Remembers the newest accounts' extended public keys, which never change."""

    def __init__(self, signer: KeySource) -> None:
        self._signer = signer
        self._branches: dict[tuple[str, NetworkId, AddressType, bool], ExtendedPublicKey] = {}

    async def derive(
        self,
        codec: TransactionCodec,
        vault: str,
        account: int,
        address_type: AddressType,
        positions: range,
        *,
        change: bool,
    ) -> list[OwnedAddress]:
        """The addresses at `positions` of one branch. Raises the signer client's errors."""
        network = codec.network.id
        if codec.key_scheme(address_type) is KeyScheme.ED25519:
            assert not change, "an account chain has no change"
            keys: list[bytes] = []
            for start in positions[::BATCH_MAX]:
                count = min(BATCH_MAX, positions.stop - start)
                keys += await self._signer.public_keys(vault, network, address_type, start, count)
        else:
            branch = await self._branch(codec, vault, account, address_type, change)
            keys = []
            for start in positions[::_SLICE]:
                part = range(start, min(start + _SLICE, positions.stop))
                keys += [branch.child_public_key(position) for position in part]
                await asyncio.sleep(0)
        made: list[OwnedAddress] = []
        for position, key in zip(positions, keys, strict=True):
            if len(made) % _SLICE == 0:
                await asyncio.sleep(0)
            made.append(
                OwnedAddress(
                    address=codec.derive_address(key, address_type),
                    address_type=address_type,
                    path=codec.address_path(address_type, account, position, change=change),
                    public_key=key,
                )
            )
        return made

    async def _branch(
        self,
        codec: TransactionCodec,
        vault: str,
        account: int,
        address_type: AddressType,
        change: bool,
    ) -> ExtendedPublicKey:
        """The parent key of all addresses of one branch, as the codec lays out its paths."""
        place = (vault, codec.network.id, address_type, change)
        if place not in self._branches:
            xpub = await self._signer.account_key(vault, codec.network.id, address_type)
            account_key = ExtendedPublicKey.parse(xpub)
            prefix = codec.account_path(address_type, account) + "/"
            path = codec.address_path(address_type, account, 0, change=change)
            assert path.startswith(prefix) and path.endswith("/0"), (
                "addresses lie below the account"
            )
            below = path.removeprefix(prefix).rpartition("/")[0]
            if len(self._branches) >= _REMEMBERED:
                del self._branches[next(iter(self._branches))]
            self._branches[place] = account_key.derive(below) if below else account_key
        return self._branches[place]
