"""Forty programs ask for payouts over HTTP at once, and one follows the feed: it is told of each
payout once. Real processes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bench import feed
from tests.bench.databases import databases
from tests.bench.lean_http import LeanClient
from tests.bench.scale import QUICK

pytestmark = [pytest.mark.database, pytest.mark.postgres, pytest.mark.slow]

WRITTEN = 4 * feed.WRITERS


@pytest.mark.long  # `unit/api/test_events.py` does the same in one process
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
async def test_nothing_is_missed_and_nothing_is_told_twice(kind: str) -> None:
    with TemporaryDirectory(prefix="feed-") as name:  # a socket's path is short
        folder = Path(name)
        with databases(folder, print) as made:
            url = made[kind]("feed")
            rows = await feed.measure_on(folder, kind, url, replace(QUICK, fed=WRITTEN))
    (aim,) = [aim for row in rows for aim in row.aims]
    assert aim.met
    (told,) = [row.note for row in rows if row.note]
    assert told == f"{WRITTEN} written, 0 missed, 0 twice"


def test_what_is_missed_and_what_is_told_twice_is_counted(reader: feed.Reader) -> None:
    reader.accepted.update(["a", "a", "b"])
    reader.numbers = [1, 2, 4, 4]
    assert reader.missed(["a", "b", "c"]) == 2, "a transfer and a number"
    assert reader.twice() == 2


@pytest.fixture
def reader() -> feed.Reader:
    return feed.Reader(LeanClient("http://127.0.0.1:9", {}))
