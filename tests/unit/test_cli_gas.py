"""`custody gas`, as the runbook prints it."""

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

    monkeypatch.setattr("custody.cli.gas.known_catalogue", known)
    return Books(sqlite_url, monkeypatch)


def test_a_rule_is_set_shown_and_no_more(books: Books):
    async def prepare(database: Database) -> tuple[str, str]:
        async with database.write() as session:
            vault = await session.get(VaultRow, books.vault)
            assert vault is not None
            made = await create_key(
                session,
                name="gas",
                initiator="station",
                scopes=[Scope.TRANSFER],
                client_id=None,
                now=World(database).clock(),
            )
        return made.id, vault.client_id

    key, client = books.within(prepare)
    line = ["gas", "set", "ethereum-local", "--payer", books.vault, "--key", key]
    line += ["--each", "0.01", "--day", "0.5", "--bears", "house", "--reason", "tokens"]
    done(*line, env=books.env)
    row = cells(done("gas", "show", env=books.env), books.vault)
    assert row[:8] == [
        "eip155:31337",
        "everybody",
        books.vault,
        "0.01 ETH",
        "0.5 ETH",
        "house",
        "",  # carries nothing
        key,
    ]
    done("gas", "end", "ethereum-local", "--reason", "closed", env=books.env)
    assert "none" in cells(done("gas", "show", env=books.env), "closed")
    bad = refused(2, *line, "--client", client, env=books.env)
    assert "gas_rule_invalid" in bad
    refused(2, "gas", "end", "nowhere", "--reason", "x", env=books.env)
    refused(2, *line[:-4], "--bears", "nobody", "--reason", "x", env=books.env)
