"""The seed at rest."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signer import keystore
from signer.canonical import canonical_json
from signer.errors import KeystoreDamaged, KeystoreExists, TokenUnavailable, WrongPassphrase
from signer.keystore import Contents, KeyDerivation
from tests.support.signer import ENTROPY, PINNED, SEED

CHEAP = KeyDerivation(memory_kib=19 * 1024, iterations=2, lanes=1)
PASSPHRASE = b"correct horse battery staple"


def passphrase() -> bytearray:
    return bytearray(PASSPHRASE)


def contents() -> Contents:
    return Contents(bytearray(SEED), PINNED)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made once, because Argon2id is slow by design."""
    file = tmp_path_factory.mktemp("keystore") / "keystore.json"
    keystore.create(file, contents(), bytearray(ENTROPY), passphrase(), derivation=CHEAP)
    return file


@pytest.fixture
def path(made, tmp_path):
    return Path(shutil.copy(made, tmp_path))


def change(path, edit):
    row = json.loads(path.read_text())
    edit(row)
    path.write_bytes(canonical_json(row))


def test_what_goes_in_comes_out(path):
    opened, entropy = keystore.unlock_all(path, passphrase())
    assert (bytes(opened.seed), opened.administrators) == (SEED, PINNED)
    assert entropy == ENTROPY
    assert keystore.unlock(path, passphrase()).seed == SEED


def test_the_key_that_serving_gets_opens_the_seeds_bytes_and_not_what_words_are_made_of(path):
    keys = keystore.keys_of(keystore.read_header(path), passphrase(), None)
    row = json.loads(path.read_text())
    parts = {
        name: (bytes.fromhex(row[name]["nonce"]), bytes.fromhex(row[name]["ciphertext"]))
        for name in ("serving", "backup")
    }
    bound = {name: canonical_json([name, row["header"]]) for name in parts}
    inside = AESGCM(keys.serving).decrypt(*parts["serving"], bound["serving"])
    assert inside == SEED + canonical_json(PINNED.to_json())
    for name in ("backup", "serving"):
        with pytest.raises(InvalidTag):
            AESGCM(keys.serving).decrypt(*parts["backup"], bound[name])
    assert AESGCM(keys.backup).decrypt(*parts["backup"], bound["backup"]) == ENTROPY


@pytest.mark.parametrize(("taken", "put"), [("serving", "backup"), ("backup", "serving")])
def test_one_part_in_the_others_place_does_not_open(path, taken, put):
    change(path, lambda row: row.update({put: row[taken]}))
    with pytest.raises(WrongPassphrase):
        keystore.unlock_all(path, passphrase())


def test_a_keystore_of_before_is_refused_in_one_line_that_says_what_to_do(path):
    def age(row):
        row["header"]["version"] = 1
        row.update(row.pop("serving"))
        del row["backup"]

    change(path, age)
    with pytest.raises(KeystoreDamaged, match="version 1 is not read any more: restore") as raised:
        keystore.unlock(path, passphrase())
    assert len(str(raised.value).splitlines()) == 1


def test_only_the_owner_can_read_it_and_it_tells_nothing(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for secret in (SEED.hex(), ENTROPY.hex(), PASSPHRASE.decode(), PASSPHRASE.hex(), "admin-1"):
        assert secret not in text


def test_a_wrong_passphrase_is_refused_and_not_repeated(path):
    with pytest.raises(WrongPassphrase) as raised:
        keystore.unlock(path, bytearray(b"correct horse battery stapl"))
    assert "stapl" not in str(raised.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("salt", "00" * 16), ("iterations", 3), ("memory_kib", 20 * 1024), ("lanes", 2)],
)
def test_a_changed_header_does_not_open(path, field, value):
    change(path, lambda row: row["header"].update({field: value}))
    with pytest.raises(WrongPassphrase):
        keystore.unlock(path, passphrase())


@pytest.mark.parametrize("part", ["serving", "backup"])
@pytest.mark.parametrize("field", ["nonce", "ciphertext"])
def test_a_flipped_bit_does_not_open(path, part, field):
    def flip(row):
        before = row[part][field]
        row[part][field] = ("1" if before[0] == "0" else "0") + before[1:]

    change(path, flip)
    with pytest.raises(WrongPassphrase):
        keystore.unlock_all(path, passphrase())


@pytest.mark.parametrize(
    "edit",
    [
        lambda row: row["header"].update(version=3),
        lambda row: row["header"].update(version=True),
        lambda row: row["header"].update(kdf="scrypt"),
        lambda row: row["header"].update(cipher="none"),
        lambda row: row["header"].update(memory_kib=1024),
        lambda row: row["header"].update(memory_kib=2**40),
        lambda row: row["header"].update(iterations=1),
        lambda row: row["header"].update(iterations=10**6),
        lambda row: row["header"].update(extra=1),
        lambda row: row["header"].pop("salt"),
        lambda row: row["serving"].update(ciphertext="00"),
        lambda row: row["backup"].update(ciphertext="00"),
        lambda row: row["serving"].pop("nonce"),
        lambda row: row["backup"].update(extra=1),
        lambda row: row.pop("backup"),
        lambda row: row.update(serving=None),
        lambda row: row.update(extra=1),
    ],
)
def test_an_unknown_header_is_refused_before_any_work(path, edit):
    change(path, edit)
    with pytest.raises(KeystoreDamaged):
        keystore.unlock(path, passphrase())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_keystore_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(KeystoreDamaged):
        keystore.unlock(path, passphrase())


def test_a_missing_keystore_says_what_to_do(tmp_path):
    with pytest.raises(KeystoreDamaged, match="init"):
        keystore.unlock(tmp_path / "keystore.json", passphrase())


def test_it_is_never_overwritten_by_a_new_one(path):
    before = path.read_bytes()
    with pytest.raises(KeystoreExists):
        keystore.create(path, contents(), bytearray(16), passphrase(), derivation=CHEAP)
    assert path.read_bytes() == before


def test_replacing_renews_salt_and_nonce_and_the_old_passphrase_no_longer_opens(path):
    before = json.loads(path.read_text())
    kept = keystore.unlock_all(path, passphrase())
    keystore.replace(path, *kept, bytearray(b"another passphrase"), derivation=CHEAP)
    after = json.loads(path.read_text())
    assert before["header"]["salt"] != after["header"]["salt"]
    for part in ("serving", "backup"):
        assert before[part]["nonce"] != after[part]["nonce"]
    with pytest.raises(WrongPassphrase):
        keystore.unlock(path, passphrase())
    opened, entropy = keystore.unlock_all(path, bytearray(b"another passphrase"))
    assert opened.seed == SEED and entropy == ENTROPY


def test_a_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch):
    before = path.read_bytes()

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        keystore.replace(path, contents(), bytearray(16), passphrase(), derivation=CHEAP)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_keystore_wrapped_by_a_token_asks_for_it(path):
    wrapping = {"token": "t", "key": "k", "iv": "00" * 16, "ciphertext": "00" * 48}
    change(path, lambda row: row["header"].update(wrapping=wrapping))
    with pytest.raises(TokenUnavailable):
        keystore.unlock(path, passphrase())


def test_contents_hide_the_seed_and_can_be_wiped():
    contents = Contents(bytearray(SEED))
    assert repr(contents) == "Contents(administrators=None)"
    contents.wipe()
    assert not any(contents.seed)
