"""A game: a list of moves around a house, each followed by all rules, and an end at which all is
healed and everything is settled. A seed is such a list; a list can be played without its seed."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.sim.chance import seeded
from tests.sim.ending import end
from tests.sim.house import BEGINNING, Found, House
from tests.sim.loop import VirtualLoop
from tests.sim.moves import MOVES, NAMED
from tests.sim.people import begin_refills
from tests.sim.postgres import stepped
from tests.sim.restoring import back_up
from tests.sim.rotating import policy_of
from tests.sim.rules import check
from tests.sim.sqlite import inline
from tests.sim.tokens import begin_tokens

STEPS: Final = 40
CHAINS: Final = ("bitcoin-regtest", "ethereum-local", "tron-local")


@dataclass(frozen=True)
class Step:
    """`salt`: of the move's own dice."""

    move: str
    salt: int


@dataclass(frozen=True)
class Script:
    """`seed`: of all that the moves don't say: ids, delays, and who comes first."""

    alias: str
    seed: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Played:
    """`found`: what must never be; None if nothing was. `digest`: of every statement, every move
    and the time of each."""

    counts: Counter[str]
    digest: str
    log: tuple[str, ...]
    found: str | None


def script_of(seed: int, steps: int = STEPS, alias: str | None = None) -> Script:
    chain = alias or CHAINS[seed % len(CHAINS)]
    dice = Random(f"script {seed} {chain}")
    moves = dice.choices([move.__name__ for move in MOVES], list(MOVES.values()), k=steps)
    return Script(chain, str(seed), tuple(Step(move, dice.getrandbits(32)) for move in moves))


def play(script: Script, template: Path | str) -> Played:
    """`template`: an empty database, migrated: a SQLite file, or the URL of a PostgreSQL."""
    gc.freeze()  # what was loaded is there to stay
    gc.disable()  # nor is anything of a game thrown away in the middle of one
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    houses: list[House] = []
    with tempfile.TemporaryDirectory(prefix="sim-") as folder:
        try:
            return loop.run_until_complete(_play(script, template, Path(folder), loop, houses))
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            with _unheard():
                while houses:
                    houses.pop().bury()
                gc.collect()
                gc.enable()


async def _play(
    script: Script, template: Path | str, folder: Path, loop: VirtualLoop, houses: list[House]
) -> Played:
    url = template if isinstance(template, str) else None
    if url is None:
        shutil.copy(template, folder / "sim.sqlite3")
    with seeded(script.seed, lambda: BEGINNING.timestamp() + loop.time()):
        house = House(script.seed, script.alias, folder, url)
        houses.append(house)
        found: str | None = None
        with inline(house.database_clock), stepped(house.database_clock):
            try:
                await _begin(house)
                for step in script.steps:
                    await _step(house, step)
                await end(house)
            except Found as error:
                found = str(error)
            finally:
                house.close()
    return Played(house.counts, house.digested(), tuple(house.log), found)


@contextmanager
def _unheard() -> Iterator[None]:
    """What processes that were killed say when Python ends their coroutines."""
    pools = logging.getLogger("sqlalchemy.pool")
    before, level = sys.unraisablehook, pools.level
    sys.unraisablehook = lambda _: None
    pools.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = before
        pools.setLevel(level)


async def _begin(house: House) -> None:
    await house.open()
    await house.publish(policy_of(1))
    house.vaults = [await house.new_vault() for _ in range(2)]
    await house.fund(*house.vaults)
    await house.add_hot_vault()
    await begin_refills(house, house.processes[0], 20_000)
    await begin_tokens(house)
    await back_up(house, house.dice)


async def _step(house: House, step: Step) -> None:
    house.counts["moves"] += 1
    house.counts[step.move] += 1
    house.say(step.move)
    await NAMED[step.move](house, Random(step.salt))
    await house.mourn()
    await asyncio.sleep(0.05)
    await check(house)
