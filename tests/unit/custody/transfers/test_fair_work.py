"""Whose transfers can't move delays nobody else's."""

from __future__ import annotations

from sqlalchemy import func, select, update

from custody.db.session import Database
from custody.db.tables import OutboxRow
from custody.db.transfer_tables import TransferRow
from custody.outbox import Work, enqueue
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT

STUCK = 400


async def test_hundreds_of_stuck_transfers_of_a_vault_delay_no_other_vaults(sqlite: Database):
    """The next round after it was asked for hands it to the node, however many are due again."""
    desk = Desk(sqlite, ACCOUNT)
    desk.node.fee = 1_000
    crowded, other = [await desk.open_funded(10**18) for _ in range(2)]
    stuck = [await desk.send(crowded, 1_000 + n, fee_max=10) for n in range(STUCK)]
    while await _untried(desk):
        await desk.worker.run_due()
    assert {(await desk.transfer(each)).waiting for each in stuck[:: STUCK // 10]} == {
        "fee_above_maximum"
    }
    for n in range(3):
        await _all_due(desk)
        fresh = await desk.send(other, 2_000 + n)
        await desk.worker.run_due()  # signed
        await _all_due(desk)
        await desk.worker.run_due()  # and with a node
        assert await desk.phase(fresh) == "broadcast"
        await desk.node.mine()
        await desk.track()
    assert len([each for each in stuck if await desk.state(each) == "approved"]) == STUCK


async def test_what_waits_for_the_same_vault_goes_on_too(sqlite: Database):
    """Retries keep a share of each round while new work comes without end."""
    desk = Desk(sqlite, ACCOUNT)
    desk.node.fee = 1_000
    vault = await desk.open_funded(10**18)
    late = await desk.send(vault, 1_000, fee_max=10_000)
    desk.node.fee = 20_000
    await desk.worker.run_due()
    assert (await desk.transfer(late)).waiting == "fee_above_maximum"
    desk.node.fee = 1_000

    def waits(transfer_id: str) -> TransferRow:
        return TransferRow(id=transfer_id, network=desk.network.id, vault_id=vault.id)

    async with desk.database.write() as session:
        for n in range(200):
            await enqueue(session, Work.SIGN, waits(f"tfr_{n}"), desk.clock())
    await _all_due(desk)
    await desk.worker.run_due()
    assert await desk.state(late) == "in_flight"


async def _untried(desk: Desk) -> int:
    async with desk.database.read() as session:
        untried = select(func.count()).select_from(OutboxRow).where(OutboxRow.attempts == 0)
        return await session.one(untried)


async def _all_due(desk: Desk) -> None:
    """What waits to be tried again need not wait any longer."""
    async with desk.database.write() as session:
        await session.execute(update(OutboxRow).values(held_until=None, held_since=None))
