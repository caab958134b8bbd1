"""Where keys are numbers: signed one after the other, whatever happens between; so many in flight;
what can't be paid for is called off; and a number that nobody has is found and taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from chains.model import Address
from chains.numbering import place_of
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.transactions import repository
from custody.transactions.driver import SOON
from custody.transactions.outcomes import Done, Later
from custody.transactions.stuck import BY
from custody.vaults.freezes import freeze
from custody.workers.workers import Workers
from signer.batches import BEHIND
from signer.wire import Outcome, Receipt, Refusal, RefusalCode, SignRequest
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS, Crash, lease_over

DENIED, NOT_YET, AWAY = RefusalCode.DENIED, RefusalCode.NOT_YET, RefusalCode.UNAVAILABLE


@pytest.fixture
def desk(sqlite: Database) -> Desk:
    return Desk(sqlite, ACCOUNT)


def number_of(desk: Desk, tx: Any) -> int:
    (key,) = desk.adapter.codec.summarize(tx).conflict_keys
    return place_of(key.text).number


def listen(
    desk: Desk, refuse: dict[int, RefusalCode] | None = None, die_at: int | None = None
) -> list[int]:
    """The numbers that get signed, in order. `refuse`: numbers that are refused once. `die_at`: the
    signer signs this one, and we die before we hear of it."""
    signed: list[int] = []
    sign, refusals = desk.signer.sign, dict(refuse or {})
    dying = [] if die_at is None else [die_at]

    async def hear(
        requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        for at, request in enumerate(requests):
            if at in follows and isinstance(outcomes[-1], Refusal):
                outcomes.append(BEHIND)
                continue
            number = number_of(desk, request.tx)
            code = refusals.pop(number, None)
            if code is not None:
                name = request.consents[0].mandate.core.transfer
                outcomes.append(Refusal(name, code, "because", "told to refuse"))
                continue
            (outcome,) = await sign([request])
            outcomes.append(outcome)
            if isinstance(outcome, Receipt):
                assert number <= len(set(signed)), "a lower number is not signed"
                signed.append(number)
            if number in dying:
                dying.clear()
                raise Crash
        return tuple(outcomes)

    desk.signer.sign = hear  # type: ignore[method-assign]
    return signed


async def numbers(desk: Desk, transfer_id: str) -> list[int]:
    """Of its signed transactions."""
    async with desk.database.read() as session:
        rows = await repository.contest(session, transfer_id)
        keys = await repository.keys_by_transaction(session, [row.id for row in rows if row.raw])
    return [place_of(each[0].text).number for each in keys.values()]


@pytest.mark.parametrize("code", [DENIED, NOT_YET, AWAY])
@pytest.mark.parametrize("refused", [0, 1, 3])
async def test_none_is_signed_before_one_that_comes_first(
    desk: Desk, code: RefusalCode, refused: int
):
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + at) for at in range(4)]
    signed = listen(desk, {refused: code})
    await desk.worker.run_due()
    assert signed == list(range(refused if code is AWAY else 3)), "or the rest waits"
    gone = [each for each in ids if await desk.state(each) == "denied"]
    assert len(gone) == (code is DENIED)
    for each in set(ids) - set(gone):
        assert (await desk.settle(each)).state == "final"
    assert signed == list(range(4 - len(gone))), "each number once, without a hole"
    assert (await desk.claims(), await desk.outbox()) == ([], [])
    assert (await desk.reconcile()).is_clean


async def test_a_lost_answer_holds_back_what_comes_after_it(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + at) for at in range(3)]
    signed = listen(desk, die_at=1)
    with pytest.raises(Crash):
        await desk.worker.run_due()
    assert signed == [0, 1]
    desk.restart()
    await lease_over(desk)
    await desk.run_outbox()
    assert signed == [0, 1, 0, 1, 2], "the same bytes again, then the third"
    for each in ids:
        assert (await desk.settle(each)).state == "final"
        assert len(await numbers(desk, each)) == 1


async def test_what_comes_first_is_taken_along(desk: Desk):
    """It waits for its own turn with a long delay, say after the signer was away: all behind it
    would wait as long."""
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + at) for at in range(3)]
    signed = listen(desk)
    driver = desk.worker._driver
    await driver._builder.build(ids[:2])  # and not asked about yet
    assert await driver.sign(ids[2:]) == {ids[2]: Done()}
    assert signed == [0, 1, 2]
    await desk.work()
    for each in ids:
        assert (await desk.settle(each)).state == "final"
        assert len(await numbers(desk, each)) == 1
    assert await desk.outbox() == []


async def test_what_comes_first_and_can_not_be_signed_keeps_the_rest_waiting(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    first, second = await desk.send(vault, 1_000), await desk.send(vault, 2_000)
    signed = listen(desk, {0: AWAY})
    driver = desk.worker._driver
    await driver._builder.build([first])
    (step,) = (await driver.sign([second])).values()
    assert step == Later("earlier_unsigned", desk.clock() + SOON), "however often it has waited"
    assert signed == []
    assert (await desk.transfer(first)).waiting == "signer_unavailable"
    assert (await desk.transfer(second)).waiting == "earlier_unsigned"
    await driver.sign([second])
    assert signed == [0, 1]


async def test_one_worker_at_a_time_signs_for_an_address(desk: Desk):
    """While one has asked the signer, another finds nothing to sign for the same vault, and does
    not come again and again for it; for another vault it signs."""
    vault, other = await desk.open_funded(FUNDS), await desk.new_vault()
    await desk.fund(other, FUNDS)
    ids = [await desk.send(vault, 1_000 + at) for at in range(3)]
    second = Workers(desk.services).networks[desk.network.id]
    sign, found, late = desk.signer.sign, list[float](), list[str]()

    async def meanwhile(
        requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        if not late:
            late.append("")
            found.append(await second.run_due())
            found.append(await second._outbox.delay_s(desk.network.id, 0.1))
            late[0] = await desk.send(other, 5_000)
            found.append(await second.run_due())
        return await sign(requests, follows)

    desk.signer.sign = meanwhile  # type: ignore[method-assign]
    assert await desk.worker.run_due(2) == 2
    assert found == [0, 0.1, 1], "nothing, and nothing soon; then the other vault's"
    assert await desk.phase(late[0]) == "signed"
    await desk.run_outbox()
    for each in (*ids, *late):
        assert (await desk.settle(each)).state == "final"


async def test_what_lies_above_a_number_that_was_given_up_is_built_again(desk: Desk):
    """As a process leaves it that dies after a refusal."""
    vault = await desk.open_funded(FUNDS)
    first, second = await desk.send(vault, 1_000), await desk.send(vault, 2_000)
    driver = desk.worker._driver
    await driver._builder.build([first, second])
    signed = listen(desk, {0: DENIED})
    await driver.sign([first])
    assert await desk.state(first) == "denied"
    await desk.work()
    assert signed == [0]
    assert [each.state for each in await desk.transactions(second)] == ["abandoned", "broadcast"]
    await desk.settle(second)
    assert (await desk.transfer(second)).state == "final"
    assert await desk.received(second) == 2_000


async def test_what_waits_keeps_no_number(desk: Desk):
    """A process dies after it has claimed; then the transfer has to wait."""
    vault = await desk.open_funded(FUNDS)
    other = await desk.new_vault()
    await desk.fund(other, FUNDS)
    waits = await desk.send(vault, 1_000)

    def die(call: str) -> None:
        if call == "prepare":
            raise Crash

    desk.adapter.before = die
    with pytest.raises(Crash):
        await desk.worker.run_due()
    desk.adapter.before = lambda call: None
    assert len(await desk.claims()) == 1
    async with desk.database.write() as session:
        await freeze(session, [vault.id], "a look", desk.clock())
    desk.restart()
    await lease_over(desk)
    await desk.run_outbox()
    assert (await desk.transfer(waits)).waiting == "vault_frozen"
    assert await desk.claims() == []


async def test_so_many_are_in_flight_and_the_next_goes_when_one_is_in_a_block(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    desk.custody.settings.in_flight_max = 2
    desk.restart = lambda: None  # type: ignore[method-assign]
    desk.workers = Workers(desk.services)
    desk.worker = desk.workers.networks[desk.network.id]
    desk.follower = desk.worker._follower
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + at) for at in range(3)]
    await desk.worker.run_due()
    await desk.worker.run_due()
    assert [await desk.phase(each) for each in ids] == ["broadcast", "broadcast", "approved"]
    assert (await desk.transfer(ids[2])).waiting == "too_many_in_flight"
    await desk.worker.run_due()  # whether its time has come or not, it waits
    assert await desk.phase(ids[2]) == "approved"
    await desk.node.mine()
    await desk.track()
    await desk.worker.run_due()  # at once, and no backoff was skipped
    await desk.worker.run_due()
    assert await desk.phase(ids[2]) == "broadcast"
    for each in ids:
        assert (await desk.settle(each)).state == "final"


async def drain(desk: Desk, address: str, left: int) -> None:
    """Somebody with the key took it: from now on there is so little."""
    for block in desk.node.chain:
        block.state.balances[address, desk.native] = left


async def test_what_can_never_be_paid_for_is_called_off(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    dear, cheap = await desk.send(vault, FUNDS // 2), await desk.send(vault, 1_000)
    await desk.work()
    address = (await desk.addresses(vault))[0].address
    had = desk.node.state.balances[address, desk.native]
    await drain(desk, address, 100_000)
    desk.node.drop(*[tx.txid for tx in await desk.transactions(dear)])  # type: ignore[arg-type]
    await desk.track()
    assert "ask_cancel" not in await desk.events(dear), "its bytes are as young as the final block"
    await desk.node.mine()
    await drain(desk, address, 100_000)
    await desk.node.finalize()
    await drain(desk, address, 100_000)
    await desk.run_outbox()
    await desk.track()
    assert "ask_cancel" in await desk.events(dear)
    assert "ask_cancel" not in await desk.events(cheap), "it comes later"
    for _ in range(4):
        await desk.work()
        await desk.node.mine()
        await desk.node.finalize()
    await desk.work()
    assert (await desk.state(dear), await desk.state(cheap)) == ("cancelled", "final")
    assert had > 100_000


async def test_what_is_there_again_at_the_end_of_the_chain_is_not_called_off(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    dear = await desk.send(vault, FUNDS // 2)
    await desk.work()
    address = (await desk.addresses(vault))[0].address
    (sent,) = await desk.transactions(dear)
    desk.node.drop(sent.txid)  # type: ignore[arg-type]
    had = desk.node.state.balances[address, desk.native]
    await desk.node.mine()
    await desk.node.finalize()
    await drain(desk, address, 0)
    desk.node.state.balances[address, desk.native] = had
    await desk.node.mine()
    await desk.track()
    assert "ask_cancel" not in await desk.events(dear)
    assert BY.startswith("custody")


async def test_a_gap_is_told_and_taken_by_the_next_payment(desk: Desk):
    """A block goes whose transaction with our number nobody sends again."""
    vault = await desk.open_funded(FUNDS)
    address = Address((await desk.addresses(vault))[0].address)
    desk.node.state.nonces[address] = 1  # somebody else's, in the newest block alone
    stuck = await desk.send(vault, 1_000)
    await desk.work()
    assert await numbers(desk, stuck) == [1]
    for block in desk.node.chain:
        block.state.nonces[address] = 0
    for _ in range(2):
        await desk.node.mine()
        await desk.track()
        desk.clock.forward(minutes=6)
    await desk.node.mine()
    await desk.track()
    (alarm,) = [each for each in await desk.open_alarms() if each.code == AlarmCode.NONCE_GAP]
    assert alarm.vault_id == vault.id
    assert f"number 0 of {address}" in alarm.message
    other = await desk.send(vault, 2_000)
    await desk.work()
    assert await numbers(desk, other) == [0]
    for each in (stuck, other):
        assert (await desk.settle(each)).state == "final"
    assert not [each for each in await desk.open_alarms() if each.code == AlarmCode.NONCE_GAP]


async def test_both_databases_know_what_is_under_way(every: Desk):
    desk = every
    vault = await desk.open_funded(FUNDS // 2, FUNDS // 2)
    ids = [await desk.send(vault, 1_000 * at) for at in (1, 2)]
    await desk.work()
    built = [tx for each in ids for tx in await desk.transactions(each)]
    async with desk.database.read() as session:
        keys = await repository.open_keys(session, desk.network.id, {tx.source for tx in built})
        spent = await repository.spent_keys(session, [key for key, _ in keys])
    assert {state for _, state in keys} <= {"broadcast"}
    assert spent == set()
    await desk.settle(ids[0])
    await desk.settle(ids[1])
    async with desk.database.read() as session:
        assert await repository.open_keys(session, desk.network.id, {built[0].source}) == []
        assert await repository.spent_keys(session, [key for key, _ in keys]) == {
            key for key, _ in keys
        }
