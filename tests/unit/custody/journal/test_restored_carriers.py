"""A payment that was signed apart, and who was asked to submit it, are rebuilt from the journal in
a database that forgot both: it is paid once, its costs are nobody's but who submits it, and what
that cost is owed as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from custody.db.session import Database
from custody.gas.model import Bearer
from tests.unit.custody.gas.carried import UNITS, House
from tests.unit.custody.gas.station import TOKEN, TOKENS
from tests.unit.custody.journal.lost import Safe, forget_keys, is_over


@pytest_asyncio.fixture
async def house(safe: Safe) -> AsyncIterator[House]:
    made = await House.opened(Database(safe.url))
    await made.carries(Bearer.CLIENT)
    yield made
    await made.database.close()


async def ask(house: House, to: str) -> str:
    """The client's one request, asked for again with the same key each time."""
    house.asked = 0
    return await house.send(UNITS, to=to)


async def test_signed_and_submitted_by_nobody(house: House, safe: Safe):
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    asked = await ask(house, to)
    await house.desk.run_outbox()
    before = await house.payment(asked)
    await lost.restore(house)
    after = await house.payment(asked)
    assert (after.payload, await ask(house, to)) == (before.payload, asked)
    await house.settle(asked)
    assert (await house.payment(asked)).txid == before.txid
    assert await house.told() == [("done", None)]
    assert await house.claim(house.payer) == house.desk.node.fee
    await is_over(house.desk)


@pytest.mark.parametrize("included", [False, True])
async def test_both_come_back_with_who_owes_it(house: House, safe: Safe, included: bool):
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    asked = await ask(house, to)
    await house.desk.run_outbox()
    await house.step()
    await house.desk.run_outbox()
    (call,) = await house.calls()
    if included:
        await house.mined()
        await house.desk.track()
    await lost.restore(house)
    (again,) = await house.calls()
    assert (again.id, again.kind) == (call.id, "call_charged")
    (row,) = await house.carriers()
    assert (row.transfer_id, row.named, row.number) == (call.id, call.id, 1)
    assert await ask(house, to) == asked
    await lost.drill.live(3)
    await house.settle(asked, call.id)
    assert len(await house.calls()) == 1
    assert await house.claim(house.payer) == house.desk.node.fee
    (address, *_) = await house.desk.addresses(house.hot)
    assert house.desk.node.state.balances[address.address, TOKEN] == TOKENS - UNITS
    await is_over(house.desk)


async def test_without_its_key_no_row_shows_it_and_nobody_is_charged(
    house: House, safe: Safe, monkeypatch: pytest.MonkeyPatch
):
    lost, to = safe.back_up(house.desk), await house.desk.outside()
    asked = await ask(house, to)
    await house.desk.run_outbox()
    await house.step()
    await house.desk.run_outbox()
    forget_keys(monkeypatch)
    await lost.restore(house)
    (again,) = await house.calls()
    assert again.kind == "call" and await house.carriers() == []
    await lost.drill.live(3)
    assert await house.desk.state(asked) == "final"
    assert await house.claim(house.payer) == 0
