"""What rules asked for, and a restored database forgot, is rebuilt as what it is, with its rule's
row: nothing is held for ever, and nothing asked for twice. What the signer's journal can't prove is
told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from chains.model import Address, TxId
from custody.db.session import Database
from custody.errors import CustodyError
from custody.transfers import child_repository
from tests.unit.custody.coins.house import SMALL
from tests.unit.custody.coins.house import House as Coins
from tests.unit.custody.gas.test_sweeps_by_rule import THRESHOLD, Swept
from tests.unit.custody.journal.lost import Safe, forget_keys, is_over
from tests.unit.custody.moves.test_moving import STOCK, Mover
from tests.unit.custody.refills.test_refilling import TARGET, UNIT, Station
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import ACCOUNT, Crash
from tests.unit.custody.transfers.test_children import (
    ARRIVING,
    FEE,
    FUNDS,
    child,
    replace_outside,
    stuck,
)

LISTED = pytest.mark.parametrize("is_listed", [True, False])
"""Whether the rule's API key is on record; else its row is not."""


@pytest_asyncio.fixture
async def house(safe: Safe) -> AsyncIterator[Swept]:
    made = await Swept.opened(Database(safe.url))
    yield made
    await made.database.close()


@LISTED
async def test_what_comes_after_a_forgotten_sweep_is_swept(
    house: Swept, safe: Safe, is_listed: bool, monkeypatch: pytest.MonkeyPatch
):
    """The rebuilt sweep has the first number: it was taken for the next one, which brought nothing,
    and the address was left alone from then on."""
    later = await house.later(5 * THRESHOLD)
    await house.sweep_rule()
    lost = safe.back_up(house.desk)
    await house.sweep()
    await house.finish()
    if not is_listed:
        forget_keys(monkeypatch)
    await lost.restore(house)
    await lost.drill.live(3)
    await house.sweep()
    house.desk.clock.forward(minutes=1)
    await house.give(later, 7 * THRESHOLD, house.desk.native)
    await house.sweep()
    await house.finish()
    numbers = [1, 2] if is_listed else [2]
    assert [(row.number, row.state) for row in await house.rows()] == [
        (number, "done") for number in numbers
    ]
    fees = 2 * house.desk.node.fee
    balance = await house.desk.balance(house.hot)
    assert (balance.available, balance.unswept) == (12 * THRESHOLD - fees, 0)
    await is_over(house.desk)


@LISTED
async def test_a_forgotten_sweep_is_not_asked_for_again(
    house: Swept, safe: Safe, is_listed: bool, monkeypatch: pytest.MonkeyPatch
):
    """What it holds is not there for another one."""
    await house.later(5 * THRESHOLD)
    await house.sweep_rule()
    lost = safe.back_up(house.desk)
    await house.sweep()
    await house.desk.work()
    (before,) = await house.transfers()
    if not is_listed:
        forget_keys(monkeypatch)
    await lost.restore(house)
    await house.sweep()
    await house.finish()
    assert [row.id for row in await house.transfers()] == [before.id]
    assert [row.transfer_id for row in await house.rows()] == [before.id] * is_listed
    await is_over(house.desk)


async def test_one_that_was_open_in_the_backup_ended_before_the_next(house: Swept, safe: Safe):
    """Both came after the backup, which has the first one's row and nothing of its transfer."""
    later = await house.later(5 * THRESHOLD)
    await house.sweep_rule()

    async def dies(*_: Any) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custody.sweeps.sweeping.ask", dies)
        await house.sweep()
    lost = safe.back_up(house.desk)
    await house.finish()
    await house.finish()
    house.desk.clock.forward(minutes=1)
    await house.give(later, 7 * THRESHOLD, house.desk.native)
    await house.sweep()
    await house.desk.work()
    before = [row.id for row in await house.transfers()]
    assert len(before) == 2
    await lost.restore(house)
    rows = [(row.number, row.transfer_id, row.state) for row in await house.rows()]
    assert rows == [(1, before[0], "done"), (2, before[1], "open")]
    await lost.drill.live(3)
    await house.finish()
    assert {row.state for row in await house.rows()} == {"done"}
    assert [row.id for row in await house.transfers()] == before
    await is_over(house.desk)


@pytest_asyncio.fixture
async def station(safe: Safe) -> AsyncIterator[Station]:
    made = await Station.opened(Database(safe.url))
    yield made
    await made.desk.database.close()


