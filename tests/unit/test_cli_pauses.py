"""`custody pause`, `resume` and `pauses`, as the runbook prints them."""

from __future__ import annotations

import re

import pytest

from tests.support.cli import done, refused
from tests.support.cli_books import Books, cells


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(sqlite_url, monkeypatch)


def test_a_vault_is_paused_and_resumed_by_a_person(books: Books):
    said = done("pause", "--vault", books.vault, "--reason", "they ask to wait", env=books.env)
    pause = re.findall(r"pau_[0-9a-z]+", said)[0]
    row = cells(done("pauses", env=books.env), pause)
    assert row[2] == books.vault
    assert row[4] == "they ask to wait"
    assert "@" in row[5]
    assert "paused" in done("alarm", "list", env=books.env)
    refused(2, "resume", pause, env=books.env)
    done("resume", pause, "--reason", "they are ready", env=books.env)
    assert pause not in done("pauses", env=books.env)
    assert "they are ready" in done("pauses", "--all", env=books.env)
    assert "pause_ended" in refused(1, "resume", pause, "--reason", "x", env=books.env)
    assert "pause_not_found" in refused(1, "resume", "pau_0", "--reason", "x", env=books.env)
    assert "pause_of_nothing" in refused(2, "pause", "--reason", "x", env=books.env)
    refused(1, "pause", "--vault", "vlt_0", "--reason", "x", env=books.env)


def test_a_network_is_named_by_its_alias(books: Books, monkeypatch: pytest.MonkeyPatch):
    from chains.catalogue import Catalogue, built_in

    async def known(_: object) -> Catalogue:
        return built_in()

    monkeypatch.setattr("custody.cli.pause.known_catalogue", known)
    done("pause", "--network", "ethereum-local", "--reason", "upgrade", env=books.env)
    assert cells(done("pauses", env=books.env), "pau_")[1] == "eip155:31337"
    refused(2, "pause", "--network", "nowhere", "--reason", "upgrade", env=books.env)
