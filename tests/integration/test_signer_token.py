"""The keystore wrapped by a key in a PKCS#11 token: SoftHSM2, a real token in software."""

import ctypes
import json
from dataclasses import replace
from pathlib import Path

import pytest

from signer import keystore
from signer.errors import TokenUnavailable, WrongPassphrase
from signer.keystore import Contents, KeyDerivation
from signer.token import Token
from tests.support import softhsm
from tests.support.signer import ENTROPY, PASSPHRASE, SEED, run_cli, run_keys

LIBRARY = softhsm.library() or Path("libsofthsm2.so")
CHEAP = KeyDerivation(memory_kib=19 * 1024, iterations=2, lanes=1)
PIN = "4711-secret"

pytestmark = pytest.mark.skipif(
    not LIBRARY.exists(), reason="SoftHSM2's library (libsofthsm2.so) is not installed"
)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """Two initialized tokens, `vault` and `other`, in a directory of their own."""
    import pkcs11

    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        library = pkcs11.lib(str(LIBRARY))
        for label in ("vault", "other"):
            initialize(library.get_slots()[-1].slot_id, label)
            with library.get_token(token_label=label).open(rw=True, so_pin="so-pin-12") as session:
                session.init_pin(PIN)
        yield
        pkcs11.unload(str(LIBRARY))


def initialize(slot, label):
    """C_InitToken of PKCS#11, which the Python binding leaves out."""
    call = ctypes.CDLL(str(LIBRARY)).C_InitToken
    call.argtypes = (ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
    assert call(slot, b"so-pin-12", 9, label.ljust(32).encode()) == 0


@pytest.fixture
def token(tokens):
    return Token(LIBRARY, "vault", PIN)


@pytest.fixture
def path(token, tmp_path):
    file = tmp_path / "keystore.json"
    contents, entropy = Contents(bytearray(SEED)), bytearray(ENTROPY)
    keystore.create(file, contents, entropy, bytearray(PASSPHRASE), token=token, derivation=CHEAP)
    return file


def test_it_opens_with_passphrase_and_token(path, token):
    assert bytes(keystore.unlock(path, bytearray(PASSPHRASE), token=token).seed) == SEED


def test_the_file_and_the_passphrase_alone_do_not_open_it(path):
    with pytest.raises(TokenUnavailable):
        keystore.unlock(path, bytearray(PASSPHRASE))


def test_the_token_alone_does_not_open_it(path, token):
    with pytest.raises(WrongPassphrase):
        keystore.unlock(path, bytearray(b"something else"), token=token)


@pytest.mark.parametrize(
    "changes",
    [{"pin": "0000"}, {"label": "nowhere"}, {"label": "other"}, {"library": Path("none.so")}],
)
def test_another_pin_token_or_library_does_not_open_it(path, token, changes):
    with pytest.raises(TokenUnavailable) as raised:
        keystore.unlock(path, bytearray(PASSPHRASE), token=replace(token, **changes))
    assert PIN not in str(raised.value)
    assert "0000" not in str(raised.value)


def test_a_changed_wrapping_does_not_open_it(path, token):
    row = json.loads(path.read_text())
    row["header"]["wrapping"]["iv"] = "00" * 16
    path.write_text(json.dumps(row))
    with pytest.raises((WrongPassphrase, TokenUnavailable)):
        keystore.unlock(path, bytearray(PASSPHRASE), token=token)


def test_each_write_wraps_another_secret(path, token):
    before = json.loads(path.read_text())["header"]["wrapping"]
    contents, entropy = Contents(bytearray(SEED)), bytearray(ENTROPY)
    keystore.replace(path, contents, entropy, bytearray(PASSPHRASE), token=token, derivation=CHEAP)
    after = json.loads(path.read_text())["header"]["wrapping"]
    assert before["ciphertext"] != after["ciphertext"]
    assert bytes(keystore.unlock(path, bytearray(PASSPHRASE), token=token).seed) == SEED


def test_the_wrapping_key_never_leaves_the_token(path, token):
    import pkcs11

    opened = pkcs11.lib(str(LIBRARY)).get_token(token_label="vault").open(user_pin=PIN)
    with opened as session:
        key = session.get_key(pkcs11.ObjectClass.SECRET_KEY, label="custody-signer")
        assert key[pkcs11.Attribute.SENSITIVE]
        assert not key[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.PKCS11Error):
            _ = key[pkcs11.Attribute.VALUE]


def test_the_pin_is_in_no_repr(token):
    assert PIN not in repr(token)


def test_by_command(tokens, tmp_path):
    state = tmp_path / "state"
    where = ("--state-dir", state, "--token-library", LIBRARY, "--token-label", "vault")
    secrets = {"--passphrase-fd": PASSPHRASE, "--pin-fd": PIN.encode()}
    run_keys("init", *where, "--memory-mib", "19", secrets=secrets)
    assert len(run_keys("backup", *where, secrets=secrets).stdout.split()) == 24
    assert "wrapping token: vault" in run_cli("status", "--state-dir", state, secrets={}).stdout
    without = run_keys("backup", "--state-dir", state, check=False)
    assert "needs its PKCS#11 token" in without.stderr
