"""A frozen vault has a way back: compared first, and what differs is said and kept."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import LedgerAccountRow, VaultRow
from custody.errors import Conflict, Invalid, NotFound
from custody.reconcile.report import Verdict
from custody.reconcile.service import Reconciliation
from custody.reconcile.unfreezing import Unfreezing, Unfrozen
from custody.vaults.freezes import freeze, freezes_of
from tests.support.custody import World
from tests.unit.custody.reconcile.scene import COINS, funded


async def let_go(
    world: World, vault: str, reason: str = "looked", *, despite_difference: bool = False
) -> Unfrozen:
    networks = {world.network.id: world.network}
    adapters = {world.network.id: world.adapter}
    reconciliation = Reconciliation(
        world.database, world.ledger, networks, adapters, world.clock, patience_s=0.2
    )
    unfreezing = Unfreezing(world.database, world.ledger, reconciliation, world.clock)
    return await unfreezing.unfreeze(vault, reason, by="ada", despite_difference=despite_difference)


async def stolen(database: Database, amount: int = 7) -> tuple[World, VaultRow]:
    """A vault of which something left without a transfer, and which is frozen therefore."""
    world, vault = await funded(database, COINS)
    await take(world, vault, amount)
    assert await world.frozen(vault) == AlarmCode.SHORTAGE
    return world, vault


async def take(world: World, vault: VaultRow, amount: int) -> None:
    (row,) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, -amount)
    await world.reconcile()


async def test_a_vault_that_is_equal_again_goes_on(database: Database):
    world, vault = await stolen(database)
    await take(world, vault, -7)
    assert await world.frozen(vault) == AlarmCode.SHORTAGE
    done = await let_go(world, vault.id)
    assert [row.reason for row in done.ended] == [AlarmCode.SHORTAGE]
    assert [line.verdict for line in done.lines] == [Verdict.EQUAL]
    assert await world.frozen(vault) is None
    async with database.read() as session:
        (row,) = await freezes_of(session, vault.id)
    assert (row.ended_by, row.ended_reason, row.difference) == ("ada", "looked", None)


async def test_what_still_differs_must_be_named(database: Database):
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        await freeze(session, [vault.id], "an operator looks", world.clock())
    await take(world, vault, 7)
    with pytest.raises(Conflict, match="7 less on the chain") as refused:
        await let_go(world, vault.id)
    assert refused.value.code == "vault_still_differs"
    assert await world.frozen(vault) == "an operator looks"
    done = await let_go(world, vault.id, despite_difference=True)
    assert await world.frozen(vault) is None
    assert "7 " in (done.ended[0].difference or "")


async def test_an_accepted_shortage_freezes_again_only_if_it_grows(database: Database):
    world, vault = await stolen(database)
    await let_go(world, vault.id, despite_difference=True)
    await world.reconcile()
    assert await world.frozen(vault) is None
    assert [row.code for row in await world.open_alarms()] == [AlarmCode.SHORTAGE]
    await take(world, vault, 1)
    assert await world.frozen(vault) == AlarmCode.SHORTAGE


async def test_what_came_back_is_not_accepted_a_second_time(database: Database):
    world, vault = await stolen(database)
    await let_go(world, vault.id, despite_difference=True)
    await take(world, vault, -7)
    assert await world.open_alarms() == []
    await take(world, vault, 7)
    assert await world.frozen(vault) == AlarmCode.SHORTAGE


async def test_a_vault_that_can_not_be_compared_needs_the_same_words(database: Database):
    world, vault = await stolen(database)
    world.node.go_away()
    with pytest.raises(Conflict, match="could not be compared: node_unavailable"):
        await let_go(world, vault.id)
    await let_go(world, vault.id, despite_difference=True)
    assert await world.frozen(vault) is None
    world.node.heal()
    await world.reconcile()  # nobody accepted a shortage that nobody saw
    assert await world.frozen(vault) == AlarmCode.SHORTAGE


async def test_nobody_can_answer_for_books_that_do_not_add_up(database: Database):
    world, vault = await funded(database, COINS)
    async with database.write() as session:
        await session.execute(
            update(LedgerAccountRow)
            .where(LedgerAccountRow.vault_id == vault.id)
            .values(debits_posted=60_000)
        )
    await world.reconcile()
    with pytest.raises(Conflict) as refused:
        await let_go(world, vault.id, despite_difference=True)
    assert refused.value.code == "books_broken"
    assert await world.frozen(vault) is not None


async def test_what_makes_no_sense_changes_nothing(database: Database):
    world, vault = await funded(database, COINS)
    with pytest.raises(Conflict, match="not frozen"):
        await let_go(world, vault.id)
    with pytest.raises(NotFound):
        await let_go(world, "vlt_0")
    with pytest.raises(Invalid):
        await let_go(world, vault.id, " ")
