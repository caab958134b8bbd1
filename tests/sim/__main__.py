"""`make sim`, or `python -m tests.sim [--seed N] [--games N] [--steps N] [--chain ALIAS]`.

Plays games and prints what happened in them, and fails if too little of it did. A game that finds
something is shortened, and shown with all that was done.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

HASH_SEED: Final = "0"
"""Sets of words have another order in each process otherwise."""


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        again = [sys.executable, "-m", "tests.sim", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": HASH_SEED})

    import structlog

    from tests.sim.game import CHAINS, STEPS

    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--chain", choices=CHAINS, help="of each seed another by default")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--games", type=int, default=20)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, help="begin no game after so many")
    parser.add_argument("--digests", action="store_true", help="print one for each game")
    parser.add_argument("--floors", action="store_true", help="fail if too little happened")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="sim-") as folder:
        return play_all(asked, make_template(Path(folder)))


def make_template(folder: Path) -> Path:
    """An empty database, migrated."""
    from custody.db.migrate import upgrade

    file = folder / "template.sqlite3"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{file}"))
    return file


def play_all(asked: Namespace, template: Path) -> int:
    from tests.sim.floors import missing
    from tests.sim.game import Script, play, script_of
    from tests.sim.shorten import shortened

    counts: Counter[str] = Counter()
    began, spent, played = time.monotonic(), time.process_time(), 0
    for seed in range(asked.seed, asked.seed + asked.games):
        if asked.minutes is not None and time.monotonic() - began > 60 * asked.minutes:
            break
        script = script_of(seed, asked.steps, asked.chain)
        game = play(script, template)
        played += 1
        counts += game.counts
        if asked.digests:
            print(seed, script.alias, game.digest, flush=True)
        if game.found is not None:
            print(f"seed {seed} on {script.alias}: {game.found}; made shorter now", flush=True)

            def finds(steps: object, script: Script = script) -> bool:
                return play(replace(script, steps=tuple(steps)), template).found is not None  # type: ignore[arg-type]

            short = replace(script, steps=shortened(script.steps, finds))
            shown = play(short, template)
            print(f"shortened to {len(short.steps)} moves: {shown.found}")
            print("\n".join(shown.log))
            return 1
    each = (time.process_time() - spent) / max(1, played)
    print(f"{played} games, nothing found; {each:.2f} s of processor time a game")
    print(", ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    if asked.floors and (short_of := missing(counts, played)):
        print(f"too little happened: {short_of}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
