"""Brings coins to addresses whose token payments wait for them: one step looks at each once.

A top-up is a row before its transfer is asked for, and its retry key follows from the row. Whoever
dies in between asks again and gets the answer that was given; so do two workers at once. While it
is open no other one begins for its address. It ends when its transfer has; then the costs of what
waits are held, and it goes on. What lacks then, or since terms allow more, is the next number's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import structlog

from chains.adapter import ChainAdapter
from chains.errors import ChainError
from chains.model import Address, AssetId, NetworkId
from custody.alarms import repository as alarms
from custody.alarms.codes import AlarmCode
from custody.alarms.service import tell
from custody.db.gas_tables import GasNeedRow, GasRuleRow, GasTopUpRow
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransferRow
from custody.gas import repository
from custody.gas.carrying import Carrying
from custody.gas.model import DAY, Bearer, Limits, size
from custody.ledger.service import Ledger
from custody.outbox import Work
from custody.transactions import repository as transactions
from custody.transactions.looking import GAS_WAITED_FOR
from custody.transfers import gas_repository, names
from custody.transfers.begun import (
    REMEMBERED,
    BegunState,
    End,
    end_of_transfer,
    next_number,
    note,
    waits,
)
from custody.transfers.by_rule import ask, retry_key
from custody.transfers.everything import lying_at
from custody.transfers.gas_needs import available, hold_now
from custody.transfers.gas_repository import NeedState
from custody.transfers.kinds import Kind
from custody.transfers.request import Idempotency, Output, TransferRequest, transfer_id_of
from custody.transfers.service import Transfers
from custody.transfers.state import TERMINAL, State
from custody.vaults import repository as vaults

ROUTE: Final = "gas"
NOTE: Final = "gas"
_RESUMED: Final = 500
_NO_RULE: Final = "gas_rule_missing"

log = structlog.get_logger()


class _Place(NamedTuple):
    network: NetworkId
    vault: str
    address: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What may go as soon as its costs are held. `later`: it is not the address that the vault pays
    from, so its books do not say what lies there."""

    needs: Sequence[tuple[GasNeedRow, TransferRow]]

    @property
    def later(self) -> bool:
        return any(transfer.kind == Kind.SWEEP for _, transfer in self.needs)

    def units(self, native: AssetId) -> list[int]:
        return [
            sum(units for (asset, _), units in need.costs.items() if asset == native)
            for need, _ in self.needs
        ]


