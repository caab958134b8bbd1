"""Each fuzz target for a few thousand inputs, always the same ones; and inputs made to be slow.

`make fuzz` goes further, guided by coverage, and begins where these inputs end.
"""

from __future__ import annotations

import pytest

from tests.fuzz.driver import run_one, run_seeded
from tests.fuzz.targets import Target, targets

ITERATIONS = 2500


@pytest.mark.parametrize("target", targets().values(), ids=targets())
def test_valid_inputs_and_their_neighbours(target: Target) -> None:
    for seed in target.seeds:
        run_one(target, seed)
    assert run_seeded(target, 1, iterations=ITERATIONS) == ITERATIONS
