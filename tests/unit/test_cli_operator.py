"""The operator's commands at 3 a.m.: alarms and vaults."""

import re
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from custody.alarms.codes import AlarmCode
from custody.db.session import Database
from custody.db.tables import AlarmRow, VaultFreezeRow
from custody.vaults.freezes import freezes_of
from tests.support.cli import done, refused, run
from tests.support.cli_books import NATIVE, Books, cells


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
        f"{NATIVE}: 7 more on the chain than in the ledger",
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
    run("reconcile", env=books.env)  # the cause is still there
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


def test_what_makes_no_sense_is_refused(books: Books):
    for command in ("freeze", "unfreeze", "show"):
        reason = [] if command == "show" else ["--reason", "x"]
        assert "vault_not_found" in refused(1, "vault", command, "vlt_0", *reason, env=books.env)
    refused(2, "vault", "freeze", books.vault, "--reason", "", env=books.env)
    told = refused(1, "vault", "unfreeze", books.vault, "--reason", "x", env=books.env)
    assert "vault_not_frozen" in told
