"""Messages at the real signer: what it signs, what a hostile custody asks for instead, and that
nothing is said to be a message which gives something away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from chains.effects import Allow, Pay, Sign
from chains.evm import UINT256_MAX
from chains.messages.model import ANYBODY, Kind
from chains.model import Address, AssetId
from tests.support import messages as said
from tests.support.signer import (
    ADA,
    agreed,
    is_repetition,
    outcome_word,
    paying,
    rule,
)
from tests.unit.signer.messaging import (
    MESSAGES,
    NATIVE,
    TEXT,
    Scene,
    allows,
    ordinary,
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


# What is signed


@pytest.mark.parametrize("text", [TEXT, "zwei\nZeilen, über\r\nalles", "0x1234", "🙂"])
def test_a_text_is_signed_as_other_wallets_sign_it(scene: Scene, text: str) -> None:
    tx, receipt = scene.text(text), scene.say_text(text)
    signable = encode_defunct(text=text)
    assert Account.recover_message(signable, signature=scene.out(tx, receipt)) == scene.signer


def test_a_login_is_for_its_domain(scene: Scene) -> None:
    text = said.siwe(scene.signer).encode()
    tx = scene.tx(Kind.SIWE, text)
    receipt = scene.say(scene.agree(Sign("siwe", "app.example", text)), tx)
    signable = encode_defunct(primitive=text)
    assert Account.recover_message(signable, signature=scene.out(tx, receipt)) == scene.signer


def test_typed_data_is_for_its_contract_and_structure(scene: Scene) -> None:
    document = said.mail()
    tx, content = scene.typed(document), said.spelled(document)
    receipt = scene.say(scene.agree(Sign("eip-712", f"{said.MAIL}/Mail", content)), tx)
    signable = encode_typed_data(full_message=said.full(document))
    assert Account.recover_message(signable, signature=scene.out(tx, receipt)) == scene.signer


def test_the_same_again_is_the_same_signature_whenever(scene: Scene) -> None:
    first = scene.say_text()
    assert is_repetition(scene.say_text(), first)
    scene.restart()
    scene.clock.advance(48 * 3600)
    assert is_repetition(scene.say_text(offered_at=scene.clock.now), first)
    (record,) = [each for each in scene.log() if each["kind"] == "signed"]
    assert (record["purpose"], record["binding"], record["spends"]) == ("message", [], [])


def test_a_text_may_be_signed_for_something_else_again(scene: Scene) -> None:
    """Sites that have a fixed text would else be used once. It is the same signature."""
    first = scene.say_text()
    again = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()), transfer="t2")
    tx = scene.tx(Kind.EIP191, TEXT.encode(), reference="t2")
    second = scene.say(again, tx)
    assert scene.out(tx, second) == scene.out(scene.text(), first)


def test_a_message_takes_nothing_from_a_transfer(scene: Scene) -> None:
    """One name, one thing: neither is signed for what the other was."""
    assert outcome_word(scene.say_text()) == "signed"
    paid = Pay(Address(said.SPENDER), AssetId(NATIVE), 100)
    payment = scene.mandate(fee_max=10**15, effects=(paid,))
    outcome = scene.sign(paying(agreed(payment), tx=ordinary(scene)))
    assert outcome_word(outcome) == "conflict/another-core"


# Allowances that anybody may submit


GIVEN: dict[str, Callable[[Scene], tuple[dict[str, Any], tuple[Allow, ...]]]] = {
    "EIP-2612": lambda s: (said.permit(s.signer, s.soon), (allows(),)),
    "PermitSingle": lambda s: (said.permit_single(s.soon, expires=s.soon), (allows(60, s.soon),)),
    "PermitBatch": lambda s: (
        said.permit_batch(s.soon, 20, 40),
        (allows(20, s.soon), allows(40, s.soon)),
    ),
    "PermitTransferFrom": lambda s: (said.permit_transfer(s.soon), (allows(60, s.soon),)),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_what_gives_something_away_is_an_allowance_in_the_same_windows(
    scene: Scene, given: Callable[[Scene], tuple[dict[str, Any], tuple[Allow, ...]]]
) -> None:
    document, effects = given(scene)
    tx = scene.typed(document)
    receipt = scene.say(scene.agree(*effects), tx)
    signable = encode_typed_data(full_message=said.full(document))
    assert Account.recover_message(signable, signature=scene.out(tx, receipt)) == scene.signer
    again = said.permit(scene.signer, scene.soon, 60, said={"nonce": 1})
    outcome = scene.say(scene.agree(allows(60), transfer="t2"), scene.typed(again))
    assert outcome_word(outcome) == "denied/window-amount"


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_it_is_never_signed_as_a_mere_message(
    scene: Scene, given: Callable[[Scene], tuple[dict[str, Any], tuple[Allow, ...]]]
) -> None:
    document, _ = given(scene)
    contract = document["domain"]["verifyingContract"]
    content = said.spelled(document)
    named = {"eip-712": [f"{contract}/{document['primaryType']}"]}
    effect = Sign("eip-712", f"{contract}/{document['primaryType']}", content)
    other = Scene(scene.state.log.parent / "o", rule("says", actions=["sign"], messages=named))
    outcome = other.say(other.agree(effect), other.typed(given(other)[0]))
    assert outcome_word(outcome).startswith("mismatch/")


def test_one_is_signed_for_one_transfer(scene: Scene) -> None:
    """Two would each count once for what can be had twice, or prove two."""
    tx = scene.typed(said.permit(scene.signer, scene.soon, 10))
    assert outcome_word(scene.say(scene.agree(allows(10)), tx)) == "signed"
    other = scene.typed(said.permit(scene.signer, scene.soon, 10), reference="t2")
    outcome = scene.say(scene.agree(allows(10), transfer="t2"), other)
    assert outcome_word(outcome) == "conflict/another-set"


def test_without_a_bound_it_is_above_every_limit(scene: Scene) -> None:
    for document in (
        said.permit(scene.signer, scene.soon, UINT256_MAX),
        said.permit_single(scene.soon, 2**160 - 1),
        said.permit_transfer(scene.soon, UINT256_MAX),
    ):
        found = scene.reader.summarize(scene.typed(document)).effects
        (effect,) = found
        assert isinstance(effect, Allow) and effect.amount is None
        outcome = scene.say(scene.agree(effect), scene.typed(document))
        assert outcome_word(outcome) == "denied/window-amount"


def test_one_that_could_be_kept_is_not_signed(scene: Scene) -> None:
    for deadline in (UINT256_MAX, scene.soon + 3100, scene.soon - 700):
        tx = scene.typed(said.permit(scene.signer, deadline))
        assert outcome_word(scene.say(scene.agree(allows()), tx)) == "malformed/lifetime"


# Rules


def test_a_rule_names_the_action_the_kind_and_the_domain(tmp_path: Path) -> None:
    """No rule for transfers covers a message, nor one for messages all of them."""
    for at, (rules, word) in enumerate(
        [
            ((rule("pays"),), "denied/no-rule"),
            ((rule("says", actions=["sign"]),), "denied/message-unnamed"),
            (
                (rule("says", actions=["sign"], messages={"siwe": ["app.example"]}),),
                "denied/message-unnamed",
            ),
            (
                (rule("says", actions=["sign"], messages={"eip-191": ["app.example"]}),),
                "denied/message-unnamed",
            ),
            ((rule("says", actions=["sign"], messages=MESSAGES),), "signed"),
        ]
    ):
        assert outcome_word(Scene(tmp_path / str(at), *rules).say_text()) == word


def test_people_are_asked_as_for_a_transfer(tmp_path: Path) -> None:
    asking = rule("says", actions=["sign"], messages=MESSAGES, needs=[("treasury", 1)])
    scene = Scene(tmp_path / "s", asking)
    mandate = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()))
    assert outcome_word(scene.say(mandate, scene.text())) == "needs-approvals/approvals"
    assert outcome_word(scene.say(mandate, scene.text(), ADA)) == "signed"


def test_where_nobody_signs_messages_it_says_so(scene: Scene) -> None:
    """Whatever network is named: the family has a reader, or a code."""
    network = scene.network("bsc-local").id
    mandate = scene.agree(Sign("tip-191", ANYBODY, TEXT.encode()))
    tx = replace(scene.text(), network=network)
    assert outcome_word(scene.say(mandate, tx)).startswith("malformed/")
