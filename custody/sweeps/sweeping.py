"""Sweeps later addresses by their vaults' rules: one step looks at each rule once.

A sweep is a row before its transfer is asked for, and its retry key follows from the row. Whoever
dies in between asks again and gets the answer that was given; so do two workers at once. While it
is open no other one begins for its address. What it costs is estimated first: one that is too dear
is a row as well, and the address waits as after any other that failed. A token's sweep whose
address has no coin is the gas station's to help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import structlog

from chains.adapter import ChainAdapter
from chains.catalogue import Catalogue
from chains.costs import CostKind, by_asset
from chains.errors import ChainError, FeesWithheld, NothingToClose
from chains.families import bounds_of
from chains.model import Address, AssetId, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.service import tell
from custody.apikeys.repository import in_force
from custody.db.session import Database, ReadSession
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.refills.repository import first_address
from custody.sweeps import repository
from custody.sweeps.model import TOO_DEAR, Worth, is_due
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
from custody.transfers.by_rule import REVOKED, ask, caller_of, retry_key
from custody.transfers.everything import lying_at
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.transfers.service import Transfers
from custody.vaults import repository as vaults

ROUTE: Final = "sweep"
NOTE: Final = "sweep"
LOOKED_AT: Final = 500
"""Addresses of a vault and asset in one step."""
_TOO_DEAR: Final = ("fee_above_maximum", "amount_above_balance")
"""How custody refuses what would cost more than its bound, or than there is."""
_UNCLOSABLE: Final = (NothingToClose.code, FeesWithheld.code)

log = structlog.get_logger()


class _Estimated(NamedTuple):
    """What it costs at most in the native asset, why it is not to be asked for, if it is not, and
    what closing accounts would bring back."""

    cost: int
    code: str | None
    returns: int | None = None


class Sweeping:
    """One per process of workers."""

    def __init__(
        self,
        database: Database,
        transfers: Transfers,
        adapters: Mapping[NetworkId, ChainAdapter],
        catalogue: Catalogue,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._transfers = transfers
        self._adapters = adapters
        self._catalogue = catalogue
        self._clock = clock

    async def step(self) -> None:
        """Each sweep that is open, then each rule."""
        words: dict[tuple[str, NetworkId], list[str]] = {}
        async with self._database.read() as session:
            opened = await repository.open_sweeps(session)
            rules = await repository.newest_rules(session)
        for row in opened:
            await self._follow(row)
        for rule in rules:
            network = NetworkId(rule.network)
            told = words.setdefault((rule.vault_id, network), [])
            if rule.threshold is not None and network in self._adapters:
                told += await self._look(rule)
        for (vault, network), told in words.items():
            await tell(
                self._database,
                AlarmCode.SWEEPS_FAIL,
                "; ".join(told),
                self._clock(),
                network=network,
                vault=vault,
            )

    async def _follow(self, row: SweepRow) -> None:
        if row.transfer_id is None:
            await self._ask(row)
            return
        async with self._database.read() as session:
            end = await end_of_transfer(session, row.transfer_id)
        if end is not None:
            await self._note(row, row.transfer_id, end)

    async def _look(self, rule: SweepRuleRow) -> list[str]:
        """Begins what is to begin. Why sweeps by the rule fail, in words."""
        vault, asset, network = rule.vault_id, AssetId(rule.asset), NetworkId(rule.network)
        assert rule.threshold is not None
        async with self._database.read() as session:
            begun = await repository.begun_last(session, vault, asset)
            lies = await repository.unswept(session, vault, asset)
            due = is_due(begun, rule.every_s, self._clock()) and lies >= rule.threshold
            found: list[Address] = []
            if due:
                found = await repository.candidates(session, vault, network, asset, LOOKED_AT)
                if not found and asset == self._native(rule):
                    found = await repository.topped_up(session, vault, network, asset, LOOKED_AT)
            failing = await _failing(session, vault, asset)
        if not found:
            return failing
        adapter = self._adapters[network]
        try:
            there = await adapter.balances(found, asset)
        except ChainError:
            return failing
        for address in found:
            if there[address] >= rule.threshold:
                row = await self._begin(rule, address)
                if row is not None and row.open_key is not None:
                    await self._ask(row)
        async with self._database.read() as session:
            return await _failing(session, vault, asset)

    async def _begin(self, rule: SweepRuleRow, address: Address) -> SweepRow | None:
        """A new one, estimated first; it has ended already if it is too dear. None: it is not time
        for one."""
        network, asset = NetworkId(rule.network), AssetId(rule.asset)
        assert rule.threshold is not None and rule.key_id is not None
        async with self._database.read() as session:
            ended = await repository.newest_at(session, network, address, REMEMBERED)
            to = await first_address(session, rule.vault_id, network)
        if self._waits(ended) or to is None:
            return None
        try:
            amount = await lying_at(self._database, self._adapters[network], address, asset)
        except ChainError:
            return None
        if amount < rule.threshold:
            return None
        # Of a coin the node says what it costs, and no more is let go than the rule wants. Of a
        # token the bound itself is what an address without coins is brought.
        of_coin = asset == self._native(rule)
        bound = self._worth(rule).most(amount) if of_coin else self._fee_most(rule)
        new = SweepRow(
            network=network,
            address=address,
            number=0,
            vault_id=rule.vault_id,
            asset=asset,
            destination=to,
            key_id=rule.key_id,
            amount=amount,
            cost=0,
            cost_max=bound,
            closes=rule.closes,
            returns=None,
            state=BegunState.OPEN.value,
            open_key=f"{network} {address}",
            transfer_id=None,
            code=None,
            created_at=self._clock(),
            ended_at=None,
        )
        estimated = await self._estimate(rule, new)
        if estimated is not None and estimated.code in _UNCLOSABLE:
            new.closes = False  # the money does not wait for the rent
            estimated = await self._estimate(rule, new)
        if estimated is None:
            return None
        new.cost, new.returns = estimated.cost, estimated.returns
        return await self._insert(rule, new, estimated.code)

    async def _insert(self, rule: SweepRuleRow, new: SweepRow, code: str | None) -> SweepRow | None:
        """Now that nobody else can begin one; None if somebody did, or the rule changed."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [rule.vault_id])
            counts = await repository.rule_of(session, rule.vault_id, rule.asset)
            network = NetworkId(rule.network)
            ended = await repository.newest_at(session, network, new.address, REMEMBERED)
            if counts is None or counts.number != rule.number or self._waits(ended):
                return None
            values = {column.name: getattr(new, column.name) for column in new.__table__.columns}
            client = (await vaults.vault(session, new.vault_id)).client_id
            last = ended[0].number if ended else 0
            name = partial(names.sweep, new.vault_id, new.address, new.asset)
            values["number"] = await next_number(session, client, [name], last, whole=True)
            if code is not None:
                values |= {"state": BegunState.FAILED.value, "open_key": None}
                values |= {"code": code, "ended_at": self._clock()}
            await session.insert(SweepRow, [values])
        log.info("sweep_begun", vault=new.vault_id, address=new.address, code=code)
        return SweepRow(**values)

    async def _estimate(self, rule: SweepRuleRow, row: SweepRow) -> _Estimated | None:
        """None: nobody can say now."""
        async with self._database.read() as session:
            key = await in_force(session, row.key_id)
        if key is None:
            return _Estimated(0, REVOKED)
        try:
            estimate = await self._transfers.estimate(request_of(row), caller_of(key))
        except (Invalid, NotFound, Conflict, Unprocessable) as error:
            return _Estimated(0, TOO_DEAR if error.code in _TOO_DEAR else error.code)
        except Exception as error:  # noqa: BLE001 - `trouble` tells them apart
            trouble(error, f"sweep {row.vault_id} {row.address}")
            return None
        native = self._native(rule)
        cost = by_asset(estimate.mandate.costs_max).get(native, 0)
        code = TOO_DEAR if cost > self._worth(rule).most(row.amount) else None
        return _Estimated(cost, code, sum(estimate.returns.values()) if row.closes else None)

    def _native(self, rule: SweepRuleRow) -> AssetId:
        return self._adapters[NetworkId(rule.network)].codec.network.native.id

    def _fee_most(self, rule: SweepRuleRow) -> int | None:
        """The rule's bound is of all kinds of costs together: of a token it is the fee's only where
        nothing else costs. Elsewhere the network's own bounds count."""
        network = self._adapters[NetworkId(rule.network)].codec.network
        bounds = bounds_of(network, asset=AssetId(rule.asset))
        return rule.cost_max if {kind for _, kind in bounds} == {CostKind.FEE} else None

    def _worth(self, rule: SweepRuleRow) -> Worth:
        asset = self._catalogue.find_asset(rule.asset)
        return Worth(rule.cost_max, rule.percent, rule.price, asset.decimals)

    def _waits(self, ended: Sequence[SweepRow]) -> bool:
        """One is open, or the newest failed a while ago."""
        if ended and ended[0].open_key is not None:
            return True
        return waits(ended, self._clock())

    async def _ask(self, row: SweepRow) -> None:
        asked = await ask(self._database, self._transfers, row.key_id, request_of(row), key_of(row))
        if asked is not None:
            end = None if asked.code is None else End(BegunState.FAILED, asked.code)
            await self._note(row, asked.transfer, end)

    async def _note(self, row: SweepRow, transfer: str | None, end: End | None) -> None:
        """What is known now, unless somebody else wrote more."""
        async with self._database.write() as session:
            await vaults.lock_vaults(session, [row.vault_id])
            found = await repository.lock_sweep(session, row)
            note(found, transfer, end, self._clock())
        if end is not None:
            log.info("sweep_ended", vault=row.vault_id, address=row.address, code=end.code)


async def _failing(session: ReadSession, vault: str, asset: AssetId) -> list[str]:
    """What stands in the way of the newest sweep of the vault and asset; not that it is too dear:
    the rule wants that."""
    for row in await repository.newest(session, vault, REMEMBERED):
        if row.asset == asset:
            if row.state == BegunState.FAILED and row.code != TOO_DEAR:
                return [f"{asset} at {row.address}: {row.code}"]
            return []
    return []


def request_of(row: SweepRow) -> TransferRequest:
    """The same whenever anybody asks for it. A bound is asked for where the rule has one."""
    request = TransferRequest(
        vault_id=row.vault_id,
        network=NetworkId(row.network),
        asset=AssetId(row.asset),
        outputs=(Output(row.destination, None),),
        source=row.address,
        note=NOTE,
        close_accounts=row.closes,
    )
    return request if row.cost_max is None else replace(request, fee_max=row.cost_max)


def key_of(row: SweepRow) -> Idempotency:
    asked = {"from": row.address, "to": row.destination, "asset": row.asset}
    name = names.sweep(row.vault_id, row.address, row.asset, row.number)
    return retry_key(ROUTE, name, asked)
