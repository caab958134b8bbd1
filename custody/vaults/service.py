"""Creates clients, vaults and addresses.

The signer is asked outside of any transaction, because it may be slow or away; what it said is then
written in one. Everything here may be repeated after a failure: the signer gives the same vault the
same account, and addresses are the next free ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from weakref import WeakValueDictionary

from chains.codec import TransactionCodec
from chains.model import AddressType, NetworkId, OwnedAddress
from custody.db.ids import new_id
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import AddressRow, ClientRow, VaultOpeningRow, VaultRow
from custody.errors import Conflict, Invalid, NotFound
from custody.journal.repository import check_open
from custody.texts import PRINTABLE, fits
from custody.vaults import repository
from custody.vaults.keys import AddressDeriver, KeySource
from custody.vaults.moved_repository import successor_of, vault_moved

T = TypeVar("T")
Within = Callable[[WriteSession, T], Awaitable[None]]
"""What else to write in the transaction that creates a thing, e.g. the caller's retry key."""

BATCH_MAX = 10_000
"""Addresses per call: what fits one transaction without making others wait."""

_NAME_MAX = 200
_ATTEMPTS = 20


class Vaults:
    """One per process; `codecs` are those of the networks that are served."""

    def __init__(
        self,
        database: Database,
        signer: KeySource,
        codecs: Mapping[NetworkId, TransactionCodec],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._signer = signer
        self._codecs = codecs
        self._clock = clock
        self._deriver = AddressDeriver(signer)
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def create_client(
        self, name: str, *, within: Within[ClientRow] | None = None
    ) -> ClientRow:
        """Raises Invalid(name_invalid)."""
        row = ClientRow(id=new_id("cli"), name=_name(name), created_at=self._clock())
        async with self._database.write() as session:
            session.add(row)
            await _also(session, row, within)
        return row

    async def create_vault(
        self,
        client_id: str,
        name: str,
        *,
        only: str | None = None,
        within: Within[VaultRow] | None = None,
    ) -> VaultRow:
        """`only`: the client to which the caller is bound.

        Raises Invalid(name_invalid), NotFound(client_not_found), Unavailable(signer_ahead), the
        signer client's errors.
        """
        checked = _name(name)
        vault_id = new_id("vlt")
        opening = VaultOpeningRow(
            vault_id=vault_id, client_id=client_id, name=checked, created_at=self._clock()
        )
        async with self._database.write() as session:
            await repository.client(session, client_id, only=only)
            await check_open(session)
            session.add(opening)
        opened = await self._signer.open_vault(client_id, vault_id)
        row = VaultRow(
            id=vault_id,
            client_id=client_id,
            name=checked,
            account=opened.account,
            opened_sequence=opened.sequence,
            opened_head=opened.head,
            frozen_reason=None,
            created_at=self._clock(),
        )
        async with self._database.write() as session:
            session.add(row)
            await repository.end_opening(session, vault_id)
            await _also(session, row, within)
        return row

    async def create_addresses(
        self,
        vault_id: str,
        network: NetworkId,
        count: int = 1,
        *,
        address_type: AddressType | None = None,
        change: bool = False,
        label: str | None = None,
        only: str | None = None,
        within: Within[Sequence[AddressRow]] | None = None,
    ) -> list[AddressRow]:
        """The next `count` (1 to BATCH_MAX) addresses of a branch, in order of position. They are
        watched from the moment this returns.

        Raises NotFound(vault_not_found, network_not_found), Invalid(count_invalid,
        address_type_invalid, label_invalid), Conflict(address_position_contended, vault_moved),
        Unavailable(signer_ahead), the signer client's errors.
        """
        if not 1 <= count <= BATCH_MAX:
            raise Invalid("count_invalid", f"1 to {BATCH_MAX} addresses at once.", field="count")
        checked_label = None if label is None else _name(label, field="label")
        codec = self._codec(network)
        kind = _address_type(codec, address_type)
        if change and not codec.traits.coins:
            raise Invalid("change_invalid", "Only coins have change.", field="change")
        async with self._database.read() as reading:
            vault = await repository.vault(reading, vault_id, only=only)
            await check_open(reading)
            successor = None if change else await successor_of(reading, vault_id)
        if successor is not None:
            raise vault_moved(successor)
        branch = _Branch(vault, codec, kind, change)
        turn = self._turns.setdefault((vault_id, network, kind, change), asyncio.Lock())
        async with turn:
            return await self._create(branch, count, checked_label, within)

    async def fill(
        self,
        vault_id: str,
        codec: TransactionCodec,
        address_type: AddressType,
        count: int,
        *,
        change: bool = False,
        within: Within[Sequence[AddressRow]] | None = None,
    ) -> int:
        """Have at least `count` addresses in a branch of any network, also while the house is
        closed: for a recovery, and for an address that is adopted. Returns how many were made.
        Raises NotFound(vault_not_found)."""
        async with self._database.read() as reading:
            branch = _Branch(await repository.vault(reading, vault_id), codec, address_type, change)
            missing = count - await branch.next_position(reading)
        for start in range(0, missing, BATCH_MAX):
            part = min(BATCH_MAX, missing - start)
            await self._create(branch, part, None, within, up_to=count)
        return max(0, missing)

    async def _create(
        self,
        branch: _Branch,
        count: int,
        label: str | None,
        within: Within[Sequence[AddressRow]] | None,
        *,
        up_to: int | None = None,
    ) -> list[AddressRow]:
        """Derive for the positions that are free now, then write if they still are. `up_to`: none
        at this position or after it.

        Within this process callers take turns; only another process can make it go round again.
        """
        derived: dict[int, OwnedAddress] = {}
        for _ in range(_ATTEMPTS):
            async with self._database.read() as reading:
                start = await branch.next_position(reading)
            if up_to is not None and (count := min(count, up_to - start)) <= 0:
                return []
            await self._derive(branch, derived, range(start, start + count))
            async with self._database.write() as session:
                # In the order of their `seq` or not at all: the watch list asks for what is newer
                # than the newest it has seen, so a smaller `seq` must not appear after a larger.
                await session.serialize(f"addresses:{branch.network}")
                if await branch.next_position(session) != start:
                    continue
                rows = await self._insert(session, branch, label, derived, start, count)
                await _also(session, rows, within)
                return rows
        raise Conflict("address_position_contended", "Too many address requests at once.")

    async def _derive(
        self, branch: _Branch, derived: dict[int, OwnedAddress], positions: range
    ) -> None:
        first = next((at for at in positions if at not in derived), positions.stop)
        missing = range(first, positions.stop)
        found = await self._deriver.derive(
            branch.codec,
            branch.vault.id,
            branch.vault.account,
            branch.address_type,
            missing,
            change=branch.change,
        )
        derived.update(zip(missing, found, strict=True))

    async def _insert(
        self,
        session: WriteSession,
        branch: _Branch,
        label: str | None,
        derived: Mapping[int, OwnedAddress],
        start: int,
        count: int,
    ) -> list[AddressRow]:
        now = self._clock()
        await session.insert(
            AddressRow,
            [
                {
                    "id": new_id("adr"),
                    "vault_id": branch.vault.id,
                    "network": branch.network,
                    "address": derived[position].address,
                    "address_type": branch.address_type.value,
                    "change": branch.change,
                    "position": position,
                    "path": derived[position].path,
                    "public_key": derived[position].public_key,
                    "label": label,
                    "created_at": now,
                }
                for position in range(start, start + count)
            ],
        )
        return await branch.created(session, start, count)

    def _codec(self, network: NetworkId) -> TransactionCodec:
        try:
            return self._codecs[network]
        except KeyError:
            raise NotFound("network_not_found", "This network is not served here.") from None


@dataclass(frozen=True, slots=True)
class _Branch:
    """The addresses of one vault, network, type and direction, numbered from 0."""

    vault: VaultRow
    codec: TransactionCodec
    address_type: AddressType
    change: bool

    @property
    def network(self) -> NetworkId:
        return self.codec.network.id

    async def next_position(self, session: ReadSession) -> int:
        return await repository.next_position(
            session, self.vault.id, self.network, self.address_type, change=self.change
        )

    async def created(self, session: ReadSession, start: int, count: int) -> list[AddressRow]:
        return await repository.addresses_at(
            session,
            self.vault.id,
            self.network,
            self.address_type,
            range(start, start + count),
            change=self.change,
        )


def _address_type(codec: TransactionCodec, wanted: AddressType | None) -> AddressType:
    offered = codec.network.address_types
    if wanted is None:
        return offered[0]
    if wanted not in offered:
        names = ", ".join(offered)
        raise Invalid(
            "address_type_invalid",
            f"{codec.network.name} addresses here are of type {names}.",
            field="address_type",
        )
    return wanted


def _name(text: str, *, field: str = "name") -> str:
    name = text.strip()
    if not 0 < len(name) <= _NAME_MAX or not fits(name, PRINTABLE):
        raise Invalid(f"{field}_invalid", f"1 to {_NAME_MAX} printable characters.", field=field)
    return name


async def _also(session: WriteSession, made: T, within: Within[T] | None) -> None:
    if within is not None:
        await within(session, made)
