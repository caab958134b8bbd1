"""What is left in the memory of the serving process, read as root can read it."""

import asyncio
import json
import os

import pytest

from signer import keystore
from signer.ceremonies.words import words_of
from tests.support.process_memory import occurrences, readable
from tests.support.signer import PASSPHRASE, prepare_state, run_cli, running_signer

SECRETS = (PASSPHRASE, PASSPHRASE.hex().encode(), PASSPHRASE[:16], PASSPHRASE[12:])


@pytest.fixture
def state(tmp_path):
    if not readable(os.getpid()):
        pytest.skip("may not read memory of processes")
    return prepare_state(tmp_path)


def left(signer):
    if not readable(signer.process.pid):
        pytest.skip("only root may read the memory of an undumpable process")
    return [occurrences(signer.process.pid, secret) for secret in SECRETS]


def test_the_search_finds_what_is_there():
    buffer = bytearray(PASSPHRASE)
    assert occurrences(os.getpid(), bytes(buffer)) > 0


def test_what_serves_has_the_seeds_bytes_and_nothing_that_words_are_made_of(state):
    """Not the entropy, as bytes or as text, and not a line of the word lists."""
    _, entropy = keystore.unlock_all(state.keystore, bytearray(PASSPHRASE))
    first = words_of(entropy).encode().split()
    absent = (bytes(entropy), entropy.hex().encode(), b" ".join(first[:2]), b"abandon\nability")
    with running_signer(state) as signer:
        if not readable(signer.process.pid):
            pytest.skip("only root may read the memory of an undumpable process")
        assert [occurrences(signer.process.pid, each) for each in absent] == [0] * len(absent)


async def test_the_passphrase_is_gone_after_every_way_to_unlock(state):
    """Passed at the start, typed wrong and typed right through the control socket."""
    with running_signer(state) as signer:
        client = signer.client()
        await client.open_vault("c1", "v1")
        assert left(signer) == [0] * len(SECRETS)

        def cli(command, **options):
            return run_cli(command, "--state-dir", state.path, **options)

        for _ in range(2):
            await asyncio.to_thread(cli, "lock", secrets={})
            wrong = {"--passphrase-fd": PASSPHRASE + b"!"}
            assert (await asyncio.to_thread(cli, "unlock", secrets=wrong, check=False)).returncode
            assert left(signer) == [0] * len(SECRETS)
            await asyncio.to_thread(cli, "unlock")
            assert not (await client.status()).locked
            await asyncio.to_thread(cli, "unlock")  # once too often
            assert left(signer) == [0] * len(SECRETS)
        await client.close()


def test_what_goes_wrong_in_the_child_is_said_by_its_name(state, tmp_path):
    from signer.errors import KeystoreDamaged, TokenUnavailable, WrongPassphrase
    from signer.token import TokenLocation
    from signer.unlocking import unlock_apart

    def unlock(path, location=None, passphrase=PASSPHRASE):
        secrets = bytearray(passphrase), bytearray(b"1234")
        try:
            return unlock_apart(path, location, *secrets)
        finally:
            assert not any(secrets[0]) and not any(secrets[1])

    expected = keystore.unlock(state.keystore, bytearray(PASSPHRASE)).seed
    assert unlock(state.keystore).seed == expected
    with pytest.raises(WrongPassphrase):
        unlock(state.keystore, passphrase=b"something else")
    with pytest.raises(KeystoreDamaged, match="there is no keystore"):
        unlock(tmp_path / "nothing")
    assert unlock(state.keystore, TokenLocation(tmp_path / "no.so", "t")).seed == expected
    row = json.loads(state.keystore.read_text())
    row["header"]["wrapping"] = {"ciphertext": "", "iv": "00" * 16, "key": "k", "token": "t"}
    state.keystore.write_text(json.dumps(row))
    for location in (None, TokenLocation(tmp_path / "no.so", "t")):
        with pytest.raises(TokenUnavailable):
            unlock(state.keystore, location)
