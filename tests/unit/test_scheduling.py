"""Tests of one engine stay together, all others are free to go anywhere."""

import pytest

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
        ("tests/unit/test_a.py::test_x[tron-local]", "tests/unit/test_a.py::test_x[tron-local]"),
    ],
)
def test_groups(test: str, group: str) -> None:
    assert group_of(test) == group
