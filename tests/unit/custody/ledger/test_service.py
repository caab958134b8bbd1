"""Movements on both databases: what is stored, what is refused, what concurrency may not break."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.exc import DBAPIError

from chains.model import AssetId
from custody.db.prepared import Prepared
from custody.db.session import Database, WriteSession
from custody.db.tables import ClientRow, LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.db.triggers import REFUSED
from custody.errors import Conflict, Unprocessable
from custody.ledger import repository
from custody.ledger.model import (
    Kind,
    Post,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    fees_account,
    locked_account,
    unswept_account,
    vault_account,
)
from custody.ledger.repository import Balance
from custody.ledger.service import Ledger
from custody.reconcile.books import check_books

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BTC, ETH = AssetId("bip122:x/slip44:0"), AssetId("eip155:1/slip44:60")


def clock() -> datetime:
    return NOW


async def make_vaults(database: Database, count: int) -> list[str]:
    async with database.write() as session:
        session.add(ClientRow(id="cli_1", name="C", created_at=NOW))
        session.add(
            *(
                VaultRow(
                    id=f"vlt_{at}",
                    client_id="cli_1",
                    name="V",
                    account=at,
                    frozen_reason=None,
                    created_at=NOW,
                )
                for at in range(count)
            )
        )
    return [f"vlt_{at}" for at in range(count)]


def deposit(vault: str, amount: int, asset: AssetId = BTC) -> Post:
    return Post(chain_account(asset), vault_account(vault, asset), amount, "dep", Reason.DEPOSIT)


def transfer(vault: str, amount: int, asset: AssetId = BTC) -> Reserve:
    chain = chain_account(asset)
    return Reserve(vault_account(vault, asset), chain, amount, "trf", Reason.TRANSFER)


def fee(vault: str, amount: int, asset: AssetId = BTC) -> Reserve:
    return Reserve(vault_account(vault, asset), fees_account(asset), amount, "trf", Reason.FEE)


async def balance(database: Database, vault: str, asset: AssetId = BTC) -> Balance:
    async with database.read() as session:
        found = await repository.balances_of_vault(session, vault)
        faults, _ = await check_books(session)
    assert faults == []
    return next(each for each in found if each.asset == asset)


async def test_a_transfers_life(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
    async with database.write() as session:
        held, fee_held = await ledger.reserve(session, transfer(vault, 60), fee(vault, 30))
    assert await balance(database, vault) == Balance(BTC, available=10, reserved=90)
    async with database.write() as session:
        rent = Post(vault_account(vault, BTC), locked_account(vault, BTC), 4, "trf", Reason.RENT)
        await ledger.apply(session, [Settle(held, 60), Settle(fee_held, 7), rent])
    assert await balance(database, vault) == Balance(BTC, available=29, locked=4)
    async with database.read() as session:
        kinds = [(e.kind, e.amount) for e in await repository.entries_of(session, "trf")]
    assert sorted(kinds) == sorted(
        [
            (Kind.RESERVE, 60),
            (Kind.RESERVE, 30),
            (Kind.SETTLE, 60),
            (Kind.SETTLE, 7),
            (Kind.POST, 4),
        ]
    )


async def test_settling_with_nothing_is_a_void(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
        (held,) = await ledger.reserve(session, fee(vault, 30))
        await ledger.settle(session, held, 0)
    assert await balance(database, vault) == Balance(BTC, available=100)


async def test_ether_does_not_overflow(database: Database):
    """10**18 base units per coin; SQLite's integers end at 2**63."""
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 2**255, ETH))
        await ledger.reserve(session, transfer(vault, 2**255 - 1, ETH))
    assert await balance(database, vault, ETH) == Balance(ETH, available=1, reserved=2**255 - 1)


