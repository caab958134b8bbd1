"""Each command block of README and docs is run by a test as printed, or it says here why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.ways.pages import ROOT, SHELL, Block, blocks, script, substitutions

WAYS: Final = {
    "docs/auditing.md": "tests/ways/test_auditing.py",
    "docs/operating.md": "tests/ways/test_operating.py",
}
"""Pages that are run whole, from top to bottom, and by which test."""

ELSEWHERE: Final = {
    ("docs/runbook.md", "custody vault freeze VAULT"): "tests/integration/test_runbook.py",
    ("docs/runbook.md", "custody vault show VAULT"): "tests/integration/test_runbook.py",
    ("docs/runbook.md", "custody vault unfreeze VAULT"): "tests/integration/test_runbook.py",
    ("docs/runbook.md", "custody pause --network"): "tests/unit/test_cli_pauses.py",
    ("docs/runbook.md", "custody quarantine hold "): "tests/unit/test_cli_quarantine.py",
    ("docs/runbook.md", "custody quarantine rule "): "tests/unit/test_cli_quarantine.py",
    ("docs/runbook.md", "custody gas set "): "tests/unit/test_cli_gas.py",
    ("docs/runbook.md", "custody sweep set "): "tests/unit/test_cli_sweep.py",
    ("docs/runbook.md", "custody coins set "): "tests/unit/test_cli_coins.py",
    ("docs/runbook.md", "custody refill set "): "tests/unit/test_cli_refill.py",
    ("docs/runbook.md", "custody rescan --network"): "tests/integration/test_runbook.py",
    ("docs/runbook.md", "custody address adopt "): "tests/integration/test_wrong_network.py",
    ("docs/runbook.md", "custody vault move begin "): "tests/integration/test_moving.py",
    ("docs/runbook.md", "custody debits "): "tests/unit/test_cli_debits.py",
    ("docs/runbook.md", "custody suspense list "): "tests/unit/test_cli_debits.py",
    ("docs/runbook.md", "custody suspense release "): "tests/unit/test_cli_debits.py",
}
"""Blocks, by page and beginning, that another test types with the words in capitals filled in."""

NOT_RUN: Final = {
    ("README.md", "make demo "): "starts the tests; test_devnet.py runs custody devnet demo",
    ("README.md", "KEY=ck_…"): "ids are filled in by hand; docs/auditing.md makes such calls",
    ("CONTRIBUTING.md", "make check "): "a list of what there is; some of it starts the tests",
    ("docker/README.md", "compose="): "no Docker where tests run; test_docker.py starts the images",
    (
        "docs/policy.md",
        "custody policy new ",
    ): "docs/operating.md runs these with files of several people",
    ("docs/runbook.md", "custody alarm list "): "whatever is open; test_cli_operator.py runs each",
    ("docs/runbook.md", "custody rewind "): "a chain is undone in tests/unit/custody/rewind",
    (
        "docs/runbook.md",
        "CUSTODY_DATABASE_OWNER_URL=",
    ): "docs/operating.md runs it",
}
"""Blocks that nothing runs as printed, and why."""


def command_blocks() -> list[Block]:
    pages = ["README.md", "CONTRIBUTING.md", "docker/README.md"]
    pages += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
    found = [block for page in pages for block in blocks(page)]
    return [block for block in found if block.language in SHELL and _types(block)]


def _types(block: Block) -> bool:
    """Whether it is something to type: not a drawing, a tree or an answer."""
    programs = r"(custody|custody-keys|custody-signer|make|curl|docker|psql|api|\$compose) "
    return re.search(rf"^\s*(\w+=\S+ +)*{programs}", block.text, re.MULTILINE) is not None


def told(block: Block) -> list[tuple[str, str]]:
    """What the two lists say about it."""
    return [
        (page, begins)
        for page, begins in (*ELSEWHERE, *NOT_RUN)
        if block.page == page and block.first.startswith(begins)
    ]


def test_every_block_is_run_or_says_why_not():
    rest = [block for block in command_blocks() if block.page not in WAYS]
    assert [(block.page, block.line, block.first) for block in rest if not told(block)] == []


def test_no_reason_is_left_of_a_block_that_is_gone():
    found = {key for block in command_blocks() if block.page not in WAYS for key in told(block)}
    assert found == {*ELSEWHERE, *NOT_RUN}


@pytest.mark.parametrize("page", WAYS)
def test_a_page_says_all_that_a_test_does_otherwise(page: str):
    """Each replaced word stands in a block, and the page's script is one that a shell reads."""
    text = "".join(block.text for block in blocks(page))
    assert [word for word in substitutions(page) if word not in text] == []
    given = {meant[1:]: "x" for meant in substitutions(page).values() if meant.startswith("$")}
    assert script(page, given).count("== $block") == len(blocks(page))


def test_each_test_that_is_named_is_there():
    assert [
        name for name in {*WAYS.values(), *ELSEWHERE.values()} if not Path(ROOT, name).is_file()
    ] == []
