"""Rebuilds from the signer's journal what this database has forgotten: `custody recover`.

    1  vaults         with their clients and accounts
    2  addresses      what the transactions pay from and return to, and some more (`addresses`)
    3  transfers      with claims and unsigned bytes, those of one transaction at once; their money
                      is held; as what they were (`naming`), with what they belong to (`linking`)
    4  signatures     asked for again: the same bytes for the same mandate get the same answer
    5  what is lost   if the signer itself was recovered, every vault waits for a person
    6  open           the place in the journal moves, the alarm goes; what nothing proves is told

Whatever is done is found done when the command runs again, after a failure anywhere. What was in a
block meanwhile is found by the tracker, as after any other restart. Money is held before new
requests may take it: where the deposits that paid for a transfer have been forgotten too, the vault
is frozen until they were followed again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import structlog

from chains.adapter import ChainAdapter, SeesWaiting
from chains.codec import TransactionCodec
from chains.errors import ChainError
from chains.model import AddressType, NetworkId, TxId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database, WriteSession
from custody.db.tables import ClientRow, VaultRow
from custody.db.transfer_tables import TransactionRow
from custody.errors import Conflict, CustodyError
from custody.journal import rebuilding, repository
from custody.journal.addresses import branches_of
from custody.journal.linking import told_of
from custody.journal.naming import young_coin_of
from custody.journal.plan import Plan
from custody.journal.repository import Place
from custody.journal.watch import JournalReader, unexplained
from custody.ledger.service import Ledger
from custody.transactions.looking import stored, unsigned_of
from custody.transactions.signing import Signing
from custody.transactions.state import State
from custody.transfers.children import Parent, parent_of
from custody.vaults import freezes
from custody.vaults import repository as vaults
from custody.vaults.moved_repository import successor_of
from custody.vaults.service import Vaults
from signer.records import JournalRecord, SignedRecord, VaultRecord
from signer.wire import Core, Outcome, Receipt, SignRequest

LOST_RECORDS = "signer_lost_records"
_BATCH = 64

log = structlog.get_logger()


class RecoverySigner(JournalReader, Protocol):
    async def sign(
        self, requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]: ...


@dataclass(slots=True)
class Recovered:
    """What was done. `waiting`: transfers whose money could not be held yet. `frozen`: every vault
    that was frozen because the signer lost records. `told`: what the journal can't prove, in words
    for people."""

    vaults: int = 0
    transfers: int = 0
    signatures: int = 0
    addresses: int = 0
    waiting: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


class Recovery:
    """`codecs`: of all networks, served or not; `served`: where rebuilt vaults are watched;
    `adapters`: asked only what children stand on."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        signer: RecoverySigner,
        vaults: Vaults,
        codecs: Mapping[NetworkId, TransactionCodec],
        served: Sequence[NetworkId],
        clock: Callable[[], datetime],
        adapters: Mapping[NetworkId, ChainAdapter] = MappingProxyType({}),
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._signer = signer
        self._vaults = vaults
        self._codecs = codecs
        self._served = served
        self._clock = clock
        self._adapters = adapters
        self._signing = Signing(
            database=database, ledger=ledger, signer=signer, codecs=codecs, clock=clock
        )

    async def plan(self) -> Plan:
        """Everything after the place that is known. Raises SignerError; Conflict signer_locked."""
        if (await self._signer.status()).locked:
            raise Conflict("signer_locked", "the signer is locked: unlock it first")
        async with self._database.read() as session:
            place = await repository.place(session)
        ending = Place(place.sequence, place.head)
        records: list[JournalRecord] = []
        unknown: list[JournalRecord] = []
        while (page := await self._signer.records(ending.sequence)).through > ending.sequence:
            async with self._database.read() as session:
                unknown += await unexplained(session, page.records)
            records += page.records
            ending = Place(page.through, page.head)
        older = await self._older_vaults(unknown)
        return Plan(place, ending, tuple(records), (*older, *unknown))

    async def _older_vaults(self, unknown: Sequence[JournalRecord]) -> list[VaultRecord]:
        """Vaults that unknown records rely on, and that are missing although their own records were
        read before: the database was set back to between the opening of a vault and its row."""
        signed = (record for record in unknown if isinstance(record, SignedRecord))
        needed = {record.mandate.core.vault for record in signed}
        needed -= {record.vault for record in unknown if isinstance(record, VaultRecord)}
        async with self._database.read() as session:
            known = await repository.known_vaults(session, needed)
        missing = {vault for vault in needed if known.get(vault) is None}
        found: list[VaultRecord] = []
        after = 0
        while missing and (page := await self._signer.records(after)).through > after:
            vaults_told = [each for each in page.records if isinstance(each, VaultRecord)]
            found += [each for each in vaults_told if each.vault in missing]
            missing -= {each.vault for each in found}
            after = page.through
        return found

    async def run(
        self, plan: Plan, *, addresses: int = 0, database_complete: bool = False
    ) -> Recovered:
        """Rebuild what `plan` names, then open again. `addresses`: how many more to watch in each
        branch that exists. `database_complete`: the operator's word that this database was never
        set back, so that what the signer lost is known here.

        Raises SignerError, CustodyError; what was done until then stays done.
        """
        done = Recovered()
        for vault in plan.vaults:
            await self._rebuild_vault(vault)
            done.vaults += 1
        done.addresses += await self._rebuild_addresses(plan, addresses)
        signed = [record for record in plan.records if isinstance(record, SignedRecord)]
        for records in plan.transactions:
            done.signatures += await self._rebuild_transfers(records, signed)
            done.transfers += len(records)
        done.signatures += await self._sign_all(signed)
        told = await self._told(signed)
        await self._open(plan, done, database_complete=database_complete)
        done.told = told
        for words in told:
            log.warning("not_in_the_journal", words=words)
        return done

    async def _told(self, signed: Sequence[SignedRecord]) -> list[str]:
        """Also of what an earlier run has rebuilt that did not come to its end."""
        async with self._database.read() as session:
            told = [
                words
                for each in signed
                if (codec := self._codecs.get(each.mandate.core.network)) is not None
                for words in await told_of(session, codec, each)
            ]
        return list(dict.fromkeys(told))

    # 1

    async def _rebuild_vault(self, record: VaultRecord) -> None:
        """Named by its id, so that a person sees that it was rebuilt."""
        now = self._clock()
        async with self._database.write() as session:
            await session.insert_missing(
                ClientRow,
                [
                    {
                        "id": record.client,
                        "name": f"recovered {record.client}",
                        "created_at": record.at,
                    }
                ],
            )
            if await vaults.holder_of_account(session, record.account) is not None:
                raise Conflict("account_taken", f"account {record.account} is another vault's here")
            session.add(
                VaultRow(
                    id=record.vault,
                    client_id=record.client,
                    name=f"recovered {record.vault}",
                    account=record.account,
                    opened_sequence=record.sequence,
                    opened_head=record.head,
                    frozen_reason=None,
                    created_at=record.at,
                )
            )
        log.warning("vault_rebuilt", vault=record.vault, account=record.account, at=now.isoformat())

    # 2

    async def _rebuild_addresses(self, plan: Plan, more: int) -> int:
        made = 0
        for record in plan.transfers:
            mandate, codec = record.mandate, self._codec(record.mandate.core.network)
            account = await self._account(mandate.core.vault)
            for branch, count in branches_of(codec, account, record).items():
                made += await self._vaults.fill(
                    mandate.core.vault, codec, branch.address_type, count, change=branch.change
                )
            made += await self._first_of_successor(mandate.core)
        for vault in plan.vaults:
            for network in self._served:
                codec = self._codec(network)
                made += await self._vaults.fill(
                    vault.vault, codec, codec.network.address_types[0], 1
                )
        async with self._database.read() as session:
            branches = await vaults.branches(session) if more else ()
        for vault_id, name, kind, count in branches:
            codec = self._codec(NetworkId(name))
            made += await self._vaults.fill(vault_id, codec, AddressType(kind), count + more)
        return made

    async def _first_of_successor(self, core: Core) -> int:
        """What a vault that was moved pays to, if its successor is on record."""
        async with self._database.read() as session:
            to = await successor_of(session, core.vault)
        if to is None:
            return 0
        codec = self._codec(core.network)
        return await self._vaults.fill(to, codec, codec.network.address_types[0], 1)

    async def _account(self, vault_id: str) -> int:
        async with self._database.read() as session:
            return (await vaults.vault(session, vault_id)).account

    # 3

    async def _rebuild_transfers(
        self, records: Sequence[SignedRecord], signed: Sequence[SignedRecord]
    ) -> int:
        """`signed`: all that are told, in order. How many signatures were given on the way."""
        first, signatures = records[0], 0
        codec = self._codec(first.mandate.core.network)
        async with self._database.read() as session:
            coin = await young_coin_of(session, codec, first)
        parents: dict[str, Parent] = {}
        if coin is not None:
            # A parent of ours is known by its id, which may need its signature.
            before = [each for each in signed if each.sequence < first.sequence]
            signatures = await self._sign_all(before)
            parents = await self._parents(first, coin)
        async with self._database.write() as session:
            now = self._clock()
            await rebuilding.rebuild(session, self._ledger, codec, records, now, parents)
        return signatures

    async def _parents(self, record: SignedRecord, coin: tuple[TxId, int]) -> dict[str, Parent]:
        """What a child that spends `coin` stands on, if its parent still waits in the mempool of a
        node; else nobody can say any more."""
        core = record.mandate.core
        adapter = self._adapters.get(core.network)
        if adapter is None:
            return {}
        assert isinstance(adapter, SeesWaiting)  # it is a chain of coins
        try:
            parent = await parent_of(self._database, adapter, core.network, core.vault, coin[0])
        except ChainError as error:
            log.warning("parent_unknown", transfer=core.transfer, error=error.code)
            return {}
        same = (parent.coin.txid, parent.coin.position) == coin
        return {core.transfer: parent} if same else {}

    # 4

    async def _sign_all(self, signed: Sequence[SignedRecord]) -> int:
        given = 0
        for start in range(0, len(signed), _BATCH):
            given += await self._sign_again(signed[start : start + _BATCH])
        return given

    async def _sign_again(self, records: Sequence[SignedRecord]) -> int:
        """For transactions of ours that have no signature yet: a lost answer, or rebuilt above."""
        async with self._database.read() as session:
            rows = {
                (transfer, row.payload): row
                for transfer, row in await repository.transactions_for(session, records)
                if row.state == State.BUILT
            }
            ours: dict[str, TransactionRow] = {}
            for record in records:
                row = rows.get((record.mandate.core.transfer, record.tx.payload))
                if row is not None and unsigned_of(row) == record.tx:
                    ours[row.id] = row
            built = await stored(session, list(ours.values()))
        for each in built:
            outcome = await self._signing.repeat(each)
            if not isinstance(outcome, Receipt):
                said = f"{outcome.code}/{outcome.detail}: {outcome.message}"
                raise CustodyError("signature_not_repeated", f"{outcome.transfer}: {said}")
        return len(built)

    # 5 and 6

    async def _open(self, plan: Plan, done: Recovered, *, database_complete: bool) -> None:
        """Raises Conflict journal_moved if somebody else recovered meanwhile."""
        now = self._clock()
        async with self._database.write() as session:
            if plan.losses and not database_complete:
                done.frozen = await _freeze_all(session, now)
            done.waiting = await rebuilding.freeze_what_waits(session, now)
            place = await repository.lock_place(session)
            if (place.sequence, place.head) != (plan.place.sequence, plan.place.head):
                raise Conflict("journal_moved", "somebody else recovered meanwhile: look again")
            await repository.keep_policies(session, plan.records, now)
            await repository.move(session, plan.ending)
            await clear_alarm(session, AlarmCode.SIGNER_AHEAD, now)

    def _codec(self, network: NetworkId) -> TransactionCodec:
        codec = self._codecs.get(network)
        if codec is None:
            raise Conflict("network_unknown", f"this version knows no network {network}")
        return codec


async def _freeze_all(session: WriteSession, now: datetime) -> list[str]:
    """What was signed in the stretch that the signer lost may be unknown here too. Nothing in the
    house can prove the contrary, so a person unfreezes each vault, after a reconciliation."""
    every = [row.id for row in await vaults.vaults_with_freezes(session, frozen_only=False)]
    await freezes.freeze(session, every, LOST_RECORDS, now)
    words = f"the signer lost records: {len(every)} vaults are frozen until a person has looked"
    await raise_alarm(session, AlarmCode.SIGNER_LOST_RECORDS, words, now)
    return every
