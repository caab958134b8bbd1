"""Transfers move as sets: one question, one commit for all; yet each keeps its own trouble, and a
death between any two steps of a set pays nobody twice and nobody never."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chains.errors import BroadcastRejected
from chains.model import TxId
from custody.db.leases import Leases
from custody.db.session import Database, WriteSession
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow
from custody.outbox import Work
from custody.transactions import broadcasting, building, signing
from custody.transactions.building import Builder
from custody.transactions.moving import move
from custody.transactions.tracking import Tracker
from custody.workers import outbox, turns
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FUNDS, Crash, lease_over

SIZE = 4


async def desk_of(database: Database, alias: str, coins: int = 2 * SIZE) -> tuple[Desk, Any]:
    desk = Desk(database, alias)
    return desk, await desk.open_funded(*[FUNDS // coins] * coins)


async def send_set(desk: Desk, vault: Any, size: int = SIZE) -> dict[str, int]:
    """Amounts by transfer."""
    return {await desk.send(vault, 1_000 + n): 1_000 + n for n in range(size)}


async def all_ended_well(desk: Desk, sent: dict[str, int]) -> None:
    for transfer_id, amount in sent.items():
        assert (await desk.settle(transfer_id)).state == "final"
        assert await desk.received(transfer_id) == amount
        signed = [each for each in await desk.transactions(transfer_id) if each.raw]
        assert len(signed) == 1, "signed once"
    assert await desk.claims() == [] and await desk.outbox() == []


@contextmanager
def commits(
    monkeypatch: pytest.MonkeyPatch, die_at: int | None = None, *, stored: bool = False
) -> Iterator[Counter[str]]:
    """Counts commits, and kills us at the `die_at`th: when it is `stored`, or just before."""
    seen: Counter[str] = Counter()
    real = WriteSession.commit

    async def commit(session: WriteSession) -> None:
        seen["commits"] += 1
        dies = seen["commits"] == die_at
        if dies and not stored:
            raise Crash
        await real(session)
        if dies:
            raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(WriteSession, "commit", commit)
        yield seen


@pytest.mark.parametrize(("alias", "stored"), [(COINS, False), (ACCOUNT, True)])
async def test_a_death_between_any_two_steps_of_a_set(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, alias: str, stored: bool
) -> None:
    """Before each commit in turn, so that the node's and the signer's answers are lost; and after
    it, so that what follows was never begun."""
    desk, vault = await desk_of(sqlite, alias)
    everything: dict[str, int] = {}
    for step in count(1):
        sent = await send_set(desk, vault)
        everything |= sent
        died = False
        with commits(monkeypatch, step, stored=stored):
            try:
                await desk.run_outbox()
            except Crash:
                died = True
        desk.restart()
        await lease_over(desk)
        await all_ended_well(desk, sent)
        if not died:
            break
    assert step > 6, "claim, build, sign, broadcast, and the outbox's own"
    assert Counter(len(desk.signer.receipts[each]) for each in everything) == {1: len(everything)}
    assert (await desk.reconcile()).is_clean


async def test_a_set_costs_no_more_questions_and_commits_than_one(
    every: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = every
    vault = await desk.open_funded(*[FUNDS // 16] * 16)
    monkeypatch.setattr(outbox, "CLAIM", timedelta(hours=1))  # its renewals would be counted
    costs = []
    for size in (1, 2 * SIZE):
        await send_set(desk, vault, size)
        desk.adapter.calls.clear()
        with commits(monkeypatch) as seen:
            await desk.run_outbox()
        asked = {name: desk.adapter.calls[name] for name in ("claim", "prepare", "broadcast")}
        costs.append((asked, seen["commits"]))
    alone, together = costs
    assert together == alone
    assert together[0] == {"claim": 1, "prepare": 1, "broadcast": 1}
    desk.adapter.calls.clear()
    await desk.worker._tracker.track(desk.network.id)
    assert desk.adapter.calls["statuses"] == 1
    await desk.node.mine()
    desk.adapter.calls.clear()
    await desk.track()
    assert "statuses" not in desk.adapter.calls, "our own block has all of them"


@pytest.mark.parametrize("module", [building, signing, broadcasting])
async def test_one_that_can_not_be_stored_holds_up_no_other(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """Whatever goes wrong with one is undone for all, and then done for each of the others."""
    desk, vault = await desk_of(sqlite, ACCOUNT)
    sent = await send_set(desk, vault)
    bad = list(sent)[1]

    async def refuse(session: Any, ledger: Any, steps: Any, *rest: Any) -> Any:
        if any(each.id == bad for step in steps for each in step.transfers):
            raise KeyError("unforeseen")
        return await move(session, ledger, steps, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(module, "move", refuse)
        await desk.run_outbox()
        phases = {await desk.phase(each) for each in sent if each != bad}
        assert phases == {"broadcast"}
        assert await desk.phase(bad) != "broadcast"
    desk.restart()
    await all_ended_well(desk, sent)


async def test_a_refused_broadcast_hides_no_other(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, vault = await desk_of(sqlite, ACCOUNT)
    sent = await send_set(desk, vault)
    bad = list(sent)[-1]
    await desk.worker.run_due()
    txid = TxId((await desk.newest(bad)).txid or "")
    real = desk.adapter._broadcast

    def refuse(signed: Any) -> Any:
        if signed.txid == txid:
            raise BroadcastRejected("too cheap")
        return real(signed)

    with monkeypatch.context() as patch:
        patch.setattr(desk.adapter, "_broadcast", refuse)
        await desk.worker.run_due()
        assert [await desk.phase(each) for each in sent] == ["broadcast"] * (SIZE - 1) + ["signed"]
        assert (await desk.transfer(bad)).waiting == "broadcast_rejected"
    await all_ended_well(desk, sent)


async def test_what_waits_for_its_first_broadcast_is_not_asked_about(sqlite: Database) -> None:
    desk, vault = await desk_of(sqlite, ACCOUNT)
    sent = await send_set(desk, vault)
    await desk.worker.run_due()
    assert {await desk.phase(each) for each in sent} == {"signed"}
    desk.adapter.calls.clear()
    await desk.node.mine()
    await desk.track()
    assert "statuses" not in desk.adapter.calls
    items = await desk.worker._outbox.claim(desk.network.id, SIZE)
    await desk.worker._outbox.retry([(item, "node_unavailable", None) for item in items])
    await desk.track()
    assert desk.adapter.calls["statuses"] == 1, "once it was tried in vain, a block may hold it"
    await all_ended_well(desk, sent)


async def test_broadcasts_go_before_signings(sqlite: Database) -> None:
    desk, vault = await desk_of(sqlite, ACCOUNT)
    first = await send_set(desk, vault, 2)
    await desk.worker.run_due()
    second = await send_set(desk, vault, 2)
    items = await desk.worker._outbox.claim(desk.network.id, 3)
    assert [item.work for item in items] == [Work.BROADCAST, Work.BROADCAST, Work.SIGN]
    await lease_over(desk)
    await all_ended_well(desk, {**first, **second})


async def test_of_two_that_were_claimed_for_one_transfer_one_is_built(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where both come in one set: each is looked at with what those before it took."""
    desk, vault = await desk_of(sqlite, ACCOUNT)
    transfer = await desk.send(vault, 1_000)
    store = Builder._store

    async def twice(self: Builder, built: Any) -> Any:
        ((job, tx),) = built
        other = f"{job.transaction_id[:-1]}~"
        async with sqlite.write() as session:
            row = await session.get(TransactionRow, job.transaction_id)
            assert row is not None
            columns = {each.key: getattr(row, each.key) for each in TransactionRow.__table__.c}
            session.add(TransactionRow(**columns | {"id": other}))
            await session.flush()
            session.add(
                TransactionTransferRow(
                    transaction_id=other, transfer_id=transfer, mandate_version=1
                )
            )
        return await store(self, [(job, tx), (replace(job, transaction_id=other), tx)])

    monkeypatch.setattr(Builder, "_store", twice)
    await desk.worker.run_due()
    (row,) = await desk.transactions(transfer)
    assert row.payload is not None


