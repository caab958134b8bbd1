"""Moves that wait unsigned are called off, and payments that need too many coins go on once they
are fewer; where nothing helps them people are told why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chains.answers import Answers
from chains.errors import ChainError, TooManyCoins
from chains.model import ConflictKey
from chains.transaction import CoinsFirst, TransferIntent
from custody.coins.arranging import Arranging
from custody.db.session import Database
from custody.transfers import by_rule
from custody.transfers.service import Transfers
from custody.transfers.state import State
from tests.unit.custody.coins.house import FEE, SMALL, House
from tests.unit.custody.transfers.desk import ANYONE

MERGED = ("consolidation", 4)


async def carrying_at_most(house: House, most: int) -> None:
    """One transaction holds no more coins; payments take the largest."""
    real = house.desk.adapter.claim

    async def claim(intents: Sequence[TransferIntent]) -> Answers[tuple[ConflictKey, ...]]:
        answers: list[tuple[ConflictKey, ...] | ChainError] = []
        given: set[ConflictKey] = set()
        for intent in intents:
            order = intent.coins_first or CoinsFirst.LARGEST
            coins = tuple(order.ordered(intent.coins))
            (answer,) = await real([replace(intent, coins=coins, taken=intent.taken | given)])
            if isinstance(answer, tuple) and len(answer) > most:
                answer = TooManyCoins("too many")
            if isinstance(answer, tuple):
                given.update(answer)
            answers.append(answer)
        return answers

    house.desk.adapter.claim = claim  # type: ignore[method-assign]


async def test_two_coins_that_are_too_many_are_told(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    await carrying_at_most(house, 1)
    await house.merge(coins_most=2)
    await house.step()
    await house.desk.run_outbox()
    await house.step()
    assert await house.outcomes() == [("consolidation", 2, "failed", "too_many_coins")]
    words = await house.told()
    assert words is not None and "too_many_coins" in words


async def test_a_rate_that_rises_before_it_is_asked_for_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Transfers, "create", dies)
        with pytest.raises(asyncio.CancelledError):
            await house.step()
    house.desk.node.fee = FEE + 1
    await house.step()
    assert await house.outcomes() == [(*MERGED, "failed", "fee_above_maximum")]
    assert await house.transfers() == [] and await house.told() is None


async def test_one_that_waits_for_a_lower_rate_is_called_off_and_begins_again(database: Database):
    """It would hold the money of so many coins for a day."""
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    await house.step()
    house.desk.node.fee = FEE + 1
    await house.desk.run_outbox()
    assert (await house.transfers())[0].waiting == "fee_above_maximum"
    await house.step()
    assert await house.outcomes() == [(*MERGED, "failed", "fee_above_maximum")]
    assert await house.told() is None, "the rule wants that"
    balance = await house.desk.balance(house.vault)
    assert (balance.available, balance.reserved) == (5 * SMALL, 0)
    house.desk.node.fee = FEE
    await house.step()
    assert len(await house.rows()) == 1, "it waits a minute"
    await house.later()
    await house.step()
    await house.finish()
    assert [row.state for row in await house.rows()] == ["failed", "done"]
    assert await house.desk.claims() == [] == await house.desk.outbox()


async def test_one_that_was_signed_meanwhile_is_not_called_off(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    await house.step()
    house.desk.node.fee = FEE + 1
    await house.desk.run_outbox()
    real = by_rule.call_off

    async def slower(*args: Any) -> bool:
        house.desk.node.fee = FEE
        await house.desk.run_outbox()
        return await real(*args)

    with monkeypatch.context() as patch:
        patch.setattr("custody.coins.arranging.call_off", slower)
        await house.step()
    (transfer,) = await house.transfers()
    assert transfer.state == State.IN_FLIGHT
    await house.finish()
    assert await house.outcomes() == [(*MERGED, "done", None)]


async def test_what_one_transaction_can_not_carry_is_tried_with_half_as_many(database: Database):
    house = await House.opened(database, *[SMALL] * 9)
    await carrying_at_most(house, 2)
    await house.merge()
    await house.step()
    await house.desk.run_outbox()
    assert (await house.transfers())[0].waiting == "too_many_coins"
    await house.step()
    await house.later()
    await house.step()
    await house.finish()
    assert await house.outcomes() == [
        (*MERGED, "failed", "too_many_coins"),
        ("consolidation", 2, "done", None),
        ("consolidation", 2, "open", None),
    ]
    assert await house.told() is None


async def test_a_payment_that_needs_too_many_coins_goes_on_once_they_are_fewer(
    database: Database,
):
    """Below the number from which on the rule consolidates."""
    house = await House.opened(database, *[SMALL] * 8)
    await carrying_at_most(house, 4)
    payment = await house.desk.send(house.vault, 4 * SMALL, fee_max=FEE)
    await house.desk.run_outbox()
    assert (await house.desk.transfer(payment)).waiting == "too_many_coins"
    await house.merge(coins_min=100)
    await house.step()
    (merging,) = await house.transfers()
    assert merging.kind == "consolidation"
    await house.finish()
    assert (await house.desk.settle(payment)).state == "final"
    assert await house.desk.received(payment) == 4 * SMALL
    await house.step()
    assert await house.told() is None
    assert (await house.desk.reconcile()).is_clean


async def test_who_waits_for_fewer_coins_is_told_and_why(database: Database):
    house = await House.opened(database, *[SMALL] * 8)
    await carrying_at_most(house, 4)
    payment = await house.desk.send(house.vault, 4 * SMALL, fee_max=FEE)
    await house.desk.run_outbox()
    await house.step()
    assert await house.told() == f"{payment} waits for fewer coins, and no rule consolidates them"
    await house.merge(coins_min=100, rate_max=FEE - 1)
    await house.step()
    words = await house.told()
    assert words is not None and words.endswith("the network asks for more than the rule allows")
    promised = await house.desk.send(house.vault, 4 * SMALL - 3 * FEE, fee_max=FEE)
    await house.merge(coins_min=100)
    await house.step()
    words = await house.told()
    assert words is not None and words.endswith("too few of them are neither spent nor promised")
    assert await house.rows() == [], "one that becomes itself would help nobody"
    await house.desk.services.transfers.cancel(promised, ANYONE)
    await house.set(None)
    await house.step()
    assert await house.told() is not None
    await house.desk.services.transfers.cancel(payment, ANYONE)
    await house.step()
    assert await house.told() is None


async def test_a_death_after_calling_off_begins_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    await house.step()
    house.desk.node.fee = FEE + 1
    await house.desk.run_outbox()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Arranging, "_note", dies)
        with pytest.raises(asyncio.CancelledError):
            await house.step()
    assert [row.state for row in await house.transfers()] == ["cancelled"]
    await house.step()
    assert await house.outcomes() == [(*MERGED, "failed", "transfer_cancelled")]


async def test_what_was_told_without_a_rule_is_taken_back(database: Database):
    house = await House.opened(database, *[SMALL] * 8)
    await carrying_at_most(house, 4)
    payment = await house.desk.send(house.vault, 4 * SMALL, fee_max=FEE)
    await house.desk.run_outbox()
    await house.step()
    assert await house.told() is not None
    await house.desk.services.transfers.cancel(payment, ANYONE)
    await house.step()
    assert await house.told() is None
