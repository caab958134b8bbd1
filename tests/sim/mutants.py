"""`python -m tests.sim.mutants [NAME …]`: defects put in on purpose, and what finds each.

A simulator that finds nothing proves nothing unless it finds these. Each is one line of ours gone
wrong (`defects`); games are played from number 0 until one shows it. Where games can't show it,
because something else stands behind it, the test that does is named and run.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final
from unittest.mock import patch

import structlog

from tests.sim.__main__ import HASH_SEED, make_template
from tests.sim.defects import DEFECTS, Defect
from tests.sim.game import play, script_of

GAMES: Final = 200
BROKEN: Final = (AttributeError, ImportError, NameError, TypeError)
"""The defect itself does not run, which finds nothing."""


@contextmanager
def defective(defect: Defect) -> Iterator[None]:
    with ExitStack() as stack:
        for place, by in defect.instead.items():
            module, _, path = place.partition(":")
            owner = import_module(module)
            *outer, name = path.split(".")
            for each in outer:
                owner = getattr(owner, each)
            assert hasattr(owner, name), place
            stack.enter_context(patch.object(owner, name, by))
        yield


def found_in(defect: Defect, template: Path, games: int = GAMES) -> tuple[int, str] | None:
    """How many games it took, and what was found in the last; None if none shows it."""
    with defective(defect):
        for number, seed in enumerate(range(3 * games), 1):
            script = script_of(seed)
            if defect.chain is not None and script.alias != defect.chain:
                continue
            try:
                found = play(script, template).found
            except BROKEN:
                raise
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
            if found is not None:
                return number, found.partition("\n")[0]
            if number >= games:
                return None
    return None


def shown_by(defect: Defect) -> str | None:
    """What its test says; None if it passes all the same."""
    import pytest

    with defective(defect), Path(os.devnull).open("w") as nowhere:
        before, sys.stdout = sys.stdout, nowhere
        try:
            code = pytest.main(["-q", "-x", "-n", "0", *defect.tests])
        finally:
            sys.stdout = before
    return "red" if code == 1 else None


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        again = [sys.executable, "-m", "tests.sim.mutants", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": HASH_SEED})
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    wanted = set(sys.argv[1:])
    missed = 0
    print("| one line gone wrong | found by | after | as |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sim-") as folder:
        template = make_template(Path(folder))
        for defect in DEFECTS:
            if wanted and not any(word in defect.name for word in wanted):
                continue
            if defect.tests:
                red = shown_by(defect)
                missed += red is None
                by = ", ".join(f"`{each.removeprefix('tests/')}`" for each in defect.tests)
                print(f"| {defect.name} | {by} | | {red or 'NOT FOUND'} |", flush=True)
                continue
            found = found_in(defect, template)
            missed += found is None
            number, said = found or ("", "NOT FOUND")
            print(f"| {defect.name} | games | {number} | {said} |", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
