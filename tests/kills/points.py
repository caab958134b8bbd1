"""Every boundary of a worker's way with a payment, and a death at each: the list is what a worker
met that was let live."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.stages import Stage
from tests.kills.reasons import never_met, reason
from tests.kills.run import has_money, house
from tests.support.fleet import Fleet, Till, until

WORKER: Final = "worker-1"
_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass
class Points:
    """`died`: the boundaries at which the worker died and its payment was made once all the same.
    `beside`: those that are none of a payment's, and why. `unmet`: those that did not come again,
    or were never met. `left`: those for which there was no time."""

    network: str
    died: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0


async def play_points(make: type[Stage], folder: Path, patience_s: float) -> Points:
    """Raises AssertionError for a payee who has not what was meant for it."""
    points, stage, started = Points(make.alias), make(folder), time.monotonic()
    await stage.start()
    try:
        async with house(stage, folder, apis=("api-1",), workers=(WORKER,)) as fleet:
            till = Till(fleet, stage.node, stage.alias)
            await till.open()
            await stage.endow(till.address, 200)
            await until(lambda: has_money(stage, till), "the vault has its money")
            await fleet.retire(WORKER)
            seen, at = folder / "seen", folder / "at"
            command = [sys.executable, "-m", "tests.kills.worker"]
            settings = {"KILLS_SEEN": str(seen), "KILLS_AT": str(at), "PYTHONPATH": str(_ROOT)}
            fleet.add(WORKER, command, settings)
            await _pay(till, stage, "alive")
            labels = list(_labels(seen))
            points.unmet += [each for each in never_met(labels) if reason(f"before {each}") is None]
            for number, label in enumerate(labels):
                if (why := reason(label)) is not None:
                    points.beside[label] = why
                    continue
                if time.monotonic() - started > patience_s:
                    points.left.append(label)
                    continue
                at.write_text(label)
                await _pay_with(fleet, till, stage, f"point-{number}")
                (points.unmet if at.exists() else points.died).append(label)
                at.unlink(missing_ok=True)
            await till.check_payees()
    finally:
        await stage.stop()
    points.seconds = time.monotonic() - started
    return points


def _labels(seen: Path) -> Iterator[str]:
    yield from dict.fromkeys(seen.read_text().splitlines())


async def _pay(till: Till, stage: Stage, key: str) -> None:
    await till.pay(key, stage.amount, stage.somebody())
    await till.until_final([key])


async def _pay_with(fleet: Fleet, till: Till, stage: Stage, key: str) -> None:
    """With a nurse, who starts the worker again when it has died."""
    with _nurse(fleet):
        await _pay(till, stage, key)


@contextmanager
def _nurse(fleet: Fleet) -> Iterator[None]:
    async def watch() -> None:
        while True:
            await asyncio.sleep(0.1)
            if not fleet.members[WORKER].running:
                fleet.kill(WORKER)
                await fleet.start(WORKER)

    task = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        task.cancel()
