"""Bundles of evidence of the demo's payments, and what a program that is none of ours says of them.

`custody-verify` runs as a process of its own, with this project's code out of its reach: it gets
the bundle, and the two things that an auditor trusts.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from custody.devnet.demo import WAIT_S, DemoFailed, Result, Say
from custody.devnet.launcher import House
from signer.client import SignerClient

_VERIFIER: Final = Path(__file__).parents[2] / "verifier"
_RUN: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from custody_verify.cli import main"
_NOT_YET: Final = "evidence_proof_missing"


@dataclass(frozen=True, slots=True)
class Checked:
    """Of one bundle: its bytes, its claims, and milliseconds to export and to check it."""

    result: Result
    bundle: bytes
    claims: Sequence[dict[str, Any]]
    export_ms: int
    verify_ms: int


async def exported(house: House, transfer: str) -> bytes:
    """Waits for the block's proof, which is kept a moment after the payment is final."""
    headers = {"Authorization": f"Bearer {house.api_key}"}
    deadline = time.monotonic() + WAIT_S
    async with httpx2.AsyncClient(base_url=house.base_url, headers=headers) as client:
        while True:
            answer = await client.get(f"/v1/transfers/{transfer}/evidence", timeout=30.0)
            if answer.is_success:
                return answer.content
            if time.monotonic() > deadline or _NOT_YET not in answer.text:
                raise DemoFailed(f"the evidence of {transfer}: {answer.text}")
            await asyncio.sleep(0.2)


async def pins(house: House) -> list[str]:
    """What an auditor wrote down when the house was set up, as options of custody-verify."""
    signer = SignerClient(house.signer_socket)
    try:
        key = (await signer.status()).verifier_key
    finally:
        await signer.close()
    administrators = house.signer_socket.parent / "administrators.json"
    return ["--log-key", key, "--administrators", str(administrators)]


def verify(bundle: Path, *options: str) -> tuple[int, str]:
    """Exit code, and the report as JSON or what was said instead of it."""
    command = [sys.executable, "-I", "-c", f"{_RUN}; sys.exit(main())", str(_VERIFIER)]
    done = subprocess.run(
        [*command, str(bundle), "--json", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=bundle.parent,
    )
    return done.returncode, done.stdout or done.stderr


async def check(house: House, results: Sequence[Result], folder: Path, say: Say) -> list[Checked]:
    """Export and check one bundle of each result. Raises DemoFailed if anything is refuted."""
    trusted, found = await pins(house), []
    for result in results:
        began = time.monotonic()
        bundle = await exported(house, result.transfer)
        exported_at = time.monotonic()
        path = folder / f"{result.transfer}.evidence"
        path.write_bytes(bundle)
        code, report = await asyncio.to_thread(verify, path, *trusted)
        verified_at = time.monotonic()
        if code != 0:
            raise DemoFailed(f"{result.name}: custody-verify ended with {code}: {report}")
        claims = json.loads(report)["claims"]
        times = [int(1000 * each) for each in (exported_at - began, verified_at - exported_at)]
        found.append(Checked(result, bundle, claims, *times))
        states = Counter(each["state"] for each in claims)
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        say(f"{result.network.alias:<16} evidence of {len(bundle)} bytes, checked: {told}")
    return found
