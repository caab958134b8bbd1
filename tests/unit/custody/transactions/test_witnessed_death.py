"""Nothing is given up that a witness has not shown to be dead, whenever it looks dead to us."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import delete, update

from chains.errors import BroadcastRejected
from chains.model import Address
from chains.nodes.witnesses import Death
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.sighting_tables import ConsumptionRow, SightingRow
from custody.db.tables import VaultRow
from custody.transactions import repository
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, mandate_of


@dataclass
class Witness:
    """Says what it is told to say. `asked`: about which deaths."""

    says: str | None = "the witness does not show it"
    asked: list[Death] = field(default_factory=list)

    async def doubt_of(self, death: Death) -> str | None:
        self.asked.append(death)
        return self.says


def watched(desk: Desk) -> Witness:
    witness = Witness()
    desk.worker._tracker._witnesses = {desk.network.id: witness}  # type: ignore[dict-item]
    return witness


async def robbed(desk: Desk) -> tuple[VaultRow, str, str]:
    """A vault, a signed transfer, and the final transaction of somebody else with its nonce."""
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)

    def refuse(name: str) -> None:
        if name == "broadcast":
            raise BroadcastRejected("not today")

    desk.adapter.before = refuse
    await desk.work()
    sender = (await mandate_of(desk, transfer_id)).core.source_address or ""
    thief = desk.node.steal(Address(sender))
    await desk.node.mine()
    await desk.node.finalize()
    await desk.node.mine()
    return vault, transfer_id, thief


async def test_a_death_waits_for_the_witnesses(sqlite: Database) -> None:
    desk = Desk(sqlite, ACCOUNT)
    witness = watched(desk)
    _, transfer_id, thief = await robbed(desk)
    await desk.track()
    assert await desk.phase(transfer_id) == "signed"
    assert {death.by for death in witness.asked} == {thief}
    desk.clock.forward(minutes=11)
    await desk.track()
    assert AlarmCode.OUTCOME_UNPROVEN in await desk.alarms()
    witness.says = None
    await desk.track()
    assert await desk.phase(transfer_id) == "dead"


async def test_what_a_final_block_shows_is_enough_though_others_were_not_read(
    sqlite: Database,
) -> None:
    desk = Desk(sqlite, ACCOUNT)
    _, transfer_id, _ = await robbed(desk)
    async with sqlite.write() as session:
        await repository.forget_made(session, desk.network.id)
    await desk.track()
    assert await desk.phase(transfer_id) == "dead"


async def test_a_death_that_is_seen_late_is_not_believed_at_once(sqlite: Database) -> None:
    """Its block was undone and another transaction with its nonce is final: two steps at one look,
    and the witnesses were asked about neither."""
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "included"
    witness = watched(desk)
    async with sqlite.write() as session:
        await session.execute(delete(SightingRow))
        await session.execute(update(ConsumptionRow).values(txid="other", block_height=0))
    tracker = desk.worker._tracker
    await tracker.track(desk.network.id)
    assert await desk.phase(transfer_id) == "broadcast"
    assert witness.asked == []
    await tracker.track(desk.network.id)
    assert (await desk.phase(transfer_id), len(witness.asked)) == ("broadcast", 1)
    witness.says = None
    await tracker.track(desk.network.id)
    assert await desk.phase(transfer_id) == "dead"
