"""`custody coins`, as the runbook prints it."""

from __future__ import annotations

import pytest

from chains.catalogue import Catalogue, built_in
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.session import Database
from tests.support.cli import done, refused
from tests.support.cli_books import Books, cells
from tests.support.custody import World


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    async def known(_: object) -> Catalogue:
        return built_in()

    monkeypatch.setattr("custody.cli.coins.known_catalogue", known)
    return Books(sqlite_url, monkeypatch)


def test_a_rule_is_set_shown_and_no_more(books: Books):
    network = built_in().find_network("bitcoin-regtest")

    async def prepare(database: Database) -> str:
        async with database.write() as session:
            made = await create_key(
                session,
                name="coins",
                initiator="keeper",
                scopes=[Scope.TRANSFER],
                client_id=None,
                now=World(database).clock(),
            )
        return made.id

    key = books.within(prepare)
    merge = ["--coins-min", "500", "--coins-most", "400", "--rate-max", "3000"]
    keep = ["--keep", "20", "--keep-size", "0.05", "--keep-rate-max", "30000"]
    line = ["coins", "set", books.vault, network.alias, "--key", key, "--reason", "payouts"]
    done(*line, *merge, *keep, env=books.env)
    row = cells(done("coins", "show", books.vault, env=books.env), network.id)
    unit = network.native.symbol
    assert row[:8] == [network.id, "500", "400", "3000", "20", f"0.05 {unit}", "30000", key]
    done("coins", "end", books.vault, network.alias, "--reason", "closed", env=books.env)
    assert "none" in cells(done("coins", "show", books.vault, env=books.env), "closed")
    for part in (merge[:4], keep[2:], [*merge, *keep[:2]], []):
        refused(2, *line, *part, env=books.env)
    bad = refused(2, *line, "--coins-min", "2", *merge[2:], env=books.env)
    assert "coin_rule_invalid" in bad
    refused(2, "coins", "end", books.vault, "nowhere", "--reason", "x", env=books.env)
