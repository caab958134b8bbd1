"""A test that uses too much processor time fails; one that only waits does not."""

from __future__ import annotations

import pytest

from tests.support import budget

pytest_plugins = ("pytester",)

TESTS = """
import time
import pytest

def work():
    until = time.process_time() + 0.4
    while time.process_time() < until:
        pass

def test_works():
    work()

def test_waits():
    time.sleep(0.4)

@pytest.mark.long
def test_works_long():
    work()
"""


@pytest.mark.slow
def test_work_fails_and_waiting_is_reported(pytester: pytest.Pytester):
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\nmarkers = long: takes minutes\nasyncio_default_fixture_loop_scope = function\n"
    )
    options = ["-p", "tests.support.budget", "-p", "no:cacheprovider"]
    with pytest.MonkeyPatch.context() as patch:  # over before this test is judged itself
        patch.setattr(budget, "CPU_S_MAX", 0.3)
        patch.setattr(budget, "LIMIT_S", 0.3)
        patch.setattr(budget, "slowness", lambda: 1.0)
        done = pytester.runpytest_inprocess(*options)
    done.assert_outcomes(failed=1, passed=2)
    done.stdout.fnmatch_lines(
        [
            "*::test_works took * of processor time, above 0*",
            "*above 0 s by the clock*",
            "*::test_waits",
        ]
    )


def test_a_slow_processor_is_no_dear_test(monkeypatch: pytest.MonkeyPatch):
    """Nor does a fast one make a dear test cheap."""
    assert budget.slowness() >= 1.0
    monkeypatch.setattr(budget, "slowness", lambda: 1.5)
    assert budget.verdict(budget.CPU_S_MAX * 1.4) is None
    assert "above 90" in (budget.verdict(budget.CPU_S_MAX * 1.6) or "")
    monkeypatch.setattr(budget, "slowness", lambda: 1.0)
    assert budget.verdict(budget.CPU_S_MAX * 1.1) is not None
