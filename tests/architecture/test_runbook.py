"""The runbook has a section for every alarm, and no alarm that doesn't exist."""

import re
from pathlib import Path

from custody.alarms.codes import CATALOGUE, AlarmCode

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text()


def sections() -> dict[str, str]:
    """The text under each heading of the second level in the part about alarms."""
    part = RUNBOOK.split("\n# Alarms\n")[1].split("\n# ")[0]
    _, *found = re.split(r"^## ", part, flags=re.MULTILINE)
    return {title: text for title, _, text in (each.partition("\n") for each in found)}


def test_every_code_is_in_the_catalogue():
    assert set(CATALOGUE) == set(AlarmCode)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in AlarmCode)


def test_every_alarm_has_a_section_and_every_section_an_alarm():
    assert sorted(sections()) == sorted(AlarmCode)


def test_each_section_says_how_its_alarm_ends():
    for code, text in sections().items():
        clears_itself = CATALOGUE[AlarmCode(code)].clears_itself
        assert ("Clears itself when" in text) == clears_itself, code
        assert ("A person clears it." in text) == (not clears_itself), code
