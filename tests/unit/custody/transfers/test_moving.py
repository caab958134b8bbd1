"""From queued to final: the order of effects, and what a crash, a lost reply, a reorg or a refusal
does to it. The oracle is the fake chain itself: what arrived outside, how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chains.errors import BroadcastRejected, NodeUnavailable
from chains.model import TxId
from custody.db.session import Database
from custody.db.tables import LedgerEntryRow, OutboxRow, TransactionRow, TransferRow, VaultRow
from custody.errors import Conflict
from custody.transfers.builder import unsigned_of
from custody.transfers.mandates import stored_mandate
from custody.vaults.alarms import freeze
from signer.wire import Mandate, RefusalCode, SignRequest
from tests.unit.custody.transfers.desk import ANYONE, Desk

FAMILIES = ["bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local"]
COINS, ACCOUNT, TRON = "bitcoin-regtest", "ethereum-local", "tron-local"
FUNDS = 10**17


class Crash(BaseException):
    """Not an Exception: nothing of ours may catch it, as nothing catches kill -9."""


@pytest_asyncio.fixture
async def desk(sqlite: Database) -> AsyncIterator[Desk]:
    yield Desk(sqlite, COINS)


@pytest_asyncio.fixture(
    params=[
        f"{COINS} sqlite",
        pytest.param(f"{ACCOUNT} postgresql", marks=pytest.mark.postgres),
        f"{TRON} sqlite",
    ]
)
async def every(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Each kind of chain and each kind of database, but not each with each."""
    alias, kind = request.param.split()
    url = request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url")
    database = Database(url)
    yield Desk(database, alias)
    await database.close()


def crash_on(call: str, times: int = 1) -> Callable[[str], None]:
    """A hook that kills us when we are about to ask the node something."""
    left = [times]

    def hook(name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            raise Crash

    return hook


async def ended_well(desk: Desk, vault: VaultRow, transfer_id: str, amount: int) -> None:
    """Paid once, settled once, nothing held, books equal to the chain."""
    row = await desk.transfer(transfer_id)
    assert row.state == "final", (row.state, row.waiting, row.reason)
    assert await desk.received(transfer_id) == amount
    balance = await desk.balance(vault)
    spent = amount + (row.fee or 0) + (row.locked or 0)
    assert (balance.available, balance.reserved) == (FUNDS - spent, 0)
    assert balance.locked == (row.locked or 0)
    assert await desk.claims() == []
    assert await desk.outbox() == []
    assert len([tx for tx in await desk.transactions(transfer_id) if tx.raw]) == 1
    assert (await desk.reconcile()).is_clean


@pytest.mark.parametrize("alias", FAMILIES)
async def test_a_whole_life(sqlite: Database, alias: str):
    desk = Desk(sqlite, alias)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    await desk.work()
    row = await desk.transfer(transfer_id)
    assert row.state == "broadcast"
    assert row.txid in desk.node.pool
    await desk.node.mine()
    await desk.work()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.block_hash) == ("included", desk.node.tip.hash)
    assert (await desk.balance(vault)).reserved == 300_000 + row.fee_max
    await desk.node.finalize()
    await desk.node.mine()
    await desk.work()
    await ended_well(desk, vault, transfer_id, 300_000)
    events = ["accept", "build", "sign", "publish", "include", "finalize"]
    assert await desk.events(transfer_id) == events


async def test_rent_moves_to_the_locked_balance(sqlite: Database):
    desk = Desk(sqlite, "solana-local")
    vault = await desk.open_funded(FUNDS)
    desk.node.rent = 1_447_680
    transfer_id = await desk.send(vault, 300_000)
    row = await desk.settle(transfer_id)
    assert (row.fee, row.locked) == (1000, 1_447_680)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_several_at_once_are_signed_in_one_request(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS // 2, FUNDS // 2)
    ids = [await desk.send(vault, 1_000 * (n + 1)) for n in range(2)]
    await desk.work()
    assert desk.signer.calls["sign"] == 1
    for transfer_id in ids:
        assert (await desk.settle(transfer_id)).state == "final"
    assert [await desk.received(each) for each in ids] == [1_000, 2_000]
    assert (await desk.reconcile()).is_clean


# Crashes and lost replies


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast", "status"])
async def test_a_crash_before_a_question_to_the_node(every: Desk, call: str):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    desk.adapter.before = crash_on(call)
    with pytest.raises(Crash):
        await desk.work()
    desk.restart()
    await _lease_over(desk)
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast", "status"])
async def test_a_lost_reply_of_the_node(every: Desk, call: str):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    lost = [1]

    def lose(name: str) -> None:
        if name == call and lost:
            lost.pop()
            desk.node.drop_reply()

    desk.adapter.before = lose
    for _ in range(3):
        try:
            await desk.work()
        except NodeUnavailable:
            assert call == "status"
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)
    assert not lost


