"""A database with one funded vault, for commands that also see its fake node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import pytest

from chains.model import Address
from custody import bootstrap
from custody.db.session import Database
from custody.db.tables import VaultRow
from tests.support import families
from tests.support.custody import World
from tests.support.fakes import FakeAdapter, FakeNode

T = TypeVar("T")
NATIVE = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1"


class Books:
    """A vault with 50,000 satoshi, credited; the command sees the same fake node."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.env: Mapping[str, str] = {
            "CUSTODY_DATABASE_URL": url,
            "CUSTODY_NODES": '{"bitcoin-regtest": "http://fake"}',
        }
        self.node: FakeNode
        self.vault = ""
        asyncio.run(self._prepare(url))
        monkeypatch.setattr(
            bootstrap, "ADAPTERS", {families.BITCOIN: lambda *_, **__: FakeAdapter(self.node)}
        )

    async def _prepare(self, url: str) -> None:
        database = Database(url)
        world = World(database)
        vault = await world.new_vault()
        address = await world.new_address(vault)
        await world.node.fund(Address(address.address), 50_000)
        await world.node.mine(4)
        await world.follow()
        self.node, self.vault, self.address = world.node, vault.id, address.address
        await database.close()

    def frozen(self) -> str | None:
        async def ask(database: Database) -> str | None:
            async with database.read() as session:
                row = await session.get(VaultRow, self.vault)
            assert row is not None
            return row.frozen_reason

        return self.within(ask)

    def within(self, ask: Callable[[Database], Awaitable[T]]) -> T:
        """Ask the database, between two commands."""

        async def opened() -> T:
            database = Database(self.env["CUSTODY_DATABASE_URL"])
            try:
                return await ask(database)
            finally:
                await database.close()

        return asyncio.run(opened())


def cells(output: str, row: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if row in line]
    return [cell.strip() for cell in line.strip("│").split("│")]
