"""The real program on a disk of 2 MiB that fills up, while it serves and before it starts."""

import os
import subprocess
from pathlib import Path

import pytest

from signer.client import SignerRefused
from signer.logfile import verify_log
from tests.integration.test_signer_process import signing
from tests.support.signer import (
    outcome_word,
    policy_document,
    prepare_state,
    rule,
    running_signer,
    sign_policy,
)

PAGE = 4096


@pytest.fixture
def tiny(tmp_path):
    """A file system in memory. Whoever may not mount one can't run this."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"may not mount a file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, pages: int) -> Path:
    """A file that leaves room for so many pages."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        free = os.statvfs(folder).f_bavail
        file.write(bytes(max(0, free - pages) * PAGE))
    return filler


async def prepare(client):
    await client.open_vault("c1", "v1")
    await client.publish_policy(sign_policy(policy_document(rule("all"))))


async def test_a_disk_that_fills_while_it_serves(tiny):
    state, words = prepare_state(tiny), []
    with running_signer(state) as signer:
        client = signer.client(timeout_s=60)
        await prepare(client)
        log_key = (await client.status()).log_key
        for number in range(10):
            asked = await signing(client, f"t{number}", nonce=number)
            filler = fill(tiny, pages=2 * number)
            words += [outcome_word(outcome) for outcome in await client.sign([asked])]
            status = await client.status()
            assert "disk-almost-full" in {warning.code for warning in status.warnings}
            filler.unlink()
            (again,) = await client.sign([asked])
            assert outcome_word(again) == "signed"
            assert verify_log(state.log, log_key).sequence == (await client.status()).sequence
        assert set(words) == {"signed", "unavailable/not-durable"}
        await client.close()
    with running_signer(state) as signer:
        client = signer.client(timeout_s=60)
        assert (await client.status()).sequence == 2 + len(words)
        await client.close()


async def test_a_start_on_a_full_disk(tiny):
    """It serves what needs no room, refuses what does, says why, and mends itself."""
    state = prepare_state(tiny)
    with running_signer(state) as signer:
        client = signer.client(timeout_s=60)
        await prepare(client)
        await client.close()
        signer.kill()
    state.log.unlink()  # so that there is something to write at the start
    filler = fill(tiny, pages=0)
    with running_signer(state) as signer:
        client = signer.client(timeout_s=60)
        status = await client.status()
        assert "log-unwritable" in {warning.code for warning in status.warnings}
        with pytest.raises(SignerRefused, match="unavailable/not-durable"):
            await client.open_vault("c1", "v2")
        filler.unlink()
        assert (await client.open_vault("c1", "v2")).account == 1
        warnings = (await client.status()).warnings
        assert "log-unwritable" not in {warning.code for warning in warnings}
        assert verify_log(state.log, status.log_key).sequence == 3
        await client.close()
