"""Adopts an address on another network, where the vault has the key of one that it gave out.

Somebody paid on BNB Smart Chain what was meant for Ethereum: the coins lie at an address whose key
is the vault's, and nobody watches it. Whose key it is says derivation alone: the vault's key at the
same place of its tree on the other network must be the very same key, and the signer must attest
the address. All addresses before it are made too, so that a branch has no gaps, and money can be
paid from its first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from chains.codec import TransactionCodec
from chains.model import Address, AddressType, NetworkId, OwnedAddress
from custody.db.adoption_tables import AdoptionRow
from custody.db.session import Database, WriteSession
from custody.db.tables import AddressRow, VaultRow
from custody.errors import Conflict, NotFound
from custody.journal.repository import check_open
from custody.reasons import checked_reason
from custody.vaults import repository
from custody.vaults.keys import AddressDeriver, KeySource
from custody.vaults.service import Vaults
from signer.wire import Attestation

log = structlog.get_logger()


class Attester(KeySource, Protocol):
    """The part of the signer's client that is needed here."""

    async def attest(
        self, network: NetworkId, vault: str, path: str, address: Address
    ) -> Attestation:
        """Its signature, if the key at `path` is the vault's and has the address."""
        ...


class Adopting:
    def __init__(
        self, database: Database, signer: Attester, vaults: Vaults, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._signer = signer
        self._vaults = vaults
        self._deriver = AddressDeriver(signer)
        self._clock = clock

    async def adopt(
        self,
        given_on: TransactionCodec,
        text: str,
        codec: TransactionCodec,
        reason: str,
        *,
        by: str,
    ) -> AddressRow:
        """The address on `codec`'s network that has the key of `text`, which was given out on
        `given_on`'s. Watched from now on; what came before is for a rescan. Repeating it changes
        nothing.

        Raises Invalid(reason_invalid), InvalidAddress, NotFound(address_not_found),
        Conflict(key_differs_there, address_watched_there), Unavailable(signer_ahead), the signer
        client's errors.
        """
        reason = checked_reason(reason)
        network = codec.network.id
        async with self._database.read() as session:
            await check_open(session)
            address = given_on.parse_address(text).address
            given = await repository.find_address(session, given_on.network.id, address)
            if given is None or given.change:
                raise NotFound("address_not_found", "It was given out by no vault there.")
            vault = await repository.vault(session, given.vault_id)
        kind, there = await self._same_key(codec, vault, given)
        if (known := await self._known(network, there.address)) is not None:
            return known
        attested = await self._signer.attest(network, vault.id, there.path, there.address)

        async def note(session: WriteSession, rows: Sequence[AddressRow]) -> None:
            for row in rows:
                if row.position == given.position:
                    assert row.address == attested.address
                    row.label = given.label
                    new = {
                        "address_id": row.id,
                        "given_id": given.id,
                        "attestation": attested.signature,
                        "reason": reason,
                        "adopted_by": by,
                        "adopted_at": self._clock(),
                    }
                    await session.insert(AdoptionRow, [new])

        await self._vaults.fill(vault.id, codec, kind, given.position + 1, within=note)
        adopted = await self._known(network, there.address)
        assert adopted is not None
        log.warning("address_adopted", vault=vault.id, network=network, address=adopted.id, by=by)
        return adopted

    async def _same_key(
        self, codec: TransactionCodec, vault: VaultRow, given: AddressRow
    ) -> tuple[AddressType, OwnedAddress]:
        """The address at the same place of the vault's tree, if its key is the same."""
        place = range(given.position, given.position + 1)
        paths = []
        for kind in codec.network.address_types:
            [there] = await self._deriver.derive(
                codec, vault.id, vault.account, kind, place, change=False
            )
            if there.public_key == given.public_key:
                return kind, there
            paths.append(there.path)
        raise Conflict(
            "key_differs_there",
            f"The key of this address is at {given.path}; on {codec.network.name} the vault's key"
            f" is another one, at {' or '.join(paths)}, and the signer signs there with no other.",
        )

    async def _known(self, network: NetworkId, address: Address) -> AddressRow | None:
        """The address, if it was adopted. Raises Conflict(address_watched_there) if it was given
        out there."""
        async with self._database.read() as session:
            found = await repository.find_address(session, network, address)
            if found is None or await session.get(AdoptionRow, found.id) is not None:
                return found
        raise Conflict(
            "address_watched_there",
            f"It is {found.id} of the vault on that network already: what comes there is credited,"
            " and custody rescan finds what was missed.",
        )