@LISTED
async def test_a_forgotten_refill_is_not_asked_for_again(
    station: Station, safe: Safe, is_listed: bool, monkeypatch: pytest.MonkeyPatch
):
    """It is a deposit of the vault that it refills, and counts while it is under way."""
    await station.rule()
    lost = safe.back_up(station.desk)
    await station.step()
    (before,) = await station.transfers()
    await station.desk.work()
    if not is_listed:
        forget_keys(monkeypatch)
    await lost.restore()
    for _ in range(2):
        await station.step()
    assert len(await station.transfers()) == 1
    assert [row.transfer_id for row in await station.refills()] == [before.id] * is_listed
    await station.settle()
    await station.step()
    assert (await station.desk.balance(station.hot)).available == TARGET
    # The next one has a number of its own, whatever it brings.
    await station.desk.settle(await station.desk.send(station.hot, 4 * UNIT))
    await station.step()
    await station.settle()
    await station.step()
    numbers = [1, 2] if is_listed else [2]
    assert [(row.number, row.state) for row in await station.refills()] == [
        (number, "done") for number in numbers
    ]
    assert (await station.desk.balance(station.hot)).available >= TARGET - UNIT
    await is_over(station.desk)


async def test_moves_of_coins_are_rebuilt_as_what_they_were(safe: Safe):
    coins = await Coins.opened(Database(safe.url), *[SMALL] * 9)
    lost = safe.back_up(coins.desk)
    await coins.merge()
    await coins.step()
    (before,) = await coins.transfers()
    await coins.desk.work()
    await lost.restore(coins)
    (row,) = await coins.rows()
    assert (row.number, row.transfer_id, row.kind, row.coins) == (
        1,
        before.id,
        "consolidation",
        4,
    )
    await coins.finish()
    assert {row.state for row in await coins.rows()} == {"done"}
    assert [row.kind for row in await coins.transfers()] == ["consolidation"]
    assert (await coins.desk.reconcile()).is_clean
    await coins.database.close()


# A vault that is moved


@pytest_asyncio.fixture
async def mover(safe: Safe) -> AsyncIterator[Mover]:
    made = await Mover.opened(Database(safe.url))
    yield made
    await made.desk.database.close()


async def test_a_forgotten_move_is_linked_again_and_goes_on_when_it_is_told_to(
    mover: Mover, safe: Safe
):
    """Without `--to`: a step out of the old vault proves whose place the new one takes."""
    desk = mover.desk
    lost = safe.back_up(desk)
    successor = await mover.begin()
    await mover.step()
    await desk.work()
    (before,) = await mover.transfers()
    _, done = await lost.restore()
    assert await mover.links() == [(mover.old.id, successor, 1)]
    assert [row.kind for row in await mover.transfers()] == ["emptying"]
    assert [row.transfer_id for row in await mover.steps()] == [before.id]
    (words,) = done.told
    assert f"custody vault move begin {mover.old.id} --key KEY" in words
    with pytest.raises(CustodyError, match="moved to new keys"):
        await desk.new_address(mover.old)
    (first,) = await desk.addresses(mover.old)
    await desk.node.fund(Address(first.address), STOCK)
    await mover.settle()
    await mover.settle()
    assert [row.id for row in await mover.transfers()] == [before.id], "it waits for a person"
    assert await mover.begin() == successor
    for _ in range(3):
        await mover.step()
        await mover.settle()
    assert [(row.number, row.state) for row in await mover.steps()] == [(1, "done"), (2, "done")]
    assert await mover.available(successor) == 2 * (STOCK - desk.node.fee)
    await is_over(desk)


async def test_a_move_that_is_on_record_is_not_told(mover: Mover, safe: Safe):
    """The successor's address is watched again, though nobody has asked for it since."""
    successor = await mover.begin()
    lost = safe.back_up(mover.desk)
    await mover.step()
    await mover.desk.work()
    _, done = await lost.restore()
    assert (done.transfers, done.told) == (1, [])
    await lost.drill.live(3)
    assert await mover.available(successor) == STOCK - mover.desk.node.fee
    await is_over(mover.desk)


