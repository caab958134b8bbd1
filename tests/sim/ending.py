"""The end of a game: everything is healed, everybody repeats what was not answered, and all that
can end ends. Then each transfer was paid exactly once or not at all, which is what its state says,
and the ledger equals the chain.

Where the signer has lost records for good, some transfers wait for a person: then it is enough that
no state contradicts the chain."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Final

from custody.transactions.looking import GAS_WAITED_FOR
from custody.transfers.state import TERMINAL, State
from signer.clock import GAP, STEADY
from tests.sim.files import hand_over, read_answers
from tests.sim.house import Found, House, Wanted
from tests.sim.people import approve_all, resume_all
from tests.sim.process import LIFETIME
from tests.sim.reading import addresses_of
from tests.sim.rules import check, is_paid
from tests.sim.signed import check_kinds
from tests.sim.tokens import give_back, unfreeze_all
from tests.support.fake_chain import OUTSIDE

_ROUNDS: Final = 60
_ROUNDS_WHEN_LOST: Final = 12
_PATIENCE: Final = 8
"""So many rounds later what waits for coins that nobody brings expires."""
_PAUSE_S: Final = 16.0
"""Longer than anything waits that is to be done again."""
_ENDED: Final = ", ".join(f"'{each}'" for each in sorted(TERMINAL))
_OPEN: Final = "('claimed', 'built', 'signed', 'broadcast', 'included')"


async def end(house: House) -> None:
    """Raises Found."""
    house.say("the end")
    heal(house)
    await house.settle_down()
    await _set_clocks_right(house)
    await resume_all(house)
    await unfreeze_all(house)
    await give_back(house)
    for one in house.asked:
        if not one.is_answered and one.file is None:
            await house.request(house.processes[0], one)
    for file in house.files:
        if not file.is_answered:
            await hand_over(house, house.processes[0], file)
    await _settle(house)
    for file in house.files:
        read_answers(house, file)
    house.is_whole = True
    await check(house)
    claims = [] if house.has_lost else house.books.column("SELECT key FROM claims")
    if claims:
        raise Found(f"claimed by nothing that is open: {claims}")
    _check_held(house)
    for one in house.asked:
        _check_end(house, one)
    _check_swept(house)
    check_kinds(house)
    process = house.processes[0]
    report = await process.machine.start(process.services.reconciliation.run())
    if not report.is_clean:
        raise Found(f"the ledger is not the chain: {report}")


def heal(house: House) -> None:
    house.node.heal()
    for txid, tx in house.forgotten.items():
        if tx.inputs[0].address == OUTSIDE and house.node.locate(txid) is None:
            house.node.pool[txid] = tx
    house.trouble.heal()
    house.wire.heal()
    house.host.fuse = None
    house.node.fee = 1_000
    for contract in house.node.tokens.values():
        contract.heal()
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
    for number in range(_ROUNDS_WHEN_LOST if house.has_lost else _ROUNDS):
        await _all_at_work(house)
        if not _open(house) and _is_followed(house):
            return
        await approve_all(house)
        await unfreeze_all(house)
        if number >= _PATIENCE and not house.has_lost and _lack_coins_alone(house):
            await asyncio.sleep(LIFETIME.total_seconds())  # what nobody brings coins for expires
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
        house.begin(process, "pay files", process.pay_files)
        house.begin(process, "refill", process.refill)
        house.begin(process, "gas", process.bring_gas)
        house.begin(process, "sweeps", process.sweep)
        house.begin(process, "restraints", process.ask_restraints)
    await house.settle_down()


def _is_followed(house: House) -> bool:
    """To the tip. What a dead leader held is held for seconds more."""
    newest = "SELECT hash FROM blocks WHERE network = ? ORDER BY height DESC LIMIT 1"
    return house.books.column(newest, house.network.id) == [house.node.tip.hash]


def _open(house: House) -> list[tuple[object, ...]]:
    """Transactions that may still be in a block, transfers and files that wait, and effects that
    are to be done."""
    found = house.books.rows(f"SELECT id, state FROM transactions WHERE state IN {_OPEN}")
    found += house.books.rows(f"SELECT id, state FROM transfers WHERE state NOT IN ({_ENDED})")
    found += house.books.rows("SELECT id, state FROM payout_files WHERE state <> 'done'")
    return found + house.books.rows("SELECT kind, subject, attempts, last_error FROM outbox")


def _check_held(house: House) -> None:
    """Nothing is held for what has ended. What both have lost may be held as a foreign debit."""
    if house.has_lost:
        return
    if house.books.rows(f"SELECT id FROM transfers WHERE state NOT IN ({_ENDED})"):
        return
    accounts = "SELECT debits_pending FROM ledger_accounts WHERE kind IN ('vault', 'unswept')"
    held = house.books.column(accounts)
    if sum(map(int, held)):
        raise Found(f"{held} are held for nothing")


def _lack_coins_alone(house: House) -> bool:
    """Whether all that has not ended waits for coins for its fee."""
    waiting = f"SELECT waiting FROM transfers WHERE state NOT IN ({_ENDED})"
    return set(house.books.column(waiting)) == {GAS_WAITED_FOR}


def _check_swept(house: House) -> None:
    """The books say what lies on later addresses, where nothing of the vault is open."""
    if house.has_lost or house.token is None:
        return
    for vault, asset in product(house.vaults, (house.network.native.id, house.token)):
        kinds = {
            kind: int(came) - int(left)
            for kind, came, left in house.books.rows(
                "SELECT kind, credits_posted, debits_posted FROM ledger_accounts"
                " WHERE vault_id = ? AND asset = ?",
                vault.id,
                asset,
            )
        }
        if kinds.get("shortfall") or kinds.get("suspense"):
            continue  # the vault's, wherever it lies
        later = addresses_of(house.books, vault.id)[1:]
        lies = sum(house.node.state.balances.get((each, asset), 0) for each in later)
        held = house.books.column(
            "SELECT d.amount FROM deposits d JOIN addresses a ON a.id = d.address_id"
            " WHERE d.vault_id = ? AND d.asset = ? AND a.position > 0"
            " AND d.state IN ('pending', 'below_minimum', 'quarantined')",
            vault.id,
            asset,
        )
        if lies != kinds.get("unswept", 0) + sum(map(int, held)):
            raise Found(f"{vault.id} has {lies} of {asset} on later addresses, and not {kinds}")


def _check_end(house: House, one: Wanted) -> None:
    paid = is_paid(house, one)
    rows = house.books.rows("SELECT state FROM transfers WHERE id = ?", one.id)
    if house.has_lost:
        ended = rows[0][0] if rows else None
        if not one.stays and (ended == State.FINAL) != paid and ended in TERMINAL:
            raise Found(f"{one.id} is {ended}, and its payees have {paid}")
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
    _count(house, one, state)
    if not one.stays and (state == State.FINAL) != paid:
        raise Found(f"{one.id} is {state}, and that it is paid is {paid}")
    if state not in TERMINAL:
        raise Found(f"{one.id} is still {state}")


def _count(house: House, one: Wanted, state: str) -> None:
    if state != State.FINAL:
        return
    house.counts["final with several payees"] += len(one.payees) > 1
    house.counts["final by a file"] += one.file is not None
    house.counts["final of own coins"] += bool(one.stays) and one.child_of is None
    house.counts["final of children"] += one.child_of is not None
    house.counts["final of tokens"] += one.asset is not None
    house.counts["final of everything"] += one.total is None and not one.stays
