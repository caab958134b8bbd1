"""What the signer's process really loads.

The import contracts do not look inside third-party packages, so the entry points are imported in
a process of their own and its modules are read off afterwards.
"""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.signer import RunningSigner, prepare_state, running_signer

pytestmark = pytest.mark.slow  # each starts a process

ROOT = Path(__file__).resolve().parents[2]

FORBIDDEN = re.compile(
    r"(chains\.\w+\.(rpc|adapter)"
    r"|chains\.devnet"
    r"|custody|api"
    r"|aiohttp|bitcoinlib|fastapi|httpx2?|requests|solana|sqlalchemy|urllib3|uvicorn|web3)(\.|$)"
)
# Whoever adds to these says why in docs/adr. A token's library (python-pkcs11) comes only with one.
THIRD_PARTY = {
    "cffi",
    "coincurve",
    "Crypto",
    "cryptography",
    "embit",
    "google",
    "pycparser",
    "solders",
    "typing_extensions",
    "tzdata",
}
MODULES_MAX = 292
"""Of ours and of others, beyond the standard library's (which differs between Pythons)."""

PRIVATE = re.compile(
    r"signer\.(?!(wire|agreement|answers|reading|client|policy|canonical|messages|records|statements|checkpoint|tree|proof|chain|errors|logfile|inforce|batches)(\.|$))\w+"
)


def modules_after_import(module: str, home: Path) -> set[str]:
    """Names in `sys.modules` of a fresh process that has imported `module`."""
    program = f"import sys, {module}; print(*sorted(sys.modules), sep='\\n')"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("entry", ["signer.server", "signer.cli", "signer.ceremonies"])
def test_the_signer_loads_no_node_no_database_and_no_http(entry: str, tmp_path: Path):
    loaded = modules_after_import(entry, tmp_path)
    assert entry in loaded
    assert {name for name in loaded if FORBIDDEN.match(name)} == set()
    assert list(tmp_path.iterdir()) == [], "importing it writes into the home folder"


def test_the_signer_loads_no_more_than_it_did(tmp_path: Path):
    loaded = modules_after_import("signer.server, signer.cli", tmp_path)
    loaded -= modules_after_import("json", tmp_path)  # the virtual environment's own
    beyond = {each for each in loaded if each.partition(".")[0] not in sys.stdlib_module_names}
    packages = {each.partition(".")[0] for each in beyond if not each.startswith("_")}
    assert packages - {"chains", "signer"} <= THIRD_PARTY
    assert len(beyond) <= MODULES_MAX


CEREMONIES = re.compile(r"(signer\.ceremonies|mnemonic|shamir_mnemonic|typer|click|rich)(\.|$)")
SERVING = """
import atexit, sys
from pathlib import Path
from signer.cli import main

told = Path(sys.argv.pop(1))
atexit.register(lambda: told.write_text("\\n".join(sys.modules)))
main()
"""


def test_the_process_that_serves_loads_no_word_lists_and_no_ceremony(tmp_path: Path):
    """The real one, after it was unlocked and has answered."""
    told = tmp_path / "modules"
    program = (sys.executable, "-c", SERVING, str(told))
    with running_signer(prepare_state(tmp_path), program=program) as signer:
        asyncio.run(_ask(signer))
        signer.stop()
    loaded = set(told.read_text().split())
    assert {"signer.service", "signer.unlocking", "signer.keystore"} <= loaded
    assert {name for name in loaded if CEREMONIES.match(name)} == set()
    assert {name for name in loaded if FORBIDDEN.match(name)} == set()


async def _ask(signer: RunningSigner) -> None:
    client = signer.client()
    assert not (await client.status()).locked
    assert (await client.open_vault("c1", "v1")).account == 0
    await client.close()


def test_a_ceremony_would_be_seen(tmp_path: Path):
    loaded = modules_after_import("signer.ceremonies", tmp_path)
    found = {name.partition(".")[0] for name in loaded if CEREMONIES.match(name)}
    assert {"signer", "mnemonic", "shamir_mnemonic", "typer"} <= found


@pytest.mark.parametrize(
    "module",
    [f"signer.{name}" for name in ("wire", "client", "policy", "records", "logfile", "inforce")],
)
def test_the_signers_public_half_loads_nothing_that_handles_keys(module: str, tmp_path: Path):
    loaded = modules_after_import(module, tmp_path)
    assert {name for name in loaded if PRIVATE.match(name)} == set()


def test_a_forbidden_module_would_be_seen(tmp_path: Path):
    assert any(FORBIDDEN.match(name) for name in modules_after_import("httpx2", tmp_path))