async def test_what_is_told_is_told_by_the_run_that_ends(
    mover: Mover, safe: Safe, monkeypatch: pytest.MonkeyPatch
):
    """Also of what a run before it has rebuilt, which died."""
    lost = safe.back_up(mover.desk)
    await mover.begin()
    await mover.step()
    await mover.desk.work()
    await lost.copy_back()

    async def dies(*_: Any, **__: Any) -> None:
        raise Crash

    recovery = lost.drill.recovery()
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "_open", dies)
        with pytest.raises(Crash):
            await recovery.run(await recovery.plan())
    _, done = await lost.drill.recover()
    assert (done.transfers, len(done.told)) == (0, 1)


# Children


@pytest.mark.parametrize("dies", [False, True])
async def test_a_child_knows_its_parent_again(desk: Desk, safe: Safe, dies: bool):
    """ADR 0089. `dies`: the stranger pays somebody else instead, and the child goes with it."""
    vault, own, parent = await stuck(desk)
    lost = safe.back_up(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    _, done = await lost.restore()
    assert ((await desk.transfer(transfer)).kind, done.told) == ("child", [])
    if dies:
        replace_outside(desk, parent)
    await lost.drill.live()
    assert await desk.state(transfer) == ("failed" if dies else "final")
    balance = await desk.balance(vault)
    has = FUNDS if dies else FUNDS + ARRIVING - FEE
    assert (balance.available, balance.reserved) == (has, 0)
    await is_over(desk)


async def test_a_child_of_our_own_payment_knows_it_again(desk: Desk, safe: Safe):
    """Both are forgotten. The payment's signature is given again first, for its id is the key by
    which the child knows that the money is the vault's own, and no deposit's."""
    vault = await desk.open_funded(FUNDS)
    own = (await desk.addresses(vault))[0].address
    desk.node.fee = FEE
    lost = safe.back_up(desk)
    payment = await desk.send(vault, FUNDS // 4)
    await desk.work()
    parent = TxId((await desk.newest(payment)).txid or "")
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    async with desk.database.read() as session:
        before = await child_repository.coins(session, [transfer])
        root = await child_repository.root_of(
            session, desk.network.id, TxId((await desk.newest(transfer)).txid or "")
        )
    assert (len(before), root) == (1, None)
    _, done = await lost.restore()
    async with desk.database.read() as session:
        after = await child_repository.coins(session, [transfer])
        again = await child_repository.root_of(
            session, desk.network.id, TxId((await desk.newest(transfer)).txid or "")
        )
    assert (after, again, done.told) == (before, None, [])
    await lost.drill.live()
    assert {await desk.state(each) for each in (payment, transfer)} == {"final"}
    await is_over(desk)


async def test_a_child_whose_parent_is_gone_is_told(desk: Desk, safe: Safe):
    """No node has what it stood on, so nothing here can prove that it is dead."""
    vault, own, parent = await stuck(desk)
    lost = safe.back_up(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    replace_outside(desk, parent)
    _, done = await lost.restore()
    assert (await desk.transfer(transfer)).kind == "consolidation"
    (words,) = done.told
    assert transfer in words and parent in words and "nothing ends this one" in words


# Asked for again


@pytest.mark.parametrize("desk", [ACCOUNT], indirect=True)
async def test_what_repeats_one_that_nobody_signed_is_rebuilt(desk: Desk, safe: Safe):
    """The one before it is in no journal: its id was a foreign key of the rebuilt row, so the
    recovery failed each time, and the house stayed closed."""
    vault = await desk.open_funded(10**17)
    lost, to = safe.back_up(desk), await desk.outside()
    first = await desk.send(vault, 1000, to=to)
    await desk.services.transfers.cancel(first, ANYONE)
    transfer = await desk.send(vault, 1000, to=to, retry_of=first, key="again")
    await desk.work()
    await lost.restore()
    assert (await desk.transfer(transfer)).retry_of is None
    await lost.drill.live()
    assert await desk.state(transfer) == "final"
    await is_over(desk)


@pytest.mark.parametrize("desk", [ACCOUNT], indirect=True)
async def test_what_repeats_one_that_is_known_says_so(desk: Desk, safe: Safe):
    vault = await desk.open_funded(10**17)
    to = await desk.outside()
    first = await desk.send(vault, 1000, to=to)
    await desk.services.transfers.cancel(first, ANYONE)
    lost = safe.back_up(desk)
    transfer = await desk.send(vault, 1000, to=to, retry_of=first, key="again")
    await desk.work()
    await lost.restore()
    assert (await desk.transfer(transfer)).retry_of == first
