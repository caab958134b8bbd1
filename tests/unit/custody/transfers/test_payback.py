"""What a payee's contract sends back inside our own transaction is income, and stops nothing."""

import pytest

from custody.db.session import Database
from tests.unit.custody.transfers.desk import Desk, total
from tests.unit.custody.transfers.life import FUNDS

ACCOUNTS = ["ethereum-local", "bsc-local", "tron-local", "solana-local"]


@pytest.mark.parametrize("alias", ACCOUNTS)
async def test_what_a_payee_sends_back_is_a_deposit(database: Database, alias: str):
    desk = Desk(database, alias)
    vault = await desk.open_funded(FUNDS)
    contract = await desk.outside()
    desk.node.contracts[contract] = 1
    transfer_id = await desk.send(vault, 500, to=contract)
    row = await desk.settle(transfer_id)
    sent = await desk.newest(transfer_id)
    assert (row.state, total(sent.costs)) == ("final", desk.node.fee)
    await desk.node.mine()
    await desk.node.finalize()
    await desk.follow()
    assert await desk.deposit_states() == [(FUNDS, "credited"), (1, "credited")]
    (address,) = await desk.addresses(vault)
    left = FUNDS - 500 - desk.node.fee + 1
    assert (await desk.balance(vault)).available == left
    assert await desk.node.balance(address.address) == left  # type: ignore[arg-type]
    assert await desk.alarms() == []
    assert await desk.frozen(vault) is None
    await desk.settle(await desk.send(vault, 500))


@pytest.mark.parametrize("alias", ACCOUNTS)
async def test_what_a_payee_sends_back_goes_with_the_block_that_is_undone(
    database: Database, alias: str
):
    desk = Desk(database, alias)
    vault = await desk.open_funded(FUNDS)
    contract = await desk.outside()
    desk.node.contracts[contract] = 1
    transfer_id = await desk.send(vault, 500, to=contract)
    await desk.work(2)
    await desk.node.mine()
    await desk.track()
    assert await desk.deposit_states() == [(FUNDS, "credited"), (1, "pending")]
    await desk.node.reorg(1)
    await desk.track()
    assert await desk.deposit_states() == [(FUNDS, "credited"), (1, "reversed")]
    assert await desk.phase(transfer_id) == "broadcast"
