"""Bundles of real payments on every local engine, checked by custody-verify in an environment that
has only the verifier; and what is changed in them is found."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from custody.devnet.cli import DEMO_BLOCK_INTERVAL_S
from custody.devnet.demo import play
from custody.devnet.evidence import Checked, check, pins
from custody.devnet.launcher import House, running_house
from custody.devnet.nodes import NODES, block_production

VERIFIER = Path(__file__).parents[2] / "verifier"
FLIPS = 24

pytestmark = [
    pytest.mark.engine,
    pytest.mark.xdist_group("devnet"),
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paid(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[House, list[Checked]]]:
    """The demo's payments, of coins and tokens on all networks, with their bundles."""
    async with AsyncExitStack() as stack:
        root = tmp_path_factory.mktemp("house")
        house = await stack.enter_async_context(running_house(root, print))
        await stack.enter_async_context(block_production(house.nodes, DEMO_BLOCK_INTERVAL_S))
        results = await play(house, print)
        yield house, await check(house, results, root, print)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment of its own: only the verifier, and the one library it needs,
    which is lent to it by path, because tests fetch nothing."""
    place = tmp_path_factory.mktemp("verifier")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = place.glob("lib/python3*/site-packages")
    for name in ("custody_verify", "custody_period", "custody_report"):
        (packages / name).symlink_to(VERIFIER / name)
    theirs = Path(next(each for each in sys.path if each.endswith("site-packages")))
    for name in ("cryptography", "cffi", "_cffi_backend*", "pycparser"):
        for each in theirs.glob(name):
            (packages / each.name).symlink_to(each)
    return place / "bin" / "python"


def run(
    python: Path, bundle: bytes, folder: Path, *options: str, kind: tuple[str, ...] = ()
) -> tuple[int, str]:
    path = folder / "payment.evidence"
    path.write_bytes(bundle)
    code = "import sys; from custody_verify.cli import main; sys.exit(main())"
    done = subprocess.run(
        [python, "-I", "-c", code, *kind, path, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
    )
    return done.returncode, done.stdout + done.stderr


async def test_every_payment_is_proven_to_a_stranger(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    house, bundles = paid
    assert {each.result.network.alias for each in bundles} == set(NODES)
    assert len({each.result.name for each in bundles}) == len(bundles) == 11
    only = "import sys; sys.exit(any(__import__('importlib.util').util.find_spec(each) for each in"
    alone = f"{only} ('chains', 'custody', 'signer', 'api', 'sqlalchemy')))"
    await asyncio.to_thread(_alone, verifier, alone)
    trusted = await pins(house)
    for each in bundles:
        code, said = run(verifier, each.bundle, tmp_path, "--json", *trusted)
        assert code == 0, said
        states = {claim["claim"]: claim["state"] for claim in json.loads(said)["claims"]}
        assert "refuted" not in states.values()
        for name in ("request", "mandate", "policy", "record", "decision", "bytes", "effects"):
            assert states[name] == "proven", (each.result.name, name, said)
        print(
            f"{each.result.name}: {len(each.bundle)} bytes, exported in {each.export_ms} ms,"
            f" checked in {each.verify_ms} ms"
        )


async def test_the_block_that_an_auditor_pins_makes_it_proven(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    """On the chains whose blocks prove what they have, of bitcoin and EVM networks."""
    house, bundles = paid
    for each in bundles:
        network = each.result.network
        if network.family not in ("bitcoin", "evm"):
            continue
        block = await _block(house, each.result.transfer)
        pin = f"{network.id}:{block['height']}:{block['hash']}"
        options = ("--json", "--checkpoint", pin, *await pins(house))
        code, said = run(verifier, each.bundle, tmp_path, *options)
        assert code == 0, said
        graded = {claim["claim"]: claim["grade"] for claim in json.loads(said)["claims"]}
        assert graded["block"] == "A", said
        wrong = pin[:-4] + ("beef" if pin[-4:] != "beef" else "dead")
        code, said = run(verifier, each.bundle, tmp_path, "--json", "--checkpoint", wrong)
        assert '"grade": "A"' not in _claim(said, "block"), said


async def test_a_bundle_in_which_a_byte_was_changed_is_refused(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    _, bundles = paid
    draw = random.Random(0)
    for each in bundles[:: len(bundles) // 5]:
        for at in draw.sample(range(len(each.bundle)), FLIPS // 4):
            changed = bytearray(each.bundle)
            changed[at] ^= 1 << draw.randrange(8)
            code, said = await asyncio.to_thread(run, verifier, bytes(changed), tmp_path)
            digest = run(verifier, bytes(changed), tmp_path, "--digest", _digest(each))
            assert code == 1 or digest[0] == 1, (each.result.name, at, said)


async def test_a_clients_own_key_gets_no_policies_and_no_strangers_transfers(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    house, bundles = paid
    transfer = await _get(house, f"/v1/transfers/{bundles[0].result.transfer}")
    mine = await _key(house, transfer["client_id"])
    path = f"/v1/transfers/{transfer['id']}/evidence"
    async with httpx2.AsyncClient(base_url=house.base_url, timeout=30.0) as client:
        answer = await client.get(path, headers={"Authorization": f"Bearer {mine}"})
        assert answer.headers["content-type"] == "application/vnd.custody.evidence"
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="{transfer["id"]}.evidence"'
        )
        other = await client.post(
            "/v1/clients",
            json={"name": "Other"},
            headers={"Authorization": f"Bearer {house.api_key}"},
        )
        stranger = await _key(house, other.json()["id"])
        refused = await client.get(path, headers={"Authorization": f"Bearer {stranger}"})
        assert (refused.status_code, refused.json()["code"]) == (404, "transfer_not_found")
    lines = answer.content.split(b"\n", 3)
    withheld = json.loads(lines[2])
    assert withheld == [f"policies/{n + 1}" for n in range(len(withheld))] != []
    assert b'"administrators"' not in answer.content
    code, said = run(verifier, answer.content, tmp_path, "--json", *await pins(house))
    assert code == 0, said
    assert "withheld" in _claim(said, "policy")


async def test_the_command_writes_the_same_and_never_over_a_file(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    house, bundles = paid
    out = tmp_path / "payment.evidence"
    command = ("evidence", "export", bundles[0].result.transfer, "--out", str(out))
    await house.operate(*command)
    code, said = run(verifier, out.read_bytes(), tmp_path, *await pins(house))
    assert code == 0, said
    before = out.read_bytes()
    with pytest.raises(RuntimeError, match="exists"):
        await house.operate(*command)
    assert out.read_bytes() == before


async def test_the_whole_of_it_is_one_package(
    paid: tuple[House, list[Checked]], verifier: Path, tmp_path: Path
):
    """Everything since the house began, on five networks: all records, entries that start from
    nothing and add up, every payment with its record, and the auditor's samples."""
    house, bundles = paid
    out, seed = await _period(house, tmp_path), "5eed" * 8
    trusted = ["--json", "--seed", seed, *await pins(house)]
    code, said = run(verifier, out.read_bytes(), tmp_path, *trusted, kind=("period",))
    assert code == 0, said
    claims = json.loads(said)["claims"]
    told = {each["claim"]: each for each in claims[::-1]}
    assert (told["policy"]["state"], told["samples"]["state"]) == ("proven", "proven")
    moved = int(told["matching"]["words"].partition(" ")[0])
    assert moved >= len(bundles)
    assert f"{moved} transfers moved, {moved} signatures" in told["matching"]["words"]
    assert "entries none" in told["matching"]["words"]
    assert told["samples"]["words"].startswith("4 of")
    assert {each["claim"] for each in claims} >= {"balance", "block", "bytes", "effects"}
    balances = [each for each in claims if each["claim"] == "balance"]
    assert {each["about"].split()[1].partition("/")[0] for each in balances} == {
        each.result.network.id for each in bundles
    }
    draw, data = random.Random(1), out.read_bytes()
    for at in draw.sample(range(data.index(b"\n", 20), len(data)), 3):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert run(verifier, changed, tmp_path, *trusted, kind=("period",))[0] == 1, at


