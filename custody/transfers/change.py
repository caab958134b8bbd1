"""A fresh change address for each transfer that pays with coins.

Remembered for as long as this process tries the same transfer, so that retries don't use up
addresses; after a restart it is simply another one.
"""

from __future__ import annotations

from chains.codec import TransactionCodec
from chains.model import OwnedAddress
from custody.errors import CustodyError
from custody.transfers.sources import owned
from custody.vaults.service import Vaults
from signer.wire import Mandate


class ChangeAddresses:
    def __init__(self, vaults: Vaults) -> None:
        self._vaults = vaults
        self._given: dict[str, OwnedAddress] = {}

    async def of(self, mandate: Mandate, codec: TransactionCodec, account: int) -> OwnedAddress:
        """Of the account that pays: change must return to where the mandate says it came from.

        Raises SignerError where the account's key is not known yet.
        """
        if mandate.transfer not in self._given:
            network = codec.network
            kinds = [
                kind
                for kind in network.address_types
                if codec.account_path(kind, account) == mandate.source_path
            ]
            if len(kinds) != 1:
                raise CustodyError("source_unknown", "the mandate names no account of this vault")
            rows = await self._vaults.create_addresses(
                mandate.vault, network.id, address_type=kinds[0], change=True
            )
            self._given[mandate.transfer] = owned(rows[0])
        return self._given[mandate.transfer]

    def forget(self, transfer_id: str) -> None:
        """It is built, or will never be."""
        self._given.pop(transfer_id, None)
