"""Which tests share a worker: those that share an engine, which then starts once.

`pytest -n 2 --dist loadgroup` is meant to do this by `xdist_group` marks, but pytest-xdist up to
3.8 writes them to a field that pytest 9.2 does not read (pytest-xdist issue 1386), and distributes
every test by itself without a word. So the rule stands here, over node ids.
"""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_BY_FILE = ("tests/nodes/", "tests/integration/")
_BY_NETWORK = "tests/conformance/test_adapters"
_NETWORK = re.compile(r"\[((?:fake-)?[a-z]+-(?:local|regtest))\b")


def group_of(test: str) -> str:
    """Tests with the same group run one after the other in one worker. `test`: a node id."""
    path = test.partition("::")[0]
    network = _NETWORK.search(test)
    if path.startswith(_BY_NETWORK) and network is not None:
        return f"{path}[{network[1]}]"
    return path if path.startswith(_BY_FILE) else test


class EngineScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out groups instead of single tests, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> EngineScheduling | None:
    return EngineScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
