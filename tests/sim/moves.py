"""What may happen in a game: one function each, and how often it is drawn.

A move draws from dice of its own, so that it is the same move when others are taken out of a game.
A new one is a function and a line in MOVES.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

from chains.costs import CostKind
from chains.model import Address, AssetId, TxId
from custody.db.tables import VaultRow
from custody.services import Services
from tests.sim.files import send_file
from tests.sim.house import House, Wanted
from tests.sim.machine import Died
from tests.sim.people import (
    approve,
    approve_of,
    compare,
    let_go,
    pause,
    resume,
    set_refill,
    suspect,
    suspicious,
)
from tests.sim.process import Process
from tests.sim.reading import addresses_of, sent_for
from tests.sim.restoring import back_up, restore_both, restore_database, restore_signer
from tests.sim.rotating import rotate_key, rotate_policy
from tests.sim.standing_still import pause_and_track
from tests.sim.tokens import (
    ask_restraints,
    bring_gas,
    claw_back,
    go_by_rules,
    issuer_stops,
    new_address,
    set_gas,
    set_sweep,
    sweep_up,
    thief,
    to_a_block,
    token_deposit,
    token_misbehaves,
    unfreeze,
)
from tests.support.fake_tokens import Mode
from tests.unit.custody.transfers.desk import ANYONE

Move = Callable[[House, Random], Awaitable[None]]

_HASTENED: Final = 60_000
_FOR_TWO: Final = (10_000, 40_000)
"""The most that a child may cost, which pays for its parent too."""


# Clients


async def ask(house: House, dice: Random) -> None:
    """Once, or at two processes at the same time."""
    amount = dice.randrange(1_000, 60_000)
    await _ask(house, dice, dice.choice(house.vaults[:2]), [amount], most=40_000)


async def ask_for_several(house: House, dice: Random) -> None:
    """Several payees in one transaction, all or none, where coins are spent."""
    if house.node.codec.has_coins:
        amounts = [dice.randrange(1_000, 15_000) for _ in range(dice.randint(2, 4))]
        await _ask(house, dice, dice.choice(house.vaults[:2]), amounts, most=40_000)


async def ask_together(house: House, dice: Random) -> None:
    """Transfers that one transaction may pay, where they wait for each other."""
    vault = dice.choice(house.vaults[:2])
    for _ in range(dice.randint(2, 3)):
        await _ask(house, dice, vault, [dice.randrange(1_000, 12_000)], most=10_000)


async def ask_for_all(house: House, dice: Random) -> None:
    """All that a vault has."""
    await _ask(house, dice, dice.choice(house.vaults), [None], most=40_000)


async def ask_for_tokens(house: House, dice: Random) -> None:
    """A part of what there is of the token, or all of it; also where a vault has no coin."""
    if house.token is not None:
        amount = None if dice.random() < 0.1 else dice.randrange(1, 60_000)
        vault = dice.choice(house.vaults)
        await _ask(house, dice, vault, [amount], most=40_000, asset=house.token)


async def pay_tokens(house: House, dice: Random) -> None:
    """A payment of tokens comes to a block, whatever their contract does by then."""
    if house.token is None:
        return
    contract = house.node.tokens[house.token]
    contract.mode = dice.choice((Mode.PAYS, Mode.DIVERTS, Mode.DOES_NOTHING))
    contract.fee = dice.choice((0, 100))
    await ask_for_tokens(house, dice)
    await to_a_block(house, dice)


async def tidy_coins(house: House, dice: Random) -> None:
    """The smallest coins become one, or the largest one several."""
    if house.node.codec.has_coins:
        vault = dice.choice(house.vaults[:2])
        own = dice.choice(addresses_of(house.books, vault.id, change=False))
        await _ask(house, dice, vault, [None], most=40_000, own=own)


async def hasten(house: House, dice: Random) -> None:
    """What waits and pays a vault, or left it change, gets a child that pays for both: mostly at
    once, which is what it is for, and sometimes whenever the rest of the game comes to it."""
    if not house.node.codec.has_coins:
        return
    vault = dice.choice(house.vaults[:2])
    ours = set(addresses_of(house.books, vault.id))
    waiting = [
        txid
        for txid, tx in house.node.pool.items()
        if any(out.address in ours for out in tx.outputs)
    ]
    own = dice.choice(addresses_of(house.books, vault.id, change=False))
    parent = dice.choice(waiting) if waiting else await house.node.fund(Address(own), _HASTENED)
    one = await _ask(house, dice, vault, [None], most=40_000, own=own, child_of=parent)
    if one.is_answered and one.refused is None and dice.random() < 0.8:
        await approve_of(house, house.any_process(dice), one.id)
        await to_a_block(house, dice)


async def _ask(
    house: House,
    dice: Random,
    vault: VaultRow,
    amounts: Sequence[int | None],
    *,
    most: int,
    own: str | None = None,
    asset: AssetId | None = None,
    child_of: TxId | None = None,
) -> Wanted:
    """`own`: nobody is paid, and an address of the vault's own gets what it is about."""
    one = Wanted(
        key=f"key-{dice.getrandbits(60):x}",
        vault=vault,
        payees=tuple([own or await house.node.outside_address() for _ in amounts]),
        amounts=tuple(amounts),
        fee_max=min(most, dice.choice((2_000, 10_000, 40_000) if child_of is None else _FOR_TWO)),
        stays=dice.choice((-3, -2, 2, 3)) if own is not None else 0,
        asset=asset,
        child_of=child_of,
    )
    house.asked.append(one)
    if dice.random() < 0.25:
        house.counts["asked twice"] += 1
        await asyncio.gather(*(house.request(each, one) for each in house.processes))
    else:
        await house.request(house.any_process(dice), one)
    return one


