"""What people decide in a game: they approve and reject, pause and resume, hold deposits and let
them go, and say how a vault is refilled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from chains.model import Address
from custody.db.session import WriteSession
from custody.pauses.service import pause as set_pause
from custody.pauses.service import resume as end_pause
from custody.quarantine.service import NewRule as QuarantineRule
from custody.quarantine.service import end_rule, hold, release, set_rule
from custody.reconcile.keeping import ask as ask_report
from custody.refills.service import NewRule as RefillRule
from custody.refills.service import set_rule as set_refill_rule
from signer.wire import Verdict, approval_message
from tests.sim.house import House, Signature
from tests.sim.machine import Died
from tests.sim.process import Process
from tests.sim.reading import addresses_of
from tests.support.signer import ADA, BOB, EVE
from tests.unit.custody.transfers.desk import ANYONE

T = TypeVar("T")

_PEOPLE: Final = {each.name: each for each in (ADA, BOB, EVE)}
REFILLED_MOST: Final = 60_000
_WHY: Final = "it looks odd"


# Approvals


async def approve(house: House, dice: Random) -> None:
    """Somebody signs what is on offer, and hands it in, or only later."""
    rows = house.books.rows(
        "SELECT m.transfer_id, m.version, m.digest FROM mandates m"
        " JOIN transfers t ON t.id = m.transfer_id"
        " WHERE m.state = 'offered' AND t.state = 'awaiting_approval' ORDER BY 1, 2"
    )
    if rows:
        transfer, version, digest = dice.choice(rows)
        verdict = Verdict.REJECT if dice.random() < 0.1 else Verdict.APPROVE
        person = dice.choice(("eve", "eve", "bob", "ada"))
        signed = signature_of(transfer, version, bytes(digest), person, verdict)
        if dice.random() < 0.7:
            await hand_in(house, house.any_process(dice), signed)
        else:
            house.signatures.append(signed)
    if house.signatures and dice.random() < 0.4:
        late = house.signatures.pop(dice.randrange(len(house.signatures)))
        house.counts["handed in late"] += 1
        await hand_in(house, house.any_process(dice), late)


def signature_of(
    transfer: str, version: int, digest: bytes, person: str, verdict: Verdict = Verdict.APPROVE
) -> Signature:
    signed = _PEOPLE[person].key.sign(approval_message(digest, verdict))
    return Signature(transfer, version, digest, person, verdict, signed)


async def hand_in(house: House, process: Process, one: Signature) -> None:
    if one.verdict is Verdict.APPROVE:
        house.journal.handed_in.add((one.digest, one.person))
    terms = (one.transfer, ANYONE, one.person, one.verdict, one.bytes, one.version)
    told = await decide(
        house, process, "approve", lambda: process.services.approvals.submit(*terms)
    )
    if told is not None:
        house.counts["approvals" if one.verdict is Verdict.APPROVE else "rejections"] += 1


async def approve_of(house: House, process: Process, transfer: str) -> None:
    """Whoever may, at once, if it waits for a person."""
    for version, digest in house.books.rows(
        "SELECT version, digest FROM mandates WHERE transfer_id = ? AND state = 'offered'"
        " ORDER BY version",
        transfer,
    ):
        await hand_in(house, process, signature_of(transfer, version, bytes(digest), "eve"))


async def approve_all(house: House) -> None:
    """Whatever waits for a person, at the end."""
    offered = "SELECT DISTINCT transfer_id FROM mandates WHERE state = 'offered' ORDER BY 1"
    for transfer in house.books.column(offered):
        await approve_of(house, house.processes[0], transfer)


# Pauses


async def pause(house: House, dice: Random) -> None:
    """Of the network, of a vault, or of both; none of it gets a new transaction from then on."""
    process, vault = house.any_process(dice), dice.choice((None, *house.vaults[:2]))
    network = None if vault is not None and dice.random() < 0.5 else house.network.id
    named = None if vault is None else vault.id

    async def begin(session: WriteSession) -> str:
        now = process.clock()
        return (await set_pause(session, network, named, _WHY, now, by="ada")).id

    told = await decide(house, process, "pause", lambda: process.write(begin))
    await house.settle_down()
    if told is not None:
        house.counts["pauses"] += 1
        house.paused[told] = (named, begun(house))
        house.paused_at[told] = house.loop.time()


def begun(house: House) -> set[str]:
    """The transfers for which there is a transaction."""
    return set(house.books.column("SELECT DISTINCT transfer_id FROM transaction_transfers"))


async def resume(house: House, dice: Random) -> None:
    found = _open_pauses(house)
    if found:
        await _resume(house, house.any_process(dice), dice.choice(found))


async def resume_all(house: House) -> None:
    for each in _open_pauses(house):
        await _resume(house, house.processes[0], each)


def _open_pauses(house: House) -> list[Any]:
    return house.books.column("SELECT id FROM pauses WHERE open_key IS NOT NULL ORDER BY id")


async def _resume(house: House, process: Process, one: str) -> None:
    house.paused.pop(one, None)
    house.paused_at.pop(one, None)

    async def end(session: WriteSession) -> None:
        await end_pause(session, one, _WHY, process.clock(), by="ada")

    await decide(house, process, "resume", lambda: process.write(end))


# Quarantine


async def suspicious(house: House, dice: Random) -> None:
    """A deposit comes, and somebody holds it as soon as it is seen, if a rule did not."""
    found = addresses_of(house.books, dice.choice(house.vaults).id)
    await house.node.fund(Address(dice.choice(found)), dice.randrange(5_000, 50_000))
    await house.node.mine()
    process = house.any_process(dice)
    house.begin(process, "follow", process.follow)
    await house.settle_down()
    process = house.any_process(dice)
    waiting = "SELECT id FROM deposits WHERE state = 'pending' ORDER BY id"
    if found := house.books.column(waiting):
        one = dice.choice(found)

        async def begin(session: WriteSession) -> str:
            now = process.clock()
            return (await hold(session, process.services.held, one, _WHY, now, by="ada")).id

        told = await decide(house, process, "hold", lambda: process.write(begin))
        house.counts["held by a person"] += told is not None


async def let_go(house: House, dice: Random) -> None:
    """A held deposit; by two processes at once, sometimes."""
    found = house.books.column("SELECT id FROM deposits WHERE state = 'quarantined' ORDER BY id")
    if not found:
        return
    one, twice = dice.choice(found), dice.random() < 0.3
    for process in house.processes if twice else [house.any_process(dice)]:
        house.begin(process, "let go", partial(_let_go, house, process, one))
    await house.settle_down()


async def _let_go(house: House, process: Process, one: str) -> None:
    async def end(session: WriteSession) -> None:
        await release(session, process.services.held, one, _WHY, process.clock(), by="bob")

    await process.write(end)
    house.counts["let go"] += 1


async def suspect(house: House, dice: Random) -> None:
    """A rule that holds what comes, or the end of one."""
    process = house.any_process(dice)
    open_rules = "SELECT id FROM quarantine_rules WHERE ended_at IS NULL ORDER BY id"
    found = house.books.column(open_rules)
    if found and dice.random() < 0.6:
        one = dice.choice(found)

        async def end(session: WriteSession) -> object:
            return await end_rule(session, one, _WHY, process.clock(), by="bob")

        await decide(house, process, "end rule", lambda: process.write(end))
        return
    vault = dice.choice((None, *house.vaults))
    new = QuarantineRule(
        vault=None if vault is None else vault.id,
        network=house.network,
        asset=house.network.native.id,
        amount_from=dice.choice((1, 20_000)),
    )

    async def begin(session: WriteSession) -> object:
        return await set_rule(session, new, _WHY, process.clock(), by="ada")

    told = await decide(house, process, "rule", lambda: process.write(begin))
    house.counts["rules that hold"] += told is not None


# Comparisons


async def compare(house: House, dice: Random) -> None:
    """A person asks for a report of ledger and chain, and a worker makes what is asked for."""
    process, vault = house.any_process(dice), dice.choice((None, *house.vaults))
    named = None if vault is None else vault.id

    async def begin(session: WriteSession) -> object:
        return await ask_report(session, house.network.id, named, process.clock(), by="ada")

    told = await decide(house, process, "report", lambda: process.write(begin))
    house.counts["reports asked for"] += told is not None
    house.begin(process, "report", process.make_report)


# Refills


async def set_refill(house: House, dice: Random) -> None:
    """How the last vault is refilled from the first one, or that it is not any more."""
    process = house.any_process(dice)
    new = dice.random() < 0.85
    low = dice.choice((5_000, 20_000, 40_000))
    with suppress(Died):
        await begin_refills(house, process, low if new else None)


async def begin_refills(house: House, process: Process, low: int | None) -> None:
    hot, source = house.vaults[-1], house.vaults[0]
    network, native = house.network.id, house.network.native.id

    async def begin(session: WriteSession) -> object:
        assert house.key is not None
        new = None if low is None else RefillRule(source.id, low, REFILLED_MOST, house.key.id)
        return await set_refill_rule(
            session, hot.id, network, native, new, _WHY, process.clock(), by="ada"
        )

    async def run() -> object:
        await house.caller(process)
        return await process.write(begin)

    await decide(house, process, "refill rule", run)


async def decide(
    house: House, process: Process, what: str, work: Callable[[], Awaitable[T]]
) -> T | None:
    """None: refused, or nobody knows."""
    try:
        return await process.machine.start(house.tried(what, work))
    except Died:
        return None
