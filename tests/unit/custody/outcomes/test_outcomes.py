"""A call with bounds: looked at before it is signed, compared afterwards. The chain in memory gives
the contract the coins that go with the call, and nothing else; what its node says before is set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.effects import Call
from chains.errors import NodeMisbehaved
from chains.model import Address, AssetId, BlockRef
from chains.outcomes import Bound, write
from chains.simulation import Failure, Method, Simulated
from custody.alarms.codes import AlarmCode
from custody.alarms.repository import open_by_key
from custody.alarms.service import key_of_alarm
from custody.db.outcome_tables import CallOutcomeRow
from custody.db.session import Database
from custody.errors import Conflict, NotFound
from custody.outcomes import repository, stops
from custody.outcomes.comparing import Comparing
from custody.outcomes.model import bounded
from custody.transfers.mandates import stored_mandate
from tests.unit.custody.transfers.calling import CallingDesk
from tests.unit.custody.transfers.life import FUNDS

SENT = 5_000
HERE = BlockRef(3, "b3")


class BoundedDesk(CallingDesk):
    """Its calls say how many coins may go."""

    def bounding(self, most: int, nonce: str = "0x07") -> Call:
        bounds = write([Bound(self.native, at_most=most)])
        return replace(self.words(SENT, nonce), outcome=bounds)

    def shows(self, change: int, failure: Failure | None = None) -> None:
        changes = {self.native: change}
        self.adapter.simulated = Simulated(HERE, Method.BLOCK, changes, failure=failure)

    async def row(self, transfer: str) -> CallOutcomeRow | None:
        async with self.database.read() as session:
            return await repository.outcome_of(session, transfer)

    async def compare(self) -> None:
        await self.comparing().step()

    def comparing(self) -> Comparing:
        return Comparing(self.database, self.network.id, self.adapter, self.clock)

    async def stops(self) -> list[str]:
        async with self.database.read() as session:
            return [row.transfer_id for row in await repository.stops(session)]

    async def alarm(self) -> str:
        key = key_of_alarm(AlarmCode.OUTCOME_BREACHED, self.network.id, self.vault.id)
        async with self.database.read() as session:
            found = await open_by_key(session, key)
        return "" if found is None else found.message

    async def waits(self, transfer: str) -> str | None:
        return (await self.transfer(transfer)).waiting


async def test_within_its_bounds_it_is_signed_and_kept(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    desk.shows(-SENT)
    transfer = await desk.send_call(desk.bounding(SENT))
    await desk.settle(transfer)
    row = await desk.row(transfer)
    assert row is not None and (row.checked, row.settled) == ("within", None)
    assert (row.checked_height, row.checked_hash) == (HERE.height, HERE.hash)
    await desk.compare()
    row = await desk.row(transfer)
    assert row is not None and (row.settled, row.settled_words) == ("kept", None)
    assert await desk.stops() == [] and await desk.alarm() == ""
    # It was the same transfer with the same terms, bounds included.
    core = stored_mandate((await desk.mandates(transfer))[0]).core
    found = bounded(core)
    assert found is not None and found.bounds == (Bound(desk.native, at_most=SENT),)


@pytest.mark.parametrize(
    ("code", "change", "failure"),
    [
        ("outcome_outside", -SENT - 1, None),
        ("call_would_fail", 0, Failure("execution reverted", b"\x08\xc3")),
    ],
)
async def test_outside_its_bounds_nothing_is_signed(
    database: Database, code: str, change: int, failure: Failure | None
) -> None:
    desk = await BoundedDesk.opened(database)
    desk.shows(change, failure)
    transfer = await desk.send_call(desk.bounding(SENT))
    await desk.run_outbox()
    assert await desk.waits(transfer) == code
    assert desk.signer.receipts == {}
    assert [each.raw for each in await desk.transactions(transfer)] == [None]
    assert await desk.claims() == []  # others don't wait behind its number
    row = await desk.row(transfer)
    assert row is not None and row.checked == code
    assert row.checked_words is not None
    assert ("08c3" if failure else "at most") in row.checked_words
    # Another one passes it, and it is signed itself once it would do what was agreed on.
    other = await desk.send(desk.vault, 1_000)
    await desk.settle(other)
    desk.shows(-SENT)
    await desk.make_due()
    await desk.settle(transfer)
    assert (await desk.transfer(transfer)).state == "final"
    assert (await desk.reconcile()).is_clean


async def test_a_node_that_contradicts_itself_has_nothing_signed(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    desk.shows(-SENT)

    def lie(name: str) -> None:
        if name == "simulate":
            raise NodeMisbehaved("a simulation on another state than the block's")

    desk.adapter.before = lie
    transfer = await desk.send_call(desk.bounding(SENT))
    await desk.run_outbox()
    assert await desk.waits(transfer) == "node_misbehaved"
    assert desk.signer.receipts == {}


async def test_where_nobody_simulates_only_bytes_bound(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    transfer = await desk.send_call(desk.bounding(SENT))
    await desk.settle(transfer)
    row = await desk.row(transfer)
    assert row is not None and row.checked == "not_simulated"


async def test_a_call_without_bounds_is_not_asked_about(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    desk.shows(-SENT - 1)
    transfer = await desk.send_call(desk.words(SENT))
    await desk.settle(transfer)
    assert "simulate" not in desk.adapter.calls
    await desk.compare()
    row = await desk.row(transfer)
    assert row is not None and row.settled == "unbounded"


async def breached(desk: BoundedDesk) -> str:
    """The node said before that nothing would go wrong."""
    desk.shows(-SENT + 1)
    transfer = await desk.send_call(desk.bounding(SENT - 1))
    await desk.settle(transfer)
    await desk.compare()
    return transfer


async def test_a_breach_alarms_and_stops_the_contract_for_the_vault(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    transfer = await breached(desk)
    row = await desk.row(transfer)
    assert row is not None and row.settled == "breached"
    assert f"changes by -{SENT}, at most {SENT - 1} out" in await desk.alarm()
    assert await desk.stops() == [transfer]
    # New calls there are refused, and change nothing; another contract is called as before.
    before = await desk.counts()
    answer = await desk.ask_call(desk.words(1, "0x08"))
    assert (answer.status, answer.body) == (422, b"contract_stopped")
    after = await desk.counts()
    assert {k: v for k, v in after.items() if before.get(k) != v} in ({}, {"idempotency_keys": 1})
    elsewhere = replace(desk.words(1, "0x09"), contract=Address(await desk.outside()))
    await desk.settle(await desk.send_call(elsewhere))
    # Compared once.
    await desk.compare()
    assert await desk.stops() == [transfer]


async def test_what_was_asked_for_before_waits_until_a_person_lifts_it(database: Database) -> None:
    desk = await BoundedDesk.opened(database)
    desk.shows(-SENT + 1)
    first = await desk.send_call(desk.bounding(SENT - 1))
    await desk.settle(first)
    second = await desk.send_call(desk.words(1, "0x08"))
    await desk.compare()
    await desk.run_outbox()
    assert await desk.waits(second) == "contract_stopped"
    assert second not in desk.signer.receipts
    (stop,) = await stops_of(desk)
    async with desk.database.write() as session:
        with pytest.raises(NotFound):
            await stops.lift(session, stop, "why not", desk.clock(), by="eve", only="cli_other")
    async with desk.database.write() as session:
        await stops.lift(session, stop, "the pool is whole again", desk.clock(), by="olivia")
    async with desk.database.write() as session:
        with pytest.raises(Conflict):
            await stops.lift(session, stop, "again", desk.clock(), by="olivia")
    await desk.make_due()
    await desk.settle(second)
    assert (await desk.transfer(second)).state == "final"


async def stops_of(desk: BoundedDesk) -> list[str]:
    async with desk.database.read() as session:
        return [row.id for row in await repository.stops(session)]


async def test_others_in_the_same_block_are_no_part_of_it(database: Database) -> None:
    """A deposit makes up for what went, in the same block; the breach is seen all the same."""
    desk = await BoundedDesk.opened(database)
    desk.shows(-SENT + 1)
    transfer = await desk.send_call(desk.bounding(SENT - 1))
    await desk.run_outbox()
    (address,) = await desk.addresses(desk.vault)
    await desk.node.fund(Address(address.address), 3 * SENT)
    await desk.settle(transfer)
    await desk.compare()
    row = await desk.row(transfer)
    assert row is not None and row.settled == "breached"
    assert FUNDS > SENT


async def test_a_balance_says_what_no_movement_does(database: Database) -> None:
    """What came or went without a word of the chain's (an aToken's interest)."""
    desk = await BoundedDesk.opened(database)
    token = AssetId(f"{desk.network.id}/erc20:0x3535353535353535353535353535353535353535")
    bounds = write([Bound(desk.native, at_most=SENT), Bound(token, at_least=9)])
    desk.shows(-SENT)
    desk.adapter.simulated = replace(
        desk.adapter.simulated or Simulated(HERE, Method.BLOCK),
        changes={desk.native: -SENT, token: 9},
    )
    transfer = await desk.send_call(replace(desk.words(SENT), outcome=bounds))
    await desk.settle(transfer)
    plain = desk.adapter.balance
    included = (await desk.newest(transfer)).block_height

    async def balance(address: Address, asset: AssetId, at: BlockRef | None = None) -> int:
        if asset != token:
            return await plain(address, asset, at)
        assert at is not None
        return 9 if at.height == included else 0

    desk.adapter.balance = balance  # type: ignore[method-assign]
    await desk.compare()
    row = await desk.row(transfer)
    assert row is not None and (row.settled, row.settled_words) == ("kept", None)
