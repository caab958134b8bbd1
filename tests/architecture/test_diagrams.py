"""The drawings of docs/architecture.md show what the code does."""

from __future__ import annotations

import pytest

from custody.transfers import state as transfers
from tests.architecture import diagrams


def test_the_drawings_are_up_to_date():
    text = diagrams.DOCUMENT.read_text()
    assert diagrams.missing(text) == set()
    assert diagrams.drawn(text) == text, "run make drawings"


def test_a_changed_table_is_seen(monkeypatch: pytest.MonkeyPatch):
    """Without one rule, the drawing is another one."""
    text = diagrams.DOCUMENT.read_text()
    without = {state: dict(rules) for state, rules in transfers.TABLE.items()}
    del without[transfers.State.IN_FLIGHT][transfers.Event.LAND]
    monkeypatch.setattr(transfers, "TABLE", without)
    changed = set(text.splitlines()) - set(diagrams.drawn(text).splitlines())
    assert changed == {"    in_flight --> final : land"}
