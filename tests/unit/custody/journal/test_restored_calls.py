"""A call that was forgotten is rebuilt as what it is, in the words that were signed; one that was
asked for again in other words is not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from tests.unit.custody.journal.test_restored import House
from tests.unit.custody.transfers.calling import CallingDesk
from tests.unit.custody.transfers.desk import ANYONE
from tests.unit.custody.transfers.test_called import HAS, Router


@pytest.fixture
async def house(tmp_path, sqlite_url):
    desk = await CallingDesk.opened(Database(sqlite_url))
    yield House(Path(sqlite_url.partition("///")[2]), desk)
    await desk.database.close()


def calling(house: House) -> CallingDesk:
    assert isinstance(house.desk, CallingDesk)
    return house.desk


@pytest.mark.parametrize("value", [0, 7])
async def test_it_is_rebuilt_and_called_once(house: House, value: int):
    desk = calling(house)
    house.back_up()
    transfer = await desk.send_call(desk.words(value), key="k")
    await desk.run_outbox()
    await house.restore()
    plan, _ = await house.recover()
    assert any(f"carry of {desk.contract}" in line for line in plan.lines())
    assert (await desk.transfer(transfer)).kind == "call"
    async with desk.database.read() as session:
        shown, _ = await desk.services.transfers.get(session, transfer, ANYONE)
    assert shown.told == desk.words(value)
    assert (await desk.ask_call(desk.words(value), key="k")).body.decode() == transfer
    await house.live()
    assert await desk.state(transfer) == "final"
    assert await desk.node.balance(desk.contract) == value
    assert (await desk.reconcile()).is_clean


async def test_other_words_under_the_same_key_are_not_believed(house: House):
    """Asked for again while nobody knew of the first, and not signed."""
    desk = calling(house)
    house.back_up()
    transfer = await desk.send_call(key="k")
    await desk.run_outbox()
    await house.restore()
    journal, desk.signer.journal = desk.signer.journal, desk.signer.journal[:1]
    again = await desk.send_call(desk.words(nonce="0x08"), key="k")
    assert again == transfer
    desk.signer.journal = journal
    await house.recover()
    assert await desk.frozen(desk.vault) is not None
    assert "signed_elsewhere" in await desk.alarms()


@pytest.fixture
async def routed(tmp_path, sqlite_url):
    desk = await Router.opened(Database(sqlite_url), alias="ethereum")
    await desk.ready()
    yield House(Path(sqlite_url.partition("///")[2]), desk)
    await desk.database.close()


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize(
    ("takes", "verdicts"),
    [
        ((45,), ["called"]),
        ((30, 20), ["called", "called"]),
        ((60,), ["excess"]),
        ((30, 30), ["called", "excess"]),
    ],
)
async def test_what_a_forgotten_call_took_is_its_transfers(
    routed: House, takes: tuple[int, ...], verdicts: list[str], tracked: bool, final: bool
):
    """`final`: its block is final before custody remembers. `tracked`: the transaction is looked
    at before another block is."""
    desk = routed.desk
    assert isinstance(desk, Router)
    routed.back_up()
    transfer = await desk.swap(key="k")
    desk.does(*takes)
    await desk.run_outbox()
    await desk.node.mine()
    if final:
        await desk.node.finalize()
    await routed.restore()
    await desk.follow()
    assert {verdict for _, verdict, _ in await desk.left()} == {"foreign"}
    assert (await desk.usdc()).available == HAS - sum(takes)
    await routed.recover()
    if tracked:
        await desk.worker._tracker.track(desk.network.id)
    await routed.live()
    assert await desk.state(transfer) == "final"
    assert [verdict for _, verdict, _ in await desk.left()] == verdicts
    assert {state for _, _, state in await desk.left()} == {"booked"}
    await desk.ledger_is(HAS - sum(takes))
    assert await desk.frozen(desk.vault) == AlarmCode.FOREIGN_DEBIT
