"""More on the chain than in the books: kept in suspense, until it is found or a person decides."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import SuspenseDecisionRow, VaultRow
from custody.errors import CustodyError
from custody.following.rescan import Rescan
from custody.ledger.repository import Balance
from custody.reconcile.report import Verdict
from custody.vaults.suspense import Destination, Suspended, decide
from tests.support.custody import World
from tests.unit.custody.reconcile.scene import confirmed, funded, verdicts

ACCOUNTS, COINS = "ethereum-local", "bitcoin-regtest"


async def with_surplus(database: Database, alias: str, amount: int = 7) -> tuple[World, VaultRow]:
    world, vault = await funded(database, alias)
    (row, *_) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, amount)
    return world, vault


async def released(
    world: World, vault: VaultRow, amount: int, to: Destination, reason: str = "seen"
) -> None:
    async with world.database.write() as session:
        what = Suspended(vault.id, world.native, amount)
        now = world.clock()
        await decide(session, world.ledger, world.network, what, to, reason, now, by="person")


def in_books(balance: Balance) -> tuple[int, int, int]:
    return balance.available, balance.unswept, balance.suspense


@pytest.mark.parametrize("alias", [ACCOUNTS, COINS])
async def test_the_books_equal_the_chain_with_it(database: Database, alias: str):
    world, vault = await with_surplus(database, alias)
    assert await verdicts(world) == [Verdict.SURPLUS]
    assert in_books(await world.balance(vault)) == (100_000, 0, 7)
    assert (await world.reconcile()).is_clean
    (alarm,) = await world.open_alarms()
    assert (alarm.code, "7 in suspense" in alarm.message) == (AlarmCode.SURPLUS, True)
    assert await world.frozen(vault) is None


async def test_two_that_find_the_same_book_it_once(database: Database):
    """The workers and a person's `custody reconcile`: the second looks again before it writes."""
    world, vault = await with_surplus(database, ACCOUNTS)
    ask, inner = world.adapter.balances, list[bool]()

    async def balances(*question: Any) -> Any:
        if len(inner) == 1:  # between the second look of this one and its booking
            inner.append(True)
            world.adapter.balances = ask  # type: ignore[method-assign]
            answer = await ask(*question)
            await world.reconcile()
            return answer
        inner.append(True)
        return await ask(*question)

    world.adapter.balances = balances  # type: ignore[method-assign, assignment]
    await world.reconcile()
    assert in_books(await world.balance(vault)) == (100_000, 0, 7)
    assert (await world.reconcile()).is_clean


async def test_a_rescan_that_finds_the_deposit_takes_its_place(database: Database):
    world, vault = await funded(database, ACCOUNTS)
    (row, *_) = await world.addresses(vault)
    world.node.hides_inside = True
    await world.node.fund(Address(row.address), 500, inside=True)
    await world.node.mine()
    await world.follow()
    height = world.node.tip.height
    await confirmed(world)
    assert in_books(await world.balance(vault)) == (100_000, 0, 500)
    world.node.hides_inside = False
    rescan = Rescan(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    assert len((await rescan.blocks(height, height)).deposits) == 1
    assert (await world.balance(vault)).suspense == 0
    assert await world.open_alarms() == []
    assert (await world.reconcile()).is_clean
    assert await world.frozen(vault) is None


async def test_it_never_makes_up_for_a_shortage_by_itself(database: Database):
    """Else whoever has a key takes as much as is in suspense, unseen."""
    world, vault = await with_surplus(database, ACCOUNTS)
    await world.reconcile()
    (row, *_) = await world.addresses(vault)
    world.node.state.give(row.address, world.native, -7)
    assert await verdicts(world) == [Verdict.SHORTAGE]
    assert await world.frozen(vault) == AlarmCode.SHORTAGE
    await released(world, vault, 7, Destination.CHAIN)
    assert (await world.reconcile()).is_clean
    assert await world.open_alarms() == []


@pytest.mark.parametrize("to", [Destination.VAULT, Destination.UNSWEPT])
async def test_a_person_decides_that_it_is_the_vaults(database: Database, to: Destination):
    world, vault = await with_surplus(database, ACCOUNTS)
    await world.reconcile()
    await released(world, vault, 5, to)
    assert [alarm.message for alarm in await world.open_alarms()] == [
        f"{world.native}: 2 in suspense"
    ]
    await released(world, vault, 2, to)
    balance = in_books(await world.balance(vault))
    assert balance == ((100_007, 0, 0) if to is Destination.VAULT else (100_000, 7, 0))
    assert await world.open_alarms() == []
    assert (await world.reconcile()).is_clean
    async with database.read() as session:
        rows = await session.all(select(SuspenseDecisionRow).order_by(SuspenseDecisionRow.id))
    told = [(row.amount, row.destination, row.reason, row.decided_by) for row in rows]
    assert told == [(5, to.value, "seen", "person"), (2, to.value, "seen", "person")]


@pytest.mark.parametrize(
    ("alias", "amount", "to", "reason", "code"),
    [
        (ACCOUNTS, 8, Destination.VAULT, "seen", "amount_above_balance"),
        (ACCOUNTS, 0, Destination.VAULT, "seen", "amount_invalid"),
        (ACCOUNTS, 7, Destination.VAULT, " ", "reason_invalid"),
        (COINS, 7, Destination.VAULT, "seen", "coins_unknown"),
    ],
)
async def test_what_nobody_can_decide(
    database: Database, alias: str, amount: int, to: Destination, reason: str, code: str
):
    world, vault = await with_surplus(database, alias)
    await world.reconcile()
    with pytest.raises(CustodyError) as refused:
        await released(world, vault, amount, to, reason)
    assert refused.value.code == code
    assert in_books(await world.balance(vault)) == (100_000, 0, 7)
