"""What a hostile custody has signed instead of a message, at the real signer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.effects import Sign
from chains.evm import erc20
from chains.messages.model import ANYBODY, Kind
from chains.model import Address, NetworkId, UnsignedTx
from signer.wire import Purpose, SignRequest
from tests.support import messages as said
from tests.support.signer import (
    agreed,
    outcome_word,
)
from tests.unit.signer.messaging import (
    TEXT,
    Scene,
    ordinary,
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


# What a hostile custody asks for

TEXTS: dict[str, tuple[bytes, str]] = {
    "a hash": (bytes.fromhex("9c" * 32), "message_is_hash"),
    "a hash in digits": (("0x" + "9c" * 32).encode(), "message_is_hash"),
    "a hash without 0x": (("9C" * 32).encode() + b"\n", "message_is_hash"),
    "a transaction": (b"\x02\xf8" + bytes(70), "message_unreadable"),
    "a transaction in digits": (("0x02f8" + "00" * 70).encode(), "message_is_transaction"),
    "control characters": (b"pay\x1b[2K nobody", "message_unreadable"),
    "letters that turn": ("pay \u202eydobon".encode(), "message_unreadable"),
    "letters that nobody sees": ("pay\u200b me".encode(), "message_unreadable"),
    "a letter that is drawn as nothing": ("pay\u3164me".encode(), "message_unreadable"),
    "marks that say something else": ("pay\U000e0141\ufe01".encode(), "message_unreadable"),
    "nothing": (b" \n", "message_unreadable"),
    "too much": (b"a" * 16385, "message_unreadable"),
    "an approval of ours": (b"custody-wallet/approval/v2\n" + b"x" * 31, "message_disguised"),
    "typed data": (said.spelled(said.mail()), "message_disguised"),
    "a login": (said.siwe(said.SPENDER).encode(), "message_is_login"),
    "a login that is none": (
        b"evil.example wants you to sign in with your Ethereum account: now",
        "message_is_login",
    ),
}


@pytest.mark.parametrize(("content", "code"), TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_something_else_is_refused(scene: Scene, content: bytes, code: str) -> None:
    mandate = scene.agree(Sign("eip-191", ANYBODY, content))
    outcome = scene.say(mandate, scene.tx(Kind.EIP191, content))
    assert outcome_word(outcome) == f"malformed/{code}"


LOGINS: dict[str, tuple[Callable[[str], str], str]] = {
    "of another domain": (lambda me: said.siwe(me, "evil.example"), "denied/message-unnamed"),
    "of a domain below": (lambda me: said.siwe(me, "x.app.example"), "denied/message-unnamed"),
    "of another address": (lambda me: said.siwe(said.SPENDER), "malformed/login_foreign"),
    "of another chain": (lambda me: said.siwe(me, chain=1), "malformed/login_foreign"),
    "of another version": (
        lambda me: said.siwe(me, version="Version: 2"),
        "malformed/login_malformed",
    ),
    "with a domain before it": (
        lambda me: said.siwe(
            me, head="app.example\nevil.example wants you to sign in with your Ethereum account:"
        ),
        "malformed/login_malformed",
    ),
    "with a user": (
        lambda me: said.siwe(me, "app.example@evil.example"),
        "malformed/login_malformed",
    ),
    "in small letters": (lambda me: said.siwe(me.lower()), "malformed/login_malformed"),
    "with a line more": (
        lambda me: said.siwe(me) + "\nand I owe you all",
        "malformed/login_malformed",
    ),
    "with a statement of two lines": (
        lambda me: said.siwe(me, statement="\nSee\nmore\n"),
        "malformed/login_malformed",
    ),
    "without a nonce": (lambda me: said.siwe(me, nonce="Nonce: "), "malformed/login_malformed"),
    "no login": (lambda me: "hello", "malformed/login_malformed"),
}


@pytest.mark.parametrize(("made", "refused"), LOGINS.values(), ids=LOGINS)
def test_a_login_of_another_is_refused(
    scene: Scene, made: Callable[[str], str], refused: str
) -> None:
    text = made(scene.signer)
    domain = text.partition(" wants")[0].split("\n")[-1]
    mandate = scene.agree(Sign("siwe", domain, text.encode()))
    outcome = scene.say(mandate, scene.tx(Kind.SIWE, text.encode()))
    assert outcome_word(outcome) == refused


DISGUISED: dict[str, tuple[Callable[[Scene], dict[str, Any]], str]] = {
    "no chain": (lambda s: said.mail(chainId=None), "typed_data_without_chain"),
    "another chain": (lambda s: said.mail(chainId=1), "typed_data_other_chain"),
    "no contract": (lambda s: said.mail(verifyingContract=None), "typed_data_without_contract"),
    "the zero contract": (
        lambda s: said.mail(verifyingContract="0x" + "0" * 40),
        "typed_data_without_contract",
    ),
    "letters that nobody sees": (lambda s: said.mail("a\u202eb"), "message_unreadable"),
    "a permit with a member more": (
        lambda s: said.permit(
            s.signer,
            s.soon,
            members=[
                ("owner", "address"),
                ("spender", "address"),
                ("value", "uint256"),
                ("nonce", "uint256"),
                ("deadline", "uint256"),
                ("note", "string"),
            ],
            said={"note": "login"},
        ),
        "typed_data_undescribed",
    ),
    "a permit by another name": (
        lambda s: said.permit(s.signer, s.soon, primary="LoginPermit"),
        "typed_data_undescribed",
    ),
    "a permit of DAI's kind": (
        lambda s: said.permit(
            s.signer,
            s.soon,
            members=[
                ("owner", "address"),
                ("spender", "address"),
                ("nonce", "uint256"),
                ("deadline", "uint256"),
                ("allowed", "bool"),
            ],
            said={"allowed": True, "value": 0},
        ),
        "typed_data",
    ),
    "a permit of another owner": (
        lambda s: said.permit(said.MAIL, s.soon),
        "typed_data_undescribed",
    ),
    "a permit in a domain called login": (
        lambda s: said.permit(s.signer, s.soon, name="Login to app.example"),
        "typed_data_undescribed",
    ),
    "a permit of a token that is not listed": (
        lambda s: said.permit(s.signer, s.soon, verifyingContract=said.MAIL),
        "typed_data_undescribed",
    ),
    "Permit2 in a domain called otherwise": (
        lambda s: said.permit_single(s.soon, name="Login"),
        "typed_data_undescribed",
    ),
    "Permit2 for a token that is not listed": (
        lambda s: said.permit_single(s.soon, details={"token": said.MAIL}),
        "typed_data_undescribed",
    ),
    "Permit2 for nobody": (
        lambda s: said.permit_single(s.soon, said={"spender": "0x" + "0" * 40}),
        "typed_data_undescribed",
    ),
    "Permit2 with a witness": (
        lambda s: said.permit_transfer(s.soon, witness=True),
        "typed_data_undescribed",
    ),
    "a batch of nothing": (lambda s: said.permit_batch(s.soon), "typed_data_undescribed"),
    "an order": (lambda s: said.order(), "typed_data_undescribed"),
}


@pytest.mark.parametrize(("made", "code"), DISGUISED.values(), ids=DISGUISED)
def test_typed_data_in_disguise_is_refused(
    scene: Scene, made: Callable[[Scene], dict[str, Any]], code: str
) -> None:
    document = made(scene)
    contract = document["domain"].get("verifyingContract", said.MAIL)
    domain = f"{contract}/{document['primaryType']}"
    tx = scene.typed(document)
    mandate = scene.agree(Sign("eip-712", domain, said.spelled(document)))
    assert outcome_word(scene.say(mandate, tx)).startswith(f"malformed/{code}")


BYTES: dict[str, Callable[[Scene], UnsignedTx]] = {
    "another spelling": lambda s: replace(
        s.typed(said.mail()), payload=s.typed(said.mail()).payload + b" "
    ),
    "its hash": lambda s: s.tx(Kind.EIP712, b"\x19\x01" + bytes(64)),
    "a structure that nothing uses": lambda s: s.tx(
        Kind.EIP712,
        said.spelled(said.mail()).replace(
            b'"types":{', b'"types":{"Also":[{"name":"x","type":"bool"}],'
        ),
    ),
    "a member more": lambda s: s.tx(
        Kind.EIP712, said.spelled(said.mail()).replace(b'"text":"hello"', b'"text":"a","z":"b"')
    ),
}


@pytest.mark.parametrize("made", BYTES.values(), ids=BYTES)
def test_other_bytes_than_the_one_spelling_are_refused(
    scene: Scene, made: Callable[[Scene], UnsignedTx]
) -> None:
    tx = made(scene)
    content = tx.payload.split(b"\n", 3)[3]
    mandate = scene.agree(Sign("eip-712", f"{said.MAIL}/Mail", content))
    assert outcome_word(scene.say(mandate, tx)) == "malformed/typed_data_malformed"


LIES: dict[str, tuple[Callable[[Scene], UnsignedTx], str]] = {
    "another text": (lambda s: s.text("another"), "mismatch/terms"),
    "a login's kind": (lambda s: s.tx(Kind.SIWE, TEXT.encode()), "malformed/login_malformed"),
    "another address of the vault": (
        lambda s: s.tx(Kind.EIP191, TEXT.encode(), sender=s.address(index=1)),
        "mismatch/source",
    ),
    "another vault's": (
        lambda s: s.tx(Kind.EIP191, TEXT.encode(), sender=s.address(vault="v2")),
        "mismatch/source",
    ),
    "nobody's": (
        lambda s: s.tx(Kind.EIP191, TEXT.encode(), sender=None),
        "malformed/transaction_malformed",
    ),
    "an address in another spelling": (
        lambda s: s.tx(Kind.EIP191, TEXT.encode(), sender=s.signer.lower()),
        "malformed/transaction_malformed",
    ),
    "another network's": (
        lambda s: s.tx(Kind.EIP191, TEXT.encode(), network=NetworkId("eip155:31338")),
        "malformed/transaction_malformed",
    ),
    "a transaction": (lambda s: ordinary(s), "malformed/transaction_malformed"),
    "an unknown kind": (
        lambda s: replace(s.text(), payload=s.text().payload.replace(b"eip-191", b"eip-192")),
        "malformed/transaction_malformed",
    ),
    "no reference": (
        lambda s: replace(s.text(), payload=s.text().payload.replace(b"\nt1\n", b"\n\n")),
        "malformed/transaction_malformed",
    ),
    "a permit": (
        lambda s: s.typed(said.permit(s.signer, s.soon)),
        "mismatch/kind",
    ),
}


@pytest.mark.parametrize(("made", "refused"), LIES.values(), ids=LIES)
def test_a_lie_is_refused_and_the_truth_still_signed(
    scene: Scene, made: Callable[[Scene], UnsignedTx], refused: str
) -> None:
    mandate = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()))
    assert outcome_word(scene.say(mandate, made(scene))) == refused
    assert outcome_word(scene.say_text()) == "signed"


def test_no_purpose_reads_the_others_bytes(scene: Scene) -> None:
    mandate = scene.agree(Sign("eip-191", ANYBODY, TEXT.encode()))
    as_payment = SignRequest(Purpose.PAY, scene.text(), (agreed(mandate),))
    assert outcome_word(scene.sign(as_payment)).startswith("malformed/")
    approving = ordinary(scene, erc20.transfer(Address(said.SPENDER), 60))
    as_message = SignRequest(Purpose.MESSAGE, approving, (agreed(mandate),))
    assert outcome_word(scene.sign(as_message)).startswith("malformed/")
