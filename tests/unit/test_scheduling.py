"""Tests of one engine or file stay together, and what takes long begins first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import scheduling
from tests.support.scheduling import group_of

ADAPTERS = "tests/conformance/test_adapters.py"


@pytest.mark.parametrize(
    ("test", "group"),
    [
        (f"{ADAPTERS}::test_send[tron-local]", f"{ADAPTERS}[tron-local]"),
        (f"{ADAPTERS}::test_life[bitcoin-regtest-2]", f"{ADAPTERS}[bitcoin-regtest]"),
        (f"{ADAPTERS}::test_send[fake-bsc-local]", f"{ADAPTERS}[fake-bsc-local]"),
        ("tests/nodes/test_tron_adapter.py::test_x[a-b]", "tests/nodes/test_tron_adapter.py"),
        ("tests/integration/test_devnet.py::test_x", "tests/integration/test_devnet.py"),
        ("tests/unit/test_a.py::test_x[tron-local]", "tests/unit/test_a.py"),
        (
            "tests/hostile/test_a.py::test_x[tron-local]",
            "tests/hostile/test_a.py::test_x[tron-local]",
        ),
    ],
)
def test_groups(test: str, group: str) -> None:
    assert group_of(test) == group


def test_what_waits_for_engines_begins_before_what_takes_milliseconds() -> None:
    names = ["unit/test_a.py::b", "unit/test_a.py::a", "ways/test_a.py::x", "nodes/test_a.py::x"]
    items: list[Any] = [SimpleNamespace(nodeid=f"tests/{name}") for name in names]
    scheduling.pytest_collection_modifyitems(items)
    assert [item.nodeid.removeprefix("tests/") for item in items] == [*names[:1:-1], *names[:2]]


def test_the_order_is_kept_whatever_the_number_of_tests() -> None:
    told = {"dist": "loadgroup", "tx": ["2*popen"]}
    config: Any = SimpleNamespace(getvalue=told.get, option=SimpleNamespace(loadscopereorder=True))
    assert scheduling.pytest_xdist_make_scheduler(config, None) is not None
    assert config.option.loadscopereorder is False
