"""A database that is older than the signer: found, closed, rebuilt, and nothing is paid twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chains.model import Address
from custody.db.session import Database
from custody.db.tables import ClientRow, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.errors import CustodyError, Unavailable
from custody.journal.plan import Plan
from custody.journal.recovery import Recovered, Recovery
from custody.transactions.looking import Built
from custody.transfers.repository import payments_of
from custody.transfers.request import Output, transfer_id_of
from signer.wire import Outcome, Receipt, SignRequest
from tests.support.fake_codec import FakeTx
from tests.support.fakes import FakeCodec
from tests.support.networks import all_networks
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FAMILIES, TRON, Crash

AMOUNT = 10_000


@dataclass
class House:
    """A desk whose database can be put back to what it was."""

    file: Path
    desk: Desk
    asked: dict[str, tuple[VaultRow, int, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.file}"

    @property
    def backup(self) -> Path:
        return self.file.with_name("backup.sqlite3")

    def back_up(self) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute("VACUUM INTO ?", (str(self.backup),))
        connection.close()

    async def restore(self) -> None:
        """The process dies, an operator copies the backup back, a new process starts."""
        await self.desk.database.close()
        self._copy_back()
        self.desk.database = Database(self.url)
        desk = self.desk
        desk.vaults._database = desk.database
        desk.restart()
        desk.vaults = desk.services.vaults

    def _copy_back(self) -> None:
        for name in ("", "-wal", "-shm"):
            Path(f"{self.file}{name}").unlink(missing_ok=True)
        self.backup.rename(self.file)

    async def pay(self, vault: VaultRow, key: str, amount: int = AMOUNT) -> str:
        to = await self.desk.outside()
        self.asked[key] = (vault, amount, to)
        return await self.desk.send(vault, amount, to=to, key=key)

    async def repeat_all(self) -> dict[str, str]:
        """Every client repeats every key; what each was told."""
        said = {}
        for key, (vault, amount, to) in self.asked.items():
            try:
                answer = await self.desk.ask(vault, amount, to=to, key=key)
                said[key] = answer.body.decode()
            except CustodyError as error:
                said[key] = error.code
        return said

    async def received(self) -> list[int]:
        """What the payees got, as the chain tells it."""
        return [await self.desk.node.balance(Address(to)) for _, _, to in self.asked.values()]

    def recovery(self) -> Recovery:
        desk = self.desk
        return Recovery(
            database=desk.database,
            ledger=desk.services.ledger,
            signer=desk.signer,
            vaults=desk.services.vaults,
            codecs={each.id: FakeCodec(each) for each in all_networks().values()},
            served=[desk.network.id],
            clock=desk.clock,
            adapters={desk.network.id: desk.adapter},
        )

    async def recover(self, **options) -> tuple[Plan, Recovered]:
        recovery = self.recovery()
        plan = await recovery.plan()
        return plan, await recovery.run(plan, **options)

    async def live(self, blocks: int = 8) -> None:
        """Time goes on: blocks, tracking, effects."""
        for _ in range(blocks):
            await self.desk.node.mine()
            await self.desk.node.finalize()
            await self.desk.work()

    async def all_final(self) -> None:
        async with self.desk.database.read() as session:
            rows = await session.all(select(TransferRow))
        assert {row.id for row in rows} == {
            transfer_id_of(vault.client_id, key) for key, (vault, _, _) in self.asked.items()
        }
        assert [(row.state, row.waiting, row.reason) for row in rows] == [
            ("final", None, None)
        ] * len(rows)
        assert await self.received() == [amount for _, amount, _ in self.asked.values()]
        assert (await self.desk.reconcile()).is_clean
        assert await self.desk.open_alarms() == []
        assert await self.desk.claims() == []


@pytest.fixture
async def house(request, tmp_path, sqlite_url):
    desk = Desk(Database(sqlite_url), getattr(request, "param", ACCOUNT))
    yield House(Path(sqlite_url.partition("///")[2]), desk)
    await desk.database.close()


CHAINS = pytest.mark.parametrize("house", FAMILIES, indirect=True)
FUNDS = (10**17, 10**17, 10**17, 10**17)


@CHAINS
async def test_an_older_database_is_noticed_and_nothing_is_accepted_or_signed(house: House):
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    queued = await house.pay(vault, "before")
    house.back_up()
    await house.live()
    await house.pay(vault, "after")
    await house.live()
    signed = desk.signer.calls["sign"]
    await house.restore()
    with pytest.raises(Unavailable, match="custody recover"):
        await desk.services.journal.check()
    assert set(await house.repeat_all()) == {"before", "after"}
    assert (await house.repeat_all())["after"] == "signer_ahead"
    with pytest.raises(Unavailable):
        await desk.services.transfers.cancel(queued, ANYONE)
    with pytest.raises(Unavailable):
        await desk.services.vaults.create_vault(vault.client_id, "More")
    with pytest.raises(Unavailable):
        await desk.new_address(vault)
    desk.clock.forward(days=2)
    assert await desk.services.transfers.expire() == 0
    await desk.run_outbox()
    assert desk.signer.calls["sign"] == signed
    assert (await desk.transfer(queued)).waiting == "signer_ahead"
    assert [alarm.code for alarm in await desk.open_alarms()] == ["signer_ahead"]


@CHAINS
async def test_after_recovery_every_repeated_key_finds_its_transfer_and_nothing_is_paid_twice(
    house: House,
):
    """The whole drill: an older database, everything repeated, before and after `recover`."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    await house.pay(vault, "before")
    house.back_up()
    await house.live()
    ids = {key: await house.pay(vault, key) for key in ("one", "two")}
    await house.live()
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    plan, done = await house.recover()
    assert len(plan.transfers) == 3  # the first was stored, but not yet built
    assert (done.transfers, done.signatures, done.waiting, done.frozen) == (3, 3, [], [])
    said = await house.repeat_all()
    assert {key: said[key] for key in ids} == ids
    await house.live()
    assert await house.repeat_all() == said
    await house.live()
    await house.all_final()
    plan, done = await house.recover()
    assert (plan.unknown, done.transfers, done.signatures) == ((), 0, 0)