async def test_above_the_balance(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    with pytest.raises(Unprocessable) as never_had_any:
        async with database.write() as session:
            await ledger.reserve(session, transfer(vault, 1))
    assert never_had_any.value.code == "amount_above_balance"
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
    with pytest.raises(Unprocessable):
        async with database.write() as session:
            await ledger.reserve(session, transfer(vault, 60), fee(vault, 41))
    assert await balance(database, vault) == Balance(BTC, available=100)


async def test_a_reserve_ends_once(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
        (held,) = await ledger.reserve(session, transfer(vault, 60))
        await ledger.settle(session, held, 50)
    for again, code in (
        (Settle(held, 50), "pending_already_settled"),
        (Void(held), "pending_already_settled"),
        (Settle("ent_unknown", 1), "pending_not_found"),
    ):
        with pytest.raises(Conflict) as refused:
            async with database.write() as session:
                await ledger.apply(session, [again])
        assert refused.value.code == code


async def test_a_repetition_with_the_same_id_changes_nothing(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    for _ in range(3):
        async with database.write() as session:
            await ledger.apply(session, [deposit(vault, 100), transfer(vault, 5)], ["e1", "e2"])
    assert await balance(database, vault) == Balance(BTC, available=95, reserved=5)
    with pytest.raises(Conflict) as refused:
        async with database.write() as session:
            await ledger.apply(session, [deposit(vault, 101)], ["e1"])
    assert refused.value.code == "exists_with_different_amount"


async def test_a_reserve_and_its_end_in_one_batch(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    arrival = Reserve(chain_account(BTC), vault_account(vault, BTC), 9, "dep", Reason.DEPOSIT)
    async with database.write() as session:
        await ledger.apply(session, [arrival, Settle("e1", 9)], ["e1", "e2"])
    assert await balance(database, vault) == Balance(BTC, available=9)


async def test_a_rolled_back_account_is_opened_again(database: Database):
    """The ledger remembers accounts it has seen; a rollback may have taken them away."""
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    with contextlib.suppress(RuntimeError):
        async with database.write() as session:
            await ledger.post(session, deposit(vault, 1))
            raise RuntimeError
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 1))
    assert await balance(database, vault) == Balance(BTC, available=1)


async def test_balances_by_vault_by_client_and_of_all(database: Database):
    ledger = Ledger(clock)
    first, second = await make_vaults(database, 2)
    chain = chain_account(BTC)
    async with database.write() as session:
        await ledger.post(session, deposit(first, 10), deposit(second, 20), deposit(second, 7, ETH))
        await ledger.post(session, Post(chain, unswept_account(first, BTC), 5, "d", Reason.DEPOSIT))
        await ledger.reserve(
            session,
            Reserve(chain, unswept_account(first, BTC), 3, "d", Reason.DEPOSIT),
            Reserve(chain, vault_account(second, BTC), 4, "d", Reason.DEPOSIT),
            transfer(second, 1),
        )
    async with database.read() as session:
        assert await repository.balances_of_vault(session, first) == (
            Balance(BTC, available=10, unswept=5, pending=3),
        )
        together = (
            Balance(BTC, available=29, reserved=1, unswept=5, pending=7),
            Balance(ETH, available=7),
        )
        assert await repository.balances_of_client(session, "cli_1") == together
        assert await repository.balances_of_client(session, "cli_2") == ()
        assert await repository.balances_of_everyone(session) == together


# Concurrency


async def test_two_transfers_never_spend_the_same_money(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))

    async def spend() -> bool:
        try:
            async with database.write() as session:
                await ledger.reserve(session, transfer(vault, 30), fee(vault, 3))
        except Unprocessable:
            return False
        return True

    assert sum(await asyncio.gather(*(spend() for _ in range(8)))) == 3
    assert await balance(database, vault) == Balance(BTC, available=1, reserved=99)


async def test_vaults_that_pay_each_other_do_not_wait_for_each_other_forever(database: Database):
    """Accounts are locked in one order, whatever the order of the movements."""
    ledger = Ledger(clock)
    vaults = await make_vaults(database, 4)
    async with database.write() as session:
        await ledger.post(session, *(deposit(vault, 1_000) for vault in vaults))

    async def pay(start: int) -> None:
        ring = [vaults[(start + at) % 4] for at in range(4)]
        async with database.write() as session:
            await ledger.post(
                session,
                *(
                    Post(vault_account(a, BTC), vault_account(b, BTC), 1, "t", Reason.TRANSFER)
                    for a, b in pairwise(ring)
                ),
            )

    async with asyncio.timeout(30):
        await asyncio.gather(*(pay(at % 4) for at in range(24)))
    assert [(await balance(database, vault)).available for vault in vaults] == [1_000] * 4


async def test_a_first_deposit_from_two_sides(database: Database):
    """Both find no account, both open it."""
    (vault,) = await make_vaults(database, 1)

    async def arrive() -> None:
        async with database.write() as session:
            await Ledger(clock).post(session, deposit(vault, 1))

    await asyncio.gather(*(arrive() for _ in range(6)))
    assert await balance(database, vault) == Balance(BTC, available=6)


async def test_the_same_reserve_settled_by_two(database: Database):
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
        (held,) = await ledger.reserve(session, transfer(vault, 60))

    async def settle() -> str:
        try:
            async with database.write() as session:
                await ledger.settle(session, held, 60)
        except Conflict as refused:
            return refused.code
        return "done"

    outcomes = await asyncio.gather(*(settle() for _ in range(4)))
    assert sorted(outcomes) == ["done"] + ["pending_already_settled"] * 3
    assert await balance(database, vault) == Balance(BTC, available=40)


# The past


async def change(session: WriteSession, how: str) -> None:
    if how == "update":
        await session.execute(update(LedgerEntryRow).values(amount=1))
    elif how == "delete":
        await session.execute(delete(LedgerEntryRow))
    else:
        connection = await session._session.connection()
        await connection.execute(text("TRUNCATE ledger_entries CASCADE"))


@pytest.mark.parametrize("how", ["update", "delete", "truncate"])
async def test_the_database_refuses_to_change_an_entry(
    database: Database, database_url: str, how: str
):
    if how == "truncate" and database_url.startswith("sqlite"):
        return  # SQLite has no TRUNCATE; its DELETE fires the trigger
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await Ledger(clock).post(session, deposit(vault, 100))
    with pytest.raises(DBAPIError, match=f"{REFUSED}|permission denied"):
        async with database.write() as session:
            await change(session, how)
    async with database.read() as session:
        assert await session.one(select(func.count()).select_from(LedgerEntryRow)) == 1


async def test_the_other_sides_keep_no_totals(database: Database):
    """So that transfers of one asset don't queue for one row."""
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await Ledger(clock).post(session, deposit(vault, 100))
    async with database.read() as session:
        row = await session.get(LedgerAccountRow, chain_account(BTC).id)
    assert row is not None
    assert (row.debits_posted, row.credits_posted) == (0, 0)


async def test_a_reserve_takes_three_statements(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """What accepting a transfer costs: lock the accounts, insert the entries, store the totals."""
    ledger = Ledger(clock)
    (vault,) = await make_vaults(database, 1)
    async with database.write() as session:
        await ledger.post(session, deposit(vault, 100))
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split()[0])

    run = Prepared.run

    async def noted(ready: Prepared, *arguments: Any) -> Sequence[Any]:
        statements.append(ready.text.split()[0])
        return await run(ready, *arguments)

    monkeypatch.setattr(Prepared, "run", noted)
    engine = database._engines.write.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with database.write() as session:
        await ledger.reserve(session, transfer(vault, 6), fee(vault, 3))
    event.remove(engine, "before_cursor_execute", note)
    assert statements == ["SELECT", "INSERT", "UPDATE"]
