"""What keeps an address's transactions out of every block, where its keys are numbers.

A gap: nobody has a number that comes before signed ones. Signing in order makes none; a block that
was undone with a transaction that isn't ours can, a node that counted wrongly, or an older release.
The next payment from the address takes the number, however much waits above it; people are told
when that takes long.

What can't be paid for: the address has less than the transaction that comes next can take, at the
end of the chain and in its newest final block, which is younger than the bytes. Nodes drop it, and
all that comes after it waits. So it is called off, as if a person had asked: a cancel takes its
number and costs the fee alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from chains.adapter import ChainAdapter
from chains.codec import TransactionCodec
from chains.costs import by_asset
from chains.effects import Call, Pay
from chains.errors import ChainError
from chains.model import Address, AssetId, NetworkId
from chains.numbering import Place, numbered, place_of
from custody.alarms.codes import AlarmCode
from custody.db.leases import Lease
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow
from custody.following import chain_repository
from custody.outbox import Work
from custody.transactions import repository
from custody.transactions.doubts import Doubt, Doubts
from custody.transactions.looking import unsigned_of
from custody.transactions.ordering import gap
from custody.transactions.state import ON_CHAIN, REPLACEABLE
from custody.transfers import replacing
from signer.agreement import Purpose

BY: Final = "custody: its address can't pay for it"

log = structlog.get_logger()


class Stuck:
    """One per process."""

    def __init__(
        self,
        database: Database,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._adapters = adapters
        self._clock = clock
        self._doubts = Doubts(database, clock, AlarmCode.NONCE_GAP)

    async def look(
        self, network: NetworkId, waiting: Sequence[TransactionRow], lease: Lease | None
    ) -> None:
        """`waiting`: the newest that was signed of each that is in no block. Raises NodeError,
        LeaseLost."""
        adapter = self._adapters[network]
        if not adapter.codec.traits.numbered_keys:
            return
        places = await self._places(waiting)
        waiting = [row for row in waiting if row.id in places]
        sources = list(dict.fromkeys(row.source for row in waiting))
        answers = await adapter.next_numbers([Address(each) for each in sources]) if sources else []
        nexts = {
            source: answer
            for source, answer in zip(sources, answers, strict=True)
            if not isinstance(answer, ChainError)
        }
        await self._tell_gaps(network, waiting, places, nexts)
        for row in waiting:
            if places[row.id].number == nexts.get(row.source) and row.purpose == Purpose.PAY:
                await self._call_off_unpayable(adapter, row, lease)

    async def _places(self, rows: Sequence[TransactionRow]) -> dict[str, Place]:
        async with self._database.read() as session:
            keys = await repository.keys_by_transaction(session, [row.id for row in rows])
        found = {row.id: numbered(keys[row.id]) for row in rows}
        return {each: place for each, place in found.items() if place is not None}

    async def _tell_gaps(
        self,
        network: NetworkId,
        waiting: Sequence[TransactionRow],
        places: Mapping[str, Place],
        nexts: Mapping[str, int],
    ) -> None:
        taken: dict[str, set[int]] = {}
        signed: dict[str, set[int]] = {}
        doubts = []
        async with self._database.read() as session:
            for key, state in await repository.open_keys(session, network, nexts):
                series, number = place_of(key)
                taken.setdefault(series, set()).add(number)
                if state in ON_CHAIN:
                    signed.setdefault(series, set()).add(number)
            for source, first in nexts.items():
                row = next(row for row in waiting if row.source == source)
                series = places[row.id].series
                free = gap(first, taken.get(series, ()), signed.get(series, ()))
                if free is None:
                    continue
                if not await repository.spent_keys(session, [Place(series, free).text]):
                    words = (
                        f"nothing takes number {free} of {source}, and what was signed comes after"
                    )
                    doubts.append(Doubt(source, row.vault_id, words))
        await self._doubts.note(network, doubts, complete=True)

    async def _call_off_unpayable(
        self, adapter: ChainAdapter, row: TransactionRow, lease: Lease | None
    ) -> None:
        network = adapter.codec.network
        async with self._database.read() as reading:
            height = await chain_repository.newest_final_height(reading, network.id)
            if height is None or row.made_height is None or height <= row.made_height:
                return
            final = await chain_repository.ref_at_or_below(reading, network.id, height)
        source, most = Address(row.source), most_taken(adapter.codec, row)[network.native.id]
        for at in (None, final):
            if final is None or await adapter.balance(source, network.native.id, at) >= most:
                return
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            locked, transfers = await repository.lock_named(session, row.id)
            superseded = await repository.superseded(session, [row.id])
            if locked.state in REPLACEABLE and not superseded:
                for transfer in transfers:
                    await replacing.ask(session, transfer, Work.CANCEL, BY, self._clock())
        log.warning("called_off_unpayable", transaction=row.id, needs=str(most))


def most_taken(codec: TransactionCodec, row: TransactionRow) -> Mapping[AssetId, int]:
    """All that can leave the source by the stored bytes, by asset. Pure."""
    summary = codec.summarize(unsigned_of(row))
    taken = {codec.network.native.id: 0, **by_asset(summary.costs.most)}
    for effect in summary.effects:
        if isinstance(effect, Pay):
            taken[effect.asset] = taken.get(effect.asset, 0) + effect.amount
        elif isinstance(effect, Call):
            for asset, units in ((codec.network.native.id, effect.value), *effect.moves):
                taken[asset] = taken.get(asset, 0) + units
    return taken
