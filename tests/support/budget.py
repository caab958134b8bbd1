"""How much a test may cost: its processor time, measured against the pace of the processor.

`make test` promises that no test takes more than 30 seconds on an idle machine. What a clock says
depends on the machine and on who else works there, so the clock is only reported. What fails a test
is the processor time of its own process and of the children that it waited for, at twice the
promise. That time is no constant either: two threads of one core were seen to slow each other by
1.8. So a test that seems too dear is judged by a known piece of work, done right after it. Tests
marked `long` may take what they take; only `make test-long` runs them.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from typing import Final

import pytest

LIMIT_S: Final = 30.0
CPU_S_MAX: Final = 2 * LIMIT_S
PIECE_S: Final = 0.011
"""What `_piece` takes on the machine for which the promise was made, when it is idle."""
_PIECES: Final = 30
_SPENT: Final = pytest.StashKey[tuple[float, float]]()
_REPORTED: Final = "seconds"


def cpu_seconds() -> float:
    """Of this process and the children that it has waited for."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _piece() -> None:
    table = {}
    for number in range(60_000):
        table[number % 1_000] = f"{number}x"


def slowness() -> float:
    """How many times longer the processor takes now than it did for the promise; never below 1."""
    before = time.thread_time()
    for _ in range(_PIECES):
        _piece()
    return max(1.0, (time.thread_time() - before) / _PIECES / PIECE_S)


def verdict(cpu: float) -> str | None:
    """Why a test fails that took so many seconds of processor time."""
    if cpu <= CPU_S_MAX:
        return None
    allowed = CPU_S_MAX * slowness()
    if cpu <= allowed:
        return None
    return (
        f"took {cpu:.0f} s of processor time, above {allowed:.0f}:"
        " make it faster or mark it pytest.mark.long"
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[_SPENT] = cpu_seconds(), time.monotonic()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.when == "call" and item.get_closest_marker("long") is None:
        cpu, began = item.stash[_SPENT]
        report.user_properties.append((_REPORTED, time.monotonic() - began))
        why = verdict(cpu_seconds() - cpu)
        if why is not None and report.passed:
            report.outcome, report.longrepr = "failed", f"{item.nodeid} {why}"
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests that took longer than the promise by the clock: too slow, or the machine was busy."""
    slow = [
        (seconds, report.nodeid)
        for report in terminalreporter.getreports("passed")
        for name, seconds in report.user_properties
        if name == _REPORTED and isinstance(seconds, float) and seconds > LIMIT_S
    ]
    if slow:
        terminalreporter.section(f"above {LIMIT_S:.0f} s by the clock")
    for seconds, test in sorted(slow, reverse=True):
        terminalreporter.line(f"{seconds:6.0f} s  {test}")
