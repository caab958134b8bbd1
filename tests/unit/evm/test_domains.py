"""What a contract's answers say of its domain: a trait only where all of it is proven."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chains.evm import domains, permits
from chains.evm.permits import Domain, Kind
from chains.model import Address

CONTRACT = Address("0x52908400098527886E0F7030069857D2E4169EE7")
BOTH = frozenset({"eip-2612", "eip-3009"})


def text(said: str) -> bytes:
    return b"".join((32).to_bytes(32, "big") for _ in (1,)) + b"".join(
        (len(said).to_bytes(32, "big"), said.encode().ljust(32, b"\0"))
    )


GOOD: list[bytes | None] = [
    text("A dollar"),
    text("2"),
    Domain("A dollar", "2", 7, CONTRACT).separator,
    permits.type_hash(Kind.TRANSFER),
    permits.type_hash(Kind.RECEIVE),
    permits.type_hash(Kind.PERMIT),
    bytes(32),
    bytes(31) + b"\5",
]


def with_(at: int, answer: bytes | None) -> Sequence[bytes | None]:
    return [*GOOD[:at], answer, *GOOD[at + 1 :]]


def test_as_many_questions_as_answers() -> None:
    asked = domains.questions(CONTRACT)
    assert len(asked) == len(GOOD) == len(set(asked))
    names = [each[:4].hex() for each in asked]
    assert names[:3] == ["06fdde03", "54fd4d50", "3644e515"]  # name, version, DOMAIN_SEPARATOR
    assert names[-2:] == ["e94a0102", "7ecebe00"]  # authorizationState, nonces


def test_all_of_it() -> None:
    assert domains.domain(7, CONTRACT, GOOD) == (BOTH, ("A dollar", "2"))


@pytest.mark.parametrize(
    ("chain_id", "answers"),
    [
        (8, GOOD),
        (7, with_(0, text("Another"))),
        (7, with_(0, None)),
        (7, with_(0, text("A d\nllar"))),
        (7, with_(1, text("1"))),
        (7, with_(1, None)),
        (7, with_(2, None)),
        (7, with_(2, bytes(32))),
    ],
)
def test_a_separator_that_is_not_its_own_proves_nothing(
    chain_id: int, answers: Sequence[bytes | None]
) -> None:
    assert domains.domain(chain_id, CONTRACT, answers) == (frozenset(), None)


@pytest.mark.parametrize(
    ("answers", "traits"),
    [
        (with_(3, None), frozenset({"eip-2612"})),
        (with_(4, bytes(32)), frozenset({"eip-2612"})),
        (with_(6, None), frozenset({"eip-2612"})),
        (with_(6, bytes(31) + b"\2"), frozenset({"eip-2612"})),
        (
            with_(
                5, bytes.fromhex("ea2aa0a1be11a07ed86d755c93467f4f82362b452371d1ba94d1715123511acb")
            ),
            frozenset({"eip-3009"}),
        ),  # DAI's own type
        (with_(7, None), frozenset({"eip-3009"})),
        (with_(7, b""), frozenset({"eip-3009"})),
    ],
)
def test_a_type_of_its_own_is_not_the_standards(
    answers: Sequence[bytes | None], traits: frozenset[str]
) -> None:
    assert domains.domain(7, CONTRACT, answers) == (traits, ("A dollar", "2"))


def test_with_neither_there_is_no_domain() -> None:
    answers = [*GOOD[:3], *[None] * 5]
    assert domains.domain(7, CONTRACT, answers) == (frozenset(), None)
