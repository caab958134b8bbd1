"""The verifier stands alone: it shares no line with what it checks, and stays short."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.signer_size import count

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "verifier"
FILES = sorted((VERIFIER / "custody_verify").glob("*.py"))
HOUSE = ("api", "chains", "custody", "signer")
CODE_LINES_MAX = 2_000
"""Of five chains, two logs with witnesses, people, and the claims. It may only shrink."""
WITNESS = sorted((VERIFIER / "custody_witness").glob("*.py"))
WITNESS_LINES_MAX = 535
PERIOD = sorted((VERIFIER / "custody_period").glob("*.py"))
PERIOD_LINES_MAX = 350
"""Who checks one payment does not read it; who checks a period reads both."""
REPORT = sorted((VERIFIER / "custody_report").glob("*.py"))
REPORT_LINES_MAX = 150
"""It decides nothing. Who checks a claim does not read it; its words are a file of text."""
SERVES = {"http", "os", "socket", "threading", "urllib"}
"""What a witness needs beside: it answers, fetches, and writes to the disk for good."""
ALLOWED = {"cryptography", "custody_verify"}
CLOSED = {
    "asyncio", "ctypes", "ftplib", "http", "importlib", "multiprocessing", "os", "pickle", "random",
    "secrets", "select", "selectors", "shutil", "smtplib", "socket", "socketserver", "ssl",
    "subprocess", "threading", "urllib", "xmlrpc",
}  # fmt: skip
"""Of the standard library: nothing that reaches a network or another program, or draws lots."""


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else str(node.module).partition(".")[0]


def strange(source: str) -> set[str]:
    """What the verifier may not import."""
    names = set(imported(source))
    return (names - ALLOWED - sys.stdlib_module_names) | (names & CLOSED)


@pytest.mark.parametrize(
    "path", [*FILES, *PERIOD, *REPORT], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_verifier_imports_nothing_of_the_house(path):
    """The command alone knows that there are periods and reports."""
    beside = {"custody_period"} if path.name == "cli.py" or path in PERIOD else set()
    beside |= {"custody_report"} if path.name == "cli.py" else set()
    assert strange(path.read_text()) - beside == set(), "write it again: nothing here is shared"


@pytest.mark.parametrize("line", ["import signer", "from chains.evm import rlp", "import socket",
                                  "from . import log", "import eth_account"])  # fmt: skip
def test_a_strange_import_is_found(line):
    assert strange(line) != set()


@pytest.mark.parametrize("path", WITNESS, ids=lambda path: path.name)
def test_the_witness_imports_nothing_of_the_house(path):
    assert strange(path.read_text()) - SERVES - {"custody_witness"} == set()


def test_the_witness_stays_short():
    sizes = {path.name: count(path.read_text()) for path in WITNESS}
    assert sum(sizes.values()) <= WITNESS_LINES_MAX, sizes


def test_the_check_of_a_period_stays_short():
    sizes = {path.name: count(path.read_text()) for path in PERIOD}
    assert sum(sizes.values()) <= PERIOD_LINES_MAX, sizes


def test_the_report_stays_short():
    sizes = {path.name: count(path.read_text()) for path in REPORT}
    assert sum(sizes.values()) <= REPORT_LINES_MAX, sizes


def test_the_house_imports_nothing_of_the_verifier():
    found = [
        str(path)
        for folder in HOUSE
        for path in (ROOT / folder).rglob("*.py")
        if {f"custody_{each}" for each in ("verify", "period", "report", "witness")}
        & set(imported(path.read_text()))
    ]
    assert found == [], "the same code on both sides would make the same mistake"


def test_what_is_loaded_is_cryptography_and_the_standard_library():
    """In a fresh interpreter that sees the verifier and what is installed, and not the house."""
    code = f"""
import sys
sys.path.insert(0, {str(VERIFIER)!r})
before = set(sys.modules)
import custody_verify.cli
names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(names - set(sys.stdlib_module_names)))
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    loaded = {name for name in ran.stdout.split() if not name.startswith("_")}
    assert loaded <= {
        "cryptography",
        "custody_verify",
        "custody_period",
        "custody_report",
        "cffi",
        "typing_extensions",
    }


def test_its_only_dependency_is_cryptography():
    project = tomllib.loads((VERIFIER / "pyproject.toml").read_text())["project"]
    assert [each.partition(">")[0] for each in project["dependencies"]] == ["cryptography"]
    assert project["scripts"] == {
        "custody-verify": "custody_verify.cli:main",
        "custody-witness": "custody_witness.cli:main",
    }


def test_it_stays_short():
    sizes = {path.name: count(path.read_text()) for path in FILES}
    assert sum(sizes.values()) <= CODE_LINES_MAX, sizes


def test_every_file_has_its_place_in_the_readme():
    text = (VERIFIER / "README.md").read_text()
    named = [path.name for path in FILES if path.name != "__init__.py"]
    beside = [path for path in (*PERIOD, *REPORT) if path.name != "__init__.py"]
    named += [f"{path.parent.name}/{path.name}" for path in beside]
    assert [name for name in named if f"`{name}`" not in text] == []
