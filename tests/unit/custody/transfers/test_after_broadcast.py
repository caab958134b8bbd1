"""What becomes of signed transactions: refused, forgotten, reorganised, reverted, dead, final."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from chains.block import Block, cost_kind
from chains.costs import CostKind
from chains.errors import BroadcastRejected
from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import LedgerEntryRow, OutboxRow
from custody.db.transfer_tables import MandateRow
from custody.transactions import looking
from custody.transfers.mandates import stored_mandate
from signer.wire import Mandate
from tests.unit.custody.transfers.desk import Desk, total
from tests.unit.custody.transfers.life import (
    ACCOUNT,
    FUNDS,
    TRON,
    ended_well,
    mandate_of,
)

FEE_MAX = 5 * 10**15
"""What a transfer holds for its fee if it says nothing."""


async def test_a_node_that_says_no_frees_nothing(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    refuse = True

    def hook(name: str) -> None:
        if name == "broadcast" and refuse:
            raise BroadcastRejected("mempool full")

    desk.adapter.before = hook
    await desk.work(3)
    row = await desk.transfer(transfer_id)
    (before,) = await desk.transactions(transfer_id)
    assert (before.state, row.waiting) == ("signed", "broadcast_rejected")
    assert (await desk.balance(vault)).reserved == 1_000 + row.costs_max
    refuse = False
    await desk.settle(transfer_id)
    (after,) = await desk.transactions(transfer_id)
    assert (before.raw, before.txid) == (after.raw, after.txid)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_forgotten_transaction_is_sent_again_byte_for_byte(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    row = await desk.newest(transfer_id)
    desk.node.drop(TxId(row.txid or ""))
    await desk.track()
    assert await desk.outbox() == [("broadcast", row.id)]
    await desk.track()
    assert await desk.outbox() == [("broadcast", row.id)]
    await desk.work()
    assert row.txid in desk.node.pool
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_reorg_brings_it_back_and_it_is_included_again(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "included"
    await desk.node.reorg(1)
    await desk.track()
    assert await desk.phase(transfer_id) == "broadcast"
    row = await desk.settle(transfer_id)
    assert row.state == "final"
    await ended_well(desk, vault, transfer_id, 1_000)
    assert "disconnect" in await desk.transaction_events(transfer_id)


async def test_a_reorg_that_moves_it_to_another_block(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    first = (await desk.newest(transfer_id)).block_hash
    await desk.node.reorg(1, replay=True)
    await desk.track()
    row = await desk.newest(transfer_id)
    assert row.state == "included"
    assert row.block_hash != first
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_reverted_transaction_costs_its_fee_and_nothing_else(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    sent = await desk.newest(transfer_id)
    desk.node.revert(TxId(sent.txid or ""))
    await desk.node.mine()
    await desk.work()
    sent = await desk.newest(transfer_id)
    assert (sent.state, sent.reason) == ("included", "reverted")
    row = await desk.settle(transfer_id)
    sent = await desk.newest(transfer_id)
    assert (row.state, row.reason) == ("failed", "reverted")
    assert (sent.state, total(sent.costs)) == ("reverted", 1000)
    assert await desk.received(transfer_id) == 0
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS - 1000, 0)
    assert (await desk.reconcile()).is_clean


async def test_a_transaction_proven_dead_gives_everything_back(sqlite: Database):
    """TRON: it expired before any block took it."""
    desk = Desk(sqlite, TRON)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.adapter.before = _refuse_broadcasts
    await desk.work()
    row = await desk.newest(transfer_id)
    while row.state != "dead":
        assert row.state == "signed"
        await desk.node.mine(10)
        await desk.node.finalize()
        await desk.work()
        row = await desk.newest(transfer_id)
    assert await desk.state(transfer_id) == "failed"
    assert (await desk.balance(vault)).available == FUNDS
    assert await desk.received(transfer_id) == 0
    assert await desk.claims() == []


def _refuse_broadcasts(name: str) -> None:
    if name == "broadcast":
        raise BroadcastRejected("not today")


async def test_a_transaction_whose_coin_is_finally_gone_is_dead(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.adapter.before = _refuse_broadcasts
    await desk.work()
    mandate = await mandate_of(desk, transfer_id)
    thief = desk.node.steal(Address(mandate.core.source_address or ""))
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer_id) == "signed", "not final yet"
    await desk.node.finalize()
    await desk.work(2)
    row = await desk.transfer(transfer_id)
    assert row.state == "failed"
    assert f"was used up by {thief}" in (row.reason or "")
    assert (await desk.balance(vault)).available == FUNDS - 1 - desk.node.fee, "but what was stolen"


async def test_a_cost_above_what_was_reserved_settles_nothing_and_calls_a_person(
    sqlite: Database,
):
    desk = Desk(sqlite, "solana-local")
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=2_000)
    await desk.work()
    read = desk.adapter.block

    async def dearer(height: int) -> Block | None:
        """The node says that more left than the bytes allow."""
        found = await read(height)
        moved = [
            each._replace(units=-2_001) if cost_kind(each.place) else each
            for each in (found.movements if found else ())
        ]
        return replace(found, movements=tuple(moved)) if found else None

    desk.adapter.block = dearer  # type: ignore[method-assign]
    await desk.node.mine()
    await desk.node.finalize()
    await desk.work(2)
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("in_flight", "fee_above_reservation")
    assert await desk.phase(transfer_id) == "included"
    assert "fee_above_reservation" in await desk.alarms()
    assert (await desk.balance(vault)).reserved == 3_000 + 1_447_680


@pytest.mark.parametrize("reverts", [False, True])
async def test_what_nothing_bounds_is_booked_beyond_what_was_held(sqlite: Database, reverts: bool):
    """A rollup's data: the rule named the kind, and the chain took more than was agreed."""
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, costs_max={CostKind.L1_DATA: 70})
    assert (await desk.balance(vault)).reserved == 1_070 + FEE_MAX
    desk.node.data = 100
    await desk.work()
    sent = await desk.newest(transfer_id)
    if reverts:
        desk.node.revert(TxId(sent.txid or ""))
    await desk.settle(transfer_id)
    if reverts:
        assert await desk.state(transfer_id) == "failed"
        assert (await desk.balance(vault)).available == FUNDS - desk.node.fee - 100
        assert (await desk.reconcile()).is_clean
    else:
        await ended_well(desk, vault, transfer_id, 1_000)
    assert "fee_above_reservation" in await desk.alarms()


