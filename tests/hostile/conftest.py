"""One house for all attacks, and the real signer that most of them are tried on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.house import House, Process, build_house, serving


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return build_house(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def shared(house: House) -> Iterator[Process]:
    """One process for every attack that leaves it as it was. Two users may call, so its socket is
    open to everybody, and lies where everybody may go."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        Path(name).chmod(0o755)
        state = house.copy(Path(name))
        with serving(state, "--allow-uid", str(os.geteuid()), "--allow-uid", "12345") as process:
            yield process
