"""Balances of the past, on both databases: what entries say of a moment and of a block."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from custody.db.session import Database
from custody.db.tables import LedgerEntryRow
from custody.db.transfer_tables import TransactionRow
from custody.ledger import repository
from custody.ledger.model import (
    Post,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    fees_account,
    suspense_account,
    unswept_account,
    vault_account,
)
from custody.ledger.past_repository import balances_at, balances_at_block
from custody.ledger.repository import Balance, of_client, of_everyone, of_vault
from custody.ledger.service import Ledger
from tests.support.custody import Clock, World
from tests.unit.custody.ledger.test_service import BTC, ETH, NOW, make_vaults
from tests.unit.custody.transfers.conftest import every as every
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import FUNDS

COIN = 10**18


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


async def test_a_moment_is_what_was_booked_up_to_it(database: Database, clock: Clock):
    """After each step the books are noted; later every moment still says what was noted then."""
    ledger = Ledger(clock)
    one, two = await make_vaults(database, 2)
    held: list[str] = []
    noted: list[tuple[datetime, tuple[Balance, ...], tuple[Balance, ...]]] = []

    async def step(*movements: Post | Reserve | Settle | Void) -> None:
        async with database.write() as session:
            held.extend(await ledger.apply(session, movements))
        async with database.read() as session:
            mine = await repository.balances(session, of_vault(one))
            noted.append((clock(), mine, await repository.balances(session, of_everyone())))
        clock.forward(seconds=1)

    outside, vault = chain_account(ETH), vault_account(one, ETH)
    await step(Reserve(outside, vault, 5 * COIN, "dep_1", Reason.DEPOSIT))
    await step(Settle(held[0], 5 * COIN))
    await step(
        Reserve(vault, outside, COIN, "tfr_1", Reason.TRANSFER),
        Reserve(vault, fees_account(ETH), 7, "tfr_1", Reason.FEE),
    )
    await step(Post(chain_account(BTC), unswept_account(two, BTC), 3, "dep_2", Reason.DEPOSIT))
    await step(Settle(held[2], COIN), Settle(held[3], 2))
    await step(Reserve(vault, outside, COIN, "tfr_2", Reason.TRANSFER))
    await step(Void(held[-1]))

    async with database.read() as session:
        for moment, mine, everyones in noted:
            assert await balances_at(session, of_vault(one), moment) == mine
            assert await balances_at(session, of_everyone(), moment) == everyones
            assert await balances_at(session, of_client("cli_1"), moment) == everyones
        before = NOW - timedelta(microseconds=1)
        assert await balances_at(session, of_everyone(), before) == ()


async def test_nothing_is_released_before_it_is_held(database: Database, clock: Clock):
    """The process that settles may have a clock that lies behind that of the one that reserved."""
    (vault,) = await make_vaults(database, 1)
    account, outside = vault_account(vault, ETH), chain_account(ETH)
    async with database.write() as session:
        (held,) = await Ledger(clock).apply(
            session, [Reserve(outside, account, 5, "dep_1", Reason.DEPOSIT)]
        )
    behind = Clock(NOW - timedelta(seconds=2))
    async with database.write() as session:
        await Ledger(behind).apply(session, [Settle(held, 5)])
    async with database.read() as session:
        assert await balances_at(session, of_vault(vault), behind()) == ()
        (found,) = await balances_at(session, of_vault(vault), NOW)
        assert (found.available, found.pending) == (5, 0)


async def test_amounts_beyond_64_bits_add_up_exactly(database: Database, clock: Clock):
    (vault,) = await make_vaults(database, 1)
    amount = 2**254 + 1
    async with database.write() as session:
        outside, account = chain_account(ETH), vault_account(vault, ETH)
        await Ledger(clock).post(
            session,
            Post(outside, account, amount, "a", Reason.DEPOSIT),
            Post(outside, account, amount, "b", Reason.DEPOSIT),
        )
    async with database.read() as session:
        (found,) = await balances_at(session, of_vault(vault), clock())
    assert found.available == 2 * amount


@pytest_asyncio.fixture
async def world(database: Database) -> World:
    return World(database)


async def test_a_block_is_what_the_chain_had_done_up_to_it(world: World):
    vault = await world.new_vault()
    address = await world.new_address(vault)
    tops = []
    for amount in (100, 20, 3):
        await world.pay(address, amount)
        await world.node.mine()
        tops.append(world.node.tip.height)
    await world.node.finalize()
    await world.follow()
    async with world.database.write() as writing:
        native = world.native
        await world.ledger.post(
            writing,
            Post(chain_account(native), suspense_account(vault.id, native), 9, vault.id,
                 Reason.SUSPENSE),
        )  # fmt: skip
    async with world.database.read() as session:

        async def available(height: int) -> list[int]:
            whose = of_vault(vault.id)
            found = await balances_at_block(session, whose, world.network.id, height)
            assert all(each.suspense == 0 for each in found)
            return [each.available for each in found]

        assert await available(tops[0] - 1) == []
        assert [await available(height) for height in tops] == [[100], [120], [123]]
        (now,) = await repository.balances(session, of_vault(vault.id))
        assert (now.available, now.suspense) == (123, 9)


async def test_what_left_is_gone_from_the_block_that_its_transaction_is_in(every: Desk):
    """Funded, paid, and paid back into: each block says what lay on the chain after it."""
    vault = await every.open_funded(FUNDS)
    funded = every.node.tip.height
    transfer = await every.send(vault, 50_000)
    await every.settle(transfer)
    async with every.database.read() as session:
        paid_in = await session.one(select(TransactionRow.block_height))
    assert paid_in is not None
    async with every.database.read() as session:

        async def held(height: int) -> Balance:
            whose = of_vault(vault.id)
            (found,) = await balances_at_block(session, whose, every.network.id, height)
            return found

        assert (await held(funded)).available == (await held(paid_in - 1)).available == FUNDS
        assert await held(paid_in) == await every.balance(vault)
        assert (await held(paid_in)).available < FUNDS - 50_000


async def test_an_account_is_read_by_its_index(database: Database):
    """Both databases say how they would look: no moment of a vault reads everybody's entries."""
    (vault,) = await make_vaults(database, 1)
    ledger = Ledger(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    async with database.write() as session:
        await ledger.post(
            session,
            Post(chain_account(ETH), vault_account(vault, ETH), 1, "x", Reason.DEPOSIT),
        )
    names = {index.name for index in LedgerEntryRow.__table__.indexes}  # type: ignore[attr-defined]
    for side in ("debit_account", "credit_account"):
        assert f"ix_ledger_entries_{side}_created_at" in names
        assert f"ix_ledger_entries_{side}" not in names
    if not database.is_sqlite:
        return  # with so few rows it reads the table, and is right
    asked = text(
        "EXPLAIN QUERY PLAN SELECT sum(amount) FROM ledger_entries JOIN ledger_accounts"
        " ON ledger_accounts.id = debit_account WHERE vault_id = 'x' AND created_at <= 'y'"
    )
    async with database.read() as session:
        plan = str((await session._session.execute(asked)).all())
    assert "ix_ledger_entries_debit_account_created_at (debit_account=? AND created_at<?)" in plan
