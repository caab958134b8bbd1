"""Key files: what opens them, what doesn't, and that nothing of them is ever printed."""

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from custody.cli import keyfile
from custody.cli.keyfile import Cost, KeyFile, Role, create
from custody.cli.output import Failure, Misuse
from tests.support.cli import (
    CHEAP,
    PASSPHRASE,
    at_terminal,
    done,
    make_key,
    passphrase_fd,
    piped,
    refused,
)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keyfile, "USUAL_COST", CHEAP)


ROLES = [("policy", Role.ADMINISTRATOR), ("approver", Role.APPROVER)]


@pytest.mark.parametrize(("command", "role"), ROLES)
def test_keygen_writes_a_key_that_only_the_passphrase_opens(
    tmp_path: Path, command: str, role: Role
):
    path, printed = make_key(tmp_path, command, "alice")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = KeyFile.read(path, role).open(PASSPHRASE.encode())
    assert (opened.id, opened.public_key.hex()) == (printed["id"], printed["credentials"][0]["key"])
    Ed25519PublicKey.from_public_bytes(opened.public_key).verify(opened.sign(b"m"), b"m")
    with pytest.raises(Failure, match="wrong passphrase"):
        KeyFile.read(path, role).open(b"another passphrase")


def test_the_file_is_what_its_header_says(tmp_path: Path):
    """Opened with the primitives alone, so that another program could."""
    path, printed = make_key(tmp_path, "approver", "alice")
    row = json.loads(path.read_text())
    kdf = row["header"]["kdf"]
    key = Argon2id(
        salt=bytes.fromhex(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory_kib"],
    ).derive(PASSPHRASE.encode())
    header = json.dumps(row["header"], sort_keys=True, separators=(",", ":")).encode()
    nonce, ciphertext = bytes.fromhex(row["nonce"]), bytes.fromhex(row["ciphertext"])
    private = Ed25519PrivateKey.from_private_bytes(AESGCM(key).decrypt(nonce, ciphertext, header))
    assert private.public_key().public_bytes_raw().hex() == printed["credentials"][0]["key"]


def test_two_files_of_one_passphrase_share_nothing(tmp_path: Path):
    rows = [
        json.loads(make_key(tmp_path, "approver", name)[0].read_text()) for name in ("alice", "bob")
    ]
    salts = {row["header"]["kdf"]["salt"] for row in rows}
    assert len(salts) == len({row["nonce"] for row in rows}) == 2


def test_the_usual_cost_is_that_of_the_signers_own_keystore():
    assert Cost() == Cost(memory_kib=256 * 1024, iterations=3, lanes=4)
    assert Cost().is_sane()
    assert CHEAP.is_sane()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": "bob"}, "wrong passphrase, or the key file was changed"),
        ({"public_key": "22" * 32}, "wrong passphrase, or the key file was changed"),
        ({"role": "administrator"}, "holds the key of an administrator"),
        ({"role": "root"}, "a version that this program does not read"),
        ({"version": 2}, "a version that this program does not read"),
        ({"cipher": "none"}, "a version that this program does not read"),
        ({"kdf": {"memory_kib": 8}}, "Argon2id parameters out of range"),
        ({"kdf": {"memory_kib": 2**40}}, "Argon2id parameters out of range"),
        ({"kdf": {"iterations": 1}}, "Argon2id parameters out of range"),
        ({"kdf": {"iterations": 3}}, "wrong passphrase, or the key file was changed"),
        ({"kdf": {"name": "pbkdf2"}}, "a version that this program does not read"),
        ({"extra": 1}, "fields must be exactly"),
    ],
    ids=str,
)
def test_a_changed_header_opens_nothing(tmp_path: Path, change: dict, complaint: str):
    path, _ = make_key(tmp_path, "approver", "alice")
    row = json.loads(path.read_text())
    kdf = row["header"]["kdf"] | change.pop("kdf", {})
    row["header"] |= change | {"kdf": kdf}
    path.write_text(json.dumps(row))
    with pytest.raises(Failure, match=complaint):
        KeyFile.read(path, Role.APPROVER).open(PASSPHRASE.encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"\xff\xfe", b"[" * 5000, b'{"header": 1, "nonce": 2, "ciphertext": 3}'],
    ids=["empty", "object", "list", "not-text", "nested", "wrong-types"],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.key"
    path.write_bytes(content)
    with pytest.raises(Misuse, match="is not a key file"):
        KeyFile.read(path, Role.APPROVER)


