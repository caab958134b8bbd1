"""The operator's commands at 3 a.m.: alarms and vaults."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow, VaultFreezeRow
from custody.vaults.freezes import freezes_of
from custody.vaults.watchlist import WatchList
from tests.support.cli import done, refused, run
from tests.support.cli_books import NATIVE, Books, cells
from tests.support.custody import World
from tests.support.fakes import FakeAdapter


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(sqlite_url, monkeypatch)


def freezes(books: Books) -> Sequence[VaultFreezeRow]:
    async def ask(database: Database) -> Sequence[VaultFreezeRow]:
        async with database.read() as session:
            return await freezes_of(session, books.vault)

    return books.within(ask)


def alarms(books: Books) -> Sequence[AlarmRow]:
    async def ask(database: Database) -> Sequence[AlarmRow]:
        async with database.read() as session:
            return await session.all(select(AlarmRow).order_by(AlarmRow.id))

    return books.within(ask)


def test_an_alarm_is_listed_shown_and_cleared_with_a_reason(books: Books):
    books.node.state.give(books.address, NATIVE, 7)
    assert run("reconcile", env=books.env).exit_code == 1
    listed = done("alarm", "list", env=books.env)
    row = cells(listed, books.vault)
    assert row[2:] == [
        "chain_above_ledger",
        NATIVE.split("/")[0],
        books.vault,
        f"{NATIVE}: 7 in suspense",
    ]
    shown = done("alarm", "show", row[0], env=books.env)
    assert "runbook  docs/runbook.md#chain_above_ledger" in shown
    assert "ends     when its cause is gone" in shown
    refused(2, "alarm", "clear", row[0], env=books.env)
    refused(2, "alarm", "clear", row[0], "--reason", " ", env=books.env)
    done("alarm", "clear", row[0], "--reason", "a known contract", env=books.env)
    assert row[0] not in done("alarm", "list", env=books.env)
    assert row[0] in done("alarm", "list", "--all", env=books.env)
    shown = done("alarm", "show", row[0], env=books.env)
    assert "because  a known contract" in shown
    assert re.search(r"cleared  \S+ by \S+@\S+", shown)
    assert "alarm_not_open" in refused(1, "alarm", "clear", row[0], "--reason", "x", env=books.env)
    assert "alarm_not_found" in refused(1, "alarm", "show", "alm_0", env=books.env)
    books.node.state.give(books.address, NATIVE, 1)
    run("reconcile", env=books.env)
    assert [each.code for each in alarms(books)] == [AlarmCode.SURPLUS] * 2


def test_a_vault_is_frozen_and_unfrozen_by_a_person(books: Books):
    done("vault", "freeze", books.vault, "--reason", "a stolen key", env=books.env)
    assert books.frozen() == "a stolen key"
    assert cells(done("vault", "list", env=books.env), books.vault)[3] == "a stolen key"
    said = done("vault", "unfreeze", books.vault, "--reason", "found it", env=books.env)
    assert f"unfrozen {books.vault}" in said
    assert books.frozen() is None
    assert books.vault not in done("vault", "list", env=books.env)
    assert books.vault in done("vault", "list", "--all", env=books.env)
    (row,) = freezes(books)
    assert (row.reason, row.ended_reason, row.difference) == ("a stolen key", "found it", None)
    assert "@" in row.frozen_by
    shown = done("vault", "show", books.vault, env=books.env)
    assert "a stolen key" in shown and "found it" in shown and "equal" in shown


def test_unfreezing_says_what_differs_and_wants_it_named(books: Books):
    books.node.state.give(books.address, NATIVE, -7)
    run("reconcile", env=books.env)
    assert books.frozen() == AlarmCode.SHORTAGE
    told = refused(1, "vault", "unfreeze", books.vault, "--reason", "x", env=books.env)
    assert f"{NATIVE}: 7 less on the chain than in the ledger" in told
    assert "vault_still_differs" in told
    assert books.frozen() == AlarmCode.SHORTAGE
    result = run(
        "vault", "unfreeze", books.vault, "--reason", "x", "--despite-difference", env=books.env
    )
    assert result.exit_code == 0, result.output
    assert "7 less" in result.stderr
    assert books.frozen() is None
    assert "7 less" in (freezes(books)[0].difference or "")


def missed(books: Books) -> str:
    """A payment in a block that the follower passed without seeing it."""

    async def pay(database: Database) -> str:
        world = World(database)
        world.node = books.node
        world.adapter = FakeAdapter(books.node)
        world.restart()
        txid = await books.node.fund(Address(books.address), 700)
        await books.node.mine()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(WatchList, "movements", lambda self, found: [])
            await world.follow()
        await books.node.mine(3)
        await world.follow()
        return txid

    return books.within(pay)


@pytest.mark.parametrize("by", ["txid", "range"])
def test_rescan_books_what_was_missed_once(books: Books, by: str):
    txid = missed(books)
    assert run("reconcile", env=books.env).exit_code == 1
    assert [each.code for each in alarms(books)] == [AlarmCode.SURPLUS]
    asked = ["--txid", txid] if by == "txid" else ["--from", "0", "--to", "5"]
    command = ["rescan", "--network", "bitcoin-regtest", *asked]
    said = done(*command, env=books.env)
    assert "1 deposits and 1 coins were missing" in said
    assert "found deposit dep_" in said
    assert "0 deposits and 0 coins were missing" in done(*command, env=books.env)
    assert "0.000507 BTC" in done("reconcile", env=books.env)
    assert all(each.cleared_by == "custody" for each in alarms(books))


def test_rescan_wants_one_question(books: Books):
    network = ("--network", "bitcoin-regtest")
    for wrong in ((), ("--from", "1"), ("--txid", "a", "--from", "1", "--to", "2")):
        assert "name a transaction" in refused(2, "rescan", *network, *wrong, env=books.env)
    refused(2, "rescan", *network, "--from", "2", "--to", "99", env=books.env)
    assert "transaction_not_in_block" in refused(
        1, "rescan", *network, "--txid", "00" * 32, env=books.env
    )
    told = refused(2, "rescan", "--network", "tron", "--txid", "a", env=books.env)
    assert "no node" in told


def test_rewind_shows_first_and_undoes_when_told_to(books: Books):
    node = books.node
    asyncio.run(node.reorg(len(node.chain) - 1))
    node.pool.clear()
    command = ("rewind", "--network", "bitcoin-regtest")
    for _ in range(2):
        shown = done(*command, env=books.env)
        row = cells(shown, books.vault)
        assert (row[0], row[4], row[5]) == ("deposit", "50000", "credited")
        assert "nothing was changed" in shown
        assert books.frozen() is None
    said = done(*command, "--apply", env=books.env)
    assert "undone: 1 deposits, 0 foreign debits, 0 transfers, 1 ledger entries made" in said
    assert f"frozen {books.vault}" in said
    assert books.frozen() == "chain_rewound"
    assert "nothing to undo" in done(*command, env=books.env)


def test_what_makes_no_sense_is_refused(books: Books):
    for command in ("freeze", "unfreeze", "show"):
        reason = [] if command == "show" else ["--reason", "x"]
        assert "vault_not_found" in refused(1, "vault", command, "vlt_0", *reason, env=books.env)
    refused(2, "vault", "freeze", books.vault, "--reason", "", env=books.env)
    told = refused(1, "vault", "unfreeze", books.vault, "--reason", "x", env=books.env)
    assert "vault_not_frozen" in told
