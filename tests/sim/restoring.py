"""Backups, and what an operator does after one of them was copied back: as the runbook says it,
with the code behind its commands."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

from custody.journal.repository import newest_known
from custody.vaults.repository import accounts
from signer.ceremonies.recovery import LostVault, Skip, recover
from tests.sim.house import REFUSALS, Backup, Found, House
from tests.sim.reading import Reader
from tests.support.signer import PINNED

_ADDRESSES: Final = 20
_TRIES: Final = 5
_WITHOUT_LOG: Final = 0.15
"""How often nobody has a copy of the signer's log."""


async def back_up(house: House, dice: Random) -> None:
    """Of both, at one moment."""
    place = house.folder / f"backup-{len(house.backups)}"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(house.host.state.path, place / "signer")
    if house.url is not None:
        house.backups.append(Backup(place, place / "signer"))
        return
    with (
        closing(sqlite3.connect(house.file)) as source,
        closing(sqlite3.connect(place / "sim.sqlite3")) as target,
    ):
        source.backup(target)
    house.backups.append(Backup(place / "sim.sqlite3", place / "signer"))


async def restore_database(house: House, dice: Random) -> None:
    """Of SQLite; `integration/` restores PostgreSQL."""
    if house.url is not None:
        return
    _count(house, "database")
    house.kill()
    _put_back_database(house, dice)
    await _begin_again(house)
    await _operated(house, lambda: _recover(house))


async def restore_signer(house: House, dice: Random) -> None:
    """Its log is kept elsewhere, or is not."""
    _count(house, "signer")
    house.kill()
    await _begin_again(house, signer=lambda: _put_back_signer(house, dice))
    await _operated(house, lambda: _recover(house, complete=True))


async def restore_both(house: House, dice: Random) -> None:
    """To one moment or to two."""
    if house.url is not None:
        return
    _count(house, "both")
    house.kill()
    _put_back_database(house, dice)
    await _begin_again(house, signer=lambda: _put_back_signer(house, dice))
    await _operated(house, lambda: _recover(house))


def _count(house: House, what: str) -> None:
    house.counts["restores"] += 1
    house.counts[f"restores of {what}"] += 1
    house.wire.heal()
    house.host.fuse = None


def _put_back_database(house: House, dice: Random) -> None:
    """What was answered since is forgotten, so clients repeat all that they asked for."""
    backup = _chosen(house, dice)
    house.books.close()
    for name in ("", "-wal", "-shm"):
        Path(f"{house.file}{name}").unlink(missing_ok=True)
    shutil.copy(backup.database, house.file)
    house.books = Reader(house.file)
    house.is_whole = False
    for one in house.asked:
        one.is_answered = False
    for file in house.files:
        file.is_answered = False
    house.paused.clear()
    house.paused_at.clear()
    house.frozen.clear()


async def _put_back_signer(house: House, dice: Random) -> None:
    state, now = house.host.state, house.wall().replace(microsecond=0)
    house.host.stop()
    log = house.folder / "log.jsonl"
    shutil.copy(state.log, log)
    backup = _chosen(house, dice)
    shutil.rmtree(state.path)
    shutil.copytree(backup.signer, state.path)
    if dice.random() >= _WITHOUT_LOG:
        recover(state, house.host.log_key(), log, None, now).close()
        house.say("  the signer has its records again, from its log")
    else:
        recover(state, house.host.log_key(), None, await _skip(house), now, PINNED).close()
        house.has_lost = True
        house.counts["signer lost records"] += 1
        house.say("  the signer has lost records")
    house.host.start()


async def _skip(house: House) -> Skip:
    """What `custody recover --vaults` tells of the database."""
    process = house.processes[0]

    async def told() -> Skip:
        async with process.database.read() as session:
            newest = await newest_known(session)
            known = await accounts(session)
        vaults = tuple(LostVault(client, vault, account) for vault, client, account in known)
        version = json.loads(house.policies[-1].document)["version"]
        return Skip(newest[0] if newest else 0, version, vaults, tuple(house.policies))

    return await process.machine.start(told())


async def _begin_again(house: House, signer: Callable[[], Awaitable[None]] | None = None) -> None:
    """Processes of ours start on what is there now; the signer after the database has been asked
    what it knows."""
    await house.mourn()
    if signer is not None:
        await signer()


async def _operated(house: House, work: Callable[[], Awaitable[None]]) -> None:
    """After a failure, an operator runs the command again."""
    for _ in range(_TRIES):
        try:
            await work()
        except REFUSALS as error:
            house.say(f"  recover: {type(error).__name__}: {error}")
        else:
            return
    raise Found(f"custody recover fails again and again: {house.log[-1]}")


async def _recover(house: House, *, complete: bool = False) -> None:
    """`custody recover`, if the house is closed."""
    process = house.processes[0]

    async def run() -> None:
        await process.begin()
        recovery = process.recovery()
        plan = await recovery.plan()
        if plan.unknown or plan.place.closed_since is not None:
            done = await recovery.run(plan, addresses=_ADDRESSES, database_complete=complete)
            house.say(f"  rebuilt: {done}")

    await process.machine.start(run())


def _chosen(house: House, dice: Random) -> Backup:
    return dice.choice(house.backups)