async def _period(house: House, folder: Path) -> Path:
    """As soon as all that happened has its number, and each sample its proof."""
    out, now = folder / "all.period", datetime.now(UTC)
    times = [each.strftime("%Y-%m-%dT%H:%M:%SZ") for each in (now - timedelta(hours=2), now)]
    log = house.signer_socket.parent / "state" / "audit.jsonl"
    command = ("evidence", "period", "--from", times[0], "--to", times[1], "--log", str(log))
    for attempt in range(20):
        try:
            await house.operate(*command, "--seed", "5eed" * 8, "--samples", "4", "--out", str(out))
            return out
        except RuntimeError as error:
            if attempt == 19 or not re.search("no number yet|not kept yet", str(error)):
                raise
    raise AssertionError


def _alone(python: Path, code: str) -> None:
    subprocess.run([python, "-I", "-c", code], check=True)


def _claim(report: str, name: str) -> str:
    claims = json.loads(report)["claims"]
    return json.dumps([each for each in claims if each["claim"] == name])


def _digest(each: Checked) -> str:
    manifest = each.bundle.split(b"\n", 2)[1]
    return sha256(b"custody-wallet/evidence/v1\n" + manifest).hexdigest()


async def _get(house: House, path: str) -> Any:
    headers = {"Authorization": f"Bearer {house.api_key}"}
    async with httpx2.AsyncClient(base_url=house.base_url, headers=headers) as client:
        return (await client.get(path)).json()


async def _block(house: House, transfer: str) -> Any:
    seen = await _get(house, f"/v1/audit/transfers/{transfer}")
    (block,) = [each["block"] for each in seen["transactions"] if each["state"] == "final"]
    return block


async def _key(house: House, client: str) -> str:
    names = ("--name", f"audit-{client}", "--initiator", "auditor", "--client", client)
    command = [str(Path(sys.executable).parent / "custody"), "apikey", "create", *names]

    def create() -> str:
        environment = {**os.environ, **house.environment}
        made = [*command, "--scope", "audit"]
        done = subprocess.run(made, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()[-1]

    return await asyncio.to_thread(create)
