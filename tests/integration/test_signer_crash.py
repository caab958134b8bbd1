"""`kill -9` at every point between a request and its answer, of a real process on a real disk.

Afterwards either nothing happened, or the decision is durable: the same request gets its signature,
every other transaction of that transfer is refused, and its amount counts in the window.
"""

import asyncio
import contextlib
import random
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from signer.client import SignerUnavailable
from signer.keystore import unlock
from signer.logfile import verify_log
from signer.session import Session
from signer.wire import Receipt
from tests.integration.test_signer_chains import evm
from tests.integration.test_signer_process import signing
from tests.support.signer import (
    CALLER,
    PASSPHRASE,
    is_repetition,
    native,
    outcome_word,
    policy_document,
    prepare_state,
    rule,
    running_signer,
    sign_policy,
    window,
)

# The signer's own program, except that it dies where the file beside it says.
DYING = """
import os, signal, sys
from pathlib import Path
from signer import auditlog, endpoint, journal, service
from signer.cli import main

armed = Path(sys.argv.pop(1))

def dying(point, original, skip=0):
    calls = []
    def wrapped(*args, **kwargs):
        if armed.exists() and armed.read_text() == point:
            calls.append(1)
            if len(calls) > skip:
                os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    return wrapped

def torn(log):
    with log._path.open("ab") as file:
        file.write(b'{"body":{"at":"2026')
    os.kill(os.getpid(), signal.SIGKILL)

write = auditlog.AuditLog._write
def write_or_tear(log):
    torn(log) if armed.exists() and armed.read_text() == "mid-log" else write(log)

journal.Journal._write_seal = dying("before-commit", journal.Journal._write_seal)
service.step7_sign = dying("after-commit", service.step7_sign)
service.step8_receipt = dying("after-signing", service.step8_receipt)
auditlog.AuditLog.append = dying("before-log", auditlog.AuditLog.append)
auditlog.AuditLog._write = write_or_tear
endpoint.outcome_to_json = dying("after-log", endpoint.outcome_to_json)
main()
"""
POINTS = ("before-commit", "after-commit", "after-signing", "before-log", "mid-log", "after-log")


@pytest.fixture
async def state(tmp_path):
    """One vault, and a window that holds one transfer of 5000 and no second."""
    made = prepare_state(tmp_path)
    limit = window(native("ethereum-local"), 3600, 5000 + 10**17)
    document = policy_document(rule("w", windows=[limit]))
    with reopened(made) as session:
        session.vaults.open("c1", "v1")
        session.publisher.publish(sign_policy(document))
    return made


@contextmanager
def reopened(state):
    """The same files after the crash: opened, verified, without the process."""
    contents = unlock(state.keystore, bytearray(PASSPHRASE))
    session = Session(state, contents, ["ethereum-local"])
    try:
        yield session
    finally:
        session.close()


def dying_signer(state, armed):
    return running_signer(state, program=(sys.executable, "-c", DYING, str(armed)))


@pytest.mark.parametrize("point", POINTS)
async def test_killed(state, point):
    armed = state.path.parent / "armed"
    with dying_signer(state, armed) as signer:
        client = signer.client(timeout_s=20)
        asked = await signing(client, "t1", nonce=1)
        other = replace(asked, tx=evm("ethereum-local", asked.tx.sender, nonce=2))
        elsewhere = await signing(client, "t2", nonce=3)
        armed.write_text(point)
        with pytest.raises(SignerUnavailable):
            await client.sign([asked])
        assert signer.process.wait(10) == -9
        await client.close()
    with reopened(state) as session:
        decided = point != "before-commit"
        assert bool(session.guard.history("t1").signed) is decided

        def words(*requests):
            return [outcome_word(o) for o in session.signer.sign(CALLER, requests)]

        if decided:
            assert words(other, elsewhere) == [
                "conflict/both-could-confirm",
                "denied/window-amount",
            ]
            first, again = session.signer.sign(CALLER, [asked, asked])
            assert isinstance(first, Receipt)
            assert first == again
        else:
            assert words(other, elsewhere) == ["signed", "denied/window-amount"]
        good = verify_log(state.log, session.status(()).log_key)
        assert good == session.journal.end


async def test_killed_at_any_moment(state):
    """Under load, by somebody else: each receipt that got out is one that the journal has."""
    chooser, receipts = random.Random(5), []
    nobody = state.path.parent / "never"
    for turn in range(3):
        with dying_signer(state, nobody) as signer:
            client = signer.client(timeout_s=20)
            base = await signing(client, "t1", nonce=1)
            asyncio.get_running_loop().call_later(chooser.uniform(0.01, 0.3), signer.process.kill)
            with contextlib.suppress(SignerUnavailable):
                for number in range(10_000):
                    await client.open_vault("c1", f"v{turn}-{number}")
                    fee = 10**9 - number
                    tx = evm("ethereum-local", base.tx.sender, nonce=1, priority_fee=fee)
                    request = replace(base, tx=tx)
                    receipts += [(request, o) for o in await client.sign([request])]
            signer.process.wait(10)
            await client.close()
    with reopened(state) as session:
        verify_log(state.log, session.status(()).log_key)
        signed = [(r, o) for r, o in receipts if isinstance(o, Receipt)]
        assert signed
        for request, receipt in signed:
            session.guard.expect(receipt.sequence, receipt.head)
            (again,) = session.signer.sign(CALLER, [request])
            assert is_repetition(again, receipt)
