"""What the threat model tells people is what the tests try."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.attacks import markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "threat-model.md"


def test_table_of_attacks_is_the_one_that_is_tried():
    text = DOCUMENT.read_text()
    shown = text.split("<!-- attacks -->\n")[1].split("<!-- end of attacks -->")[0]
    assert shown == markdown()
