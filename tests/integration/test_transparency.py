"""A house with a transparency log, a witness that is a process of its own, and an auditor: real
payments, logged, witnessed, and checked offline."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest

from chains.catalogue import built_in
from custody.devnet.cli import DEMO_BLOCK_INTERVAL_S
from custody.devnet.demo import play
from custody.devnet.evidence import exported, pins, verify
from custody.devnet.launcher import House, running_custody
from custody.devnet.nodes import NODES, block_production

VERIFIER = Path(__file__).parents[2] / "verifier"
ALIAS = "ethereum-local"
ORIGIN = "house.example/log/1"
NAME = "auditor.example/w1"
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from custody_witness.cli import main"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(300),
]


def command(*arguments: object) -> list[str]:
    code = f"{RUN}; sys.exit(main())"
    return [sys.executable, "-I", "-c", code, str(VERIFIER), *map(str, arguments)]


def run(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def output(*arguments: object) -> str:
    asked = list(map(str, arguments))
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


@contextmanager
def serving(folder: Path, log_key: str, port: int = 0) -> Iterator[int]:
    """The witness as a process, and its port."""
    own = ("--key", folder / "key", "--name", NAME, "--state", folder / "state")
    where = ("--log", log_key, "--listen", f"127.0.0.1:{port}")
    process = subprocess.Popen(command("serve", *own, *where), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def living(root: Path, settings: dict[str, str]) -> AsyncIterator[House]:
    node = NODES[ALIAS](built_in().find_network(ALIAS), root / ALIAS)
    await node.start()
    try:
        async with (
            running_custody(root, print, {ALIAS: node}, settings=settings) as house,
            block_production(house.nodes, DEMO_BLOCK_INTERVAL_S),
        ):
            yield house
    finally:
        await node.stop()


async def checkpoint(house: House, holds: str) -> str:
    """The newest, once it has this."""
    async with httpx2.AsyncClient(base_url=house.base_url) as client:
        for _ in range(100):
            answer = await client.get("/log/checkpoint")
            if answer.is_success and holds in answer.text:
                return answer.text
            await asyncio.sleep(0.2)
    raise AssertionError("no checkpoint that is witnessed")


async def test_from_the_house_to_the_auditor(tmp_path: Path):
    folder = tmp_path / "witness"
    folder.mkdir()
    code, said = run("create-key", "--key", folder / "key", "--name", NAME)
    assert code == 0, said
    witness = said.strip()
    custody = Path(sys.executable).with_name("custody")
    keys = tmp_path / "keys"
    keys.mkdir()
    made = await asyncio.to_thread(
        output, custody, "log", "create-key", "--out", keys / "log.key", "--origin", ORIGIN
    )
    log_key = made.strip()
    pinned = ["--transparency-key", log_key, "--witness", witness]
    with serving(folder, log_key) as port:
        settings = {
            "CUSTODY_LOG_ORIGIN": ORIGIN,
            "CUSTODY_LOG_KEY_FILE": str(keys / "log.key"),
            "CUSTODY_LOG_WITNESSES": json.dumps(
                [{"key": witness, "url": f"http://127.0.0.1:{port}"}]
            ),
        }
        async with living(tmp_path, settings) as house:
            first, *_ = await play(house, print)
            bundle = tmp_path / "payment.evidence"
            bundle.write_bytes(await exported(house, first.transfer))
            trusted = [*await pins(house), *pinned]
            code, said = await asyncio.to_thread(verify, bundle, *trusted)
            assert code == 0, said
            (claim,) = [each for each in json.loads(said)["claims"] if each["claim"] == "logged"]
            assert (claim["state"], claim["grade"]) == ("proven", "B"), claim
            note = await checkpoint(house, NAME)
            kinds = await leaves(house)
            assert {"policy", "signer_checkpoint", "ledger_head", "evidence"} <= kinds

            one = tmp_path / "one.txt"
            one.write_text(note)
            files = tmp_path / "files"
            await house.operate("log", "export", "--out", str(files))
            for place in (f"{house.base_url}/log", files):
                follow = ("follow", place, "--key", folder / "key", "--name", NAME)
                code, said = await asyncio.to_thread(
                    run, *follow, "--state", tmp_path / "other", "--log", log_key
                )
                assert code == 0, said
                assert said.startswith(f"— {NAME} ")
                compared = ("compare", one, files / "checkpoint", "--log", log_key)
                code, said = await asyncio.to_thread(run, *compared, "--tiles", place)
                assert code == 0, said

            proof = tmp_path / "later.tlog-proof"
            digest = json.loads((await asyncio.to_thread(verify, bundle))[1])["digest"]
            await house.operate("log", "prove", digest, "--out", str(proof))
            code, said = await asyncio.to_thread(verify, bundle, *trusted, "--logged", str(proof))
            assert code == 0, said
            changed = proof.read_bytes().replace(b"index ", b"index 1")
            proof.write_bytes(changed)
            code, said = await asyncio.to_thread(verify, bundle, *trusted, "--logged", str(proof))
            assert code == 1, said


async def leaves(house: House) -> set[str]:
    """Of which kinds there are some, once the books were looked at."""
    path = house.environment["CUSTODY_DATABASE_URL"].partition(":///")[2]
    kinds: set[str] = set()
    for _ in range(100):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            kinds = {
                kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM log_entries")
            }
        if "ledger_head" in kinds:
            return kinds
        await asyncio.sleep(0.2)
    return kinds