async def test_what_can_be_settled_lets_the_outbox_go_first(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, vault = await desk_of(sqlite, ACCOUNT)
    sent = await send_set(desk, vault)
    await desk.run_outbox()
    await desk.node.mine()
    await desk.node.finalize()
    await desk.follow()
    monkeypatch.setattr(turns, "SET_S", 3600.0)
    desk.worker._turns.sends(desk.network.id)
    judged = asyncio.Event()
    judge = Tracker._look_up

    async def judging(self: Tracker, *given: Any) -> Any:
        judged.set()
        return await judge(self, *given)

    monkeypatch.setattr(Tracker, "_look_up", judging)
    async with Leases(sqlite).hold("follow") as lease:
        assert lease is not None
        tracking = asyncio.create_task(desk.worker.track(lease))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await judged.wait()
        desk.worker._turns.rests(desk.network.id)
        await tracking
    assert {await desk.phase(each) for each in sent} == {"final"}


@pytest.mark.parametrize("step", ["_look_up", "_move"])
async def test_one_that_can_not_be_judged_or_settled_holds_up_no_other(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    desk, vault = await desk_of(sqlite, ACCOUNT)
    sent = await send_set(desk, vault)
    await desk.run_outbox()
    await desk.node.mine()
    await desk.node.finalize()
    await desk.follow()
    stuck = list(sent)[1]
    (bad,) = await desk.transactions(stuck)
    whole = getattr(Tracker, step)

    async def failing(self: Tracker, *given: Any) -> Any:
        if bad.id in [getattr(each, "id", each) for each in given[-1]]:
            raise ZeroDivisionError
        return await whole(self, *given)

    monkeypatch.setattr(Tracker, step, failing)
    with pytest.raises(ZeroDivisionError):
        await desk.worker._tracker.track(desk.network.id)
    phases = {each: await desk.phase(each) for each in sent}
    assert phases.pop(stuck) != "final"
    assert set(phases.values()) == {"final"}
