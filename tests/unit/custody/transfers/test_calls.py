"""A call that custody asks for: a transfer like any other, which costs its fee and gives its
contract the coins that were said, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import delete

from chains.effects import Pay
from chains.errors import CallUnknown
from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import IdempotencyRow
from custody.errors import Conflict, Invalid
from custody.transactions.looking import unsigned_of
from custody.transfers.mandates import stored_mandate
from signer.policy import facts_of
from signer.wire import Action
from tests.support.interrupt import interrupt
from tests.unit.custody.transfers.calling import CALLS, CallingDesk
from tests.unit.custody.transfers.desk import ANYONE
from tests.unit.custody.transfers.life import COINS, FUNDS, Crash, crash_on


async def ended_well(desk: CallingDesk, transfer: str, value: int = 0) -> None:
    """It was called once; the vault lost the fee and the coins that went with it."""
    row = await desk.transfer(transfer)
    assert (row.state, row.kind, row.amount) == ("final", "call", value)
    signed = [each for each in await desk.transactions(transfer) if each.raw is not None]
    summaries = [desk.adapter.codec.summarize(unsigned_of(each)) for each in signed]
    mandate = stored_mandate((await desk.mandates(transfer))[0])
    assert {summary.effects for summary in summaries} == {mandate.core.effects}
    balance = await desk.balance(desk.vault)
    assert balance.available == FUNDS - value - await desk.fee_of(transfer)
    assert balance.reserved == 0
    assert await desk.node.balance(desk.contract) == value
    assert await desk.frozen(desk.vault) is None
    assert (await desk.reconcile()).is_clean


@pytest.mark.parametrize("value", [0, 5_000])
async def test_it_is_called_once_and_costs_its_fee(database: Database, value: int):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(value))
    assert (await desk.transfer(transfer)).destination == desk.contract
    (terms,) = await desk.mandates(transfer)
    core = stored_mandate(terms).core
    assert (core.action, core.effects) == (Action.CALL, (desk.words(value),))
    held = await desk.balance(desk.vault)
    assert held.reserved == value + sum(terms.costs_max.values())
    await desk.settle(transfer)
    await ended_well(desk, transfer, value)
    entries = [kind for kind, _ in await desk.entries()]
    assert entries.count("settle") == (3 if value else 2), "a deposit, the fee, what went with it"


async def test_it_is_shown_in_the_words_that_are_signed(database: Database):
    desk = await CallingDesk.opened(database)
    for value in (0, 7):
        transfer = await desk.send_call(desk.words(value))
        async with database.read() as session:
            shown, _ = await desk.services.transfers.get(session, transfer, ANYONE)
        assert shown.told == desk.words(value)
        assert shown.payments == ((Pay(desk.contract, desk.native, 7),) if value else ())
    plain = await desk.send(desk.vault, 1_000)
    async with database.read() as session:
        shown, _ = await desk.services.transfers.get(session, plain, ANYONE)
    assert shown.told is None


async def test_a_rule_must_name_the_action(database: Database):
    desk = await CallingDesk.opened(database)
    desk.use_policy()
    answer = await desk.ask_call()
    assert answer.body.startswith(b"policy_denied"), answer
    desk.use_policy(**CALLS)
    assert (await desk.ask_call()).status == 201


async def test_windows_count_its_fee_and_its_coins(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    mandate = stored_mandate((await desk.mandates(transfer))[0])
    policy = await desk.services.policies.current()
    spends = facts_of(mandate, policy.catalogue).spends
    taken = {(spend.destination is None, spend.amount) for spend in spends}
    assert taken == {(False, 7), (True, sum(mandate.costs_max.values()))}


async def test_what_means_nothing_is_refused_and_changes_nothing(database: Database):
    desk = await CallingDesk.opened(database)
    before = await desk.counts()
    cases = {
        "call_unknown": replace(desk.words(), function="unknown"),
        "amount_above_maximum": desk.words(desk.network.native.maximum + 1),
    }
    for code, call in cases.items():
        with pytest.raises((CallUnknown, Invalid)) as refused:
            await desk.ask_call(call)
        assert isinstance(refused.value, CallUnknown | Invalid) and refused.value.code == code
    assert await desk.counts() == before


async def test_nobody_calls_about_himself(database: Database):
    """What the codec refuses of a sender is refused before anything is stored."""
    desk = await CallingDesk.opened(database)
    (address,) = await desk.addresses(desk.vault)
    before = await desk.counts()
    with pytest.raises(CallUnknown):
        await desk.ask_call(desk.words(nonce=address.address))
    assert await desk.counts() == before


async def test_coins_call_nothing(sqlite: Database):
    desk = CallingDesk(sqlite, COINS)
    desk.vault, desk.contract = await desk.open_funded(), Address(await desk.outside())
    with pytest.raises(CallUnknown):
        await desk.ask_call()


async def test_a_vault_without_the_fee_is_refused(database: Database):
    desk = await CallingDesk.opened(database, 1)
    answer = await desk.ask_call()
    assert (answer.status, answer.body) == (422, b"amount_above_balance")


async def test_a_key_is_for_one_call(database: Database):
    """Also where the answer was forgotten and the transfer was not."""
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(key="k")
    assert (await desk.ask_call(key="k")).body.decode() == transfer
    with pytest.raises(Conflict):
        await desk.ask_call(desk.words(nonce="0x08"), key="k")
    async with database.write() as session:
        await session.execute(delete(IdempotencyRow))
    assert (await desk.ask_call(key="k")).body.decode() == transfer
    async with database.write() as session:
        await session.execute(delete(IdempotencyRow))
    with pytest.raises(Conflict) as refused:
        await desk.ask_call(desk.words(nonce="0x08"), key="k")
    assert refused.value.code == "idempotency_key_reused"


async def test_what_pays_more_calls_the_same(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    await desk.run_outbox()
    first = await desk.newest(transfer)
    desk.node.fee += 1_000
    await desk.services.transfers.speed_up(transfer, ANYONE, TxId(first.txid or ""))
    await desk.run_outbox()
    assert len(await desk.transactions(transfer)) == 2
    await desk.settle(transfer)
    await ended_well(desk, transfer, 7)


async def test_what_is_called_off_calls_nobody(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    await desk.run_outbox()
    await desk.services.transfers.cancel(transfer, ANYONE)
    await desk.settle(transfer)
    assert await desk.state(transfer) == "cancelled"
    assert await desk.node.balance(desk.contract) == 0
    assert (await desk.reconcile()).is_clean


async def test_what_failed_on_the_chain_costs_its_fee(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    await desk.run_outbox()
    newest = await desk.newest(transfer)
    desk.node.revert(TxId(newest.txid or ""))
    assert (await desk.settle(transfer)).state == "failed"
    assert (await desk.balance(desk.vault)).available == FUNDS - await desk.fee_of(transfer)
    assert (await desk.reconcile()).is_clean


async def test_a_reorg_calls_it_again(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer) == "included"
    await desk.node.reorg(1)
    await desk.settle(transfer)
    await ended_well(desk, transfer, 7)


@pytest.mark.parametrize("where", ["claim", "prepare", "broadcast"])
async def test_a_crash_at_the_node_calls_it_once(database: Database, where: str):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    desk.adapter.before = crash_on(where)
    with pytest.raises(Crash):
        await desk.run_outbox()
    desk.restart()
    await desk.outbox_claims_end()
    await desk.settle(transfer)
    await ended_well(desk, transfer, 7)


async def test_a_lost_reply_of_the_signer_calls_it_once(database: Database):
    desk = await CallingDesk.opened(database)
    transfer = await desk.send_call(desk.words(7))
    desk.signer.lose_replies = 1
    await desk.settle(transfer)
    await ended_well(desk, transfer, 7)
    assert len(desk.signer.receipts[transfer]) == 1


async def test_a_death_anywhere_calls_it_once(database: Database):
    """Cut off where it waits for the n-th time, then done by another process."""
    desk = await CallingDesk.opened(database)
    asked = []
    for rounds in count():
        asked.append(await desk.send_call(desk.words(nonce=f"0x{rounds:02x}")))
        cut = await interrupt(desk.work(), rounds * (2 if database.is_sqlite else 10))
        desk.restart()
        await desk.outbox_claims_end()
        await desk.settle(asked[-1])
        if not cut:
            break
    assert rounds > 3
    assert {await desk.state(each) for each in asked} == {"final"}
    assert all([len(await desk.transactions(each)) == 1 for each in asked])
    assert (await desk.reconcile()).is_clean