async def ask_again(house: House, dice: Random) -> None:
    """Who was told nothing, or believes so."""
    asked = [one for one in house.asked if one.file is None]
    if asked:
        one = dice.choice(asked)
        await house.request(house.any_process(dice), one)


async def speed_up(house: House, dice: Random) -> None:
    one = _any(house, dice)
    if one is None:
        return
    sent = sent_for(house.books, one.id)
    if sent:
        transfers = house.any_process(dice)
        txid = TxId(dice.choice(sent))
        await _call(
            house, transfers, "speed up", lambda p: p.transfers.speed_up(one.id, ANYONE, txid)
        )


async def cancel(house: House, dice: Random) -> None:
    one = _any(house, dice)
    if one is not None:
        process = house.any_process(dice)
        await _call(house, process, "cancel", lambda p: p.transfers.cancel(one.id, ANYONE))


async def raise_costs(house: House, dice: Random) -> None:
    one = _any(house, dice)
    if one is not None:
        most = {CostKind.FEE: dice.choice((20_000, 80_000))}
        one.most = max(one.most, most[CostKind.FEE])
        process = house.any_process(dice)
        await _call(house, process, "raise", lambda p: p.versions.raise_costs(one.id, ANYONE, most))


# Processes


async def work(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    most = dice.choice((1, 4, 64))
    house.begin(process, "send", lambda: process.send(most))
    await _perhaps_wait(house, dice)


async def follow(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    house.begin(process, "follow", process.follow)
    await _perhaps_wait(house, dice)


async def both(house: House, dice: Random) -> None:
    """Both processes do everything at once."""
    for process in house.processes:
        house.begin(process, "send", partial(process.send, 64))
        house.begin(process, "follow", process.follow)
        house.begin(process, "pay files", process.pay_files)
        house.begin(process, "refill", process.refill)
        if house.token is not None:
            house.begin(process, "gas", process.bring_gas)
            house.begin(process, "sweeps", process.sweep)
    await _perhaps_wait(house, dice)


async def expire(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    house.begin(process, "expire", process.expire)


async def watch(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    house.begin(process, "watch", process.watch)


async def reconcile(house: House, dice: Random) -> None:
    process = house.any_process(dice)
    house.begin(process, "reconcile", process.reconcile)


async def crash(house: House, dice: Random) -> None:
    """Some statements or commits from now, at work."""
    machine = house.any_process(dice).machine
    machine.commits_only = dice.random() < 0.5
    machine.fuse = dice.randrange(12 if machine.commits_only else 120)
    house.say(f"  {machine.name} will die after {machine.fuse}")
    await both(house, dice)


async def crash_asked(house: House, dice: Random) -> None:
    """While it takes a request, around a commit."""
    process = house.any_process(dice)
    process.machine.commits_only, process.machine.fuse = True, dice.randrange(3)
    asked = len(house.asked)
    await ask(house, dice)
    one = house.asked[asked]
    if not one.is_answered and not process.machine.is_frozen:
        await house.request(process, one)


async def kill(house: House, dice: Random) -> None:
    """Now, whatever it does."""
    house.any_process(dice).machine.die()


async def stall(house: House, dice: Random) -> None:
    """A process stands still for longer than it holds what it holds, and goes on."""
    house.any_process(dice).machine.stalls_s = dice.choice((1.0, 4.0, 20.0))
    await both(house, dice)


async def signer_dies(house: House, dice: Random) -> None:
    house.host.fuse = dice.randrange(24)


# The chain


async def mine(house: House, dice: Random) -> None:
    await house.node.mine(dice.choice((1, 1, 2, 3)))


async def mine_empty(house: House, dice: Random) -> None:
    """Whoever makes it takes nothing that waits."""
    node = house.node
    waiting, node.pool = node.pool, {}
    await node.mine(1)
    node.pool = waiting


async def finalize(house: House, dice: Random) -> None:
    """What the chain calls final moves on, but not to the tip."""
    if house.network.finality.confirmations is None:
        node = house.node
        node.final_height = max(node.final_height, node.tip.height - dice.randrange(4))


async def reorg(house: House, dice: Random) -> None:
    """Up to what is final, which is never undone."""
    node, confirmations = house.node, house.network.finality.confirmations
    undoable = node.tip.height - node.final_height if not confirmations else confirmations - 1
    deepest = min(undoable, len(node.chain) - 3)
    if deepest < 1:
        return
    depth = dice.randint(1, min(deepest, 6))
    house.counts["reorgs"] += 1
    house.say(f"  {depth} blocks are undone")
    await node.reorg(depth, replay=dice.random() < 0.3)


async def forget(house: House, dice: Random) -> None:
    """A node forgets something that waits. What strangers sent, they send again at the end."""
    if house.node.pool:
        txid = dice.choice(list(house.node.pool))
        house.forgotten[txid] = house.node.pool[txid]
        house.node.drop(txid)


async def fees(house: House, dice: Random) -> None:
    house.node.fee = dice.choice((500, 1_000, 1_000, 3_000, 9_000))


async def refuse(house: House, dice: Random) -> None:
    """A payee takes nothing: the transaction is included and undone."""
    if house.network.family != "bitcoin" and house.asked:
        one = dice.choice(house.asked)
        for txid in sent_for(house.books, one.id):
            house.node.revert(TxId(txid))


async def pin(house: House, dice: Random) -> None:
    """A payee spends what waits, so that outbidding it would have to outbid that too."""
    if house.node.pool:
        house.trouble.pinned.add(dice.choice(list(house.node.pool)))


async def deposit(house: House, dice: Random) -> None:
    """To any address of ours; also a payee who pays back."""
    found = addresses_of(house.books, dice.choice(house.vaults).id)
    await house.node.fund(Address(dice.choice(found)), dice.randrange(5_000, 50_000))


async def pay_back(house: House, dice: Random) -> None:
    """To where the money came from, or to where change went."""
    vault = dice.choice(house.vaults).id
    if found := addresses_of(house.books, vault, change=True) or addresses_of(house.books, vault):
        await house.node.fund(Address(dice.choice(found)), dice.randrange(5_000, 50_000))


# Nodes, lines and clocks


async def lose_node(house: House, dice: Random) -> None:
    what = dice.choice(("lost", "failing", "late", "doubled"))
    setattr(house.trouble, what, getattr(house.trouble, what) + dice.randint(1, 3))


async def node_is_wrong(house: House, dice: Random) -> None:
    house.trouble.lag = dice.randint(1, 3)
    house.trouble.begin(
        dice.choice(("lags", "prunes", "forgets", "lies")), dice.choice((2, 10, 40))
    )


async def lose_signer(house: House, dice: Random) -> None:
    what = dice.choice(("lose", "late", "double", "cut"))
    setattr(house.wire, what, getattr(house.wire, what) + dice.randint(1, 2))


async def wait(house: House, dice: Random) -> None:
    await asyncio.sleep(dice.choice((1, 5, 20, 600, 3000)))


async def set_clock(house: House, dice: Random) -> None:
    """Of our hosts or of the database, forward or back, and mostly right again later."""
    ahead = timedelta(seconds=dice.choice((0, 0, 5, -5, 90, -90, 7200, 7200, -7200)))
    if dice.random() < 0.5:
        house.wall_ahead = ahead
    else:
        house.database_ahead = ahead
    house.counts["clock jumps"] += 1


MOVES: Final[dict[Move, int]] = {
    ask: 6,
    ask_for_several: 2,
    ask_together: 2,
    ask_for_all: 1,
    tidy_coins: 1,
    send_file: 2,
    ask_again: 1,
    speed_up: 4,
    cancel: 3,
    raise_costs: 2,
    work: 8,
    follow: 6,
    both: 4,
    expire: 1,
    watch: 1,
    reconcile: 1,
    crash: 5,
    crash_asked: 2,
    kill: 2,
    stall: 1,
    signer_dies: 2,
    mine: 6,
    mine_empty: 2,
    finalize: 3,
    reorg: 6,
    forget: 2,
    fees: 2,
    refuse: 1,
    pin: 1,
    deposit: 1,
    pay_back: 1,
    lose_node: 3,
    node_is_wrong: 2,
    lose_signer: 3,
    wait: 2,
    set_clock: 2,
    back_up: 2,
    restore_database: 2,
    restore_signer: 1,
    restore_both: 1,
    rotate_policy: 2,
    rotate_key: 2,
    approve: 5,
    pause: 1,
    resume: 1,
    suspicious: 2,
    let_go: 2,
    suspect: 1,
    set_refill: 1,
    ask_for_tokens: 5,
    pay_tokens: 3,
    go_by_rules: 3,
    token_deposit: 2,
    new_address: 2,
    bring_gas: 2,
    sweep_up: 2,
    token_misbehaves: 2,
    issuer_stops: 2,
    ask_restraints: 1,
    claw_back: 1,
    thief: 1,
    unfreeze: 2,
    set_gas: 1,
    set_sweep: 1,
    hasten: 2,
    compare: 1,
    pause_and_track: 1,
}
NAMED: Final = {move.__name__: move for move in MOVES}


def _any(house: House, dice: Random) -> Wanted | None:
    return dice.choice(house.asked) if house.asked else None


async def _call(
    house: House, process: Process, what: str, call: Callable[[Services], Awaitable[object]]
) -> None:
    """A client's call, which nobody answers where the process dies."""
    with suppress(Died):
        await process.machine.start(house.tried(what, lambda: call(process.services)))


async def _perhaps_wait(house: House, dice: Random) -> None:
    """For all that is being done; or the next thing happens while it is done."""
    if dice.random() < 0.6:
        await house.settle_down()
    else:
        await asyncio.sleep(dice.random() * 0.2)
