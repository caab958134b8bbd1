"""How a chain behaves is asked of its traits. Only who composes a process names families."""

import ast

from tests.support.sources import modules, nodes

NAMES_FAMILIES = {"custody/bootstrap.py", "signer/codecs.py"}
"""Which adapter speaks to a family's nodes, and which families are signed for."""


def complaints(tree: ast.Module) -> list[int]:
    """Lines that name a family, or compare with one."""
    found = []
    for node in nodes(tree):
        names = isinstance(node, ast.Call | ast.Attribute) and (
            ast.unparse(node.func if isinstance(node, ast.Call) else node.value) == "Family"
        )
        names |= isinstance(node, ast.Call) and "Family" in map(ast.unparse, node.args)
        compares = isinstance(node, ast.Compare) and any(
            isinstance(side, ast.Attribute) and side.attr == "family"
            for side in (node.left, *node.comparators)
        )
        matches = isinstance(node, ast.Match) and ast.unparse(node.subject).endswith(".family")
        if names or compares or matches:
            found.append(getattr(node, "lineno", 0))
    return found


def test_nobody_asks_for_a_familys_name():
    for name, tree in modules("api", "custody", "signer").items():
        lines = complaints(tree)
        if name in NAMES_FAMILIES:
            assert lines, f"{name} names no family: take it off the list"
        else:
            assert not lines, f"{name}:{lines[0]} asks for a family: ask `codec.traits`"


def test_what_the_rule_sees():
    assert complaints(ast.parse('x = network.family == "evm"'))
    assert complaints(ast.parse('x = Family("evm")'))
    assert complaints(ast.parse('x = map(Family, ("evm",))'))
    assert complaints(ast.parse("x = network.family in SOME"))
    assert complaints(ast.parse("match network.family:\n  case _: pass"))
    assert not complaints(ast.parse("x = CODECS[network.family](network)"))
