"""The end of a game: everything is healed, everybody repeats what was not answered, and all that
can end ends. Then each transfer was paid exactly once or not at all, which is what its state says,
and the ledger equals the chain.

Where the signer has lost records for good, some transfers wait for a person: then it is enough that
no state contradicts the chain."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Final

from custody.transfers.state import TERMINAL, State
from signer.clock import GAP, STEADY
from tests.sim.house import Found, House, Wanted
from tests.sim.rules import check

_ROUNDS: Final = 60
_ROUNDS_WHEN_LOST: Final = 12
_PAUSE_S: Final = 16.0
"""Longer than anything waits that is to be done again."""
_OPEN: Final = "('claimed', 'built', 'signed', 'broadcast', 'included')"


async def end(house: House) -> None:
    """Raises Found."""
    house.say("the end")
    heal(house)
    await house.settle_down()
    await _set_clocks_right(house)
    for one in house.asked:
        if not one.is_answered:
            await house.request(house.processes[0], one)
    await _settle(house)
    house.is_whole = True
    await check(house)
    claims = [] if house.has_lost else house.books.column("SELECT key FROM claims")
    if claims:
        raise Found(f"claimed by nothing that is open: {claims}")
    _check_held(house)
    for one in house.asked:
        _check_end(house, one)
    process = house.processes[0]
    report = await process.machine.start(process.services.reconciliation.run())
    if not report.is_clean:
        raise Found(f"the ledger is not the chain: {report}")


def heal(house: House) -> None:
    house.node.heal()
    house.trouble.heal()
    house.wire.heal()
    house.host.fuse = None
    house.node.fee = 1_000
    house.wall_ahead = house.database_ahead = timedelta()
    for process in house.processes:
        process.machine.fuse = None
        process.machine.stalls_s = 0.0


async def _set_clocks_right(house: House) -> None:
    """Processes begin again with the right time. The signer can't: its journal may say that it is
    later, and then it believes the wall clock after six hours."""
    if not house.counts["set_clock"]:
        return
    house.kill()
    house.host.die()
    await house.mourn()
    for _ in range(STEADY // GAP + 2):
        await asyncio.sleep(GAP - 1)
        house.host.tick()


async def _settle(house: House) -> None:
    for _ in range(_ROUNDS_WHEN_LOST if house.has_lost else _ROUNDS):
        await _all_at_work(house)
        if not _open(house) and _is_followed(house):
            return
        await house.node.mine()
        await house.node.finalize()
        await asyncio.sleep(_PAUSE_S)
    await _all_at_work(house)
    if not house.has_lost:
        where = "" if _is_followed(house) else "the chain is not followed; "
        raise Found(f"never ends: {where}{_open(house)}")


async def _all_at_work(house: House) -> None:
    for process in house.processes:
        house.begin(process, "send", partial(process.send, 64))
        house.begin(process, "follow", process.follow)
        house.begin(process, "expire", process.expire)
    await house.settle_down()


def _is_followed(house: House) -> bool:
    """To the tip. What a dead leader held is held for seconds more."""
    newest = "SELECT hash FROM blocks WHERE network = ? ORDER BY height DESC LIMIT 1"
    return house.books.column(newest, house.network.id) == [house.node.tip.hash]


def _open(house: House) -> list[tuple[object, ...]]:
    """Transactions that may still be in a block, and effects that are to be done."""
    found = house.books.rows(f"SELECT id, state FROM transactions WHERE state IN {_OPEN}")
    return found + house.books.rows("SELECT kind, subject, attempts, last_error FROM outbox")


def _check_held(house: House) -> None:
    """Nothing is held for what has ended. What both have lost may be held as a foreign debit."""
    if house.has_lost:
        return
    ended = ", ".join(f"'{each}'" for each in sorted(TERMINAL))
    if house.books.rows(f"SELECT id FROM transfers WHERE state NOT IN ({ended})"):
        return
    held = house.books.column("SELECT debits_pending FROM ledger_accounts WHERE kind = 'vault'")
    if sum(map(int, held)):
        raise Found(f"{held} are held for nothing")


def _check_end(house: House, one: Wanted) -> None:
    paid = house.node.state.balances.get((one.payee, house.network.native.id), 0)
    rows = house.books.rows("SELECT state FROM transfers WHERE id = ?", one.id)
    if house.has_lost:
        ended = rows[0][0] if rows else None
        if (ended == State.FINAL) != (paid == one.amount) and ended in TERMINAL:
            raise Found(f"{one.id} is {ended}, and its payee has {paid} of {one.amount}")
        return
    if not rows:
        if one.refused is None:
            raise Found(f"{one.id} was accepted, and is forgotten")
        house.counts["ended refused"] += 1
        if paid:
            raise Found(f"{one.id} was refused with {one.refused}, and is paid")
        return
    state = rows[0][0]
    house.counts[f"ended {state}"] += 1
    if (state == State.FINAL) != (paid == one.amount):
        raise Found(f"{one.id} is {state}, and its payee has {paid} of {one.amount}")
    if state not in TERMINAL:
        raise Found(f"{one.id} is still {state}")
