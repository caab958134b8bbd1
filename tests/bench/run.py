"""Runs all sections, one after the other, in a folder that vanishes afterwards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import accepting, derivation, following, loading, machine, payouts, peers, signing
from tests.bench.requests import Requests, Signer, open_vaults, standing_policy
from tests.bench.scale import Scale
from tests.bench.table import Row
from tests.support.signer import prepare_state, running_signer

Say = Callable[[str], None]
_CACHE = Path(__file__).resolve().parents[2] / ".cache"
_VAULTS = 24


async def run(scale: Scale, say: Say) -> tuple[dict[str, str], list[Row]]:
    """The machine and every row. On the project's own disk: fsync costs nothing in memory."""
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_CACHE) as name:
        folder = Path(name)
        where = machine.describe(folder)
        peers.prepare_bitcoinlib(folder / "bitcoinlib")
        return where, await _sections(folder, scale, _timed(say))


async def _sections(folder: Path, scale: Scale, say: Say) -> list[Row]:
    say("starting the signer")
    rows: list[Row] = []
    with running_signer(prepare_state(folder)) as process:
        client = process.client()
        signer = Signer(client, process.socket, process.process.pid)
        await client.publish_policy(standing_policy())
        vaults = await open_vaults(client, _VAULTS)
        say("signatures through the signer")
        rows += await signing.measure(signer, Requests(vaults), scale)
        say("addresses derived")
        rows += await derivation.measure(signer, vaults[0], scale)
        await client.close()
    say(f"blocks followed, with {scale.watched:,} watched addresses")
    rows += await following.measure(folder, scale)
    say("transfers accepted")
    rows += await accepting.measure(folder, scale, say)
    rows += await payouts.measure(folder, scale, say)
    say("what the signer loads")
    rows += loading.measure(scale)
    return rows


def _timed(say: Say) -> Say:
    start = time.monotonic()
    return lambda text: say(f"bench: {time.monotonic() - start:5.1f} s  {text}")
