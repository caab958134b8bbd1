"""A fresh change address for each transfer that pays with coins.

The address of an attempt that built nothing goes to the next one: the signer looks at how far ahead
of its last the change is, so addresses must not be used up by transfers that can't be built. After
a restart it is simply another one.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.codec import TransactionCodec
from chains.model import AddressType, NetworkId, OwnedAddress
from custody.errors import CustodyError
from custody.transactions.planners.plan import Waiting
from custody.vaults.paying import owned
from custody.vaults.service import Vaults

_Place = tuple[str, NetworkId, AddressType]
"""Vault, network and type of address."""


class ChangeAddresses:
    def __init__(self, vaults: Vaults) -> None:
        self._vaults = vaults
        self._given: dict[str, tuple[_Place, OwnedAddress]] = {}
        self._free: dict[_Place, list[OwnedAddress]] = {}

    async def of(
        self, paying: Sequence[Waiting], codec: TransactionCodec
    ) -> dict[str, OwnedAddress]:
        """By transfer. Of the account that pays: change must return to where the mandate says it
        came from.

        Raises SignerError where an account's key is not known yet.
        """
        wanted: dict[_Place, list[str]] = {}
        for each in paying:
            if each.transfer not in self._given:
                wanted.setdefault(_place(each, codec), []).append(each.transfer)
        for place, transfers in wanted.items():
            addresses = await self._next(place, len(transfers))
            for transfer, address in zip(transfers, addresses, strict=True):
                self._given[transfer] = place, address
        return {each.transfer: self._given[each.transfer][1] for each in paying}

    def forget(self, transfer_id: str) -> None:
        """It is built with its address, which belongs to it from now on."""
        self._given.pop(transfer_id, None)

    def release(self, transfer_id: str) -> None:
        """Nothing was built with its address: the next transfer may have it."""
        given = self._given.pop(transfer_id, None)
        if given is not None:
            place, address = given
            self._free.setdefault(place, []).append(address)

    async def _next(self, place: _Place, count: int) -> list[OwnedAddress]:
        free = self._free.setdefault(place, [])
        if missing := max(0, count - len(free)):
            vault, network, kind = place
            free += map(
                owned,
                await self._vaults.create_addresses(
                    vault, network, missing, address_type=kind, change=True
                ),
            )
        given, free[:] = free[:count], free[count:]
        return given


def _place(paying: Waiting, codec: TransactionCodec) -> _Place:
    kinds = [
        kind
        for kind in codec.network.address_types
        if codec.account_path(kind, paying.account) == paying.source_path
    ]
    if len(kinds) != 1:
        raise CustodyError("source_unknown", "the mandate names no account of this vault")
    return paying.vault, codec.network.id, kinds[0]
