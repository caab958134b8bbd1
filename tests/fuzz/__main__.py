"""`python -m tests.fuzz [--seconds N] [target…]`: each target in a process of its own, for a while.

Coverage-guided where atheris is installed, from random seeds where it is not. The corpus and
whatever makes a target fail are kept below `.cache/fuzz`.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
GUIDED = importlib.util.find_spec("atheris") is not None


def main() -> int:
    options = arguments()
    if options.one:
        return run_here(options.one, options.seconds)
    from tests.fuzz.targets import targets

    names = options.target or list(targets())
    unknown = set(names) - targets().keys()
    if unknown:
        print(f"fuzz: no such target: {', '.join(sorted(unknown))}")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    how = "guided by coverage (atheris)" if GUIDED else "from random seeds (no atheris here)"
    print(f"fuzz: {len(names)} targets, {options.seconds} s each, {how}")
    failed = [name for name in names if not run_apart(name, options.seconds)]
    if failed:
        print(f"fuzz: failed: {', '.join(failed)}; inputs and logs are in {FOLDER}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("target", nargs="*", help="default: all")
    return parser.parse_args()


def run_apart(name: str, seconds: int) -> bool:
    """One line of what came of it; the whole output is kept."""
    print(f"fuzz: {name:<20}", end="", flush=True)
    command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(seconds)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    (FOLDER / f"{name}.log").write_text(done.stdout + done.stderr)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{verdict:<7}{inputs_of(done.stdout + done.stderr):>10} inputs", end="")
    print(f"{time.monotonic() - started:>7.0f} s", flush=True)
    return done.returncode == 0


def inputs_of(output: str) -> str:
    """How many inputs were tried, in libFuzzer's words or ours."""
    for line in reversed(output.splitlines()):
        if line.startswith("stat::number_of_executed_units:"):
            return line.rpartition(":")[2].strip()
    return "?"


def run_here(name: str, seconds: int) -> int:
    if not GUIDED:
        from tests.fuzz.driver import run_seeded
        from tests.fuzz.targets import targets

        tried = run_seeded(targets()[name], time.time_ns(), seconds=seconds)
        print(f"stat::number_of_executed_units: {tried}")
        return 0
    import atheris

    with atheris.instrument_imports(include=["chains", "signer"]):
        from tests.fuzz.driver import run_atheris
        from tests.fuzz.targets import targets
    run_atheris(targets()[name], seconds, FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
