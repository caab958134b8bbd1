"""One transaction for several transfers: what it costs is shared, and one's trouble is its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from chains.costs import CostKind
from chains.model import TxId
from custody.db.session import Database
from custody.deposits.minimums import NONE
from custody.ledger import repository as ledger
from custody.ledger.model import Kind, Reason
from custody.transactions import building
from custody.transactions.planners import payment
from custody.transactions.planners.plan import NotYet, Plan, Waiting, carrying
from signer.agreement import Purpose
from signer.wire import RefusalCode
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FUNDS, Crash, crash_on, lease_over


def together(waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]:
    """A planner that puts all that could be paid alone into one transaction."""
    alone = payment.plan(waiting, now)
    ready = [each.first for each in alone if isinstance(each, Plan)]
    if not ready:
        return alone
    plan = carrying(Purpose.PAY, ready)
    return [plan, *(each for each in alone if isinstance(each, NotYet))]


@pytest.fixture(autouse=True)
def planners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "PLANNERS", (together,))


async def fees_of(desk: Desk, transfer_id: str) -> int:
    """What the books say that a transfer paid for being in a block."""
    async with desk.database.read() as session:
        entries = await ledger.entries_of(session, transfer_id)
    return sum(e.amount for e in entries if e.kind is Kind.SETTLE and e.reason == Reason.FEE)


@pytest.mark.parametrize("alias", [COINS, ACCOUNT])
async def test_its_transfers_share_its_costs_by_their_outputs(sqlite: Database, alias: str):
    desk = Desk(sqlite, alias)
    vault = await desk.open_funded(FUNDS)
    bounds = (1_000, 2_000, 4_000)
    ids = [await desk.send(vault, 10_000 + most, fee_max=most) for most in bounds]
    desk.node.fee = 1_003
    for each in ids:
        assert (await desk.settle(each)).state == "final"
    (carrying,) = {(await desk.newest(each)).id for each in ids}
    assert desk.signer.calls["sign"] == 1
    assert [await desk.received(each) for each in ids] == [10_000 + most for most in bounds]
    cost = total((await desk.newest(ids[0])).costs)
    paid = {each: await fees_of(desk, each) for each in ids}
    assert sum(paid.values()) == cost == 1_003
    # All of one size; the unit that is left is the first mandate's.
    assert [paid[each] for each in sorted(ids)] == [335, 334, 334]
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - 37_000 - cost, 0)
    assert await desk.claims() == [] and await desk.outbox() == []
    assert (await desk.reconcile()).is_clean, carrying


async def test_the_one_that_is_refused_is_taken_out_and_the_others_go(sqlite: Database):
    desk = Desk(sqlite, COINS)
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n) for n in range(3)]
    desk.signer.refuse = [(RefusalCode.DENIED, "because")]  # it names the first of the request
    await desk.run_outbox()
    states = {each: await desk.state(each) for each in ids}
    (refused,) = [each for each, state in states.items() if state == "denied"]
    rest = [each for each in ids if each != refused]
    for each in rest:
        assert (await desk.settle(each)).state == "final"
    first, second = await desk.transactions(rest[0])
    assert (first.state, second.state) == ("abandoned", "final")
    assert [each.id for each in await desk.transactions(refused)] == [first.id]
    assert await desk.received(refused) == 0
    cost = total(second.costs)
    sums = sum(1_000 + ids.index(each) for each in rest)
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - sums - cost, 0)
    assert (await desk.reconcile()).is_clean


async def test_a_refusal_that_names_nobody_ends_none_of_several(sqlite: Database):
    desk = Desk(sqlite, COINS)
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n) for n in range(2)]
    desk.node.fee = 1_000
    real = desk.signer._sign

    def nobody(request):
        desk.signer._sign = real  # type: ignore[method-assign]
        desk.signer.refuse = []
        from signer.wire import Refusal

        return Refusal(None, RefusalCode.MISMATCH, "fee", "costs more")

    desk.signer._sign = nobody  # type: ignore[method-assign]
    await desk.worker.run_due()
    assert {await desk.state(each) for each in ids} == {"approved"}
    assert {(await desk.transfer(each)).waiting for each in ids} == {"signer_mismatch"}
    for each in ids:
        assert (await desk.settle(each)).state == "final"


async def test_one_that_failed_in_a_block_costs_all_of_them_and_pays_nobody(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n) for n in range(3)]
    await desk.work()
    desk.node.revert(TxId((await desk.newest(ids[0])).txid or ""))
    for each in ids:
        row = await desk.settle(each)
        assert (row.state, row.reason) == ("failed", "reverted")
        assert await desk.received(each) == 0
    cost = total((await desk.newest(ids[0])).costs)
    assert sum([await fees_of(desk, each) for each in ids]) == cost
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - cost, 0)
    assert (await desk.reconcile()).is_clean


async def test_calling_one_off_before_it_is_built_leaves_the_others(sqlite: Database):
    desk = Desk(sqlite, COINS)
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n) for n in range(3)]
    desk.adapter.before = crash_on("prepare")
    with pytest.raises(Crash):
        await desk.work()
    assert await desk.claims() != []
    desk.restart()
    await desk.services.transfers.cancel(ids[1], ANYONE)
    assert await desk.claims() == [], "what was claimed together is free"
    await lease_over(desk)
    for each in (ids[0], ids[2]):
        assert (await desk.settle(each)).state == "final"
    assert await desk.state(ids[1]) == "cancelled"
    assert await desk.received(ids[1]) == 0
    assert (await desk.reconcile()).is_clean


async def test_a_rewound_batch_gives_each_its_own_back(sqlite: Database):
    """Everything that its end booked is answered by its opposite, rounding included."""
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n, fee_max=2_000 + 7 * n) for n in range(3)]
    desk.node.fee = 1_001
    for each in ids:
        await desk.settle(each)
    from custody.db.session import WriteSession
    from custody.rewind.plan import Plan as RewindPlan
    from custody.rewind.service import Rewind
    from custody.transactions import repository as transactions

    async with desk.database.read() as session:
        sent = await desk.newest(ids[0])
        carried = await transactions.transfers_of(session, [sent.id])
    plan = RewindPlan(None, None, [], [], [sent], carried, 0, 0, 0)
    rewind = Rewind(
        desk.database, desk.services.ledger, desk.network, desk.adapter, desk.clock, NONE
    )
    async with desk.database.write() as writing:
        assert isinstance(writing, WriteSession)
        await rewind._undo(writing, plan, desk.clock())
    held = sum(1_000 + n + 2_000 + 7 * n for n in range(3))
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - held, held)
    assert {await desk.state(each) for each in ids} == {"in_flight"}
    assert len(await desk.claims()) == 1
    for each in ids:
        assert (await desk.settle(each)).state == "final"
    assert (await desk.reconcile()).is_clean


def test_costs_are_shared_by_kind():
    assert CostKind.FEE.value == Reason.FEE.value, "a reservation's kind is its entry's reason"
    assert {kind.value for kind in CostKind} <= {reason.value for reason in Reason}
