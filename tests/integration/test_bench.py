"""The benchmark itself: every contestant does its work and is compared, on a small scale.

Its figures mean nothing here; that it runs, that all sections are there, and that it leaves nothing
behind is what is tested.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import accepting, derivation, feed, following, large, loading, payouts, signing

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_a_quick_run_has_every_section_and_leaves_nothing(tmp_path: Path) -> None:
    before = leftovers()
    page = tmp_path / "performance.md"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--write", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for module in (signing, derivation, following, accepting, feed, large, payouts, loading):
        assert module.SECTION in page.read_text()
    assert leftovers() == before


def leftovers() -> set[str]:
    """Folders of benchmarks under way."""
    return {path.name for path in (ROOT / ".cache").glob("bench-*")}
