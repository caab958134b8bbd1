"""How the benchmarks measure: contestants in turns, medians of rounds, wall time and CPU time.

A loaded machine slows everybody who is measured at that moment, so contestants of one row take
turns (A B C, A B C, …) and each keeps the median of its rounds. Wall time is what a user waits;
CPU time is what the work costs one core, and hardly changes when others want the core too.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from types import FunctionType, ModuleType

Work = Callable[[], Awaitable[float]]
"""Does one round's work. Returns how many units of it that was."""
Clock = Callable[[], float]


async def nothing() -> None:
    """No preparation."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """`prepare` runs before each round, outside the time. `cpu`: seconds of CPU time spent by the
    process that does the work, where that is not this one."""

    name: str
    work: Work
    prepare: Callable[[], Awaitable[None]] = nothing
    cpu: Clock = time.process_time


@dataclass(frozen=True, slots=True)
class Rate:
    """Units per second of wall time, and per second of one core's time."""

    wall: float
    core: float


async def race(rounds: int, contestants: Sequence[Contestant]) -> list[Rate]:
    """The median rate of each contestant, in order; one more round beforehand warms up."""
    found: list[list[Rate]] = [[] for _ in contestants]
    for number in range(rounds + 1):
        for contestant, rates in zip(contestants, found, strict=True):
            rate = await _round(contestant)
            if number:
                rates.append(rate)
    return [Rate(median(r.wall for r in each), median(r.core for r in each)) for each in found]


async def _round(contestant: Contestant) -> Rate:
    await contestant.prepare()
    cpu, wall = contestant.cpu(), time.perf_counter()
    units = await contestant.work()
    wall, cpu = time.perf_counter() - wall, contestant.cpu() - cpu
    assert units > 0, f"{contestant.name} did nothing"
    return Rate(units / wall, units / max(cpu, 1e-9))


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float


async def latencies(rounds: int, each: int, actions: Sequence[Work]) -> list[Latency]:
    """Of `each` calls in each of `rounds` rounds; the actions take turns by round."""
    samples: list[list[float]] = [[] for _ in actions]
    for number in range(rounds + 1):
        for action, found in zip(actions, samples, strict=True):
            for _ in range(each):
                start = time.perf_counter()
                await action()
                took = (time.perf_counter() - start) * 1000
                if number:
                    found.append(took)
    return [percentiles(found) for found in samples]


def percentiles(samples: Sequence[float]) -> Latency:
    cuts = quantiles(samples, n=100, method="inclusive")
    return Latency(cuts[49], cuts[98])


def cpu_of(pid: int) -> Clock:
    """CPU seconds of another process, all threads (Linux: the clock of a process is ~pid << 3 | 2,
    see clock_getcpuclockid(3))."""
    clock = ~pid << 3 | 2
    return lambda: time.clock_gettime(clock)


def deep_size(root: object) -> int:
    """Bytes of `root` and everything that it alone leads to, code aside."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        found = waiting.pop()
        if id(found) not in seen and not isinstance(found, type | ModuleType | FunctionType):
            seen.add(id(found))
            total += sys.getsizeof(found)
            waiting += gc.get_referents(found)
    return total


class FsyncedFile:
    """What writing anything durably costs here at least: one small append with fsync."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, data: bytes = bytes(4096)) -> None:
        os.write(self._file, data)
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)
