"""Dead, and in a block after all: never silent, and paid once."""

from __future__ import annotations

import pytest

from chains.errors import BroadcastRejected
from chains.model import Address, TxId
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.vaults import freezes
from tests.unit.custody.transfers.desk import Desk, total
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, mandate_of


@pytest.mark.parametrize("spent", [False, True])
async def test_a_dead_transaction_in_a_block_freezes_and_calls_a_person(
    sqlite: Database, spent: bool
):
    """A final block showed that another one used its nonce. `spent`: its money was given back and
    went to somebody else meanwhile."""
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.adapter.before = _refuse_broadcasts
    await desk.work()
    sender = (await mandate_of(desk, transfer_id)).core.source_address or ""
    desk.node.steal(Address(sender))
    await desk.node.mine()
    await desk.node.finalize()
    await desk.node.mine()
    await desk.work(2)
    dead = await desk.newest(transfer_id)
    assert (dead.state, await desk.state(transfer_id)) == ("dead", "failed")
    stolen = 1 + desk.node.fee
    assert (await desk.balance(vault)).available == FUNDS - stolen
    async with desk.database.write() as session:
        await freezes.lift(session, vault.id, AlarmCode.FOREIGN_DEBIT, desk.clock())
    if spent:
        most = (await desk.transfer(transfer_id)).costs_max
        await desk.send(vault, FUNDS - stolen - most)

    # What was shown was not so.
    desk.node.state.nonces[sender] = 0
    assert dead.raw is not None
    desk.node.pool[TxId(dead.txid or "")] = desk.adapter.codec.open_raw(dead.raw)
    await desk.node.mine()
    await desk.track()
    assert await desk.phase(transfer_id) == "included"
    assert AlarmCode.DEAD_INCLUDED in await desk.alarms()
    assert await desk.frozen(vault) == AlarmCode.DEAD_INCLUDED
    row = await desk.transfer(transfer_id)
    assert (row.state, row.reason) == (
        "in_flight", "its transaction was proven dead and is in a block",
    )  # fmt: skip
    await desk.node.finalize()
    await desk.node.mine()
    await desk.track()
    row = await desk.transfer(transfer_id)
    if spent:
        assert (row.state, row.waiting) == ("in_flight", "recovering"), "there is nothing to settle"
        return
    assert (row.state, await desk.phase(transfer_id)) == ("final", "final")
    cost = total((await desk.newest(transfer_id)).costs)
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - stolen - 1_000 - cost, 0)
    assert await desk.received(transfer_id) == 1_000


def _refuse_broadcasts(name: str) -> None:
    if name == "broadcast":
        raise BroadcastRejected("not today")
