"""The running sums of windows, as both databases keep them."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Boolean, Integer, LargeBinary, insert, select, text
from sqlalchemy.exc import DBAPIError

from chains.model import Address, AssetId
from custody.db.session import Database
from custody.db.spend_tables import SpendRow
from custody.db.tables import ClientRow, Row, VaultRow
from custody.db.transfer_tables import TransferRow
from custody.db.types import BaseUnits, SumOfUnits, UtcTime
from custody.policies import windows
from custody.policies.repository import newest_entries
from custody.policies.running import Account
from custody.policies.windows import Taken
from custody.vaults.repository import lock_vaults
from signer.policy import NOTHING, Payee, Usage, Window
from tests.support.database import analyze

START = datetime(2030, 1, 1, tzinfo=UTC)
NATIVE, TOKEN = AssetId("test:1/native:1"), AssetId("test:1/token:2")
PAYEES = (None, Payee(Address("a")), Payee(Address("b"), "memo"))
ACCOUNTS = [Account("vlt_0", asset, payee) for asset in (NATIVE, TOKEN) for payee in PAYEES]
TRANSFERS = 6
HUGE = 2**256 - 1


def filled(row: type[Row], **given: Any) -> dict[str, Any]:
    """A row with something in every column that must have a value."""
    values: dict[type, Any] = {
        UtcTime: START,
        BaseUnits: 0,
        SumOfUnits: 0,
        Integer: 0,
        Boolean: False,
        LargeBinary: b"",
    }
    columns = {
        column.name: values.get(type(column.type), "")
        for column in row.__table__.columns
        if not column.nullable and column.name != "seq"
    }
    return {**columns, **given}


@pytest.fixture
async def transfers(database: Database) -> list[str]:
    """So many of one vault, that take nothing yet."""
    names = [f"tfr_{number}" for number in range(TRANSFERS)]
    async with database.write() as session:
        await session.execute(insert(ClientRow).values(filled(ClientRow, id="cli_0")))
        vault = filled(VaultRow, id="vlt_0", client_id="cli_0")
        await session.execute(insert(VaultRow).values(vault))
        for name in names:
            row = filled(TransferRow, id=name, ordinal=name, vault_id="vlt_0", client_id="cli_0")
            await session.execute(insert(TransferRow).values(row))
    return names


async def promise(database: Database, transfer: str, shares: dict[str, Usage]) -> None:
    async with database.write() as session:
        await lock_vaults(session, ["vlt_0"])
        await windows.promise(session, transfer, shares)


async def used(database: Database, window: Window, now: datetime, besides: str | None = None):
    async with database.read() as session:
        return (await windows.usage(session, [window], now, besides=besides))[window]


async def test_a_set_touches_more_accounts_than_one_statement_asks_for(
    database: Database, transfers: list[str]
):
    accounts = [Account("vlt_0", NATIVE, Payee(Address(f"payee {at}"))) for at in range(40)]
    shares = {each.id: Usage(1, 1) for each in accounts}
    for transfer in transfers[:2]:
        async with database.write() as session:
            await lock_vaults(session, ["vlt_0"])
            await windows.take(session, [Taken(transfer, shares, START)])
    async with database.write() as session:
        newest = await newest_entries(session, sorted(shares))
    assert {account: entry.all_taken for account, entry in newest.items()} == dict.fromkeys(
        shares, Usage(2, 2)
    )


@pytest.mark.parametrize("seed", range(6))
async def test_a_history_adds_up(database: Database, transfers: list[str], seed: int):
    """Promises, signatures, second signatures and ends, under a clock that jumps, for amounts up to
    2**256: after each step every window holds the plain sum."""
    rng = random.Random(seed)
    ahead: dict[tuple[str, Account], Usage] = {}
    taken: dict[tuple[str, Account], tuple[datetime, Usage]] = {}
    newest: dict[Account, datetime] = {}
    terms = {each: rng.sample(ACCOUNTS, 3) for each in transfers}
    now = START
    for _ in range(30):
        now += timedelta(seconds=rng.randint(-30, 60))
        transfer = rng.choice(transfers)
        amount = rng.choice([1, 2, 3, HUGE])
        shares = {account: Usage(amount, 1) for account in terms[transfer]}
        named = {account.id: share for account, share in shares.items()}
        what = rng.choice(["promise", "take", "take", "free"])
        async with database.write() as session:
            await lock_vaults(session, ["vlt_0"])
            if what == "promise":
                await windows.promise(session, transfer, named)
            elif what == "take":
                await windows.take(session, [Taken(transfer, named, now)])
            else:
                await windows.free(session, {transfer: "vlt_0"})
        for account, share in shares.items():
            key = transfer, account
            before = taken.get(key, (START, NOTHING))[1]
            was = ahead.get(key, NOTHING)
            if what == "promise":
                ahead[key] = less(share, before)
            elif what == "free":
                ahead[key] = NOTHING
            else:
                newest[account] = max(now, newest.get(account, now))
                most = Usage(max(before.amount, share.amount), max(before.count, share.count))
                taken[key] = newest[account], most
                whole = Usage(was.amount + before.amount, was.count + before.count)
                ahead[key] = less(whole, most)
        besides = rng.choice([None, transfer])
        asked = now + timedelta(seconds=rng.randint(-5, 5))
        wanted = [Window(*each, seconds=rng.choice([1, 45, 3600])) for each in ACCOUNTS]
        async with database.read() as session:
            found = await windows.usage(session, wanted, asked, besides=besides)
        for account, window in zip(ACCOUNTS, wanted, strict=True):
            after = asked - timedelta(seconds=window.seconds)
            counted = [s for (t, a), s in ahead.items() if a == account and t != besides]
            counted += [
                share
                for (t, a), (at, share) in taken.items()
                if a == account and t != besides and at > after
            ]
            total = Usage(sum(s.amount for s in counted), sum(s.count for s in counted))
            assert found[window] == total


def less(one: Usage, other: Usage) -> Usage:
    return Usage(max(0, one.amount - other.amount), max(0, one.count - other.count))


async def test_sums_beyond_the_greatest_amount_are_exact(database: Database, transfers: list[str]):
    account = ACCOUNTS[0]
    for transfer in transfers:
        await promise(database, transfer, {account.id: Usage(HUGE, 1)})
    found = await used(database, Window(*account, seconds=1), START)
    assert found == Usage(TRANSFERS * HUGE, TRANSFERS)


async def test_what_waits_for_long_counts_until_it_is_signed_and_then_from_that_hour(
    database: Database, transfers: list[str]
):
    """The signer will count it from its signature; custody must not have forgotten it by then."""
    window, hour = Window(*ACCOUNTS[0], seconds=3600), timedelta(hours=1)
    shares = {ACCOUNTS[0].id: Usage(7, 1)}
    await promise(database, transfers[0], shares)
    assert await used(database, window, START + 50 * hour) == Usage(7, 1)
    async with database.write() as session:
        await lock_vaults(session, ["vlt_0"])
        await windows.take(session, [Taken(transfers[0], shares, START + 50 * hour)])
    assert await used(database, window, START + 51 * hour - timedelta(seconds=1)) == Usage(7, 1)
    assert await used(database, window, START + 51 * hour) == NOTHING


async def test_what_is_signed_together_counts_as_if_one_after_the_other(
    database: Database, transfers: list[str]
):
    account, hour = ACCOUNTS[0], timedelta(hours=1)
    signed = [
        Taken(each, {account.id: Usage(number + 1, 1)}, START - number * hour)
        for number, each in enumerate([*transfers, transfers[0]])
    ]
    async with database.write() as session:
        await lock_vaults(session, ["vlt_0"])
        await windows.take(session, signed)
    # The first was signed once more, for the most; none is older than those before it.
    total = sum(range(2, TRANSFERS + 1)) + TRANSFERS + 1
    window = Window(*account, seconds=3600)
    assert await used(database, window, START) == Usage(total, TRANSFERS)
    assert await used(database, window, START + hour) == NOTHING
    mine = Usage(TRANSFERS + 1, 1)
    without = Usage(total - mine.amount, TRANSFERS - mine.count)
    assert await used(database, window, START, besides=transfers[0]) == without


async def test_those_who_lock_the_vault_append_one_after_the_other(
    database: Database, transfers: list[str]
):
    shares = {ACCOUNTS[0].id: Usage(1, 1)}
    await asyncio.gather(*(promise(database, each, shares) for each in transfers))
    async with database.read() as session:
        rows = await session.all(select(SpendRow).order_by(SpendRow.place))
    assert [(row.place, row.all_ahead_amount) for row in rows] == [
        (number + 1, number + 1) for number in range(TRANSFERS)
    ]


async def test_a_question_costs_a_few_index_look_ups(database: Database, transfers: list[str]):
    """However many entries there are: no plan sorts or scans."""
    for transfer in transfers:
        await promise(database, transfer, {each.id: Usage(1, 1) for each in ACCOUNTS})
    async with database.write() as session:
        await session.execute(insert(SpendRow).values(many_entries(2000)))
    plans = await explained(database, Window(*ACCOUNTS[0], seconds=60))
    assert "ix_spends_edge" in plans, plans
    assert "pk_spends" in plans or "sqlite_autoindex_spends" in plans, plans
    assert "TEMP B-TREE" not in plans, plans
    assert "Sort" not in plans, plans
    assert "Seq Scan" not in plans, plans


def many_entries(number: int) -> list[dict[str, Any]]:
    return [
        filled(
            SpendRow, account=f"spa_{at % 40}", place=100 + at, transfer_id="tfr_0", newest_at=START
        )
        for at in range(number)
    ]


async def explained(database: Database, window: Window) -> str:
    """How the database means to answer what `usage` asks."""
    asked: list[tuple[Any, Any]] = []

    class Listening:
        async def quick_rows(self, statement: Any, parameters: Any) -> list[Any]:
            asked.append((statement, parameters))
            return []

    await windows.usage(Listening(), [window], START)  # type: ignore[arg-type]
    ((statement, parameters),) = asked
    if not database.is_sqlite:
        await analyze(database)
    async with database.write() as session:
        connection = session._connection
        compiled = statement.params(**parameters).compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        word = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        rows = await connection.exec_driver_sql(f"{word} {compiled}", _bound(compiled))
        return "\n".join(str(row) for row in rows)


def _bound(compiled: Any) -> Any:
    values = compiled.construct_params()
    processors = compiled._bind_processors
    sent = {n: processors[n](v) if n in processors else v for n, v in values.items()}
    return tuple(sent[name] for name in compiled.positiontup) if compiled.positional else sent


async def test_what_was_counted_is_never_rewritten(database: Database, transfers: list[str]):
    await promise(database, transfers[0], {ACCOUNTS[0].id: Usage(1, 1)})
    for statement in ("UPDATE spends SET all_ahead_amount = 0", "DELETE FROM spends"):
        with pytest.raises(DBAPIError):
            async with database.write() as session:
                await session._connection.execute(text(statement))