async def test_a_lost_reply_of_the_signer_is_asked_for_again_with_the_same_bytes(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)

    async def lose_one(requests):
        desk.signer.lose_replies = 1
        desk.signer.sign = sign  # type: ignore[method-assign]
        return await sign(requests)

    sign = desk.signer.sign
    desk.signer.sign = lose_one  # type: ignore[method-assign]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("queued", "signer_unavailable")
    (built,) = await desk.transactions(transfer_id)
    with pytest.raises(Conflict, match="may have signed"):
        await desk.services.transfers.cancel(transfer_id, ANYONE)
    await desk.settle(transfer_id)
    (signed,) = await desk.transactions(transfer_id)
    assert (signed.id, signed.payload) == (built.id, built.payload)
    assert len(desk.signer.receipts[transfer_id]) == 1
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_two_workers_with_one_transfer_make_one_transaction(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    driver, broadcaster = desk.worker._driver, desk.worker._broadcaster
    await asyncio.gather(*(driver.sign([transfer_id]) for _ in range(4)))
    await driver.sign([transfer_id])
    await asyncio.gather(*(broadcaster.broadcast(transfer_id) for _ in range(4)))
    assert len(await desk.transactions(transfer_id)) == 1
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_transfers_at_once_never_claim_the_same_thing(sqlite: Database):
    desk = Desk(sqlite, COINS)
    vault = await desk.open_funded(*[FUNDS // 4] * 4)
    ids = [await desk.send(vault, 1_000) for _ in range(4)]
    driver = desk.worker._driver
    while "queued" in [await desk.state(each) for each in ids]:
        await asyncio.gather(*(driver.sign([each]) for each in ids))
    spent: Counter[str] = Counter()
    for each in ids:
        (tx,) = await desk.transactions(each)
        spent.update(desk.adapter.codec.conflict_keys(desk.adapter.codec.open_raw(tx.raw or b"")))
    assert set(spent.values()) == {1}


# Nodes and the signer away


async def test_while_the_node_is_away_transfers_wait_and_nothing_is_lost(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS)
    desk.node.go_away()
    transfer_id = await desk.send(vault, 300_000)
    await desk.run_outbox()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("queued", "node_unavailable")
    desk.node.heal()
    await desk.run_outbox()
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_while_the_signer_is_away_nothing_is_built(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    desk.signer.away = True
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "signer_unavailable"
    assert await desk.transactions(transfer_id) == []
    desk.signer.away = False
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_a_fee_above_the_maximum_waits_and_holds_no_claim(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000, fee_max=1_500)
    desk.node.fee = 1_501
    await desk.run_outbox()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("queued", "fee_above_maximum")
    assert await desk.claims() == []
    desk.node.fee = 1_500
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 300_000)


async def test_a_claim_that_the_chain_consumed_is_given_up_and_made_again(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    (sender,) = {row.source_address for row in [await _mandate(desk, transfer_id)]}
    desk.adapter.before = crash_on("prepare")
    with pytest.raises(Crash):
        await desk.work()
    (held,) = await desk.claims()
    desk.node.state.nonces[sender or ""] = 1
    desk.restart()
    await _lease_over(desk)
    await desk.run_outbox()
    (now,) = await desk.claims()
    assert (held[-2:], now[-2:]) == (":0", ":1")


async def _mandate(desk: Desk, transfer_id: str) -> Mandate:
    return stored_mandate(await desk.transfer(transfer_id))


async def _lease_over(desk: Desk) -> None:
    """A dead worker's claims on the outbox run out."""
    desk.clock.forward(minutes=3)


# Refusals of the signer


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (RefusalCode.DENIED, "denied"),
        (RefusalCode.MISMATCH, "denied"),
        (RefusalCode.UNEXPLAINED, "denied"),
        (RefusalCode.MALFORMED, "denied"),
        (RefusalCode.POLICY_VERSION, "denied"),
        (RefusalCode.UNKNOWN_VAULT, "denied"),
        (RefusalCode.EXPIRED, "expired"),
    ],
)
async def test_a_final_no_releases_everything(desk: Desk, code: RefusalCode, state: str):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    desk.signer.refuse = [(code, "because")]
    await desk.work()
    row = await desk.transfer(transfer_id)
    assert row.state == state
    if state == "denied":
        assert row.reason == f"signer/{code}/because: told to refuse"
    assert (await desk.balance(vault)).available == FUNDS
    assert (await desk.claims(), await desk.outbox()) == ([], [])


@pytest.mark.parametrize(
    "code", [RefusalCode.NOT_YET, RefusalCode.NEEDS_APPROVALS, RefusalCode.LOCKED]
)
async def test_not_now_waits_can_be_cancelled_and_is_built_anew(every: Desk, code: RefusalCode):
    desk = every
    vault = await desk.open_funded(FUNDS)
    kept, cancelled = [await desk.send(vault, 1_000 * n) for n in (1, 2)]
    desk.signer.refuse = [(code, "wait")] * 2
    await desk.worker.run_due()
    waiting = "signer_" + code.value.replace("-", "_")
    for each in (kept, cancelled):
        row = await desk.transfer(each)
        assert (row.state, row.waiting) in {
            ("queued", waiting),
            ("queued", "insufficient_funds"),  # one coin serves one transfer at a time
        }
    assert await desk.claims() == []
    await desk.services.transfers.cancel(cancelled, ANYONE)
    desk.signer.refuse = []
    await desk.settle(kept)
    assert [bool(tx.raw) for tx in await desk.transactions(kept)][-1]
    await ended_well(desk, vault, kept, 1_000)
    assert await desk.state(cancelled) == "cancelled"


async def test_a_signer_that_failed_half_way_gets_the_same_bytes_again(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.signer.refuse = [(RefusalCode.UNAVAILABLE, "not-durable")]
    await desk.worker.run_due()
    assert (await desk.transfer(transfer_id)).waiting == "signer_unavailable"
    await desk.settle(transfer_id)
    assert len(await desk.transactions(transfer_id)) == 1
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_bytes_signed_behind_our_back_are_found_among_our_own(sqlite: Database):
    """A slow worker had bytes signed that were postponed meanwhile. TRON mandates get one
    transaction, ever: the newer bytes are refused and the older ones' receipt is fetched."""
    desk = Desk(sqlite, TRON)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.signer.refuse = [(RefusalCode.NOT_YET, "wait")]
    await desk.worker.run_due()
    (postponed,) = await desk.transactions(transfer_id)
    assert postponed.refusal == "not-yet"
    await _sign_behind_our_back(desk, transfer_id, postponed)
    await desk.settle(transfer_id)
    older, newer = await desk.transactions(transfer_id)
    assert (older.id, older.refusal, newer.refusal) == (postponed.id, None, "conflict")
    assert older.raw is not None
    await ended_well(desk, vault, transfer_id, 1_000)


async def _sign_behind_our_back(desk: Desk, transfer_id: str, row: TransactionRow) -> None:
    await desk.signer.sign([SignRequest(await _mandate(desk, transfer_id), unsigned_of(row))])


async def test_bytes_signed_elsewhere_release_nothing_and_call_a_person(sqlite: Database):
    desk = Desk(sqlite, TRON)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.signer.refuse = [(RefusalCode.CONFLICT, "guard")]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("queued", "signer_conflict")
    assert await desk.alarms() == ["signed_elsewhere"]
    assert (await desk.balance(vault)).reserved == 1_000 + row.fee_max
    with pytest.raises(Conflict):
        await desk.services.transfers.cancel(transfer_id, ANYONE)


# Cancelling, expiring, freezing


async def test_cancelling_a_queued_transfer_gives_everything_back_once(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    for _ in range(2):
        row = await desk.services.transfers.cancel(transfer_id, ANYONE)
        assert row.state == "cancelled"
    assert (await desk.balance(vault)).available == FUNDS
    await desk.work()
    assert await desk.transactions(transfer_id) == []
    assert await desk.outbox() == []


async def test_after_signing_it_is_too_late_to_cancel(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    await desk.worker.run_due()
    with pytest.raises(Conflict) as refused:
        await desk.services.transfers.cancel(transfer_id, ANYONE)
    assert refused.value.code == "transfer_not_cancellable"


async def test_cancelling_while_it_is_being_built_and_signed(every: Desk):
    """Whoever comes first at the row wins; never both."""
    desk = every
    vault = await desk.open_funded(FUNDS)
    for pause in range(6):
        transfer_id = await desk.send(vault, 1_000)

        async def cancel(transfer_id: str = transfer_id, pause: int = pause) -> None:
            for _ in range(pause):
                await asyncio.sleep(0.002)
            await desk.services.transfers.cancel(transfer_id, ANYONE)

        results = await asyncio.gather(
            cancel(), desk.worker._driver.sign([transfer_id]), return_exceptions=True
        )
        cancelled = results[0] is None
        state = await desk.state(transfer_id)
        assert (state == "cancelled") == cancelled
        signed = any(tx.raw for tx in await desk.transactions(transfer_id))
        assert not (cancelled and signed)
        if not cancelled:
            await desk.settle(transfer_id)


async def test_an_old_mandate_expires_unless_the_signer_may_have_signed(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    waiting, sent = [await desk.send(vault, 1_000 * n) for n in (1, 2)]
    desk.signer.lose_replies = 0
    await desk.worker._driver.sign([sent])
    assert await desk.state(sent) == "signed"
    desk.clock.forward(hours=2)
    assert await desk.services.transfers.expire() == 1
    assert await desk.state(waiting) == "expired"
    await desk.settle(sent)
    await ended_well(desk, vault, sent, 2_000)


async def test_a_frozen_vault_builds_nothing_and_goes_on_when_thawed(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    async with desk.database.write() as session:
        await freeze(session, [vault.id], "look")
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "vault_frozen"
    async with desk.database.write() as session:
        await session.execute(update(VaultRow).values(frozen_reason=None))
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


# After the broadcast


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
    assert (row.state, row.waiting) == ("signed", "broadcast_rejected")
    assert (await desk.balance(vault)).reserved == 1_000 + row.fee_max
    (before,) = await desk.transactions(transfer_id)
    refuse = False
    await desk.settle(transfer_id)
    (after,) = await desk.transactions(transfer_id)
    assert (before.raw, before.txid) == (after.raw, after.txid)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_forgotten_transaction_is_sent_again_byte_for_byte(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    row = await desk.transfer(transfer_id)
    desk.node.drop(TxId(row.txid or ""))
    await desk.track()
    assert await desk.outbox() == [("broadcast", transfer_id)]
    await desk.track()
    assert await desk.outbox() == [("broadcast", transfer_id)]
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
    assert await desk.state(transfer_id) == "included"
    await desk.node.reorg(1)
    await desk.track()
    assert await desk.state(transfer_id) == "broadcast"
    row = await desk.settle(transfer_id)
    assert row.state == "final"
    await ended_well(desk, vault, transfer_id, 1_000)
    assert "disconnect" in await desk.events(transfer_id)


async def test_a_reorg_that_moves_it_to_another_block(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    first = (await desk.transfer(transfer_id)).block_hash
    await desk.node.reorg(1, replay=True)
    await desk.track()
    row = await desk.transfer(transfer_id)
    assert row.state == "included"
    assert row.block_hash != first
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_reverted_transaction_costs_its_fee_and_nothing_else(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await desk.work()
    row = await desk.transfer(transfer_id)
    desk.node.revert(TxId(row.txid or ""))
    await desk.node.mine()
    await desk.work()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.reason) == ("included", "reverted")
    row = await desk.settle(transfer_id)
    assert (row.state, row.reason, row.fee) == ("reverted", "reverted", 1000)
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
    row = await desk.transfer(transfer_id)
    while row.state != "dropped":
        assert row.state == "signed"
        await desk.node.mine(10)
        await desk.node.finalize()
        await desk.work()
        row = await desk.transfer(transfer_id)
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
    mandate = await _mandate(desk, transfer_id)
    await desk.node.mine()
    desk.node.state.nonces[mandate.source_address or ""] = 1
    await desk.node.finalize()
    await desk.node.mine()
    await desk.work(2)
    row = await desk.transfer(transfer_id)
    assert row.state == "dropped"
    assert (row.reason or "").startswith("replaced")
    assert (await desk.balance(vault)).available == FUNDS


async def test_a_cost_above_what_was_reserved_settles_nothing_and_calls_a_person(
    sqlite: Database,
):
    desk = Desk(sqlite, "solana-local")
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=2_000)
    await desk.work()
    desk.node.rent = 1_001
    await desk.node.mine()
    await desk.node.finalize()
    await desk.work(2)
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("included", "fee_above_reservation")
    assert "fee_above_reservation" in await desk.alarms()
    assert (await desk.balance(vault)).reserved == 3_000


async def test_the_worker_survives_what_nobody_foresaw(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    good = await desk.send(vault, 1_000)
    bad = await desk.send(vault, 2_000)
    async with desk.database.write() as session:
        await session.execute(
            update(TransferRow).where(TransferRow.id == bad).values(mandate=b"{}")
        )
    await desk.worker.run_due()
    assert await desk.state(good) == "signed"
    assert (await desk.transfer(bad)).waiting == "internal_error"
    async with desk.database.read() as session:
        errors = await session.all(select(OutboxRow.last_error).where(OutboxRow.subject == bad))
        entries = await session.all(
            select(LedgerEntryRow.kind).where(LedgerEntryRow.subject == bad)
        )
    assert list(errors) == ["internal_error"]
    assert list(entries) == ["reserve", "reserve"]