async def test_what_nothing_bounds_is_lent_where_the_vault_has_nothing_left(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    first = await desk.send(vault, 1_000, costs_max={CostKind.L1_DATA: 70})
    await desk.work()
    held = (await desk.balance(vault)).available - FEE_MAX
    await desk.send(vault, held)
    desk.node.data = 10 + FEE_MAX
    await desk.node.mine()
    await desk.node.finalize()
    await desk.work(2)
    assert await desk.state(first) == "final"
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (0, held + FEE_MAX)
    entries = await desk.entries()
    assert ("post", 10 + FEE_MAX - 70 - (FEE_MAX - desk.node.fee)) in entries


async def test_the_worker_survives_what_nobody_foresaw(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    vault = await desk.open_funded(FUNDS)
    good = await desk.send(vault, 1_000)
    bad = await desk.send(vault, 2_000)

    def read(row: MandateRow) -> Mandate:
        if row.transfer_id == bad:
            raise KeyError("unforeseen")
        return stored_mandate(row)

    monkeypatch.setattr(looking, "stored_mandate", read)
    await desk.worker.run_due()
    assert await desk.phase(good) == "signed"
    assert (await desk.transfer(bad)).waiting == "internal_error"
    async with desk.database.read() as session:
        errors = await session.all(select(OutboxRow.last_error).where(OutboxRow.subject == bad))
        entries = await session.all(
            select(LedgerEntryRow.kind).where(LedgerEntryRow.subject == bad)
        )
    assert list(errors) == ["internal_error"]
    assert list(entries) == ["reserve", "reserve"]
