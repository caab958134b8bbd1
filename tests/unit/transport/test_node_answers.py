"""Every answer of every table, by a real server, to the real adapters."""

from __future__ import annotations

import pytest

from tests.support.node_answers.cases import ANSWERED, Case, load, outcome, tables

CASES = [case for table in tables() for case in load(table)]
_PATIENCE_S = 0.3
"""For what never comes."""


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_an_adapter_makes_of_an_answer(case: Case) -> None:
    slow = any(isinstance(each, dict) and each.get("slow") for each in case.answers.values())
    assert await outcome(case, _PATIENCE_S if slow else 30.0) == case.expect


def test_every_case_names_its_source() -> None:
    assert [str(case) for case in CASES if not case.source.strip() or not case.node.strip()] == []
    assert len({str(case) + case.call for case in CASES}) == len(CASES), "two cases are the same"
    assert any(case.expect == ANSWERED for case in CASES)
