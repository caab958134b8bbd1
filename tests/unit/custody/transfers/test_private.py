"""A call that only the private nodes may see waits for them, and is given to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chains.answers import Answers
from chains.errors import PrivateNodesAway
from chains.model import Broadcast, SignedTx
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.transactions.doubts import PATIENCE
from tests.unit.custody.transfers.calling import CallingDesk
from tests.unit.custody.transfers.test_replacements import cancel, ended


class Relayed(CallingDesk):
    """Its network has private nodes, which may be `away`. `seen`: what each side was given."""

    away: bool
    seen: dict[bool, list[str]]

    @classmethod
    async def watched(cls, database: Database) -> Relayed:
        desk = await cls.opened(database)
        desk.away, desk.seen = False, {True: [], False: []}
        send = desk.adapter.broadcast

        async def broadcast(txs: Sequence[SignedTx]) -> Answers[Broadcast]:
            answers: Answers[Broadcast] = []
            for tx in txs:
                if tx.private and desk.away:
                    answers.append(PrivateNodesAway("no private node takes it"))
                    continue
                desk.seen[tx.private].append(tx.txid)
                answers += await send([tx])
            return answers

        desk.adapter.broadcast = broadcast  # type: ignore[method-assign]
        return desk

    async def txid(self, transfer: str) -> str:
        found = (await self.newest(transfer)).txid
        assert found is not None
        return found

    async def round(self) -> None:
        """Another block, and whatever is due then."""
        self.clock.now += timedelta(minutes=2)
        await self.node.mine()
        await self.make_due()
        await self.work()


async def test_a_call_goes_to_the_private_nodes_and_a_payment_to_all(database: Database):
    desk = await Relayed.watched(database)
    call = await desk.send_call()
    payment = await desk.send(desk.vault, 5)
    await desk.work(2)
    assert await desk.txid(call) in desk.seen[True]
    assert await desk.txid(payment) in desk.seen[False]
    assert not set(desk.seen[True]) & set(desk.seen[False])
    for each in (call, payment):
        assert (await desk.settle(each)).state == "final"


async def test_while_they_are_away_it_waits_people_are_called_and_it_goes_on(database: Database):
    desk = await Relayed.watched(database)
    desk.away = True
    call = await desk.send_call()
    await desk.work(2)
    assert (await desk.newest(call)).state == "signed"
    assert (await desk.transfer(call)).waiting == PrivateNodesAway.code
    began = desk.clock.now
    while desk.clock.now - began <= PATIENCE + timedelta(minutes=4):
        await desk.round()
    assert desk.seen[False] == []
    assert await desk.alarms() == [AlarmCode.PRIVATE_UNSENT]
    desk.away = False
    await desk.round()
    assert (await desk.settle(call)).state == "final"
    await desk.round()
    assert await desk.open_alarms() == []
    assert set(desk.seen[True]) == {await desk.txid(call)}


async def test_what_calls_it_off_is_for_everybody(database: Database):
    """It pays nobody, and has to be in a block before the call is."""
    desk = await Relayed.watched(database)
    desk.away = True
    call = await desk.send_call()
    await desk.work(2)
    await cancel(desk, call)
    assert await ended(desk, call) == "cancelled"
    assert desk.seen[True] == []
    assert len(set(desk.seen[False])) == 1
