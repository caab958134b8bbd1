"""A database that is copied back from a backup, on either kind of database, and what is asked of
the house afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from custody.db.base import Row
from custody.journal.plan import Plan
from custody.journal.recovery import Recovered
from custody.reconcile.verify import verify
from custody.workers.workers import look_at_journal
from tests.support.database import PROGRAM, PostgresServer
from tests.unit.custody.journal.test_restored import House as Drill
from tests.unit.custody.transfers.desk import Desk

NAME = "custody"


class OnPostgres(Drill):
    """All rows, kept in a schema of their own."""

    server: PostgresServer

    @property
    def url(self) -> str:
        return self.server.url(NAME, PROGRAM)

    def back_up(self) -> None:
        self.server.run(
            "DROP SCHEMA IF EXISTS backup CASCADE",
            "CREATE SCHEMA backup",
            *(f"CREATE TABLE backup.{each} AS TABLE public.{each}" for each in Row.metadata.tables),
            name=NAME,
        )

    def _copy_back(self) -> None:
        self.server.empty(NAME)
        self.server.run(
            "SET session_replication_role = replica",
            *(
                f"INSERT INTO public.{each} SELECT * FROM backup.{each}"
                for each in Row.metadata.tables
            ),
            "DROP SCHEMA backup CASCADE",
            name=NAME,
        )


class Safe:
    """Where a test's database is, and how it is backed up."""

    def __init__(self, url: str, server: PostgresServer | None) -> None:
        self.url = url
        self._server = server

    def drill(self, desk: Desk) -> Drill:
        if self._server is None:
            return Drill(Path(self.url.partition("///")[2]), desk)
        found = OnPostgres(Path(), desk)
        found.server = self._server
        return found

    def back_up(self, desk: Desk) -> Lost:
        return Lost(self.drill(desk))


class Lost:
    """A backup, and what happens when it is copied back."""

    def __init__(self, drill: Drill) -> None:
        self.drill = drill
        drill.back_up()

    async def restore(self, *houses: Any, **options: Any) -> tuple[Plan, Recovered]:
        await self.copy_back(*houses)
        return await self.drill.recover(**options)

    async def copy_back(self, *houses: Any) -> None:
        await self.drill.restore()
        for each in houses:
            each.database = self.drill.desk.database
        await look_at_journal(self.drill.desk.services)


def forget_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API key that rules ask with was made after the backup too."""

    async def none(*_: Any) -> None:
        return None

    monkeypatch.setattr("custody.journal.repository.key_of", none)


async def is_over(desk: Desk) -> None:
    """Nothing is held, frozen or told, and the books are sound and equal the chain."""
    assert await desk.claims() == []
    assert await desk.open_alarms() == []
    assert (await desk.reconcile()).is_clean
    found = await verify(desk.database)
    assert found.passed, [each for each in found.findings if not each.passed]
