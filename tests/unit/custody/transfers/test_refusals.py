"""What ends a transfer before it is on its way, or makes it wait: the signer, people, the clock."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.db.transfer_tables import TransactionRow
from custody.errors import Conflict
from custody.transactions.looking import unsigned_of
from custody.vaults.freezes import freeze
from signer.wire import Consent, Purpose, RefusalCode, SignRequest
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import (
    FUNDS,
    TRON,
    ended_well,
    mandate_of,
)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (RefusalCode.DENIED, "denied"),
        (RefusalCode.MISMATCH, "denied"),
        (RefusalCode.UNEXPLAINED, "denied"),
        (RefusalCode.MALFORMED, "denied"),
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
            ("approved", waiting),
            ("approved", "insufficient_funds"),  # one coin serves one transfer at a time
            ("approved", "earlier_unsigned"),  # and one number comes after the other
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
    consent = Consent(await mandate_of(desk, transfer_id))
    await desk.signer.sign([SignRequest(Purpose.PAY, unsigned_of(row), (consent,))])


async def test_bytes_signed_elsewhere_release_nothing_and_call_a_person(sqlite: Database):
    desk = Desk(sqlite, TRON)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.signer.refuse = [(RefusalCode.CONFLICT, "guard")]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("in_flight", "signer_conflict")
    assert await desk.alarms() == ["signed_elsewhere"]
    assert (await desk.balance(vault)).reserved == 1_000 + row.costs_max
    with pytest.raises(Conflict):
        await desk.services.transfers.cancel(transfer_id, ANYONE)


# Cancelling, expiring, freezing


async def test_cancelling_an_approved_transfer_gives_everything_back_once(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 300_000)
    for _ in range(2):
        shown = await desk.services.transfers.cancel(transfer_id, ANYONE)
        assert shown.row.state == "cancelled"
    assert (await desk.balance(vault)).available == FUNDS
    await desk.work()
    assert await desk.transactions(transfer_id) == []
    assert await desk.outbox() == []


async def test_cancelling_while_it_is_being_built_and_signed(every: Desk):
    """Whoever comes first at the row wins; never both. Who comes after the signature is refused, or
    what was signed is replaced."""
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
        accepted = results[0] is None
        assert accepted or isinstance(results[0], Conflict)
        cancelled = await desk.state(transfer_id) == "cancelled"
        signed = any(tx.raw for tx in await desk.transactions(transfer_id))
        assert accepted if cancelled else (signed or not accepted)
        assert not (cancelled and signed)
        ended = await desk.settle(transfer_id)
        assert ended.state == ("cancelled" if accepted else "final")


async def test_an_old_mandate_expires_unless_the_signer_may_have_signed(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    waiting, sent = [await desk.send(vault, 1_000 * n) for n in (1, 2)]
    desk.signer.lose_replies = 0
    await desk.worker._driver.sign([sent])
    assert await desk.phase(sent) == "signed"
    desk.clock.forward(hours=2)
    assert await desk.services.transfers.expire() == 1
    assert await desk.state(waiting) == "expired"
    await desk.settle(sent)
    await ended_well(desk, vault, sent, 2_000)


async def test_a_frozen_vault_builds_nothing_and_goes_on_when_thawed(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    async with desk.database.write() as session:
        await freeze(session, [vault.id], "look", desk.clock())
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "vault_frozen"
    async with desk.database.write() as session:
        await session.execute(update(VaultRow).values(frozen_reason=None))
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)
