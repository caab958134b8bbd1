"""Messages of TRON and Solana at the real signer, verified by tronweb and by NaCl."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from embit import base58
from nacl.signing import VerifyKey

from chains.contracts.respelling import respelled
from chains.effects import Sign
from chains.families import CODECS, messages_of
from chains.messages.model import ANYBODY, Kind, Message
from chains.model import UnsignedTx
from chains.tron import address as tron
from signer.wire import Action, Purpose, SignRequest
from tests.support import messages as said
from tests.support.oracle import Oracle
from tests.support.signer import Bench, agreed, outcome_word, policy_document, rule

TEXT = "app.example asks for your word: nonce 4f1b9a77"
CONTRACT = "TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU7"
CHAIN = 0xFF51CB4A
MESSAGES = {
    "tip-191": [ANYBODY],
    "solana-text": [ANYBODY],
    "tip-712": [f"{CONTRACT}/Mail"],
}


class Scene(Bench):
    def __init__(self, folder: Path) -> None:
        rules = rule("says", actions=["sign"], messages=MESSAGES)
        super().__init__(folder, document=policy_document(rules), scripted=False)

    def say(self, alias: str, kind: Kind, content: bytes, domain: str = ANYBODY) -> Any:
        mandate = self.mandate(
            alias,
            action=Action.SIGN,
            costs_max={},
            effects=(Sign(kind.value, domain, content),),
        )
        request = SignRequest(Purpose.MESSAGE, self.tx(alias, kind, content), (agreed(mandate),))
        return self.sign(request)

    def tx(self, alias: str, kind: Kind, content: bytes) -> UnsignedTx:
        payload = Message(kind, "t1", content).payload
        return UnsignedTx(self.network(alias).id, payload, self.address(alias))

    def out(self, alias: str, kind: Kind, content: bytes, receipt: Any) -> str:
        network = self.network(alias)
        reader = messages_of(CODECS[network.family](network))
        return reader.attach(self.tx(alias, kind, content), receipt.signatures).raw.decode()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "s")


def mail(**domain: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"chainId": CHAIN, "verifyingContract": CONTRACT}
    document = said.mail(**plain | domain)
    document["message"]["to"]["wallet"] = CONTRACT
    return document


def spelled(document: dict[str, Any]) -> bytes:
    return respelled(document, tron.parse)


@pytest.mark.slow
def test_tronweb_verifies_a_text_and_typed_data(scene: Scene) -> None:
    text = scene.say("tron-local", Kind.TIP191, TEXT.encode())
    signature = scene.out("tron-local", Kind.TIP191, TEXT.encode(), text)
    document = mail()
    content = spelled(document)
    other = Scene(scene.state.log.parent / "o")
    typed = other.say("tron-local", Kind.TIP712, content, f"{CONTRACT}/Mail")
    typed_signature = other.out("tron-local", Kind.TIP712, content, typed)
    with Oracle() as oracle:
        signer = scene.address("tron-local")
        assert oracle.call("tronwebVerifyMessage", text=TEXT, signature=signature) == signer
        digest = oracle.call(
            "tronwebTypedHash",
            domain=document["domain"],
            types={k: v for k, v in document["types"].items() if k != "EIP712Domain"},
            message=document["message"],
        )
        recovered = oracle.call("tronwebRecover", digest=digest, signature=typed_signature[2:])
        assert recovered == signer


def test_nacl_verifies_a_text_of_solana(scene: Scene) -> None:
    receipt = scene.say("solana-local", Kind.SOLANA_TEXT, TEXT.encode())
    raw = base58.decode(scene.out("solana-local", Kind.SOLANA_TEXT, TEXT.encode(), receipt))
    key = base58.decode(scene.address("solana-local"))
    assert VerifyKey(key).verify(TEXT.encode(), raw) == TEXT.encode()


SOLANA: dict[str, tuple[bytes, str]] = {
    "a version": (b"\x80\x01\x00\x01" + bytes(100), "message_is_transaction"),
    "a legacy transaction": (b"\x01\x00\x01\x03" + bytes(100), "message_is_transaction"),
    "a header of off-chain messages": (b"\xffsolana offchain\x00", "message_is_transaction"),
    "many signatures": (b"\x20\x00\x01\x03" + bytes(100), "message_unreadable"),
    "a hash": (b"9c" * 32, "message_is_hash"),
    "a login": (
        b"app.example wants you to sign in with your Solana account:\nx",
        "message_is_login",
    ),
}


@pytest.mark.parametrize(("content", "code"), SOLANA.values(), ids=SOLANA)
def test_what_could_be_a_transaction_is_no_text(scene: Scene, content: bytes, code: str) -> None:
    outcome = scene.say("solana-local", Kind.SOLANA_TEXT, content)
    assert outcome_word(outcome) == f"malformed/{code}"


TRON: dict[str, tuple[dict[str, Any], str]] = {
    "no chain": (mail(chainId=None), "typed_data_without_chain"),
    "the main network": (mail(chainId=728126428), "typed_data_other_chain"),
    "no contract": (mail(verifyingContract=None), "typed_data_without_contract"),
    "an order": (said.order() | {"domain": mail()["domain"]}, "typed_data_undescribed"),
}


@pytest.mark.parametrize(("document", "code"), TRON.values(), ids=TRON)
def test_typed_data_of_tron_in_disguise_is_refused(
    scene: Scene, document: dict[str, Any], code: str
) -> None:
    if code == "typed_data_undescribed":
        document["message"] = {"offerer": CONTRACT, "offer": [{"token": CONTRACT, "amount": 60}]}
    content = spelled(document)
    outcome = scene.say("tron-local", Kind.TIP712, content, f"{CONTRACT}/Mail")
    assert outcome_word(outcome) == f"malformed/{code}"


def test_no_family_reads_the_others_kinds(scene: Scene) -> None:
    for alias, kind in (("tron-local", Kind.EIP191), ("solana-local", Kind.TIP191)):
        outcome = scene.say(alias, kind, TEXT.encode())
        assert outcome_word(outcome) == "malformed/message_kind_unknown"


def test_where_no_message_is_signed_it_says_so(scene: Scene) -> None:
    """Bitcoin's form (BIP-322) is not read yet."""
    mandate = scene.mandate(
        "bitcoin-regtest",
        action=Action.SIGN,
        costs_max={},
        effects=(Sign("eip-191", ANYBODY, TEXT.encode()),),
    )
    tx = replace(
        scene.tx("ethereum-local", Kind.EIP191, TEXT.encode()), network=mandate.core.network
    )
    outcome = scene.sign(SignRequest(Purpose.MESSAGE, tx, (agreed(mandate),)))
    assert outcome_word(outcome) == "malformed/message_kind_unknown"
