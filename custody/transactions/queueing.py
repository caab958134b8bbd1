"""Puts what is built into the order in which the signer is asked, and lets go what is out of order.

`ordering` says what the order is; here is what it needs to know: what is under way from the same
addresses, what blocks have used up, and, where the database doesn't show that, the node's word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from chains.adapter import ChainAdapter
from chains.errors import ChainError
from chains.model import Address, NetworkId
from chains.numbering import Place, numbered, place_of
from custody.db.session import Database, ReadSession
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.looking import Built
from custody.transactions.moving import Step, move
from custody.transactions.ordering import Numbers, Turn, turns
from custody.transactions.outcomes import Later, Progress
from custody.transactions.state import ON_CHAIN, Refuse, can

WAITS: Final = Later("earlier_unsigned")
"""A transaction of the same address comes first and is not signed yet."""

AHEAD_MAX: Final = 64
"""Of what comes first, so much is taken along at once."""

Queue = Sequence[Built]
"""To be signed in this order, each only after the one before it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """`waiting`: those that are not asked about now, by transfer. `let_go`: whether any of these
    can be built again at once. `ahead`: transfers whose transactions come before one of them and
    are not signed yet."""

    queues: Sequence[Queue]
    waiting: Mapping[str, Progress] = field(default_factory=dict)
    let_go: bool = False
    ahead: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the database shows of the addresses: by series the numbers that are signed, and those
    that are not; and keys that blocks have used up."""

    signed: Mapping[str, Collection[int]]
    unsigned: Mapping[str, Collection[int]]
    used: Collection[str]


class Queueing:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._clock = clock

    async def order(self, built: Sequence[Built]) -> Order:
        """All of one network. Raises ChainError, where the node has to be asked and can't be."""
        if not built or not self._adapters[built[0].tx.network].codec.traits.numbered_keys:
            return Order([[each] for each in built])
        network = built[0].tx.network
        places, sources = await self._places(built)
        free = [[each] for each in built if each.transaction_id not in places]
        built = [each for each in built if each.transaction_id in places]
        by_series: dict[str, dict[int, Built]] = {}
        for each in built:
            place = places[each.transaction_id]
            by_series.setdefault(place.series, {})[place.number] = each
        numbers = await self._numbers(network, sources, by_series)
        queues: list[Queue] = []
        let_go: list[Built] = []
        steps: dict[str, Progress] = {}
        for series, members in by_series.items():
            found = turns(members, numbers[series])
            asked = [at for at, turn in found.items() if turn is Turn.ASK]
            # A number that is signed already is a replacement's, which waits for nobody.
            alone = [at for at in found if at in numbers[series].signed]
            queues += [[members[at]] for at in alone]
            queues.append([members[at] for at in asked if at not in alone])
            for at, turn in found.items():
                if turn is not Turn.ASK:
                    steps |= dict.fromkeys(members[at].transfers, WAITS)
            let_go += [members[at] for at, turn in found.items() if turn is Turn.LET_GO]
        await self._let_go(let_go)
        waits = [place.text for place in _lower(places, built, steps, numbers)]
        async with self._database.read() as session:
            ahead = await repository.unsigned(session, waits, AHEAD_MAX) if waits else ()
        return Order([*free, *(each for each in queues if each)], steps, bool(let_go), ahead)

    async def _places(self, built: Sequence[Built]) -> tuple[dict[str, Place], dict[str, str]]:
        """Of each transaction that takes a number, and the address of each series."""
        ids = [each.transaction_id for each in built]
        async with self._database.read() as session:
            keys = await repository.keys_by_transaction(session, ids)
            rows = await repository.transactions(session, ids)
        places = {}
        for each in ids:
            if (place := numbered(keys[each])) is not None:
                places[each] = place
        return places, {place.series: rows[each].source for each, place in places.items()}

    async def _numbers(
        self,
        network: NetworkId,
        sources: Mapping[str, str],
        wanted: Mapping[str, Collection[int]],
    ) -> dict[str, Numbers]:
        async with self._database.read() as session:
            seen = await _seen(session, network, sources, wanted)
        firsts = {}
        unknown = []
        for series in wanted:
            lowest = min([*seen.signed[series], *seen.unsigned[series], *wanted[series]])
            firsts[series] = lowest
            if lowest > 0 and Place(series, lowest - 1).text not in seen.used:
                unknown.append(series)
        if unknown:
            asked = [Address(sources[series]) for series in unknown]
            answers = await self._adapters[network].next_numbers(asked)
            for series, answer in zip(unknown, answers, strict=True):
                if isinstance(answer, ChainError):
                    raise answer
                firsts[series] = answer
        return {
            series: Numbers(
                firsts[series],
                frozenset(
                    at
                    for at in range(firsts[series], max(wanted[series]))
                    if Place(series, at).text in seen.used
                ),
                frozenset(seen.signed[series]),
                frozenset(seen.unsigned[series]),
            )
            for series in wanted
        }

    async def _let_go(self, built: Sequence[Built]) -> None:
        """The signer has not looked at them: what comes first had to be signed before."""
        if not built:
            return
        async with self._database.write() as session:
            locked = await repository.lock_all(session, [each.transaction_id for each in built])
            event = Refuse("out of order: a lower number of its address is free")
            steps = [
                Step(row, transfers, event)
                for row, transfers in locked.values()
                if can(load(row), Refuse)
            ]
            await move(session, self._ledger, steps, self._clock())
        log.info("let_go_out_of_order", transactions=[each.transaction_id for each in built])


def _lower(
    places: Mapping[str, Place],
    built: Sequence[Built],
    waiting: Mapping[str, Progress],
    numbers: Mapping[str, Numbers],
) -> list[Place]:
    """What is taken and not signed below something of these that waits, the lowest first."""
    highest: dict[str, int] = {}
    for each in built:
        series, number = places[each.transaction_id]
        if waiting.get(each.transfers[0]) == WAITS:
            highest[series] = max(number, highest.get(series, 0))
    known = set(places.values())
    found = {
        Place(series, at)
        for series, top in highest.items()
        for at in numbers[series].unsigned
        if at < top
    }
    return sorted(found - known, key=lambda place: place.number)


async def _seen(
    session: ReadSession,
    network: NetworkId,
    sources: Mapping[str, str],
    wanted: Mapping[str, Collection[int]],
) -> _Seen:
    signed: dict[str, set[int]] = {series: set() for series in wanted}
    unsigned: dict[str, set[int]] = {series: set() for series in wanted}
    for key, state in await repository.open_keys(session, network, set(sources.values())):
        series, number = place_of(key)
        if series in wanted:
            (signed if state in ON_CHAIN else unsigned)[series].add(number)
    missing = []
    for series, numbers in wanted.items():
        taken = signed[series] | unsigned[series]
        lowest = min(taken | set(numbers))
        missing += [
            Place(series, at).text
            for at in range(max(lowest - 1, 0), max(numbers))
            if at not in taken
        ]
    return _Seen(signed, unsigned, await repository.spent_keys(session, missing))
