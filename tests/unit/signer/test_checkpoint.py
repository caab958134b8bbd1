"""Checkpoints as C2SP writes them: read by others' tools, and nothing else passes for one."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signer.canonical import MalformedMessage
from signer.chain import beginning
from signer.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    signed_note,
    verifier_key,
)
from signer.keychain import OwnKey
from signer.tree import ProofInvalid

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The example in the documentation of the Go package x/mod/sumdb/note."""
PUBLISHED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
"""C2SP tlog-checkpoint, the sample of the specification."""
KEY = OwnKey(bytearray([1] * 32))
CHECKPOINT = Checkpoint(beginning(KEY.public_key).origin, 3, bytes(range(32)))
NOTE = signed_note(CHECKPOINT, KEY.public_key, KEY.sign(CHECKPOINT.text()))


def test_c2sp_verifier_key():
    name, _, key = PUBLISHED_KEY.split("+", 2)
    assert verifier_key(name, b64decode(key)[1:]) == PUBLISHED_KEY


def test_c2sp_checkpoint():
    published = parse_checkpoint(PUBLISHED)
    root = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert published == ("example.com/behind-the-sofa", 20852163, root)
    assert PUBLISHED.encode().startswith(published.text() + b"\n")


def test_ours_is_a_signed_note_of_the_same_form():
    text, blank, signature = NOTE.partition("\n\n")
    assert text.splitlines() == [CHECKPOINT.origin, "3", b64encode(CHECKPOINT.root).decode()]
    dash, name, mark = signature.removesuffix("\n").split(" ")
    assert (blank, dash, name) == ("\n\n", "\N{EM DASH}", CHECKPOINT.origin)
    vkey_name, key_id, _ = verifier_key(CHECKPOINT.origin, KEY.public_key).split("+", 2)
    assert (vkey_name, bytes.fromhex(key_id)) == (name, b64decode(mark)[:4])
    key = Ed25519PublicKey.from_public_bytes(KEY.public_key)
    key.verify(b64decode(mark)[4:], f"{text}\n".encode())
    assert open_checkpoint(NOTE, KEY.public_key) == CHECKPOINT


def test_what_others_sign_beside_us_is_passed_over():
    witness = b64encode(b"\7" * 76).decode()
    assert open_checkpoint(f"{NOTE}— witness.example {witness}\n", KEY.public_key) == CHECKPOINT


@pytest.mark.parametrize(
    "edit",
    [
        lambda note: note.replace("\n3\n", "\n4\n"),
        lambda note: note.replace("/1\n3", "/2\n3"),
        lambda note: note.replace("\nAAEC", "\nAQEC"),
        lambda note: note[:-20] + "A" + note[-19:],
        lambda note: note.replace(f"— {CHECKPOINT.origin}", "— another/name"),
        lambda note: note + note.splitlines()[-1][:-12] + "AAAAAAAAAA==\n",
    ],
    ids=["size", "origin", "root", "signature", "name", "a second signature that is wrong"],
)
def test_a_changed_checkpoint_is_not_ours(edit):
    assert edit(NOTE) != NOTE
    with pytest.raises(ProofInvalid):
        open_checkpoint(edit(NOTE), KEY.public_key)


def test_another_key_did_not_sign_it():
    with pytest.raises(ProofInvalid):
        open_checkpoint(NOTE, OwnKey(bytearray([2] * 32)).public_key)


@pytest.mark.parametrize(
    "edit",
    [
        lambda note: "",
        lambda note: note[:-1],
        lambda note: note.partition("\n\n")[0] + "\n\n",
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\n\n", "\nan extension\n\n"),
        lambda note: note.replace("\n3\n", "\n03\n"),
        lambda note: note.replace("\n3\n", "\n-3\n"),
        lambda note: note.replace("\n3\n", "\n\u0663\n"),
        lambda note: note.replace("Hh8=", "Hh9="),
        lambda note: note.replace("Hh8=", "Hh8"),
        lambda note: note.replace("Hh8=", "H h8="),
        lambda note: note.replace("AAEC", ""),
        lambda note: note.replace("custody-wallet", "custody wallet"),
        lambda note: note.replace("custody-wallet", "custody+wallet"),
        lambda note: note.replace("— ", "- "),
        lambda note: note + "\n",
        lambda note: note + note.splitlines()[-1] * 500,
    ],
)
def test_what_is_no_checkpoint_is_refused(edit):
    assert edit(NOTE) != NOTE
    with pytest.raises(MalformedMessage):
        open_checkpoint(edit(NOTE), KEY.public_key)
