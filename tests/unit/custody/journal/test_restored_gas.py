"""What the gas station brought, and a restored database forgot, is rebuilt as a top-up with its
debt: no deposit that it wasn't, nothing brought twice, nobody charged twice or for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from custody.db.session import Database
from custody.gas.model import Bearer
from custody.gas.station import ROUTE
from custody.transfers import names
from custody.transfers.by_rule import retry_key
from tests.support.interrupt import interrupt
from tests.unit.custody.gas.station import BOUND, TOKEN, House
from tests.unit.custody.gas.test_sweeps_by_rule import Swept
from tests.unit.custody.journal.lost import Safe, forget_keys, is_over

TO_OTHERS = pytest.mark.parametrize("house", [House], indirect=True)
LATER = pytest.mark.parametrize("house", [Swept], indirect=True)


@pytest_asyncio.fixture
async def house(request: pytest.FixtureRequest, safe: Safe) -> AsyncIterator[House]:
    """With a rule that brings coins."""
    made: House = await request.param.opened(Database(safe.url))
    await made.rule()
    yield made
    await made.database.close()


async def tokens(house: House, to: str, fee_max: int = BOUND) -> str:
    """The client's one request, asked for again with the same key each time."""
    house.asked = 0
    return await house.send(to=to, fee_max=fee_max)


async def coins_credited_to(house: House) -> set[str]:
    rows = await house.desk.all_deposits()
    return {row.vault_id for row in rows if row.asset == house.desk.native}


@TO_OTHERS
@pytest.mark.parametrize("included", [False, True])
async def test_a_top_up_is_nobody_s_deposit(house: House, safe: Safe, included: bool):
    """ADR 0080. `included`: it was in a final block when the database was lost."""
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    asked = await tokens(house, to)
    await house.step()
    (top_up,) = await house.gas_transfers()
    await house.desk.work()
    if included:
        await house.mined()
        await house.desk.work()
    await lost.restore(house)
    assert (await house.desk.transfer(top_up.id)).kind == "gas"
    assert await tokens(house, to) == asked
    await lost.drill.live(3)
    assert await coins_credited_to(house) == {house.payer.id}
    assert ("post", "gas", BOUND) in await house.booked(top_up.id)
    await house.settle(asked)
    assert [row.id for row in await house.gas_transfers()] == [top_up.id]
    assert await house.has() == BOUND - house.desk.node.fee
    await is_over(house.desk)


@TO_OTHERS
async def test_what_it_was_for_is_rebuilt_beside_it(house: House, safe: Safe):
    """The payment's costs are held as soon as the coins are in the books."""
    lost = safe.back_up(house.desk)
    asked = await tokens(house, await house.desk.outside())
    await house.settle(asked)
    _, done = await lost.restore(house)
    assert done.waiting == [asked]
    await lost.drill.live(4)
    assert await house.desk.state(asked) == "final"
    assert await house.desk.frozen(house.hot) is None
    assert await coins_credited_to(house) == {house.payer.id}
    assert await house.has() == BOUND - house.desk.node.fee
    await is_over(house.desk)


