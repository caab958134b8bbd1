"""The same payment asked for again, as a retry that approvers are shown."""

from __future__ import annotations

import pytest

from chains.errors import MemoUnsupported
from custody.errors import NotFound
from custody.transfers.request import Answer
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import mandate_of


async def test_what_ended_unpaid_can_be_asked_for_again_and_says_so(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    first = await desk.send(vault, 1_000)
    await desk.services.transfers.cancel(first, ANYONE)
    again = await desk.send(vault, 1_000, retry_of=first)
    assert again != first
    assert (await desk.transfer(again)).retry_of == first
    assert (await mandate_of(desk, again)).core.retry_of == first


async def test_what_may_pay_yet_is_not_asked_for_again(desk: Desk):
    vault = await desk.open_funded(1_000_000, 1_000_000)
    first = await desk.send(vault, 1_000)
    refused = Answer(422, b"transfer_not_repeatable")
    assert await desk.ask(vault, 1_000, retry_of=first) == refused
    await desk.work()
    assert await desk.ask(vault, 1_000, retry_of=first) == refused
    await desk.settle(first)
    assert await desk.ask(vault, 1_000, retry_of=first) == refused


async def test_nobody_repeats_the_transfer_of_another_client(desk: Desk):
    vault, other = [await desk.open_funded(1_000_000) for _ in range(2)]
    first = await desk.send(other, 1_000)
    await desk.services.transfers.cancel(first, ANYONE)
    for name in (first, "tfr_none"):
        with pytest.raises(NotFound) as refused:
            await desk.ask(vault, 1_000, retry_of=name)
        assert (refused.value.code, refused.value.field) == ("transfer_not_found", "retry_of")


async def test_a_memo_is_refused_where_payments_carry_none(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    before = await desk.counts()
    with pytest.raises(MemoUnsupported):
        await desk.ask(vault, 1_000, memo="invoice 7")
    assert await desk.counts() == before
