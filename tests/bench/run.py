"""Runs all sections, one after the other, in a folder that vanishes afterwards."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import (
    accepting,
    derivation,
    feed,
    fees,
    following,
    large,
    loading,
    machine,
    payouts,
    peers,
    signing,
    waiting,
)
from tests.bench.requests import Requests, Signer, open_vaults, standing_policy
from tests.bench.scale import Scale
from tests.bench.table import Row
from tests.support.signer import prepare_state, running_signer

Say = Callable[[str], None]
_CACHE = Path(__file__).resolve().parents[2] / ".cache"
_VAULTS = 24
SECTIONS = (
    "signatures",
    "addresses",
    "blocks",
    "acceptance",
    "feed",
    "large",
    "payouts",
    "waiting",
    "fees",
    "loaded",
)
"""In this order."""


@dataclass(slots=True)
class Measured:
    """The machine and every row of the sections that were asked for. `failed`: those that broke
    off, whose rows are missing."""

    where: dict[str, str]
    asked: Collection[str] = SECTIONS
    rows: list[Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def take(self, section: str, rows: Coroutine[object, None, list[Row]]) -> None:
        """A section that breaks off does not take the others' figures with it."""
        assert section in SECTIONS
        if section not in self.asked:
            rows.close()
            return
        try:
            self.rows += await rows
        except Exception:
            traceback.print_exc()
            self.failed.append(section)


async def run(scale: Scale, say: Say, asked: Collection[str] = SECTIONS) -> Measured:
    """On the project's own disk: fsync costs nothing in memory. `asked`: some of SECTIONS."""
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_CACHE) as name:
        folder = Path(name)
        measured = Measured(machine.describe(folder), asked=asked)
        peers.prepare_bitcoinlib(folder / "bitcoinlib")
        await _sections(folder, scale, _timed(say), measured)
        return measured


async def _sections(folder: Path, scale: Scale, say: Say, found: Measured) -> None:
    say("starting the signer")
    with running_signer(prepare_state(folder)) as process:
        client = process.client()
        signer = Signer(client, process.socket, process.process.pid)
        await client.publish_policy(standing_policy())
        vaults = await open_vaults(client, _VAULTS)
        say("signatures through the signer")
        await found.take("signatures", signing.measure(signer, Requests(vaults), scale))
        say("addresses derived")
        await found.take("addresses", derivation.measure(signer, vaults[0], scale))
        await client.close()
    say(f"blocks followed, with {scale.watched:,} watched addresses")
    await found.take("blocks", following.measure(folder, scale))
    say("transfers accepted")
    await found.take("acceptance", accepting.measure(folder, scale, say))
    say(f"the feed beside {feed.WRITERS} writers")
    await found.take("feed", feed.measure(folder, scale, say))
    say(f"a large house, with {scale.accounts:,} accounts")
    await found.take("large", large.measure(folder, scale, say))
    await found.take("payouts", payouts.measure(folder, scale, say))
    await found.take("waiting", waiting.measure(folder, scale, say))
    await found.take("fees", fees.measure(folder, scale, say))
    say("what the signer loads")
    await found.take("loaded", _loaded(scale))


async def _loaded(scale: Scale) -> list[Row]:
    return loading.measure(scale)


def _timed(say: Say) -> Say:
    start = time.monotonic()
    return lambda text: say(f"bench: {time.monotonic() - start:5.1f} s  {text}")
