"""Driving a target: by atheris, guided by coverage, or from a seed where it is not installed."""

from __future__ import annotations

import random
import time
from itertools import count
from pathlib import Path

from tests.fuzz.targets import Target

SECONDS_MAX = 10
"""Longest that one input may take; libFuzzer counts it as a failure."""
MEMORY_MIB_MAX = 2048


def run_seeded(
    target: Target, seed: int, *, iterations: int | None = None, seconds: float | None = None
) -> int:
    """Deterministic in `seed`. Returns how many inputs were tried; a failure names its input."""
    chance = random.Random(f"{target.name} {seed}")
    end = None if seconds is None else time.monotonic() + seconds
    pool = list(target.seeds)
    for done in count():
        if done == iterations or (end is not None and time.monotonic() >= end):
            return done
        data = pool[done] if done < len(pool) else target.mutate(chance.choice(pool), chance)
        run_one(target, data[: target.input_max])
        if done >= len(pool) and len(pool) < 256 and chance.random() < 0.02:
            pool.append(data[: target.input_max])
    raise AssertionError("unreachable")


def run_one(target: Target, data: bytes) -> None:
    try:
        target.run(data)
    except BaseException as error:
        error.add_note(f"{target.name} failed on bytes.fromhex({data.hex()!r})")
        raise


def run_atheris(target: Target, seconds: int, folder: Path) -> None:
    """Never returns: libFuzzer ends the process, with a file in `folder` if it found anything."""
    import atheris

    corpus = folder / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return target.mutate(data, chance)[:size_max]

    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_MAX}",
        f"-rss_limit_mb={MEMORY_MIB_MAX}",
        f"-max_len={target.input_max}",
        f"-artifact_prefix={folder}/{target.name}-",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(["fuzz", *options], target.run, custom_mutator=mutate)
    atheris.Fuzz()
