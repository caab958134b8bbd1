"""Which tests share a worker, and which begin first.

Tests that share an engine stay together, so that it starts once; other tests stay with their file,
whose fixtures then are made once. What waits for engines begins first and what takes milliseconds
last: a long group at the end would leave the other processor idle.

`pytest -n 2 --dist loadgroup` is meant to do the first by `xdist_group` marks, but pytest-xdist up
to 3.8 writes them to a field that pytest 9.2 does not read (pytest-xdist issue 1386), and
distributes every test by itself without a word. So the rule stands here, over node ids.
"""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_BY_NETWORK = "tests/conformance/test_adapters"
_BY_TEST = ("tests/hostile/", "tests/property/")
_NETWORK = re.compile(r"\[((?:fake-)?[a-z]+-(?:local|regtest))\b")
_FIRST = (
    "tests/integration/",
    "tests/nodes/",
    "tests/conformance/",
    "tests/ways/",
    "tests/hostile/",
    "tests/property/",
)


def group_of(test: str) -> str:
    """Tests with the same group run one after the other in one worker. `test`: a node id."""
    path = test.partition("::")[0]
    network = _NETWORK.search(test)
    if path.startswith(_BY_NETWORK) and network is not None:
        return f"{path}[{network[1]}]"
    return test if path.startswith(_BY_TEST) else path


def rank_of(test: str) -> int:
    """Groups with a smaller number begin earlier."""
    ranks = (rank for rank, folder in enumerate(_FIRST) if test.startswith(folder))
    return next(ranks, len(_FIRST))


class EngineScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out groups instead of single tests, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> EngineScheduling | None:
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False  # by the number of tests, which says nothing of time
    return EngineScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank_of(item.nodeid))
