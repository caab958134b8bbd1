"""The signer stays readable in one evening: what decides has a length, and a reading order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.signer_size import (
    CORE,
    CORE_MEMORY,
    DECIDES,
    REMEMBERS_AND_SIGNS,
    ROOT,
    code_lines,
    count,
)

CORE_MAX, CORE_WITH_MEMORY_MAX = 1_300, 1_800
"""The design's bounds, for the files that it names: before it was widened they had 1,135 and
1,554 lines."""
DECIDES_MAX, WITH_MEMORY_MAX = 1_330, 1_930
"""With all that was split off from these files, or came with batches, effects and a clock that
nobody believes. These may only shrink."""
README = (ROOT / "signer" / "README.md").read_text()


def test_what_decides_can_be_read_in_one_evening() -> None:
    assert code_lines(CORE) < CORE_MAX
    assert code_lines((*CORE, *CORE_MEMORY)) < CORE_WITH_MEMORY_MAX
    assert code_lines(DECIDES) < DECIDES_MAX
    assert code_lines((*DECIDES, *REMEMBERS_AND_SIGNS)) < WITH_MEMORY_MAX


def test_the_lists_are_one_within_the_other() -> None:
    assert set(CORE) < set(DECIDES)
    assert set(CORE_MEMORY) < set(REMEMBERS_AND_SIGNS)
    assert not set(DECIDES) & set(REMEMBERS_AND_SIGNS)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("", 0),
        ('"""A module."""\n\nx = 1  # one\n# two\n', 1),
        ("def f():\n    '''One\n\n    two'''\n\n    return 1\n", 2),
        ('class A:\n    x: int\n    """What it is."""\n\n    y: str\n', 3),
    ],
)
def test_a_line_counts_if_it_holds_code(source: str, lines: int) -> None:
    assert count(source) == lines


def test_every_file_that_the_readme_names_is_there() -> None:
    """And every file that decides is named, in this order."""
    named = re.findall(r"`((?:signer|tests|docs|chains|custody)/[\w./-]+)`", README)
    assert [name for name in named if not (ROOT / name).exists()] == []
    order = [name for name in named if name in DECIDES]
    assert list(dict.fromkeys(order)) == list(DECIDES)
    assert [name for name in REMEMBERS_AND_SIGNS if name not in named] == []


def test_every_module_of_the_signer_has_its_place_in_the_readme() -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "signer").rglob("*.py")}
    parts = {name for name in files if Path(name).name.startswith("__")}
    named = set(re.findall(r"`((?:signer)/[\w./-]+)`", README))
    folders = tuple(name for name in named if name.endswith("/"))
    missing = [name for name in sorted(files - parts - named) if not name.startswith(folders)]
    assert missing == [], "say in signer/README.md what it is for"
