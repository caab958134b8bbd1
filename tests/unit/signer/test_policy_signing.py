"""Whose signatures make a policy or an approval, under any of somebody's credentials."""

import json
from dataclasses import replace

import pytest

from signer.errors import Refused
from signer.mandate import check_approvals
from signer.policy import (
    Administrators,
    InvalidPolicy,
    Policy,
    PolicyUnsigned,
    SignedPolicy,
    policy_message,
    verify_policy,
)
from signer.wire import Consent, MalformedMessage
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    BOB,
    EVE,
    MANDATE,
    PINNED,
    Person,
    administrators_json,
    person_json,
    policy_document,
    sign_policy,
)

FULL = policy_document()


def test_a_quorum_of_administrators_makes_it_valid():
    assert verify_policy(sign_policy(FULL), PINNED) == Policy.parse(FULL)
    assert verify_policy(sign_policy(FULL, ADMINISTRATORS), PINNED) == Policy.parse(FULL)


def with_signature(name, signature):
    signed = sign_policy(FULL)
    return SignedPolicy(FULL, {**signed.signatures, name: signature})


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(sign_policy(FULL, ()), id="nobody"),
        pytest.param(sign_policy(FULL, ADMINISTRATORS[:1]), id="one of two"),
        pytest.param(sign_policy(FULL, (*ADMINISTRATORS[:2], ADA)), id="a stranger too"),
        pytest.param(with_signature("admin-3", bytes(64)), id="a wrong one too"),
        pytest.param(
            with_signature("admin-3", ADMINISTRATORS[0].key.sign(policy_message(FULL))),
            id="one administrator under two names",
        ),
        pytest.param(
            SignedPolicy(FULL, sign_policy(policy_document(version=2)).signatures),
            id="signatures of another document",
        ),
        pytest.param(
            SignedPolicy(FULL, {p.name: p.key.sign(FULL) for p in ADMINISTRATORS}),
            id="bare bytes without domain",
        ),
    ],
)
def test_everything_but_a_quorum_is_refused(signed):
    with pytest.raises(PolicyUnsigned):
        verify_policy(signed, PINNED)


def test_signed_nonsense_is_refused():
    with pytest.raises(InvalidPolicy):
        verify_policy(sign_policy(b"{}"), PINNED)


def test_signed_policies_round_trip():
    signed = sign_policy(FULL)
    assert SignedPolicy.parse(json.loads(json.dumps(signed.to_json()))) == signed
    for wrong in (
        {},
        {"document": 1, "signatures": {}},
        {"document": "\ud800", "signatures": {}},
        {"document": "x", "signatures": {"a": "00"}},
        {"document": "x", "signatures": []},
    ):
        with pytest.raises(MalformedMessage):
            SignedPolicy.parse(wrong)


def test_administrators_round_trip():
    row = administrators_json(1, (Person("x"),))
    assert Administrators.parse(row).to_json() == row


# More than one credential


def with_spare(person):
    """The person's line with a second key, which signs under their name too."""
    spare = Person(f"{person.name}'s spare")
    row = person_json(person)
    row["credentials"] += person_json(spare)["credentials"]
    return row, spare


def test_an_administrator_signs_under_any_of_their_credentials():
    row, spare = with_spare(ADMINISTRATORS[0])
    named = administrators_json(2)
    named["members"][0] = row
    pinned = Administrators.parse(named)
    first, second = ADMINISTRATORS[:2]

    def signed(key):
        message = policy_message(FULL)
        return SignedPolicy(
            FULL, {first.name: key.sign(message), second.name: second.key.sign(message)}
        )

    for key in (first.key, spare.key):
        assert verify_policy(signed(key), pinned) == Policy.parse(FULL)
    with pytest.raises(PolicyUnsigned):
        verify_policy(signed(EVE.key), pinned)


def test_an_approver_approves_under_any_of_their_credentials():
    row, spare = with_spare(ADA)
    policy = Policy.parse(policy_document(persons=[row, person_json(BOB), person_json(EVE)]))
    for key in (ADA, spare):
        given = replace(key.approve(MANDATE), approver=ADA.name)
        assert check_approvals(Consent(MANDATE, (given,)), policy) == (ADA.name,)
    for key in (BOB, Person("zoe")):
        given = replace(key.approve(MANDATE), approver=ADA.name)
        with pytest.raises(Refused, match="did not sign"):
            check_approvals(Consent(MANDATE, (given,)), policy)
    both = [ADA.approve(MANDATE), replace(spare.approve(MANDATE), approver=ADA.name)]
    with pytest.raises(Refused, match="approved twice"):
        check_approvals(Consent(MANDATE, tuple(both)), policy)
