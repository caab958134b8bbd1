"""docs/adding-a-chain.md counts what an addition touches. Here the program is asked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from chains.families import CODECS
from tests.support.sources import modules, nodes

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding-a-chain.md").read_text()


MORE = {"chains/model.py", "api/v1/networks.py", "custody/cli/upgrade.py"} | {
    "chains/nodes/announcements.py"
}
"""A kind of address that is called like its family; an example of the API's page; what policies of
an earlier format could say; what not every family has."""


def named_in(section: str) -> list[str]:
    """The places in the table of a section of the page."""
    found = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    places = re.findall(r"^\| (\d+) \| `([^`]+)`", found, re.MULTILINE)
    assert [int(number) for number, _ in places] == list(range(1, len(places) + 1))
    return [place for _, place in places]


def files_with(word: str) -> Iterator[str]:
    """That use a name, or hold it as a text of its own; imports and prose do not count."""
    for name, tree in modules("api", "chains", "custody", "signer").items():
        for node in nodes(tree):
            used = isinstance(node, ast.Name) and node.id == word
            made = isinstance(node, ast.ClassDef) and node.name == word
            said = isinstance(node, ast.Constant) and node.value == word
            if used or made or said:
                yield name
                break


def test_every_place_on_the_page_exists():
    for section in ("A family of chains", "A token kind", "A purpose", "An effect"):
        for place in named_in(section):
            example = re.sub("<(name|family)>", "evm", place).replace("<purpose>", "payment")
            assert (ROOT / example).exists(), place


def test_a_family_is_named_where_the_page_says():
    listed = {place for place in named_in("A family of chains") if "<" not in place}
    for family in CODECS:
        own = (f"chains/{family}/", "chains/devnet/", "custody/devnet/")
        named = {name for name in files_with(family) if not name.startswith(own)}
        assert named <= listed | MORE, family
    for place in listed - {"chains/networks.toml"}:
        assert "bitcoin" in (ROOT / place).read_text().lower(), place


def test_a_token_kind_is_its_familys_own():
    assert all(place.startswith("chains/<family>/") for place in named_in("A token kind"))
    kinds = [(family, kind) for family in CODECS for kind in CODECS[family].schema.token_kinds]
    assert kinds
    for family, kind in kinds:
        assert all(name.startswith(f"chains/{family}/") for name in files_with(kind)), kind


def test_a_purpose_is_a_planner_and_its_place_in_the_list():
    _, listed = named_in("A purpose")
    assert list(files_with("PLANNERS")) == [listed]


def test_an_effect_is_where_the_page_says():
    places = {place for place in named_in("An effect") if "<" not in place}
    assert set(files_with("Delegate")) == places
