"""`custody quarantine`, as the runbook prints it."""

from __future__ import annotations

import re

import pytest

from chains.catalogue import Catalogue, built_in
from chains.model import Address
from custody.db.session import Database
from tests.support.cli import done, refused
from tests.support.cli_books import NATIVE, Books, cells
from tests.support.custody import World


@pytest.fixture
def books(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Books:
    async def known(_: object) -> Catalogue:
        return built_in()

    monkeypatch.setattr("custody.cli.quarantine.known_catalogue", known)
    return Books(sqlite_url, monkeypatch)


def come(books: Books, amount: int) -> str:
    """A deposit whose block is not final; its id."""

    async def ask(database: Database) -> str:
        world = World(database)
        world.node = books.node
        world.adapter._node = books.node
        world.restart()
        await world.node.fund(Address(books.address), amount)
        await world.node.mine()
        await world.follow()
        return (await world.all_deposits())[-1].id

    return books.within(ask)


def test_a_deposit_is_held_and_released_by_a_person(books: Books):
    deposit = come(books, 700)
    done("quarantine", "hold", deposit, "--reason", "they ask", env=books.env)
    row = cells(done("quarantine", "list", env=books.env), deposit)
    assert (row[1], row[2], row[5], row[6]) == (books.vault, "0.000007 BTC", "they ask", "")
    assert "@" in row[4]
    said = refused(1, "quarantine", "hold", deposit, "--reason", "again", env=books.env)
    assert "deposit_quarantined" in said
    alone = {**books.env, "CUSTODY_QUARANTINE_FOUR_EYES": "true"}
    said = refused(1, "quarantine", "release", deposit, "--reason", "alone", env=alone)
    assert "second_person_needed" in said
    said = done("quarantine", "release", deposit, "--reason", "it is fine", env=books.env)
    assert "pending" in said
    assert deposit not in done("quarantine", "list", env=books.env)
    said = refused(1, "quarantine", "release", deposit, "--reason", "again", env=books.env)
    assert "deposit_not_quarantined" in said


def test_a_rule_holds_until_a_person_ends_it(books: Books):
    line = ("quarantine", "rule", "--network", "bitcoin-regtest", "--asset", NATIVE)
    said = done(*line, "--amount-from", "0.00001", "--reason", "large", env=books.env)
    rule = re.findall(r"qrl_[0-9a-z]+", said)[0]
    row = cells(done("quarantine", "rules", env=books.env), rule)
    assert (row[1], row[4], row[8]) == ("everybody's", "0.00001 BTC", "large")
    assert come(books, 999) not in done("quarantine", "list", env=books.env)
    held = come(books, 1_000)
    assert rule in cells(done("quarantine", "list", env=books.env), held)
    done("quarantine", "end-rule", rule, "--reason", "enough", env=books.env)
    assert rule not in done("quarantine", "rules", env=books.env)
    assert rule in done("quarantine", "rules", "--all", env=books.env)
    again = refused(1, "quarantine", "end-rule", rule, "--reason", "enough", env=books.env)
    assert "quarantine_rule_ended" in again
    refused(2, "quarantine", "rule", "--asset", "nowhere/x", "--reason", "x", env=books.env)
    refused(2, "quarantine", "rule", "--amount-from", "1", "--reason", "x", env=books.env)
    sender = "0x52908400098527886E0F7030069857D2E4169EE7"
    said = done(
        "quarantine", "rule", "--network", "ethereum-local", "--sender", sender,
        "--reason", "listed", env=books.env,
    )  # fmt: skip
    row = cells(done("quarantine", "rules", env=books.env), "qrl_")
    assert (row[2], row[5]) == ("eip155:31337", sender)
