"""A rule that comes or goes is in the feed, and so is each time that it did something."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.base import Row
from custody.db.feed_tables import EventRow
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.events import Kind
from custody.quarantine.service import NewRule, end_rule, set_rule
from custody.refills.refilling import Refilling
from custody.refills.service import NewRule as NewRefill
from custody.refills.service import set_rule as set_refill
from custody.transfers.begun import BegunState
from tests.support.custody import World
from tests.unit.custody.feeds.test_told import BEGUN, RULES, check_all_is_told, feed
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import FUNDS

ADDRESS = "0x" + 40 * "1"


async def new_key(world: World) -> str:
    async with world.database.write() as session:
        made = await create_key(
            session,
            name="rules",
            initiator="robot",
            scopes=[Scope.TRANSFER],
            client_id=None,
            now=world.clock(),
        )
    return made.id


def filled(table: type[Row], known: dict[str, Any]) -> Row:
    """A row with what is known, and with something of the right type where it has to be."""
    given = {
        column.name: known.get(column.name, 1)
        for column in table.__table__.columns
        if column.name in known or not (column.nullable or column.server_default)
    }
    return table(**given)


async def add(world: World, row: Row) -> None:
    async with world.database.write() as session:
        session.add(row)


async def known_of(world: World, vault: VaultRow, key: str | None) -> dict[str, Any]:
    return {
        "vault_id": vault.id,
        "source_id": vault.id,
        "payer_id": vault.id,
        "successor_id": vault.id,
        "network": world.network.id,
        "client": vault.client_id,
        "asset": world.native,
        "address": ADDRESS,
        "destination": ADDRESS,
        "key_id": key,
        "kind": "consolidation",
        "bears": "client",
        "reason": "why" if key else "no more",
        "set_by": "olivia",
        "set_at": world.clock(),
        "created_at": world.clock(),
        "state": BegunState.OPEN.value,
    }


@pytest.mark.parametrize("kind", RULES)
async def test_rules_come_and_go(database: Database, kind: Kind):
    world = World(database, "ethereum-local")
    vault, key = await world.new_vault(), await new_key(world)
    for number, asked_with in enumerate((key, None)):
        world.clock.forward(hours=1)
        known = await known_of(world, vault, asked_with)
        await add(world, filled(RULES[kind], known | {"number": number}))
    told = await feed(database, vault.client_id)
    assert list(told[kind].values()) == [
        [("create", "open", "why")],
        [("create", "ended", "no more")],
    ]
    await check_all_is_told(database, told)
    async with database.read() as session:
        newest = (await session.all(select(EventRow).order_by(EventRow.seq.desc())))[0]
    assert newest.created_at == world.clock(), "as the row says"


async def test_what_brings_gas_to_everybody_is_in_the_feed_of_everybody(database: Database):
    world = World(database, "ethereum-local")
    vault, key = await world.new_vault(), await new_key(world)
    known = await known_of(world, vault, key)
    await add(world, filled(RULES[Kind.GAS_RULE], known | {"client": "", "number": 1}))
    assert Kind.GAS_RULE not in await feed(database, vault.client_id)
    told = await feed(database, None)
    assert list(told[Kind.GAS_RULE]) == [f"{world.network.id}  1"]
    await check_all_is_told(database, told)


@pytest.mark.parametrize("kind", BEGUN)
async def test_what_a_rule_begins_has_a_transfer_and_an_end(database: Database, kind: Kind):
    desk = Desk(database, "ethereum-local")
    vault, key = await desk.open_funded(FUNDS), await new_key(desk)
    transfer = await desk.send(vault, 300_000)
    known = await known_of(desk, vault, key)
    for number in (1, 2):
        await add(desk, filled(BEGUN[kind], known | {"number": number}))
    async with database.write() as session:
        paid, not_paid = await session.all(select(BEGUN[kind]).order_by(BEGUN[kind].number))
        paid.transfer_id = transfer
        not_paid.state, not_paid.code = BegunState.FAILED.value, "policy_denied"
        not_paid.ended_at = desk.clock()
    async with database.write() as session:
        paid, _ = await session.all(select(BEGUN[kind]).order_by(BEGUN[kind].number))
        paid.state, paid.ended_at = BegunState.DONE.value, desk.clock()
    told = await feed(database, vault.client_id)
    assert list(told[kind].values()) == [
        [("create", "open", None), ("change", "open", transfer), ("change", "done", transfer)],
        [("create", "open", None), ("change", "failed", "policy_denied")],
    ]
    await check_all_is_told(database, told)


async def test_rules_of_quarantine_are_told_to_whom_they_concern(database: Database):
    world = World(database, "ethereum-local")
    vault, stranger = await world.new_vault(), await world.new_vault()
    now, made = world.clock(), []
    async with database.write() as session:
        for new in (NewRule(client=vault.client_id), NewRule(vault=vault.id), NewRule()):
            row = await set_rule(session, new, "looked at", now, by="rita")
            made.append(row.id)
    async with database.write() as session:
        for rule in made:
            await end_rule(session, rule, "it is fine", now, by="rita")
    both = [("create", "open", "looked at"), ("change", "ended", "it is fine")]
    mine = await feed(database, vault.client_id)
    assert mine[Kind.QUARANTINE_RULE] == dict.fromkeys(made[:2], both)
    assert await feed(database, stranger.client_id) == {}
    told = await feed(database, None)
    assert told[Kind.QUARANTINE_RULE] == dict.fromkeys(made, both)
    await check_all_is_told(database, told)


async def test_a_refill_from_its_rule_to_its_end(database: Database):
    desk = Desk(database, "ethereum-local")
    cold, key = await desk.open_funded(10 * FUNDS), await new_key(desk)
    hot = await desk.vaults.create_vault(cold.client_id, "Hot")
    await desk.new_address(hot)
    async with database.write() as session:
        new = NewRefill(cold.id, FUNDS, 2 * FUNDS, key)
        place = (hot.id, desk.network.id, desk.native)
        await set_refill(session, *place, new, "payouts", desk.clock(), by="olivia")
    refilling = Refilling(database, desk.services.transfers, desk.clock)
    await refilling.step()
    (transfer,) = (await feed(database, cold.client_id))[Kind.TRANSFER]
    await desk.settle(transfer)
    await desk.node.mine(3)
    await desk.node.finalize()
    await desk.follow()
    await refilling.step()
    told = await feed(database, cold.client_id)
    assert list(told[Kind.REFILL_RULE].values()) == [[("create", "open", "payouts")]]
    (refill,) = told[Kind.REFILL].values()
    assert refill[0] == ("create", "open", None)
    assert refill[-2:] == [("change", "open", transfer), ("change", "done", transfer)]
    await check_all_is_told(database, told)