@CHAINS
async def test_what_waits_in_no_block_yet_is_sent_again_byte_for_byte(house: House):
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    transfer = await house.pay(vault, "one")
    await desk.run_outbox()
    (sent,) = await desk.transactions(transfer)
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await house.recover()
    (again,) = await desk.transactions(transfer)
    assert (again.raw, again.txid, again.payload) == (sent.raw, sent.txid, sent.payload)
    await house.live()
    await house.all_final()


@pytest.mark.parametrize("house", [ACCOUNT, COINS], indirect=True)
@pytest.mark.parametrize("known", [False, True])
async def test_what_was_called_off_since_the_backup_is_rebuilt(house: House, known: bool):
    """The signer's journal has a payment and what replaces it by nothing, and the house opens
    again: at most one of the two is ever in a block. `known`: the backup has the payment."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    if not known:
        house.back_up()
    transfer = await house.pay(vault, "one")
    await desk.run_outbox()
    if known:
        house.back_up()
    await desk.services.transfers.cancel(transfer, ANYONE)
    await desk.run_outbox()
    before = [(row.purpose, row.payload) for row in await desk.transactions(transfer)]
    assert [purpose for purpose, _ in before] == ["pay", "cancel"]
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    plan, _ = await house.recover()
    assert any("an attempt to call off" in line for line in plan.lines())
    rebuilt = [(row.purpose, row.payload) for row in await desk.transactions(transfer)]
    assert sorted(rebuilt) == sorted(before)
    await house.live()
    (received,) = await house.received()
    assert (await desk.state(transfer), received) in (("cancelled", 0), ("final", AMOUNT))
    assert (await desk.reconcile()).is_clean
    assert await desk.claims() == []


@CHAINS
async def test_vaults_clients_and_addresses_that_were_forgotten_are_rebuilt(house: House):
    """With them the deposits: the vault is frozen until those that paid were followed again."""
    desk = house.desk
    await desk.open_funded(*FUNDS)
    house.back_up()
    vault = await desk.open_funded(*FUNDS)
    ids = {key: await house.pay(vault, key) for key in ("one", "two")}
    await house.live()
    given_out = [row.address for row in await desk.addresses(vault)]
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    plan, done = await house.recover(addresses=3)
    assert ([each.vault for each in plan.vaults], done.vaults) == ([vault.id], 1)
    assert set(done.waiting) == set(ids.values())
    assert await desk.frozen(vault) == "recovering"
    assert {alarm.code for alarm in await desk.open_alarms()} == {"recovered_unheld"}
    addresses = [row.address for row in await desk.addresses(vault)]
    assert set(given_out) <= set(addresses)
    async with desk.database.read() as session:
        client = await session.get(ClientRow, vault.client_id)
        row = await session.get(VaultRow, vault.id)
    assert client is not None and client.name == f"recovered {vault.client_id}"
    assert row is not None and (row.account, row.name) == (vault.account, f"recovered {vault.id}")
    assert await house.repeat_all() == ids
    await house.live()
    assert await desk.frozen(vault) is None
    await house.all_final()


@pytest.mark.parametrize("house", [ACCOUNT, COINS, TRON], indirect=True)
async def test_asked_again_before_anybody_noticed_is_the_same_transfer_and_paid_once(house: House):
    """A standby was promoted under a running house; a client was faster than the next look."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    ids = {key: await house.pay(vault, key) for key in ("one", "two")}
    await house.live()
    await house.restore()
    desk.clock.forward(seconds=30)
    assert await house.repeat_all() == ids  # made anew, with another mandate
    await desk.run_outbox()
    assert (await desk.transfer(ids["one"])).waiting == "signer_ahead"
    plan, done = await house.recover()
    assert (len(plan.transfers), done.signatures) == (2, 2)
    await house.live()
    await house.all_final()


