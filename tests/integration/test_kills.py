"""The programs behind `make kills` and `make kill-points`, on a small scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.stages import EvmStage
from tests.kills.points import play_points
from tests.kills.run import play

pytestmark = [
    pytest.mark.engine,
    pytest.mark.postgres,
    pytest.mark.long,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(900),
]


async def test_each_payee_is_paid_once_whoever_is_killed(folder: Path):
    outcome = await play(EvmStage, folder, payouts=60, seed=0, patience_s=400)
    assert (outcome.once, outcome.missing, outcome.wrong) == (60, 0, 0)
    assert sum(outcome.kills.values()) > 0


async def test_a_worker_may_die_at_each_boundary_of_a_payment(folder: Path):
    """As far as it gets in the time; a busy machine does not get to the end of the list."""
    points = await play_points(EvmStage, folder, patience_s=300)
    died = {label.partition(" ")[2] for label in points.died}
    assert died >= {"node claim", "commit transactions.claiming.Claimer.claim", "node prepare"}
