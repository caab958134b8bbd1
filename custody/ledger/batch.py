"""Collects the movements of one transaction of the database, so that the ledger makes all of them
in one call and locks all accounts in one go."""

from __future__ import annotations

from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.ledger.model import Movement
from custody.ledger.service import Ledger


class Batch:
    def __init__(self) -> None:
        self._ids: list[str] = []
        self._movements: list[Movement] = []

    def move(self, movement: Movement) -> str:
        """The id of the entry that will be made."""
        self._ids.append(new_id("ent"))
        self._movements.append(movement)
        return self._ids[-1]

    async def write(self, session: WriteSession, ledger: Ledger) -> None:
        await ledger.apply(session, self._movements, self._ids)