async def test_asked_again_with_other_terms_freezes_the_vault(house: House):
    """The row can't be right, and what was agreed is never rewritten: a person has to look."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    transfer = await house.pay(vault, "one")
    await house.live()
    await house.restore()
    again = await desk.ask(vault, AMOUNT + 1, key="one")
    assert again.body.decode() == transfer
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await house.recover()
    assert await desk.frozen(vault) == "signed_elsewhere"
    await house.live()
    assert await house.received() == [AMOUNT]
    assert "signed_elsewhere" in {alarm.code for alarm in await desk.open_alarms()}


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_what_ended_here_although_it_was_signed_goes_on(house: House, end: str):
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    transfer = await house.pay(vault, "one")
    house.back_up()
    await house.live()
    await house.restore()
    if end == "cancelled":
        await desk.services.transfers.cancel(transfer, ANYONE)
    else:
        desk.clock.forward(days=2)
        assert await desk.services.transfers.expire() == 1
    assert (await desk.balance(vault)).reserved == 0
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await house.recover()
    assert (await desk.balance(vault)).reserved > 0
    await house.live()
    await house.all_final()


async def test_a_nonce_that_somebody_else_claimed_meanwhile_is_given_back(house: House):
    """Built here, signed by nobody: it is built again with another one."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    await house.pay(vault, "one")
    await desk.run_outbox()
    signed = await desk.claims()
    await house.restore()
    await house.pay(vault, "two")
    claimed = await desk.workers.networks[desk.network.id]._driver._builder.build(
        [transfer_id_of(vault.client_id, "two")]
    )
    assert isinstance(claimed[transfer_id_of(vault.client_id, "two")], Built)
    assert await desk.claims() == signed
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await house.recover()
    await house.live()
    await house.all_final()


