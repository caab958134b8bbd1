"""The project's modules, each parsed once in a process, for the tests that read code."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def modules(*tops: str) -> dict[str, ast.Module]:
    """The trees of all Python files below these folders, by path."""
    paths = sorted(path for top in tops for path in (ROOT / top).rglob("*.py"))
    names = [p.relative_to(ROOT).as_posix() for p in paths if "node_modules" not in p.parts]
    return {name: parsed(name) for name in names}


@cache
def parsed(name: str) -> ast.Module:
    """A tree is ten thousand objects that live as long as the process. The collector counts them
    while they are made, and then never looks at them again: else it takes most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """`ast.walk`, gone through once for all rules."""
    return tuple(ast.walk(tree))
