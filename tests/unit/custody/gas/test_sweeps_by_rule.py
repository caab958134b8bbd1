"""Later addresses are swept by rule: once each, when they have enough and it is worth it, with the
gas station's help where a token lies without a coin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from chains.assets import Asset
from chains.catalogue import built_in
from chains.model import AssetId
from custody.alarms.codes import AlarmCode
from custody.apikeys.model import Scope
from custody.apikeys.service import revoke_key
from custody.db.session import Database
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.db.tables import AddressRow, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.errors import CustodyError
from custody.sweeps.service import NewRule, set_rule
from custody.sweeps.sweeping import Sweeping
from custody.transfers.service import Transfers
from custody.transfers.state import TERMINAL
from tests.unit.custody.gas.station import TOKEN, TOKENS, House

THRESHOLD = 10**16


class Swept(House):
    async def later(self, units: int, asset: AssetId | None = None) -> AddressRow:
        """Another address of the hot vault, with so much."""
        address = await self.desk.new_address(self.hot)
        await self.give(address, units, asset or self.desk.native)
        return address

    async def sweep_rule(self, asset: AssetId | None = None, **more: Any) -> SweepRuleRow:
        new = NewRule(
            threshold=more.pop("threshold", THRESHOLD),
            every_s=more.pop("every_s", None),
            cost_max=more.pop("cost_max", None),
            percent=more.pop("percent", 10),
            price=more.pop("price", None),
            key=more.pop("key", self.key),
        )
        return await self.sweep_set(new, asset, **more)

    async def sweep_set(
        self, new: NewRule | None, asset: AssetId | None = None, vault: str | None = None
    ) -> SweepRuleRow:
        desk = self.desk
        known: Asset = built_in().find_asset(asset or desk.native)
        async with self.database.write() as session:
            return await set_rule(
                session,
                vault or self.hot.id,
                desk.network,
                known,
                new,
                "together",
                desk.clock(),
                by="olivia",
            )

    def sweeping(self) -> Sweeping:
        desk = self.desk
        adapters = {desk.network.id: desk.adapter}
        catalogue, transfers = built_in(), desk.services.transfers
        return Sweeping(self.database, transfers, adapters, catalogue, desk.clock)

    async def sweep(self) -> None:
        await self.sweeping().step()

    async def rows(self) -> Sequence[SweepRow]:
        async with self.database.read() as session:
            return await session.all(select(SweepRow).order_by(SweepRow.created_at))

    async def outcomes(self) -> list[tuple[int, str, str | None]]:
        return sorted((row.amount, row.state, row.code) for row in await self.rows())

    async def transfers(self) -> list[TransferRow]:
        async with self.database.read() as session:
            mine = select(TransferRow).where(TransferRow.kind == "sweep")
            return list(await session.all(mine.order_by(TransferRow.serial)))

    async def finish(self) -> None:
        open_ones = [row.id for row in await self.transfers() if row.state not in TERMINAL]
        await self.settle(*open_ones)
        await self.sweep()

    async def told(self) -> str | None:
        rows = [a for a in await self.desk.open_alarms() if a.code == AlarmCode.SWEEPS_FAIL]
        return rows[0].message if rows else None


async def test_what_has_enough_is_swept_once(database: Database):
    house = await Swept.opened(database)
    await house.later(5 * THRESHOLD)
    await house.later(THRESHOLD)
    await house.later(THRESHOLD - 1)
    await house.sweep_rule()
    for _ in range(3):
        await house.sweep()
    assert {(row.kind, row.initiator) for row in await house.transfers()} == {("sweep", "robot")}
    await house.finish()
    assert await house.outcomes() == [
        (THRESHOLD, "done", None),
        (5 * THRESHOLD, "done", None),
    ]
    fee = house.desk.node.fee
    assert await house.has() == 6 * THRESHOLD - 2 * fee
    assert {row.cost for row in await house.rows()} == {fee}
    await house.sweep()
    assert len(await house.transfers()) == 2
    assert (await house.desk.reconcile()).is_clean


async def test_what_comes_again_is_swept_again(database: Database):
    house = await Swept.opened(database)
    address = await house.later(THRESHOLD)
    await house.sweep_rule()
    await house.sweep()
    await house.finish()
    house.desk.clock.forward(minutes=1)
    await house.give(address, 2 * THRESHOLD, house.desk.native)
    await house.sweep()
    await house.finish()
    assert [row.number for row in await house.rows()] == [1, 2]
    assert await house.has() == 3 * THRESHOLD - 2 * house.desk.node.fee


async def test_a_sweep_that_costs_too_much_of_its_worth_is_left_and_shown(database: Database):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule(percent=1)
    house.desk.node.fee = THRESHOLD // 100 + 1
    await house.sweep()
    assert await house.outcomes() == [(THRESHOLD, "failed", "sweep_too_dear")]
    assert await house.transfers() == []
    assert await house.told() is None, "the rule wants that"
    house.desk.node.fee -= 1
    house.desk.clock.forward(minutes=2)
    await house.sweep()
    await house.finish()
    assert [state for _, state, _ in await house.outcomes()] == ["done", "failed"]


async def test_a_bound_is_a_bound(database: Database):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule(percent=None, cost_max=house.desk.node.fee - 1)
    await house.sweep()
    assert await house.outcomes() == [(THRESHOLD, "failed", "sweep_too_dear")]
    assert await house.transfers() == []


@pytest.mark.parametrize(("price", "swept"), [(10**9, True), (10**3, False)])
async def test_a_token_is_worth_what_the_rule_says(database: Database, price: int, swept: bool):
    """4,000,000 of six decimals are four tokens; a tenth of that has to pay the fee."""
    house = await Swept.opened(database)
    await house.rule()
    later = await house.later(4_000_000, TOKEN)
    await house.sweep_rule(TOKEN, threshold=1_000_000, price=price)
    await house.sweep()
    if not swept:
        assert await house.outcomes() == [(4_000_000, "failed", "sweep_too_dear")]
        assert await house.top_ups() == [] == await house.transfers()
        return
    await house.finish()
    assert await house.outcomes() == [(4_000_000, "done", None)]
    assert [(row.address, row.state) for row in await house.top_ups()] == [(later.address, "done")]
    first = (await house.desk.addresses(house.hot))[0]
    assert house.desk.node.state.balances[first.address, TOKEN] == TOKENS + 4_000_000
    assert (await house.desk.reconcile()).is_clean


async def test_rounds_begin_when_it_is_time(database: Database):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule(every_s=600)
    await house.sweep()
    await house.later(THRESHOLD)
    house.desk.clock.forward(seconds=599)
    await house.sweep()
    assert len(await house.rows()) == 1
    house.desk.clock.forward(seconds=1)
    await house.sweep()
    assert len(await house.rows()) == 2


async def test_what_fails_is_told_and_tried_again_later(database: Database):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule(key=await house.new_key(initiator="nobody"))
    await house.sweep()
    assert await house.outcomes() == [(THRESHOLD, "failed", "policy_denied")]
    words = await house.told()
    assert words is not None and "policy_denied" in words
    await house.sweep_rule()
    await house.sweep()
    assert len(await house.rows()) == 1
    house.desk.clock.forward(seconds=61)
    await house.sweep()
    await house.finish()
    assert await house.told() is None
    async with database.write() as session:
        await revoke_key(session, house.key, house.desk.clock())
    await house.later(THRESHOLD)
    await house.sweep()
    words = await house.told()
    assert words is not None and "api_key_revoked" in words
    await house.sweep_set(None)
    await house.sweep()
    assert await house.told() is None


async def test_two_workers_at_once_ask_once(database: Database):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule()
    workers = [house.sweeping() for _ in range(4)]
    await asyncio.gather(*(each.step() for each in workers))
    await house.sweep()
    assert len(await house.rows()) == len(await house.transfers()) == 1
    await house.finish()
    assert await house.outcomes() == [(THRESHOLD, "done", None)]


async def test_a_death_between_the_row_and_the_request_asks_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await Swept.opened(database)
    await house.later(THRESHOLD)
    await house.sweep_rule()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    for whose, name in ((Transfers, "create"), (Sweeping, "_note")):
        with monkeypatch.context() as patch:
            patch.setattr(whose, name, dies)
            with pytest.raises(asyncio.CancelledError):
                await house.sweep()
        assert [row.transfer_id for row in await house.rows()] == [None]
    (transfer,) = await house.transfers()
    await house.sweep()
    assert [row.transfer_id for row in await house.rows()] == [transfer.id]
    assert len(await house.transfers()) == 1


async def test_a_rule_that_makes_no_sense_is_refused(database: Database):
    house = await Swept.opened(database)
    reader = await house.new_key(scope=Scope.READ)
    vault: VaultRow = house.hot
    for code, what in (
        ("sweep_rule_invalid", {"threshold": 0}),
        ("sweep_rule_invalid", {"every_s": 59}),
        ("sweep_rule_invalid", {"percent": None}),
        ("sweep_rule_invalid", {"percent": 101}),
        ("sweep_rule_invalid", {"cost_max": 0}),
        ("sweep_rule_invalid", {"price": 5}),
        ("sweep_rule_invalid", {"asset": TOKEN}),
        ("sweep_rule_invalid", {"key": "key_nobody"}),
        ("scope_missing", {"key": reader}),
        ("vault_not_found", {"vault": vault.id[:-1]}),
    ):
        with pytest.raises(CustodyError) as caught:
            await house.sweep_rule(**what)
        assert caught.value.code == code, what
    async with database.read() as session:
        assert await session.all(select(SweepRuleRow)) == []