@TO_OTHERS
@pytest.mark.parametrize("is_listed", [True, False])
async def test_none_is_brought_beside_one_that_is_under_way(
    house: House, safe: Safe, is_listed: bool, monkeypatch: pytest.MonkeyPatch
):
    """How much lacks may be another amount now, of which the retry key knew nothing. `is_listed`:
    its API key is on record, so its row is too."""
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    await tokens(house, to)
    await house.step()
    await house.desk.work()
    if not is_listed:
        forget_keys(monkeypatch)
    _, done = await lost.restore(house)
    assert ["no API key of robot" in words for words in done.told] == [True] * (not is_listed)
    assert len(await house.top_ups()) == is_listed
    asked = await tokens(house, to, BOUND // 2)
    for _ in range(3):
        await house.step()
        house.desk.clock.forward(minutes=2)
    assert len(await house.gas_transfers()) == 1
    assert await house.gas_short() is None
    await house.settle(asked)
    assert len(await house.gas_transfers()) == 1
    await is_over(house.desk)


@TO_OTHERS
async def test_one_that_has_ended_is_not_taken_for_the_next_one(house: House, safe: Safe):
    """The same amount lacks again: the rebuilt one has the first number, and brings no more."""
    lost = safe.back_up(house.desk)
    await house.settle(await house.send())
    await lost.restore(house)
    await lost.drill.live(4)
    (before,) = await house.gas_transfers()
    left = await house.has()
    asked = await house.send(fee_max=BOUND + left)
    await house.settle(asked)
    numbers = [(row.number, row.amount, row.state) for row in await house.top_ups()]
    assert numbers == [(number, before.amount, "done") for number in (1, 2)]
    assert len(await house.gas_transfers()) == 2
    await is_over(house.desk)


async def brought(house: House, monkeypatch: pytest.MonkeyPatch, *, unsaid: bool) -> str:
    """The transfer of a top-up that is signed. `unsaid`: as a program before ADR 0093 asked."""

    def old_key(row: Any) -> Any:
        asked = {"from": row.payer_id, "to": row.address, "amount": str(row.amount)}
        return retry_key(ROUTE, names.top_up_unsaid(row.network, row.address, row.number), asked)

    with monkeypatch.context() as patch:
        if unsaid:
            patch.setattr("custody.gas.station.key_of", old_key)
        await house.step()
    (top_up,) = await house.gas_transfers()
    await house.desk.work()
    return top_up.id


async def owes(house: House, units: int) -> None:
    assert (await house.claim(house.hot), await house.claim(house.payer)) == (-units, units)


@TO_OTHERS
async def test_who_bears_it_is_in_its_name(
    house: House, safe: Safe, monkeypatch: pytest.MonkeyPatch
):
    """Whatever the rule on record says: it was another one when the backup was made."""
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    await house.rule(bears=Bearer.CLIENT)
    asked = await tokens(house, to)
    top_up = await brought(house, monkeypatch, unsaid=False)
    _, done = await lost.restore(house)
    assert (done.told, (await house.desk.transfer(top_up)).kind) == ([], "gas_charged")
    (row,) = await house.top_ups()
    assert (row.number, row.transfer_id, row.bears, row.state) == (1, top_up, "client", "open")
    assert await tokens(house, to) == asked
    await house.settle(asked)
    await owes(house, BOUND + house.desk.node.fee)
    assert await house.states() == [(BOUND, "done", None)]
    assert (await lost.drill.recover())[1].transfers == 0
    await house.settle(asked)
    await owes(house, BOUND + house.desk.node.fee)
    assert await coins_credited_to(house) == {house.payer.id}
    await is_over(house.desk)


@TO_OTHERS
@pytest.mark.parametrize("on_record", ["row", "rule", "nothing"])
async def test_where_the_name_says_nothing_what_is_on_record_counts(
    house: House, safe: Safe, on_record: str, monkeypatch: pytest.MonkeyPatch
):
    """`row`: the backup has its row, and not its transfer. `nothing`: the rule on record is another
    one; then nobody is charged."""
    to = await house.desk.outside()

    async def dies(*_: Any) -> None:
        return None

    lost = safe.back_up(house.desk) if on_record == "nothing" else None
    await house.rule(bears=Bearer.CLIENT)
    if on_record == "row":
        await tokens(house, to)
        with monkeypatch.context() as patch:
            patch.setattr("custody.gas.station.ask", dies)
            await house.step()
    lost = lost or safe.back_up(house.desk)
    asked = await tokens(house, to)
    top_up = await brought(house, monkeypatch, unsaid=True)
    _, done = await lost.restore(house)
    charged = on_record != "nothing"
    (words,) = done.told
    assert top_up in words and house.hot.id in words
    assert ("nobody is charged" in words) is not charged
    assert (await house.desk.transfer(top_up)).kind == ("gas_charged" if charged else "gas")
    await tokens(house, to)
    await house.settle(asked)
    assert [row.id for row in await house.gas_transfers()] == [top_up]
    await owes(house, BOUND + house.desk.node.fee if charged else 0)
    assert await coins_credited_to(house) == {house.payer.id}
    await is_over(house.desk)


@TO_OTHERS
async def test_one_that_an_older_program_asked_for_is_not_asked_for_again(
    house: House, safe: Safe, monkeypatch: pytest.MonkeyPatch
):
    """It died before it noted the transfer."""
    asked = await house.send()

    async def dies(*_: Any) -> str:
        return ""

    with monkeypatch.context() as patch:
        patch.setattr("custody.gas.station.GasStation._note", dies)
        top_up = await brought(house, monkeypatch, unsaid=True)
    assert [row.transfer_id for row in await house.top_ups()] == [None]
    await house.settle(asked)
    assert [row.id for row in await house.gas_transfers()] == [top_up]
    assert [row.transfer_id for row in await house.top_ups()] == [top_up]
    await is_over(house.desk)


@TO_OTHERS
async def test_a_death_anywhere_rebuilds_it_once(
    house: House, safe: Safe, monkeypatch: pytest.MonkeyPatch
):
    """Cut off where it waits for the n-th time, and run again; until it comes to its end."""
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    await house.rule(bears=Bearer.CLIENT)
    asked = await tokens(house, to)
    top_up = await brought(house, monkeypatch, unsaid=False)
    await lost.copy_back(house)
    for rounds in count():
        recovery = lost.drill.recovery()
        again = recovery.run(await recovery.plan())
        cut = await interrupt(again, rounds * (1 if house.database.is_sqlite else 5))
        kinds = [(row.id, row.kind) for row in await house.gas_transfers()]
        rows = [(row.transfer_id, row.bears) for row in await house.top_ups()]
        assert (kinds, rows) in (
            ([], []),
            ([(top_up, "gas_charged")], [(top_up, "client")]),
        ), "all of it or nothing"
        if not cut:
            break
    assert rounds > 5
    assert await tokens(house, to) == asked
    await house.settle(asked)
    await owes(house, BOUND + house.desk.node.fee)
    assert len(await house.gas_transfers()) == 1
    await is_over(house.desk)


@TO_OTHERS
async def test_a_payment_between_vaults_is_a_deposit_still(house: House, safe: Safe):
    """Whoever asked with a key of their own paid, also with the initiator of the rule."""
    (address,) = await house.desk.addresses(house.hot)
    lost = safe.back_up(house.desk)
    asked = await house.desk.send(house.payer, BOUND, to=address.address, key="gas-1")
    await house.desk.work()
    _, done = await lost.restore(house)
    await lost.drill.live(3)
    assert (await house.desk.transfer(asked)).kind == "payment"
    assert await coins_credited_to(house) == {house.payer.id, house.hot.id}
    assert done.told == []
    await is_over(house.desk)


@LATER
async def test_a_top_up_of_a_later_address_lies_there(house: Swept, safe: Safe):
    later = await house.later(500, TOKEN)
    (first, *_) = await house.desk.addresses(house.hot)
    lost = safe.back_up(house.desk)
    await house.send(None, to=first.address, source=later.address)
    await house.step()
    (top_up,) = await house.gas_transfers()
    await house.desk.work()
    await lost.restore(house)
    await lost.drill.live(3)
    balance = await house.desk.balance(house.hot)
    assert (balance.available, balance.unswept) == (0, top_up.amount)
    assert await coins_credited_to(house) == {house.payer.id}
    await is_over(house.desk)


@LATER
@pytest.mark.parametrize("watched", [0, 3])
async def test_a_top_up_of_a_forgotten_address_is_told(house: Swept, safe: Safe, watched: int):
    """Whose address it is can't be proven; only that it was one of ours. `watched`: how many more
    addresses the operator lets the recovery watch."""
    (first,) = await house.desk.addresses(house.hot)
    lost = safe.back_up(house.desk)
    later = await house.later(500, TOKEN)
    await house.send(None, to=first.address, source=later.address)
    await house.step()
    (top_up,) = await house.gas_transfers()
    await house.desk.work()
    _, done = await lost.restore(house, addresses=watched)
    kind = (await house.desk.transfer(top_up.id)).kind
    told = [words for words in done.told if later.address in words]
    if watched:
        assert (kind, told) == ("gas", [])
    else:
        assert kind == "payment"
        (words,) = told
        assert (
            top_up.id in words
            and "it is booked as paid to somebody else; the house was to bear it" in words
        )
    await lost.drill.live(3)
    assert await house.desk.state(top_up.id) == "final"
    assert await coins_credited_to(house) == {house.payer.id}
    await is_over(house.desk)
