"""How much of the signer a reviewer has to read: which files decide, and how long they are.

A line counts if it holds code: not if it is blank, a comment, or within a docstring. Imports count.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

DECIDES: Final = (
    "signer/service.py",
    "signer/case.py",
    "signer/mandate.py",
    "signer/accounts.py",
    "signer/judging.py",
    "signer/policy/evaluate.py",
    "signer/policy/scope.py",
    "signer/policy/payees.py",
    "signer/policy/facts.py",
    "signer/policy/approvals.py",
    "signer/policy/basis.py",
    "signer/guard.py",
    "signer/history.py",
    "signer/usage.py",
)
"""Whether to sign. In the order in which `signer/README.md` has them read."""
REMEMBERS_AND_SIGNS: Final = (
    "signer/entries.py",
    "signer/registry.py",
    "signer/journal.py",
    "signer/keychain.py",
    "signer/curves.py",
)
"""What makes a decision durable, and the only calls of a private key."""
CORE: Final = tuple(
    f"signer/{name}.py"
    for name in (
        "service", "mandate", "guard", "usage", "history", "accounts",
        "policy/evaluate", "policy/facts", "policy/approvals",
    )
)  # fmt: skip
"""Of what decides, the files that were there when the design set its bounds."""
CORE_MEMORY: Final = ("signer/journal.py", "signer/keychain.py", "signer/curves.py")


def code_lines(files: Sequence[str]) -> int:
    return sum(count((ROOT / name).read_text()) for name in files)


def count(source: str) -> int:
    """Lines of code in a file."""
    said = _docstrings(source)
    lines = enumerate(source.splitlines(), 1)
    return sum(
        number not in said and bool(text.strip()) and not text.lstrip().startswith("#")
        for number, text in lines
    )


def _docstrings(source: str) -> set[int]:
    """The lines of strings that stand alone: of modules, classes, functions and attributes."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        said = node.value if isinstance(node, ast.Expr) else None
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            found |= set(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    return found
