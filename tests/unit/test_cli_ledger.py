"""`custody ledger verify`: what it says and how it ends."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from custody.db.session import Database
from custody.db.tables import LedgerAccountRow
from tests.support.cli import done, run
from tests.support.cli_books import Books


def test_it_names_what_is_wrong_and_ends_with_1(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    books = Books(sqlite_url, monkeypatch)
    said = done("ledger", "verify", env=books.env)
    assert "FAILED" not in said
    assert "2 entries added up" in said
    nothing = f"0.{'0' * 64}"
    assert f"head {nothing}" in said, "nothing has a number yet"
    assert "FAILED" not in done("ledger", "verify", "--head", nothing, env=books.env)
    other = run("ledger", "verify", "--head", f"1.{'0' * 64}", env=books.env)
    assert (other.exit_code, "FAILED     chain" in other.stdout) == (1, True)
    assert run("ledger", "verify", "--head", "1.x", env=books.env).exit_code == 2

    async def forge(database: Database) -> None:
        async with database.write() as session:
            mine = LedgerAccountRow.vault_id == books.vault
            await session.execute(update(LedgerAccountRow).where(mine).values(credits_posted=7))

    books.within(forge)
    result = run("ledger", "verify", env=books.env)
    assert result.exit_code == 1
    assert "FAILED     books" in result.stdout
    assert books.vault in result.stdout