def test_an_existing_file_is_never_overwritten(tmp_path: Path):
    path = tmp_path / "precious"
    path.write_bytes(b"precious")
    told = refused(2, "approver", "keygen", "--id", "a", "--out", path, *passphrase_fd())
    assert "is never overwritten" in told
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("passphrase", "complaint"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("elevenchars\n", "at least 12 characters"),
        ("x" * 5000, "far too long"),
        ("\xff\xfe", "at least 12 characters"),
    ],
    ids=["nothing", "newline", "short", "long", "two-characters"],
)
def test_a_passphrase_that_protects_nothing_makes_no_key(
    tmp_path: Path, passphrase: str, complaint: str
):
    out = tmp_path / "x.key"
    arguments = ("approver", "keygen", "--id", "a", "--out", out)
    assert complaint in refused(2, *arguments, "--passphrase-fd", piped(passphrase))
    assert not out.exists()


@pytest.mark.parametrize(
    ("descriptor", "complaint"),
    [("1", "can't be read from"), ("2", "can't be read from"), ("987", "can't be read"), ("x", "")],
)
def test_a_descriptor_that_holds_no_passphrase_makes_no_key(
    tmp_path: Path, descriptor: str, complaint: str
):
    out = tmp_path / "x.key"
    arguments = ("approver", "keygen", "--id", "a", "--out", out)
    assert complaint in refused(2, *arguments, "--passphrase-fd", descriptor)
    assert not out.exists()


@pytest.mark.parametrize("person", ["", "a\nb", "a\x1b[2J", "x" * 513, "a\u3164", "a "])
def test_an_id_is_printable_ascii(tmp_path: Path, person: str):
    out = tmp_path / "x.key"
    told = refused(2, "approver", "keygen", "--id", person, "--out", out, *passphrase_fd())
    assert "printable ASCII" in told
    assert not out.exists()


def test_without_a_terminal_nobody_is_asked(tmp_path: Path):
    told = refused(2, "approver", "keygen", "--id", "a", "--out", tmp_path / "x.key")
    assert "no terminal to ask on" in told
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_can_not_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "x.key"
    told = refused(1, "approver", "keygen", "--id", "a", "--out", out, *passphrase_fd())
    assert "No space left" in told
    assert not out.exists()


def test_an_opened_key_shows_no_secret(tmp_path: Path):
    path = tmp_path / "x.key"
    create(path, Role.APPROVER, "alice", PASSPHRASE.encode())
    opened = KeyFile.read(path, Role.APPROVER).open(PASSPHRASE.encode())
    secret = opened._private.private_bytes_raw()
    shown = repr(opened) + str(opened)
    assert secret.hex() not in shown
    assert "Ed25519PrivateKey" not in shown


# On a real terminal


def test_at_a_terminal_the_passphrase_is_asked_twice_and_not_echoed(tmp_path: Path):
    path = tmp_path / "x.key"
    arguments = ["approver", "keygen", "--id", "alice", "--out", str(path)]
    code, seen = at_terminal(arguments, [PASSPHRASE, PASSPHRASE])
    assert code == 0, seen
    assert PASSPHRASE not in seen
    KeyFile.read(path, Role.APPROVER).open(PASSPHRASE.encode())


def test_at_a_terminal_a_slip_of_the_fingers_makes_no_key(tmp_path: Path):
    path = tmp_path / "x.key"
    arguments = ["approver", "keygen", "--id", "alice", "--out", str(path)]
    code, seen = at_terminal(arguments, [PASSPHRASE, PASSPHRASE + "r"])
    assert (code, "differ" in seen) == (2, True)
    assert not path.exists()


def test_help_tells_without_doing(tmp_path: Path):
    assert "key" in done("approver", "keygen", "--help")
