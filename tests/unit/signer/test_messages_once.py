"""What a key gave away by a message is given once, and no payment is made by one: whatever else
custody asks for beside it, in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chains.effects import Allow, Pay, Sign
from chains.evm import permits
from chains.evm.permits import Authorization, Typed
from chains.messages.model import ANYBODY, Kind
from chains.model import Address, UnsignedTx
from signer.wire import Action, Purpose, SignRequest
from tests.support import messages as said
from tests.support.signer import agreed, outcome_word, paying, rule
from tests.unit.signer.messaging import ASSET, LOCAL, NETWORK, TEXT, Scene, allows

PAYMENTS = [permits.Kind.TRANSFER, permits.Kind.RECEIVE]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


def authorization(scene: Scene, kind: permits.Kind = permits.Kind.TRANSFER) -> Typed:
    network = scene.network(LOCAL)
    domain = permits.domain_of(network, network.tokens[ASSET])
    assert domain is not None
    payee = Address(said.SPENDER)
    return Typed(kind, domain, Authorization(scene.signer, payee, 60, 0, scene.soon, bytes(32)))


@pytest.mark.parametrize("kind", PAYMENTS)
def test_a_payment_is_no_message_whoever_agreed_to_it(scene: Scene, kind: permits.Kind) -> None:
    """As what it is, and as the allowance or the message that it is not."""
    content = authorization(scene, kind).payload
    domain = f"{said.TOKEN}/{kind.value}"
    paid = Pay(Address(said.SPENDER), ASSET, 60)
    tx = scene.tx(Kind.EIP712, content)
    for effect, action in (
        (paid, Action.TRANSFER),
        (allows(60), Action.ALLOW),
        (Sign("eip-712", domain, content), Action.SIGN),
    ):
        mandate = scene.agree(effect, action=action)
        assert outcome_word(scene.say(mandate, tx)) == "malformed/message_pays"


def test_it_is_signed_once_as_a_payment_and_never_besides_as_a_message(scene: Scene) -> None:
    typed = authorization(scene)
    mandate = scene.mandate(effects=(Pay(Address(said.SPENDER), ASSET, 60),), costs_max={})
    as_message = scene.say(mandate, scene.tx(Kind.EIP712, typed.payload))
    assert outcome_word(as_message) == "malformed/message_pays"
    tx = UnsignedTx(NETWORK, typed.payload, scene.signer)
    assert outcome_word(scene.sign(paying(agreed(mandate), tx=tx))) == "signed"
    as_message = scene.say(mandate, scene.tx(Kind.EIP712, typed.payload))
    assert outcome_word(as_message) == "malformed/message_pays"


def test_a_transfer_gets_one_permit(scene: Scene) -> None:
    """Another number of the holder's says the same words, and the contract would take both."""
    first, second = (
        scene.typed(said.permit(scene.signer, scene.soon, 10, said={"nonce": number}))
        for number in (0, 1)
    )
    assert outcome_word(scene.say(scene.agree(allows(10)), first)) == "signed"
    outcome = scene.say(scene.agree(allows(10)), second)
    assert outcome_word(outcome) == "conflict/both-could-confirm"
    assert outcome_word(scene.say(scene.agree(allows(10)), first)) == "signed"


def test_a_transfer_that_signed_a_message_gets_no_other(scene: Scene) -> None:
    assert outcome_word(scene.say_text()) == "signed"
    other = "another word"
    mandate = scene.agree(Sign("eip-191", ANYBODY, other.encode()))
    assert outcome_word(scene.say(mandate, scene.text(other))) == "conflict/another-core"
    same = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()))
    elsewhere = scene.tx(Kind.EIP191, TEXT.encode(), reference="t2")
    assert outcome_word(scene.say(same, elsewhere)) == "conflict/both-could-confirm"


def test_two_transfers_share_no_permit(scene: Scene) -> None:
    """One receipt for two would count one of them for nothing."""
    tx = scene.typed(said.permit(scene.signer, scene.soon, 10))
    both = (agreed(scene.agree(allows(10))), agreed(scene.agree(allows(10), transfer="t2")))
    outcome = scene.sign(SignRequest(Purpose.MESSAGE, tx, both))
    assert outcome_word(outcome) == "mismatch/effects"


def test_a_permit_needs_a_rule_for_allowances(tmp_path: Path) -> None:
    """One for payments and one for messages that names its contract are none."""
    named = {"eip-712": [f"{said.TOKEN}/Permit"]}
    rules = rule("pays"), rule("says", actions=["sign"], messages=named)
    scene = Scene(tmp_path / "s", *rules)
    tx = scene.typed(said.permit(scene.signer, scene.soon))
    assert outcome_word(scene.say(scene.agree(allows()), tx)) == "denied/no-rule"


def test_an_allowance_that_names_no_end_ends_when_it_can_be_taken_no_more(scene: Scene) -> None:
    """Permit2 takes an expiration of 0 for the block's time, which is no moment long past."""
    document = said.permit_single(scene.soon, details={"expiration": 0})
    (effect,) = scene.reader.summarize(scene.typed(document)).effects
    assert isinstance(effect, Allow)
    assert effect.expires_at == datetime.fromtimestamp(scene.soon, UTC)


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "tron-local", "solana-local", LOCAL])
def test_no_family_takes_a_message_for_a_transaction(scene: Scene, alias: str) -> None:
    """Its bytes, asked for as a payment there."""
    network = scene.network(alias).id
    tx = replace(scene.text(), network=network)
    mandate = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()), network=network)
    outcome = scene.sign(SignRequest(Purpose.PAY, tx, (agreed(mandate),)))
    assert outcome_word(outcome).startswith("malformed/")
