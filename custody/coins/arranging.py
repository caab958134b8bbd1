"""Consolidates and splits vaults' coins by their rules: one step looks at each rule once.

A move is a row before its transfer is asked for, and its retry key follows from the row. Whoever
dies in between asks again and gets the answer that was given; so do two workers at once. While it
is open no other one begins for its vault. It is estimated first, and offers no more than the rule's
rate comes to. Where it waits unsigned because the rate has risen, or because one transaction can't
carry its coins, it is called off: it would hold the vault's money for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import structlog

from chains.adapter import ChainAdapter
from chains.costs import by_asset
from chains.errors import ChainError
from chains.model import Address, AssetId, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import tell
from custody.apikeys.repository import in_force
from custody.coins import repository
from custody.coins.model import (
    TOO_DEAR,
    TOO_MANY,
    Consolidate,
    Move,
    Standing,
    most_at_once,
    moves,
    parts,
)
from custody.coins.service import halves
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.session import Database, ReadSession
from custody.db.transfer_tables import TransferRow
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.ledger.service import Ledger
from custody.refills.repository import first_address
from custody.transactions import repository as transactions
from custody.transactions.outcomes import trouble
from custody.transfers import names
from custody.transfers.begun import (
    REMEMBERED,
    BegunState,
    End,
    end_of_transfer,
    next_number,
    note,
    waits,
)
from custody.transfers.by_rule import REVOKED, ask, call_off, caller_of, retry_key
from custody.transfers.kinds import Kind
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.transfers.service import Transfers
from custody.transfers.state import State
from custody.vaults import repository as vaults
from custody.vaults.paying import choose_source, spendable_coins
from custody.vaults.paying_repository import find_payer
from custody.vaults.watchlist import outpoint_key

ROUTE: Final = "coins"
NOTE: Final = "coins"
_LET_GO: Final = (TOO_DEAR, TOO_MANY)
"""What it may wait for unsigned and is called off for."""

log = structlog.get_logger()


class _Place(NamedTuple):
    vault: str
    network: NetworkId


class Arranging:
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
        self._adapters = {
            network: adapter for network, adapter in adapters.items() if adapter.codec.traits.coins
        }
        self._clock = clock

    async def step(self) -> None:
        """Each move that is open, then each vault with a rule or with a payment that waits for
        fewer coins."""
        async with self._database.read() as session:
            opened = await repository.open_moves(session)
            rules = await repository.newest_rules(session)
            blocked = await repository.blocked(session, self._adapters)
            told = await repository.told(session)
        for row in opened:
            if NetworkId(row.network) in self._adapters:
                await self._follow(row)
        by_place = {(row.vault_id, row.network): row for row in rules}
        for vault, network in sorted({*by_place, *blocked, *told}):
            place = _Place(vault, NetworkId(network))
            if place.network in self._adapters:
                said = await self._look(place, by_place.get(place), blocked.get(place))
                if said is not None:
                    await self._tell(place, said)

    async def _follow(self, row: CoinMoveRow) -> None:
        if row.transfer_id is None:
            await self._ask(row)
            return
        async with self._database.read() as session:
            end = await end_of_transfer(session, row.transfer_id)
            transfer = await session.get(TransferRow, row.transfer_id)
        if end is None and transfer is not None and transfer.state == State.APPROVED:
            code, now = transfer.waiting, self._clock()
            if code in _LET_GO and await call_off(
                self._database, self._ledger, transfer.id, code, now
            ):
                end = End(BegunState.FAILED, code)
        if end is not None:
            await self._note(row, row.transfer_id, end)

    async def _look(
        self, place: _Place, rule: CoinRuleRow | None, blocked: str | None
    ) -> str | None:
        """Begins what is to begin. What people are to be told, or ""; None: nobody can say now."""
        consolidate, keep = (None, None) if rule is None else halves(rule)
        async with self._database.read() as session:
            ended = await repository.newest_of(session, *place, REMEMBERED)
            if ended and ended[0].open_key is not None:
                return ""
            to = await first_address(session, *place)
            if rule is None or to is None or (consolidate or keep) is None:
                return _stuck(blocked, "no rule consolidates them")
            standing = await self._standing(session, place, to)
        most = 0 if consolidate is None else _most_at_once(consolidate, ended)
        wanted = moves(consolidate, keep, standing, most=most, blocked=blocked is not None)
        if consolidate is None:
            why = "no rule consolidates them"
        elif all(move.kind is not Kind.CONSOLIDATION for move in wanted):
            why = "too few of them are neither spent nor promised"
        else:
            why = "the network asks for more than the rule allows"
        if not wanted:
            return _stuck(blocked, why)
        if self._waits(ended):
            return _failed(ended[0]) or _stuck(blocked, f"the last move failed: {ended[0].code}")
        try:
            rate = max(1, (await self._adapters[place.network].prices()).normal)
        except ChainError:
            return None
        affordable = [move for move in wanted if rate <= move.rate_max]
        for move in affordable:
            said = await self._begin(rule, move, to, rate, blocked)
            if said is not None:
                return said
        return None if affordable else _stuck(blocked, why)

    async def _begin(
        self, rule: CoinRuleRow, move: Move, to: str, rate: int, blocked: str | None
    ) -> str | None:
        """As `_look`; None too where nothing comes of it yet."""
        row = await self._new(rule, move, to, rate)
        if row is None:
            return None
        if row.open_key is not None:
            await self._ask(row)
        async with self._database.read() as session:
            (now,) = await repository.newest_of(session, row.vault_id, row.network, 1)
        if now.open_key is not None:
            return ""
        return _failed(now) or _stuck(blocked, f"the last move failed: {now.code}")

    async def _standing(self, session: ReadSession, place: _Place, to: str) -> Standing:
        """Of the coins that a request for all of them would take, which are of one account."""
        codec = self._adapters[place.network].codec
        network = codec.network
        kind = network.address_types[0]
        payer = await find_payer(session, network.id, place.vault, Address(to), kind)
        assert payer is not None
        source = await choose_source(session, codec, payer, network.native.maximum)
        assert source is not None
        coins = await spendable_coins(session, network.id, place.vault, frozenset(), source.path)
        taken = {key.text for key in await transactions.taken(session, network.id)}
        free = [
            coin
            for coin in coins
            if outpoint_key(network.id, coin.txid, coin.position) not in taken
        ]
        return Standing(
            every=[coin.amount for coin in coins],
            free=[coin.amount for coin in free],
            available=await repository.available(session, place.vault, network.native.id),
        )

    async def _new(self, rule: CoinRuleRow, move: Move, to: str, rate: int) -> CoinMoveRow | None:
        """Estimated first; it has ended already if it can't be asked for. None: it is not time for
        one."""
        network = NetworkId(rule.network)
        assert rule.key_id is not None
        new = CoinMoveRow(
            vault_id=rule.vault_id,
            network=network,
            number=0,
            kind=move.kind.value,
            asset=self._adapters[network].codec.network.native.id,
            coins=move.coins,
            amount=move.amount,
            destination=to,
            key_id=rule.key_id,
            rate=rate,
            cost=None,
            cost_max=None,
            state=BegunState.OPEN.value,
            open_key=f"{rule.vault_id} {network}",
            transfer_id=None,
            code=None,
            created_at=self._clock(),
            ended_at=None,
        )
        estimated = await self._estimate(new)
        if estimated is None:
            return None
        if isinstance(estimated, str):
            return await self._insert(rule, new, estimated)
        if move.kind is Kind.SPLITTING:
            assert rule.keep_size is not None
            new.coins = parts(move, rule.keep_size, estimated)
            if new.coins < 2:
                return None
        new.cost, new.cost_max = estimated, estimated * move.rate_max // rate
        return await self._insert(rule, new, None)

    async def _estimate(self, row: CoinMoveRow) -> int | str | None:
        """What it costs now, or why it is not to be asked for. None: nobody can say now."""
        async with self._database.read() as session:
            key = await in_force(session, row.key_id)
        if key is None:
            return REVOKED
        try:
            estimate = await self._transfers.estimate(request_of(row), caller_of(key))
        except (Invalid, NotFound, Conflict, Unprocessable) as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
            trouble(error, f"coins {row.vault_id} {row.network}")
            return None
        return by_asset(estimate.mandate.costs_max).get(AssetId(row.asset), 0)

    async def _insert(
        self, rule: CoinRuleRow, new: CoinMoveRow, code: str | None
    ) -> CoinMoveRow | None:
        """Now that nobody else can begin one; None if somebody did, or the rule changed."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [rule.vault_id])
            counts = await repository.rule_of(session, rule.vault_id, rule.network)
            ended = await repository.newest_of(session, rule.vault_id, rule.network, REMEMBERED)
            is_open = bool(ended) and ended[0].open_key is not None
            if counts is None or counts.number != rule.number or is_open or self._waits(ended):
                return None
            values = {column.name: getattr(new, column.name) for column in new.__table__.columns}
            client = (await vaults.vault(session, new.vault_id)).client_id
            last = max((row.number for row in ended), default=0)
            name = partial(names.coin_move, new.vault_id, new.network)
            values["number"] = await next_number(session, client, [name], last, whole=True)
            if code is not None:
                values |= {"state": BegunState.FAILED.value, "open_key": None}
                values |= {"code": code, "ended_at": self._clock()}
            await session.insert(CoinMoveRow, [values])
        log.info("coin_move_begun", vault=new.vault_id, kind=new.kind, coins=new.coins, code=code)
        return CoinMoveRow(**values)

    async def _ask(self, row: CoinMoveRow) -> None:
        asked = await ask(self._database, self._transfers, row.key_id, request_of(row), key_of(row))
        if asked is not None:
            end = None if asked.code is None else End(BegunState.FAILED, asked.code)
            await self._note(row, asked.transfer, end)

    def _waits(self, ended: Sequence[CoinMoveRow]) -> bool:
        return waits(ended, self._clock())

    async def _note(self, row: CoinMoveRow, transfer: str | None, end: End | None) -> None:
        """What is known now, unless somebody else wrote more."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [row.vault_id])
            note(await repository.lock_move(session, row), transfer, end, self._clock())
        if end is not None:
            log.info("coin_move_ended", vault=row.vault_id, number=row.number, code=end.code)

    async def _tell(self, place: _Place, words: str) -> None:
        code, now = AlarmCode.COINS_FAIL, self._clock()
        await tell(self._database, code, words, now, network=place.network, vault=place.vault)


def _most_at_once(consolidate: Consolidate, ended: Sequence[CoinMoveRow]) -> int:
    merged = [(row.coins, row.code) for row in ended if row.kind == Kind.CONSOLIDATION]
    return most_at_once(consolidate.coins_most, merged)


def _failed(row: CoinMoveRow) -> str:
    """Not that the rate has risen, or that fewer coins are to be tried: the rule wants that."""
    smaller = row.code == TOO_MANY and row.coins > 2
    if row.state != BegunState.FAILED or row.code == TOO_DEAR or smaller:
        return ""
    return f"the last {row.kind} failed: {row.code}"


def _stuck(blocked: str | None, why: str) -> str:
    return "" if blocked is None else f"{blocked} waits for fewer coins, and {why}"


def request_of(row: CoinMoveRow) -> TransferRequest:
    """The same whenever anybody asks for it; what it may cost is known once it was estimated."""
    merges = row.kind == Kind.CONSOLIDATION
    request = TransferRequest(
        vault_id=row.vault_id,
        network=NetworkId(row.network),
        asset=AssetId(row.asset),
        outputs=(Output(row.destination, None),),
        consolidate=row.coins if merges else None,
        split=None if merges else row.coins,
        note=NOTE,
    )
    return request if row.cost_max is None else replace(request, fee_max=row.cost_max)


def key_of(row: CoinMoveRow) -> Idempotency:
    asked = {"kind": row.kind, "coins": str(row.coins), "to": row.destination}
    return retry_key(ROUTE, names.coin_move(row.vault_id, row.network, row.number), asked)
