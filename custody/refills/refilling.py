"""Refills vaults by their rules: one step looks at each of them once.

A refill is a row before its transfer is asked for, and its retry key follows from the row. Whoever
dies in between asks again and gets the answer that was given; so do two workers at once. While it
is open no other one begins. It ends when its deposit is credited, or when its transfer has ended
without paying; after one that failed the next one waits, longer each time, and people are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from chains.model import AssetId, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import tell
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.session import Database, ReadSession
from custody.deposits.states import DepositState
from custody.refills import repository
from custody.refills.model import wanted
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
from custody.transfers.by_rule import ask, retry_key
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.transfers.service import Transfers
from custody.vaults import repository as vaults
from custody.vaults.moved_repository import successor_of

ROUTE: Final = "refill"
NOTE: Final = "refill"
_STUCK: Final = (DepositState.QUARANTINED.value, DepositState.BELOW_MINIMUM.value)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Missing:
    amount: int
    destination: str


@dataclass(frozen=True, slots=True)
class _Word:
    """How a refill ended, if it did; `said`: what people are to be told."""

    end: End | None = None
    said: str = ""

    @classmethod
    def failed(cls, code: str) -> _Word:
        return cls(End(BegunState.FAILED, code), _failed(code))


class Refilling:
    """One per process of workers."""

    def __init__(
        self, database: Database, transfers: Transfers, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._transfers = transfers
        self._clock = clock

    async def step(self) -> None:
        """Each vault and asset with a rule, or with a refill that is open."""
        async with self._database.read() as session:
            rules = await repository.newest_rules(session)
            opened = await repository.open_refills(session)
        places = {(row.vault_id, row.asset, row.network) for row in rules}
        places |= {(row.vault_id, row.asset, row.network) for row in opened}
        words: dict[tuple[str, str], list[str]] = {}
        for vault, asset, network in sorted(places):
            told = words.setdefault((vault, network), [])
            said = await self._look(vault, AssetId(asset))
            if said:
                told.append(f"{asset}: {said}")
        for (vault, network), told in words.items():
            await tell(
                self._database,
                AlarmCode.LOW_WATER,
                "; ".join(told),
                self._clock(),
                network=NetworkId(network),
                vault=vault,
            )

    async def _look(self, vault: str, asset: AssetId) -> str:
        """Why it has too little and nothing brings it back, in words, or ""."""
        async with self._database.read() as session:
            rule = await repository.rule_of(session, vault, asset)
            ended = await repository.newest(session, vault, asset, REMEMBERED)
            if ended and ended[0].open_key is not None:
                row, word = ended[0], await _word_of(session, ended[0])
            else:
                row, word = None, _Word()
                if rule is None or not await _missing(session, rule):
                    return ""
        if row is None:
            if waits(ended, self._clock()):
                return _failed(ended[0].code)
            row = await self._begin(vault, asset)
        elif row.transfer_id is not None:
            if word.end is not None:
                await self._note(row, row.transfer_id, word)
            return word.said
        return "" if row is None else await self._ask(row)

    async def _begin(self, vault: str, asset: AssetId) -> RefillRow | None:
        """A new one, if it is still time for it now that nobody else can begin one."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [vault])
            rule = await repository.rule_of(session, vault, asset)
            ended = await repository.newest(session, vault, asset, REMEMBERED)
            is_open = bool(ended) and ended[0].open_key is not None
            if rule is None or is_open or waits(ended, self._clock()):
                return None
            missing = await _missing(session, rule)
            if missing is None:
                return None
            assert rule.source_id is not None, "something is to be brought"
            payer = await vaults.vault(session, rule.source_id)
            last = await repository.last_number(session, vault, asset)
            name = partial(names.refill, vault, asset)
            number = await next_number(session, payer.client_id, [name], last)
            new = {
                "vault_id": vault,
                "asset": asset,
                "number": number,
                "network": rule.network,
                "source_id": rule.source_id,
                "key_id": rule.key_id,
                "destination": missing.destination,
                "amount": missing.amount,
                "state": BegunState.OPEN.value,
                "open_key": f"{vault} {asset}",
                "transfer_id": None,
                "code": None,
                "created_at": self._clock(),
                "ended_at": None,
            }
            await session.insert(RefillRow, [new])
        log.info("refill_begun", vault=vault, asset=asset, number=number, amount=missing.amount)
        return RefillRow(**new)

    async def _ask(self, row: RefillRow) -> str:
        asked = await ask(self._database, self._transfers, row.key_id, request_of(row), key_of(row))
        if asked is None:
            return ""
        word = _Word() if asked.code is None else _Word.failed(asked.code)
        return await self._note(row, asked.transfer, word)

    async def _note(self, row: RefillRow, transfer: str | None, word: _Word) -> str:
        """What is known now, unless somebody else wrote more; what is to be told."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [row.vault_id])
            found = await repository.lock_refill(session, row.vault_id, row.asset, row.number)
            note(found, transfer, word.end, self._clock())
            code, failed = found.code, found.state == BegunState.FAILED
        if word.end is not None:
            log.info("refill_ended", vault=row.vault_id, number=row.number, code=code)
        return _failed(code) if failed else ""


async def _missing(session: ReadSession, rule: RefillRuleRow) -> _Missing | None:
    """What a refill by the rule would bring now; None: nothing is to be brought."""
    if rule.source_id is None or rule.low is None or rule.target is None:
        return None
    if await successor_of(session, rule.vault_id) is not None:
        return None
    vault, asset = rule.vault_id, AssetId(rule.asset)
    address = await repository.first_address(session, vault, NetworkId(rule.network))
    assert address is not None, "it had one when the rule was set"
    standing = await repository.standing(session, vault, asset, address)
    amount = wanted(standing, rule.low, rule.target)
    return _Missing(amount, address) if amount else None


async def _word_of(session: ReadSession, row: RefillRow) -> _Word:
    """What became of one that is open."""
    if row.transfer_id is None:
        return _Word()
    end = await end_of_transfer(session, row.transfer_id)
    if end is None:
        return _Word()
    if end.code is not None:
        return _Word.failed(end.code)
    states = await repository.deposits_of(session, row.transfer_id, row.vault_id)
    if DepositState.CREDITED.value in states:
        return _Word(End(BegunState.DONE))
    held = [state for state in states if state in _STUCK]
    return _Word(said=f"refill {row.number} came, and its deposit is {held[0]}" if held else "")


def request_of(row: RefillRow) -> TransferRequest:
    """The same whenever anybody asks for it."""
    return TransferRequest(
        vault_id=row.source_id,
        network=NetworkId(row.network),
        asset=AssetId(row.asset),
        outputs=(Output(row.destination, row.amount),),
        note=NOTE,
    )


def key_of(row: RefillRow) -> Idempotency:
    asked = {"from": row.source_id, "to": row.destination, "amount": str(row.amount)}
    return retry_key(ROUTE, names.refill(row.vault_id, row.asset, row.number), asked)


def _failed(code: str | None) -> str:
    return f"too little, and the last refill failed: {code}"
