"""`custody refill`, as the runbook prints it."""

from __future__ import annotations

import pytest

from chains.catalogue import Catalogue, built_in
from custody.apikeys.model import Scope
from custody.apikeys.service import create_key
from custody.db.session import Database
from custody.db.tables import VaultRow
from tests.support.cli import done, refused
from tests.support.cli_books import NATIVE, Books, cells
from tests.support.custody import World


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    async def known(_: object) -> Catalogue:
        return built_in()

    monkeypatch.setattr("custody.cli.refill.known_catalogue", known)
    return Books(sqlite_url, monkeypatch)


def test_a_vault_is_refilled_shown_and_no_more(books: Books):
    async def prepare(database: Database) -> tuple[str, str]:
        world = World(database)
        async with database.write() as session:
            vault = await session.get(VaultRow, books.vault)
            assert vault is not None
            made = await create_key(
                session,
                name="refills",
                initiator="payroll",
                scopes=[Scope.TRANSFER],
                client_id=None,
                now=world.clock(),
            )
        # Of the fake signer's next account: the first is the books' own vault's.
        await world.signer.open_vault(vault.client_id, vault.id)
        other = await world.vaults.create_vault(vault.client_id, "Cold")
        return made.id, other.id

    key, cold = books.within(prepare)
    line = ["refill", "set", books.vault, NATIVE, "--source", cold, "--key", key]
    line += ["--low", "0.1", "--target", "0.5", "--reason", "a day's pay"]
    done(*line, env=books.env)
    row = cells(done("refill", "show", books.vault, env=books.env), cold)
    assert row[:5] == [NATIVE, "0.1 BTC", "0.5 BTC", cold, key]
    assert row[7] == "a day's pay"
    done("refill", "end", books.vault, NATIVE, "--reason", "closed", env=books.env)
    assert "none" in cells(done("refill", "show", books.vault, env=books.env), "closed")
    bad = refused(2, *line[:4], "--source", books.vault, *line[6:], env=books.env)
    assert "refill_rule_invalid" in bad
    refused(2, "refill", "end", books.vault, "nowhere/x", "--reason", "x", env=books.env)
    refused(1, "refill", "end", "vlt_0", NATIVE, "--reason", "x", env=books.env)
