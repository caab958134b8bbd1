"""`custody sweep`, as the runbook prints it."""

from __future__ import annotations

import pytest

from chains.catalogue import Catalogue, built_in
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.session import Database
from custody.db.tables import VaultRow
from tests.support.cli import done, refused
from tests.support.cli_books import Books, cells
from tests.support.custody import World


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    async def known(_: object) -> Catalogue:
        return built_in()

    monkeypatch.setattr("custody.cli.sweep.known_catalogue", known)
    return Books(sqlite_url, monkeypatch)


def test_a_rule_is_set_shown_and_no_more(books: Books):
    async def prepare(database: Database) -> tuple[str, str]:
        async with database.write() as session:
            vault = await session.get(VaultRow, books.vault)
            assert vault is not None
            made = await create_key(
                session,
                name="sweep",
                initiator="sweeper",
                scopes=[Scope.TRANSFER],
                client_id=None,
                now=World(database).clock(),
            )
        return made.id, vault.client_id

    key, _ = books.within(prepare)
    native = "eip155:31337/slip44:60"
    line = ["sweep", "set", books.vault, native, "--threshold", "0.5", "--key", key]
    line += ["--every", "60", "--percent", "1", "--reason", "customers"]
    done(*line, env=books.env)
    row = cells(done("sweep", "show", books.vault, env=books.env), native)
    assert row[:8] == [native, "0.5 ETH", "60 min", "none", "1", "none", "no", key]
    done("sweep", "end", books.vault, native, "--reason", "closed", env=books.env)
    assert "none" in cells(done("sweep", "show", books.vault, env=books.env), "closed")
    bad = refused(2, *line, "--price", "0.1", env=books.env)
    assert "sweep_rule_invalid" in bad
    refused(2, "sweep", "end", books.vault, "nowhere/x", "--reason", "x", env=books.env)
