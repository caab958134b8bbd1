"""RLP against the vectors of ethereum/tests and against the `rlp` package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rlp as oracle
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import MalformedTransaction
from chains.evm import UINT256_MAX, rlp

VECTORS = Path(__file__).parents[2] / "vectors" / "evm"
VALID = json.loads((VECTORS / "rlp_valid.json").read_text())["cases"]
INVALID = json.loads((VECTORS / "rlp_invalid.json").read_text())["cases"]

items = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=20
)


def _value(described: Any) -> Any:
    match described:
        case list():
            return [_value(member) for member in described]
        case int():
            return rlp.encode_int(described)
        case str() if described.startswith("#"):
            return rlp.encode_int(int(described[1:]))
        case _:
            return described.encode()


@pytest.mark.parametrize("name", VALID)
def test_valid_vectors(name: str) -> None:
    encoded = bytes.fromhex(VALID[name]["out"])
    assert rlp.encode(_value(VALID[name]["in"])) == encoded
    assert rlp.decode(encoded) == _value(VALID[name]["in"])


@pytest.mark.parametrize("name", INVALID)
def test_invalid_vectors(name: str) -> None:
    with pytest.raises(MalformedTransaction):
        rlp.decode(bytes.fromhex(INVALID[name]))


@pytest.mark.parametrize("spelled", ["c4c1826162", "c2c181", "c3c282ff"])
def test_a_member_does_not_reach_beyond_its_list(spelled: str) -> None:
    """c4 (c1 82) 61 62: the inner list has room for the 82 alone, not for what it wants."""
    with pytest.raises(MalformedTransaction):
        rlp.decode(bytes.fromhex(spelled))


@given(items)
def test_agrees_with_the_rlp_package(item: Any) -> None:
    assert rlp.encode(item) == oracle.encode(item)
    assert rlp.decode(oracle.encode(item)) == item


@given(st.binary(max_size=40))
def test_reads_exactly_what_it_writes(data: bytes) -> None:
    try:
        assert rlp.encode(rlp.decode(data)) == data
    except MalformedTransaction:
        with pytest.raises(oracle.DecodingError):
            oracle.decode(data)


@given(items, st.binary(min_size=1, max_size=3))
def test_trailing_bytes_are_refused(item: Any, rest: bytes) -> None:
    with pytest.raises(MalformedTransaction):
        rlp.decode(rlp.encode(item) + rest)


def test_deep_nesting_is_refused_before_it_exhausts_the_stack() -> None:
    deep = b"\xc0"
    for _ in range(5000):
        deep = rlp._prefix(len(deep), 0xC0) + deep
    with pytest.raises(MalformedTransaction, match="deep"):
        rlp.decode(deep)


@given(st.integers(min_value=0, max_value=UINT256_MAX))
def test_integers_return(value: int) -> None:
    assert rlp.decode_int(rlp.encode_int(value), UINT256_MAX) == value


@pytest.mark.parametrize("item", [b"\0", b"\0\1", [], b"\1" * 33, [b"\1"]])
def test_integers_have_one_form_and_a_bound(item: Any) -> None:
    with pytest.raises(MalformedTransaction):
        rlp.decode_int(item, UINT256_MAX)
