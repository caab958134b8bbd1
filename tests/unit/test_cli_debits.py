"""`custody debits` and `custody suspense`: what left without a transfer, and what came as nobody's
deposit, as a person sees and decides it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest
from sqlalchemy import select

from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import SuspenseDecisionRow, VaultRow
from custody.ledger import repository
from custody.ledger.repository import Balance
from tests.support.cli import done, refused
from tests.support.cli_books import cells
from tests.support.custody import World
from tests.unit.custody.reconcile.scene import funded

T = TypeVar("T")
ALIAS, COINS = "ethereum-local", "bitcoin-regtest"


@dataclass
class Till:
    """A vault with 100,000 base units; what happens to it happens between two commands."""

    url: str
    alias: str
    vault: str = ""
    asset: str = ""

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "CUSTODY_DATABASE_URL": self.url,
            "CUSTODY_NODES": f'{{"{self.alias}": "http://x"}}',
        }

    def open(self, then: Callable[[World, VaultRow], Awaitable[T]]) -> T:
        async def go() -> T:
            database = Database(self.url)
            try:
                world, vault = await funded(database, self.alias)
                self.vault, self.asset = vault.id, world.native
                return await then(world, vault)
            finally:
                await database.close()

        return asyncio.run(go())

    def ask(self, question: Callable[[Database], Awaitable[T]]) -> T:
        async def go() -> T:
            database = Database(self.url)
            try:
                return await question(database)
            finally:
                await database.close()

        return asyncio.run(go())

    def decisions(self) -> Sequence[SuspenseDecisionRow]:
        async def rows(database: Database) -> Sequence[SuspenseDecisionRow]:
            async with database.read() as session:
                return await session.all(select(SuspenseDecisionRow))

        return self.ask(rows)

    def balance(self) -> Balance:
        async def found(database: Database) -> Balance:
            async with database.read() as session:
                (balance,) = await repository.balances_of_vault(session, self.vault)
            return balance

        return self.ask(found)


async def stolen(world: World, vault: VaultRow) -> TxId:
    (address, *_) = await world.addresses(vault)
    txid = world.node.steal(Address(address.address), 60_000)
    await world.node.mine()
    await world.follow()
    return txid


async def surplus(world: World, vault: VaultRow) -> None:
    (address, *_) = await world.addresses(vault)
    world.node.state.give(address.address, world.native, 7)
    await world.reconcile()


@pytest.fixture
def till(sqlite_url: str) -> Till:
    return Till(sqlite_url, ALIAS)


def test_debits_are_listed_with_what_is_known_of_them(till: Till):
    txid = till.open(stolen)
    listed = done("debits", env=till.env)
    row = cells(listed, "60000")
    assert row[1:5] == [till.vault, till.asset, "60000", "0"]
    assert (row[6], row[8], row[9]) == (txid, "foreign", "pending")
    assert cells(done("debits", "--vault", till.vault, env=till.env), "60000") == row
    assert cells(done("debits", "--network", ALIAS, env=till.env), "60000") == row
    for other in (["--vault", "vlt_other"], ["--network", COINS], ["--after", "fdb_z"]):
        assert "60000" not in done("debits", *other, env=till.env), other
    assert "unknown network atlantis" in refused(2, "debits", "--network", "atlantis", env=till.env)


def test_debits_come_in_pages_and_each_once(till: Till):
    till.open(stolen)
    all_of = done("debits", env=till.env)
    ids = [line.strip("│ ").split()[0] for line in all_of.splitlines() if "fdb_" in line]
    assert len(ids) == 2, "what was stolen, and the fee of it"
    assert ids == sorted(ids)
    after = done("debits", "--after", ids[0], env=till.env)
    assert ids[0] not in after and ids[1] in after


@pytest.mark.parametrize("to", ["vault", "unswept"])
def test_money_in_suspense_becomes_the_vaults(till: Till, to: str):
    till.open(surplus)
    assert cells(done("suspense", "list", env=till.env), till.vault) == [
        till.vault,
        till.asset,
        "7",
    ]
    release = ["suspense", "release", till.vault, till.asset]
    why = ["--reason", "a known contract paid it"]
    said = done(*release, "5", "--to", to, *why, env=till.env)
    assert f"5 of {till.asset} went from suspense to {to}" in said
    balance = till.balance()
    gained = balance.available - 100_000 if to == "vault" else balance.unswept
    assert (gained, balance.suspense) == (5, 2)
    assert cells(done("suspense", "list", env=till.env), till.vault)[2] == "2"
    (row,) = till.decisions()
    assert (row.destination, row.amount, row.reason) == (to, 5, "a known contract paid it")
    assert "@" in row.decided_by


def test_what_is_not_there_any_more_leaves_the_list(till: Till):
    till.open(surplus)
    args = [till.vault, till.asset, "7", "--to", "chain", "--reason", "it was taken back"]
    done("suspense", "release", *args, env=till.env)
    assert till.vault not in done("suspense", "list", "--vault", till.vault, env=till.env)
    assert till.balance().suspense == 0


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"to": "mars"}, 2, "--to is one of vault, unswept, chain"),
        ({"asset": "eip155:31337/erc20:0x0"}, 2, "no asset eip155:31337/erc20:0x0 is known"),
        ({"amount": "8"}, 1, "amount_above_balance"),
        ({"amount": "0"}, 2, "amount_invalid"),
        ({"vault": "vlt_other"}, 1, "vault_not_found"),
        ({"reason": " "}, 2, "reason_invalid"),
    ],
)
def test_a_mistake_releases_nothing(till: Till, change: dict[str, str], code: int, words: str):
    till.open(surplus)
    usual = {"vault": till.vault, "asset": till.asset, "amount": "7", "to": "vault", "reason": "x"}
    said = usual | change
    line = ["suspense", "release", said["vault"], said["asset"], said["amount"]]
    told = refused(code, *line, "--to", said["to"], "--reason", said["reason"], env=till.env)
    assert words in told
    assert till.decisions() == [] and till.balance().suspense == 7


def test_where_money_is_coins_only_a_rescan_makes_it_the_vaults(sqlite_url: str):
    till = Till(sqlite_url, COINS)
    till.open(surplus)
    line = ["suspense", "release", till.vault, till.asset, "7", "--reason", "x", "--to"]
    assert "coins_unknown" in refused(1, *line, "vault", env=till.env)
    done(*line, "chain", env=till.env)
