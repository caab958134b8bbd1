"""Whatever happens in whatever order: paid once or not at all, and the ledger equals the chain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.sim.game import play, script_of
from tests.sim.shorten import shortened
from tests.support.database import PostgresServer

GAMES, STEPS = 17, 20
FIRST = (0, 34, 51)
"""Seeds from which so many games are played each: a test's processor time is bounded."""
AFTER = 68
GAMES_POSTGRESQL = 5
GAMES_LONG = 200


def run(*arguments: str, hash_seed: str | None = None) -> str:
    """`python -m tests.sim`, as `make sim` runs it."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed} if hash_seed else None
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRST)
def test_nothing_is_found_and_enough_has_happened(first: int) -> None:
    words = ("--seed", str(first), "--games", str(GAMES), "--steps", str(STEPS), "--floors")
    print(run(*words))


@pytest.mark.slow
def test_a_seed_is_the_same_game_to_the_last_statement() -> None:
    """In two processes, whatever their hashes and addresses are."""
    words = ("--games", "3", "--seed", "1000", "--steps", "16", "--digests")
    first, second = run(*words, hash_seed="1"), run(*words, hash_seed="2")
    assert [line for line in first.splitlines() if "-" in line] == [
        line for line in second.splitlines() if "-" in line
    ]


@pytest.mark.slow
@pytest.mark.postgres
def test_nothing_is_found_on_postgresql(postgres_server: PostgresServer, postgres_url: str) -> None:
    counts: Counter[str] = Counter()
    for seed in range(2000, 2000 + GAMES_POSTGRESQL):
        game = play(script_of(seed, STEPS), postgres_url)
        assert game.found is None, "\n".join(game.log)
        counts += game.counts
        postgres_server.empty("custody")
    assert counts["crashes"] >= GAMES_POSTGRESQL
    assert counts["ended final"]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_is_found_in_many_games() -> None:
    print(run("--games", str(GAMES_LONG), "--seed", str(AFTER), "--floors"))


def test_what_is_left_out_of_a_game_is_what_it_finds_without() -> None:
    assert shortened(range(40), lambda few: {3, 17, 31} <= set(few)) == (3, 17, 31)
    assert shortened("abc", lambda few: True) == ()