class GasStation:
    """One per process of workers."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        transfers: Transfers,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._transfers = transfers
        self._adapters = adapters
        self._clock = clock
        self._carrying = Carrying(database, ledger, transfers, adapters, clock)

    async def step(self) -> None:
        """What was signed apart; then each address that something waits at, or that is being topped
        up."""
        async with self._database.look() as look:
            has_work = await repository.has_work(look)
            if not has_work and not await alarms.is_any_open(look, AlarmCode.GAS_SHORT):
                return
        carried = await self._carrying.step()
        async with self._database.read() as session:
            needs = await gas_repository.open_needs(session)
            opened = await repository.open_top_ups(session)
            alarmed = await alarms.open_of(session, AlarmCode.GAS_SHORT)
        places = {_Place(NetworkId(n.network), n.vault_id, n.address) for n, _ in needs}
        places |= {_Place(NetworkId(t.network), t.vault_id, t.address) for t in opened}
        words: dict[tuple[str, NetworkId], list[str]] = {
            (each.vault_id, NetworkId(each.network)): []
            for each in alarmed
            if each.vault_id is not None and each.network is not None
        }
        for told in carried:
            said = words.setdefault((told.vault, told.network), [])
            said += [told.words] if told.words else []
        for place in sorted(places):
            about = words.setdefault((place.vault, place.network), [])
            if place.network not in self._adapters:
                continue
            lacks = await self._look(place)
            if lacks:
                about.append(f"{place.address}: {lacks}")
        for (vault, network), lines in words.items():
            await tell(
                self._database,
                AlarmCode.GAS_SHORT,
                "; ".join(dict.fromkeys(lines)),
                self._clock(),
                network=network,
                vault=vault,
            )

    async def _look(self, place: _Place) -> str:
        """Why what waits there has no coins and nothing brings them, in words, or ""."""
        async with self._database.read() as session:
            (newest,) = await repository.newest_at(session, *_at(place), 1) or (None,)
            begun = None if newest is None else newest.transfer_id
            end = None if begun is None else await end_of_transfer(session, begun)
        if newest is not None and newest.open_key is not None:
            if newest.transfer_id is None:
                return await self._ask(newest)
            if end is None:
                return ""
            await self._note(newest, newest.transfer_id, end)
        try:
            lies_there = await self._lying_at(place)
        except ChainError:
            return ""
        if await self._serve(place, lies_there):
            return ""
        row, said = await self._begin(place, lies_there)
        return said if row is None else await self._ask(row)

    async def _lying_at(self, place: _Place) -> int:
        """Of the native asset, by the chain."""
        adapter = self._adapters[place.network]
        native = adapter.codec.network.native.id
        return await lying_at(self._database, adapter, Address(place.address), native)

    async def _serve(self, place: _Place, lies_there: int) -> bool:
        """Hold the costs of what waits there, the oldest first, and let it go on. Whether nothing
        that may go waits any more."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [place.vault])
            now, held = self._clock(), 0
            waiting = await _waiting(session, place, now)
            has = await self._spare(session, place, waiting, lies_there)
            units_of = waiting.units(self._native(place))
            for (need, transfer), units in zip(waiting.needs, units_of, strict=True):
                if has < units:
                    break
                if not await hold_now(session, self._ledger, need, transfer.kind, now):
                    break
                has -= units
                held += 1
            if held:
                await transactions.resume(
                    session, place.network, Work.SIGN, GAS_WAITED_FOR, _RESUMED
                )
        return held == len(waiting.needs)

    async def _begin(self, place: _Place, lies_there: int) -> tuple[GasTopUpRow | None, str]:
        """A new one, if it is still time for it now that nobody else can begin one; else why none
        begins."""
        async with self._database.read() as session:
            rule = await self._rule(session, place)
        if rule is None or rule.payer_id is None:
            return None, f"coins for fees are missing: {_NO_RULE}"
        async with self._database.write() as session:
            await vaults.lock_vaults(session, sorted({place.vault, rule.payer_id}))
            rule = await self._rule(session, place)
            ended = await repository.newest_at(session, *_at(place), REMEMBERED)
            if rule is None or (ended and ended[0].open_key is not None):
                return None, ""
            if waits(ended, self._clock()):
                return None, _failed(ended[0].code)
            if await repository.is_coming(session, *_at(place)):
                return None, ""
            now = self._clock()
            waiting = await _waiting(session, place, now)
            has = await self._spare(session, place, waiting, lies_there)
            wanted = size(
                waiting.units(self._native(place)), has, await _limits(session, rule, now)
            )
            if not wanted.amount:
                return None, "" if wanted.code is None else _failed(wanted.code)
            assert rule.payer_id is not None, "`rule_for` says who pays"
            payer = await vaults.vault(session, rule.payer_id)
            last = ended[0].number if ended else 0
            number = await next_number(session, payer.client_id, names_at(*_at(place)), last)
            new = {
                "network": place.network,
                "address": place.address,
                "number": number,
                "vault_id": place.vault,
                "payer_id": rule.payer_id,
                "key_id": rule.key_id,
                "bears": rule.bears,
                "amount": wanted.amount,
                "state": BegunState.OPEN.value,
                "open_key": f"{place.network} {place.address}",
                "transfer_id": None,
                "code": None,
                "created_at": now,
                "ended_at": None,
            }
            await session.insert(GasTopUpRow, [new])
        log.info("gas_begun", vault=place.vault, number=number, amount=wanted.amount)
        return GasTopUpRow(**new), ""

    async def _spare(
        self, session: ReadSession, place: _Place, waiting: _Waiting, lies_there: int
    ) -> int:
        """What there is for costs of the native asset, beside what an account of the chain has to
        keep; below zero while it doesn't have that."""
        has = lies_there
        if not waiting.later:
            has = await available(session, place.vault, self._native(place))
        return has - self._adapters[place.network].codec.traits.account_least

    async def _rule(self, session: ReadSession, place: _Place) -> GasRuleRow | None:
        client = (await vaults.vault(session, place.vault)).client_id
        return await gas_repository.rule_for(session, place.network, client, place.vault)

    def _native(self, place: _Place) -> AssetId:
        return self._adapters[place.network].codec.network.native.id

    async def _ask(self, row: GasTopUpRow) -> str:
        network = self._adapters[NetworkId(row.network)].codec.network
        async with self._database.read() as session:
            ours = (await vaults.vault(session, row.vault_id)).client_id
            theirs = (await vaults.vault(session, row.payer_id)).client_id
            before = transfer_id_of(theirs, names.top_up_unsaid(*_named(row)))
            is_known = await session.get(TransferRow, before) is not None
        if is_known:  # a program asked for it that didn't say who bears it, and died
            return await self._note(row, before, None)
        request = TransferRequest(
            vault_id=row.payer_id,
            network=network.id,
            asset=network.native.id,
            outputs=(Output(row.address, row.amount),),
            note=NOTE,
            tops_up=True,
            charged=row.bears == Bearer.CLIENT and ours != theirs,
        )
        asked = await ask(self._database, self._transfers, row.key_id, request, key_of(row))
        if asked is None:
            return ""
        end = None if asked.code is None else End(BegunState.FAILED, asked.code)
        return await self._note(row, asked.transfer, end)

    async def _note(self, row: GasTopUpRow, transfer: str | None, end: End | None) -> str:
        """What is known now, unless somebody else wrote more; what is to be told."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [row.vault_id])
            found = await repository.lock_top_up(session, row.network, row.address, row.number)
            note(found, transfer, end, self._clock())
            code, failed = found.code, found.state == BegunState.FAILED
        if end is not None:
            log.info("gas_ended", vault=row.vault_id, number=row.number, code=code)
        return _failed(code) if failed else ""


def _at(place: _Place) -> tuple[NetworkId, str]:
    return place.network, place.address


async def _waiting(session: WriteSession, place: _Place, now: datetime) -> _Waiting:
    """What may go once it has its costs. What ended meanwhile needs none."""
    found = []
    for need, transfer in await gas_repository.open_needs(session, _at(place)):
        if transfer.state in TERMINAL:
            need.state, need.ended_at = NeedState.ENDED.value, now
        elif transfer.state == State.APPROVED:
            found.append((need, transfer))
    return _Waiting(found)


async def _limits(session: ReadSession, rule: GasRuleRow, now: datetime) -> Limits:
    assert rule.payer_id is not None and rule.most_each is not None and rule.most_day is not None
    network = NetworkId(rule.network)
    used = await repository.used_since(session, network, rule.payer_id, now - DAY)
    return Limits(rule.most_each, rule.most_day, used)


def key_of(row: GasTopUpRow) -> Idempotency:
    asked = {"from": row.payer_id, "to": row.address, "amount": str(row.amount)}
    network, address, number = _named(row)
    return retry_key(ROUTE, names.top_up(network, address, row.bears, number), asked)


def names_at(network: NetworkId, address: str) -> list[Callable[[int], str]]:
    """All that a top-up of the address can be called."""
    said = [partial(names.top_up, network, address, bearer.value) for bearer in Bearer]
    return [*said, partial(names.top_up_unsaid, network, address)]


def _named(row: GasTopUpRow) -> tuple[str, str, int]:
    return row.network, row.address, row.number


def _failed(code: str | None) -> str:
    return f"no coins for fees, and nothing brings them: {code}"
