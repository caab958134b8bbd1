"""The table is what it says: complete, without repetition, and the same in the threat model."""

from __future__ import annotations

from pathlib import Path

from signer.wire import RefusalCode
from tests.hostile.attack import NO_START
from tests.hostile.attacks import ATTACKS, DOCUMENT, documented


def test_the_threat_model_shows_this_table() -> None:
    text = DOCUMENT.read_text()
    assert text == documented(text), "run python -m tests.hostile"


def test_every_attack_has_a_name_of_its_own_and_an_answer_that_exists() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    for attack in ATTACKS:
        code = attack.expected.partition("/")[0]
        assert attack.expected in (NO_START, "closed") or code in list(RefusalCode), attack.name
        assert attack.perform is not None or attack.spoil is not None, attack.name
        assert "|" not in attack.name + attack.does, attack.name


def test_the_files_that_the_threat_model_names_exist() -> None:
    """Every `folder/test_….py` in it, and every folder with a slash."""
    tests = Path(__file__).resolve().parents[1]
    named = {word for word in DOCUMENT.read_text().split("`") if word.startswith(FOLDERS)}
    assert len(named) > 10
    for word in named:
        assert list(tests.glob(word.rstrip("/"))), f"there is no tests/{word}"


FOLDERS = ("hostile/", "fuzz/", "unit/", "property/", "integration/", "model/")
