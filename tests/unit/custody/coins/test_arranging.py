"""Coins are consolidated while fees are low and split while there are few: once at a time, by the
ordinary way of transfers; and people are called where a payment waits and nothing helps it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from chains.catalogue import built_in
from chains.errors import NodeUnavailable
from custody.apikeys.model import Scope
from custody.apikeys.service import revoke_key
from custody.coins.arranging import Arranging
from custody.coins.model import Consolidate, Keep
from custody.coins.service import NewRule
from custody.db.coin_rule_tables import CoinRuleRow
from custody.db.session import Database
from custody.db.tables import DepositRow
from custody.errors import CustodyError
from custody.pauses.service import pause, resume
from custody.transfers.request import Estimate
from custody.transfers.service import Transfers
from tests.unit.custody.coins.house import FEE, LARGE, SMALL, House
from tests.unit.custody.transfers.desk import ANYONE, total

MERGED = ("consolidation", 4)


async def test_too_many_coins_become_fewer_one_transaction_after_the_other(database: Database):
    amounts = [SMALL + n for n in range(9)]
    house = await House.opened(database, *amounts, LARGE)
    await house.step()
    assert await house.rows() == []
    await house.merge()
    for _ in range(3):
        await house.step()
    (transfer,) = await house.transfers()
    assert (transfer.kind, transfer.initiator) == ("consolidation", "robot")
    assert transfer.destination == house.own
    for _ in range(3):
        await house.finish()
    assert await house.outcomes() == [(*MERGED, "done", None)] * 2
    assert {(row.rate, row.cost, row.cost_max) for row in await house.rows()} == {(FEE, FEE, FEE)}
    coins = await house.coins()
    assert len(coins) == 4 and sum(coins) == sum(amounts) + LARGE - 2 * FEE
    assert (await house.desk.balance(house.vault)).available == sum(coins)
    async with database.read() as session:
        deposits = await session.one(select(func.count()).select_from(DepositRow))
    assert deposits == 10, "what stays ours is nobody's deposit"
    assert (await house.desk.reconcile()).is_clean
    assert await house.told() is None


async def test_nothing_is_done_while_the_network_asks_for_more_than_the_rule_allows(
    database: Database,
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge(rate_max=FEE - 1)
    await house.step()
    assert await house.rows() == [] and await house.told() is None
    house.desk.node.fee = FEE - 1
    await house.step()
    assert await house.outcomes() == [(*MERGED, "open", None)]
    await house.finish()
    assert await house.outcomes() == [(*MERGED, "done", None)]


async def test_a_node_that_is_away_decides_nothing(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()

    def away(asked: str) -> Callable[[str], None]:
        def hook(call: str) -> None:
            if call == asked:
                raise NodeUnavailable("away")

        return hook

    for asked in ("prices", "quote"):
        house.desk.adapter.before = away(asked)
        await house.step()
        assert await house.rows() == []
    house.desk.adapter.before = lambda call: None
    await house.step()
    assert len(await house.rows()) == 1


async def test_few_coins_become_as_many_as_are_kept(database: Database):
    house = await House.opened(database, SMALL, LARGE)
    await house.keep(4, LARGE // 10)
    for _ in range(2):
        await house.step()
        await house.finish()
    assert await house.outcomes() == [("splitting", 4, "done", None)]
    (transfer,) = await house.transfers()
    assert transfer.kind == "splitting"
    coins = await house.coins()
    assert sum(coin >= LARGE // 10 for coin in coins) == 4
    assert sum(coins) == SMALL + LARGE - FEE == (await house.desk.balance(house.vault)).available
    assert (await house.desk.reconcile()).is_clean


async def test_payments_side_by_side_are_no_reason_to_split(database: Database):
    """Their coins are claimed, and change comes back."""
    house = await House.opened(database, *[LARGE] * 3)
    await house.keep(3, LARGE // 10)
    for _ in range(2):
        await house.desk.send(house.vault, SMALL, fee_max=FEE)
    await house.desk.run_outbox()
    assert len(await house.desk.claims()) == 2
    await house.step()
    assert await house.rows() == []


async def test_what_would_make_pieces_too_small_is_left(database: Database):
    house = await House.opened(database, 2 * SMALL + FEE - 1)
    await house.keep(3, SMALL)
    await house.step()
    assert await house.rows() == [] and await house.told() is None
    await house.receive(2 * SMALL + FEE)
    await house.step()
    await house.finish()
    assert await house.outcomes() == [("splitting", 2, "done", None)]


async def test_a_split_is_no_dearer_than_its_rule(database: Database):
    house = await House.opened(database, LARGE)
    await house.keep(4, SMALL, rate_max=FEE - 1)
    await house.step()
    assert await house.rows() == []


async def test_a_split_that_does_not_suffice_keeps_no_consolidation(database: Database):
    house = await House.opened(database, 2 * LARGE, *[SMALL] * 6)
    await house.merge(keep=Keep(2, LARGE, FEE))
    await house.step()
    assert await house.outcomes() == [(*MERGED, "open", None)]


async def test_what_another_process_serves_is_left_to_it(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    await house.step()
    stranger = Arranging(
        database, house.desk.ledger, house.desk.services.transfers, {}, house.desk.clock
    )
    await house.desk.services.transfers.cancel((await house.transfers())[0].id, ANYONE)
    await stranger.step()
    assert await house.outcomes() == [(*MERGED, "open", None)]


async def test_what_is_kept_is_split_first_and_never_consolidated(database: Database):
    house = await House.opened(database, LARGE, *[SMALL] * 6)
    keep = Keep(3, LARGE // 10, FEE)
    await house.merge(keep=keep)
    for _ in range(4):
        await house.step()
        await house.finish()
    assert await house.outcomes() == [
        ("splitting", 3, "done", None),
        (*MERGED, "done", None),
        ("consolidation", 3, "done", None),
    ]
    coins = await house.coins()
    assert sum(coin >= LARGE // 10 for coin in coins) == 3 and len(coins) == 4
    assert (await house.desk.reconcile()).is_clean


async def test_what_fails_is_told_and_tried_again_later(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge(key=await house.new_key(initiator="nobody"))
    for _ in range(3):
        await house.step()
    assert await house.outcomes() == [(*MERGED, "failed", "policy_denied")]
    words = await house.told()
    assert words is not None and "policy_denied" in words
    await house.merge()
    house.desk.clock.forward(seconds=59)
    await house.step()
    assert len(await house.rows()) == 1
    house.desk.clock.forward(seconds=2)
    await house.step()
    await house.finish()
    assert await house.told() is None
    assert [row.state for row in await house.rows()] == ["failed", "done"]


async def test_each_failure_doubles_the_wait_and_a_revoked_key_asks_for_nothing(
    database: Database,
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    async with database.write() as session:
        await revoke_key(session, house.key, house.desk.clock())
    for seconds, rows in ((0, 1), (61, 2), (61, 2), (60, 3), (239, 3), (2, 4)):
        house.desk.clock.forward(seconds=seconds)
        await house.step()
        assert len(await house.rows()) == rows
    assert {code for *_, code in await house.outcomes()} == {"api_key_revoked"}
    assert await house.transfers() == []
    assert await house.told() is not None
    await house.set(None)
    await house.step()
    assert await house.told() is None


async def test_a_transfer_that_ends_unpaid_ends_its_move(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    await house.step()
    (transfer,) = await house.transfers()
    await house.desk.services.transfers.cancel(transfer.id, ANYONE)
    await house.step()
    assert await house.outcomes() == [(*MERGED, "failed", "transfer_cancelled")]
    assert await house.told() is not None


async def test_a_rule_that_is_replaced_leaves_what_is_open_alone(database: Database):
    house = await House.opened(database, *[SMALL] * 9)
    await house.merge()
    await house.step()
    await house.merge(coins_most=2)
    await house.step()
    await house.set(None)
    await house.step()
    await house.finish()
    assert await house.outcomes() == [(*MERGED, "done", None)]
    await house.merge(coins_most=2)
    await house.step()
    assert [row.coins for row in await house.rows()] == [4, 2]


async def test_a_rule_that_changes_while_one_is_estimated_begins_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()
    real = Transfers.estimate

    async def slower(*args: Any) -> Estimate:
        await house.set(None)
        return await real(*args)

    monkeypatch.setattr(Transfers, "estimate", slower)
    await house.step()
    assert await house.rows() == []


async def test_a_paused_vault_waits_and_goes_on(database: Database):
    house = await House.opened(database, *[SMALL] * 5)
    desk = house.desk
    async with database.write() as session:
        held = await pause(session, None, house.vault.id, "counted", desk.clock(), by="olivia")
    await house.merge()
    await house.step()
    await desk.work(2)
    await house.step()
    assert await house.outcomes() == [(*MERGED, "open", None)]
    assert await house.coins() == [SMALL] * 5
    async with database.write() as session:
        await resume(session, held.id, "done", desk.clock(), by="olivia")
    await house.finish()
    assert await house.outcomes() == [(*MERGED, "done", None)]


async def test_two_workers_at_once_ask_once(database: Database):
    house = await House.opened(database, *[SMALL] * 9)
    await house.merge(keep=Keep(3, SMALL // 2, FEE))
    workers = [house.arranging() for _ in range(4)]
    await asyncio.gather(*(each.step() for each in workers))
    await house.step()
    assert len(await house.rows()) == len(await house.transfers()) == 1
    for row in await house.transfers():
        await house.desk.settle(row.id)
    await asyncio.gather(*(each.step() for each in workers))
    assert [row.state for row in await house.rows()] == ["done", "open"]
    await house.finish()
    assert len(await house.rows()) == len(await house.transfers())


async def test_a_death_between_the_row_and_the_request_asks_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    house = await House.opened(database, *[SMALL] * 5)
    await house.merge()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    for whose, name in ((Transfers, "create"), (Arranging, "_note")):
        with monkeypatch.context() as patch:
            patch.setattr(whose, name, dies)
            with pytest.raises(asyncio.CancelledError):
                await house.step()
        assert [row.transfer_id for row in await house.rows()] == [None]
    (transfer,) = await house.transfers()
    await house.step()
    assert [row.transfer_id for row in await house.rows()] == [transfer.id]
    await house.finish()
    assert len(await house.transfers()) == 1
    assert total((await house.desk.newest(transfer.id)).costs) == FEE


async def test_a_rule_that_makes_no_sense_is_refused(database: Database):
    house = await House.opened(database, SMALL)
    reader = await house.new_key(scope=Scope.READ)
    good, keep = Consolidate(5, 4, FEE), Keep(3, SMALL, FEE)
    bare = await house.desk.vaults.create_vault(house.vault.client_id, "Bare")
    for code, new, more in (
        ("coin_rule_invalid", NewRule(None, None, house.key), {}),
        ("coin_rule_invalid", NewRule(Consolidate(2, 4, FEE), None, house.key), {}),
        ("coin_rule_invalid", NewRule(Consolidate(4, 4, FEE), keep, house.key), {}),
        ("coin_rule_invalid", NewRule(Consolidate(5, 1, FEE), None, house.key), {}),
        ("coin_rule_invalid", NewRule(Consolidate(5, 501, FEE), None, house.key), {}),
        ("coin_rule_invalid", NewRule(Consolidate(5, 4, 0), None, house.key), {}),
        ("coin_rule_invalid", NewRule(None, Keep(1, SMALL, FEE), house.key), {}),
        ("coin_rule_invalid", NewRule(None, Keep(3, 0, FEE), house.key), {}),
        ("coin_rule_invalid", NewRule(None, Keep(3, SMALL, 0), house.key), {}),
        ("coin_rule_invalid", NewRule(good, None, "key_nobody"), {}),
        ("coin_rule_invalid", NewRule(good, None, house.key), {"vault": bare.id}),
        (
            "coin_rule_invalid",
            NewRule(good, None, house.key),
            {"network": built_in().find_network("ethereum-local")},
        ),
        ("scope_missing", NewRule(good, None, reader), {}),
        ("vault_not_found", NewRule(good, None, house.key), {"vault": house.vault.id[:-1]}),
    ):
        with pytest.raises(CustodyError) as caught:
            await house.set(new, **more)
        assert caught.value.code == code, (new, more)
    async with database.read() as session:
        assert await session.all(select(CoinRuleRow)) == []
    await house.set(NewRule(Consolidate(5, 4, FEE), keep, house.key))
