"""A database that has forgotten a move finds its transfer again, and moves nothing twice."""

from __future__ import annotations

from pathlib import Path

from custody.db.session import Database
from custody.workers.workers import look_at_journal
from tests.unit.custody.coins.house import FEE, SMALL, House
from tests.unit.custody.journal.test_restored import House as Drill


async def test_a_move_that_was_forgotten_is_its_transfer_again(tmp_path: Path, sqlite_url: str):
    house = await House.opened(Database(sqlite_url), *[SMALL] * 9)
    drill = Drill(tmp_path.joinpath(sqlite_url.partition("///")[2]), house.desk)
    await house.merge()
    drill.back_up()
    await house.step()
    (before,) = await house.transfers()
    await house.desk.work()
    assert await house.desk.state(before.id) == "in_flight"
    await drill.restore()
    house.database = house.desk.database
    house.desk.node.fee = FEE
    assert await house.rows() == [] == await house.transfers()
    await look_at_journal(house.desk.services)
    await house.step()
    assert await house.transfers() == [], "nothing is accepted before the recovery"
    await drill.recover()
    await house.step()
    assert [row.transfer_id for row in await house.rows()] == [before.id]
    await house.finish()
    assert await house.outcomes() == [
        ("consolidation", 4, "done", None),
        ("consolidation", 4, "open", None),
    ]
    assert len(await house.transfers()) == 2
    await house.finish()
    assert sum(await house.coins()) == 9 * SMALL - 2 * FEE
    assert (await house.desk.reconcile()).is_clean
    await house.database.close()