@pytest.mark.parametrize("known", [False, True], ids=["both-forgotten", "the-first-built"])
async def test_two_transactions_that_were_signed_for_one_transfer_are_both_rebuilt(
    house: House, known: bool, monkeypatch: pytest.MonkeyPatch
):
    """They share a nonce, so at most one is ever in a block, and it may be the first one. `known`:
    the backup was made when its bytes were stored and its signature was not."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    asked: list[SignRequest] = []
    sign = desk.signer.sign

    async def keep(
        requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        asked.extend(requests)
        if known:
            house.back_up()
        return await sign(requests, follows)

    if not known:
        house.back_up()
    with monkeypatch.context() as patch:
        patch.setattr(desk.signer, "sign", keep)
        transfer = await house.pay(vault, "one")
        await desk.run_outbox()
    (first,) = await desk.transactions(transfer)
    assert first.state == "broadcast"
    cheaper = FakeTx.parse(asked[0].tx.payload)
    tx = replace(asked[0].tx, payload=replace(cheaper, fee_max=cheaper.fee_max - 1).payload())
    (outcome,) = await sign([replace(asked[0], tx=tx)])
    assert isinstance(outcome, Receipt)
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    await house.recover()
    rebuilt = await desk.transactions(transfer)
    assert {row.payload for row in rebuilt} == {asked[0].tx.payload, tx.payload}
    assert {row.state for row in rebuilt} == {"signed"}
    await house.live()
    await house.all_final()
    states = {row.txid: row.state for row in await desk.transactions(transfer)}
    assert sorted(states.values()) == ["dead", "final"]


async def test_a_recovery_that_dies_anywhere_is_run_again(house: House):
    desk = house.desk
    await desk.open_funded(*FUNDS)
    house.back_up()
    vault = await desk.open_funded(*FUNDS)
    ids = {key: await house.pay(vault, key) for key in ("one", "two", "three")}
    await house.live()
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    for step in ("_rebuild_addresses", "_rebuild_transfers", "_sign_again", "_open"):
        recovery = house.recovery()
        real, calls = getattr(recovery, step), 0

        spared = 1 if step in ("_rebuild_transfers", "_sign_again") else 0

        async def dies(*args: Any, real: Any = real, spared: int = spared, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > spared:
                raise Crash
            return await real(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recovery, step, dies)
            patch.setattr("custody.journal.recovery._BATCH", 1)
            with pytest.raises(Crash):
                await recovery.run(await recovery.plan())
        assert (await house.repeat_all())["one"] in ("signer_ahead", ids["one"])
    await house.recover()
    assert await house.repeat_all() == ids
    await house.live()
    await house.all_final()


async def test_a_vault_whose_row_is_missing_between_two_records_is_found(house: House):
    """Set back to between the opening of a vault and its row; its record was read long before."""
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    await house.pay(vault, "one")
    await house.live()
    await house.restore()
    with pytest.raises(Unavailable):
        await desk.services.journal.check()
    recovery = house.recovery()
    plan = await recovery.plan()
    assert plan.vaults == []

    async def no_vault(*_: Any) -> dict[str, int | None]:
        return {vault.id: None}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custody.journal.repository.known_vaults", no_vault)
        assert [each.vault for each in (await recovery.plan()).vaults] == [vault.id]


@pytest.mark.parametrize("house", ["bitcoin-regtest", "solana-local"], indirect=True)
async def test_what_pays_several_at_once_is_rebuilt_with_each_of_them(house: House):
    desk = house.desk
    vault = await desk.open_funded(*FUNDS)
    house.back_up()
    outputs = tuple([Output(await desk.outside(), amount) for amount in (20_000, 30_000)])
    transfer = await desk.send(vault, 0, outputs=outputs)
    await desk.run_outbox()
    await house.restore()
    await house.recover()
    await house.live()
    async with house.desk.database.read() as session:
        (row,) = await session.all(select(TransferRow))
        payments = await payments_of(session, [row])
    assert (row.id, row.state) == (transfer, "final")
    assert [(each.address, each.amount) for each in payments[transfer]] == [
        (each.destination, each.amount) for each in outputs
    ]
    paid = [await desk.node.balance(Address(each.destination)) for each in outputs]
    assert paid == [20_000, 30_000]
    assert (await house.desk.reconcile()).is_clean
