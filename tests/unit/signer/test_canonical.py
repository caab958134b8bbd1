"""The depth of JSON is counted before it is decoded; counting and decoding must see the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.json_text import NESTING_MAX, read_json
from signer.canonical import MalformedMessage, identifier, parse_time

TRICKY = st.text(alphabet='[]{}"\\ab\u2028', max_size=8)
VALUES: Any = st.recursive(
    TRICKY | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([0, 1, NESTING_MAX - 8, 2 * NESTING_MAX + 1]), st.booleans())
def test_brackets_count_outside_of_text_alone(value: Any, around: int, ascii_only: bool):
    for _ in range(around):
        value = ['\\"[{', value, "]}\\"]
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    depth = _depth(value)
    if depth <= NESTING_MAX:
        assert read_json(data) == value
    elif depth > 2 * NESTING_MAX:  # what is between may be left for broken JSON's own complaint
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json(data)


@pytest.mark.parametrize("text", ['"]', '\\"', '"\\', '"\\"]', '\\\\"]'])
def test_broken_text_hides_no_depth(text: str):
    for data in (text + "[" * 200_000, "[" * 200_000 + text):
        with pytest.raises(ValueError, match=r"nested too deeply|Expecting|Unterminated|Invalid"):
            read_json(data.encode())


@pytest.mark.parametrize(
    "spelled",
    [
        "2026-03-04 12:00:00Z",
        "2026-W10-3T12:00:00Z",
        "20260304T120000+0000",
        "2026-03-04t12:00:00Z",
        "2026-03-04T12:00:00z",
        "2026-03-04T24:00:00Z",
        "2026-03-04T23:59:60Z",
        "2026-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "２026-03-04T12:00:00Z",
    ],
)
def test_a_time_has_one_spelling(spelled: str):
    with pytest.raises(MalformedMessage):
        parse_time(spelled)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize("name", ["v1", "early 1", "tfr_01k9", "eip155:1/slip44:60", "m/44'/60'"])
def test_an_id_is_itself(name: str) -> None:
    assert identifier(name) == name


LOOKALIKES = [
    "v1\u3164", "v1\u2800", "v\u0131", "\u0441lient", "v\uff11", "v1 ", " v1", "v  1", "v1\u00a0",
]  # fmt: skip


@pytest.mark.parametrize("name", [*LOOKALIKES, "", "v\n1", "v\x7f", "a" * 513, 1, None])
def test_what_people_take_for_another_id_is_none(name: Any) -> None:
    with pytest.raises(MalformedMessage):
        identifier(name)
