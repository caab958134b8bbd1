"""What an approver's own node says that a call would do, beside what the call's bounds allow.

The node is the approver's, and so is the word: nothing here was asked of the server that wants the
approval. The rules by which it is read are those of custody itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from chains.adapter import SimulatesCalls
from chains.catalogue import Catalogue
from chains.errors import ChainError
from chains.model import AssetId
from chains.networks import Network
from chains.simulation import Simulated
from custody.cli.amounts import in_units
from custody.cli.effects import bound_words, line
from custody.cli.output import Failure
from custody.outcomes.model import Before, Bounded, before, bounded
from signer.wire import Mandate

TIMEOUT_S = 30.0


def simulated_lines(mandate: Mandate, catalogue: Catalogue, node: str) -> tuple[str, ...]:
    """What it would do. Raises Failure for what calls nothing, for a node that can't say, and for
    what would fail or is out of its bounds."""
    network = catalogue.networks[mandate.core.network]
    try:
        wanted = bounded(mandate.core)
        if wanted is None:
            raise Failure("this transfer calls no contract")
        simulated = asyncio.run(_asked(network, wanted, node))
    except ChainError as error:
        raise Failure(f"your node does not show what it would do: {error.code}: {error}") from None
    found, said = before(wanted, network.native.id, simulated)
    lines = tuple(_lines(wanted, simulated, catalogue))
    if found is not Before.WITHIN:
        raise Failure("\n".join([*lines, f"{found.value}: {said}"]))
    return lines


async def _asked(network: Network, wanted: Bounded, node: str) -> Simulated:
    from custody.bootstrap import ADAPTERS

    adapter = ADAPTERS[network.family](network, node, timeout_s=TIMEOUT_S)
    try:
        if not isinstance(adapter, SimulatesCalls):
            raise Failure(f"no node of {network.name} shows what a call would do")
        await adapter.check()
        return await adapter.simulate(wanted.payer, wanted.call, wanted.watch)
    finally:
        await adapter.close()


def _lines(wanted: Bounded, simulated: Simulated, catalogue: Catalogue) -> Iterator[str]:
    block = simulated.block
    yield line("simulated at", f"block {block.height} {block.hash}, by your own node")
    for asset, change in sorted(simulated.changes.items()):
        way = "comes in" if change > 0 else "goes out"
        yield line(f"  {way}", _amount(asset, abs(change), catalogue))
    for (asset, spender), each in sorted(simulated.allowances.items(), key=lambda item: item[0]):
        most = _amount(asset, each.after, catalogue)
        yield line("  may take", f"{spender}: {most}, before that {each.before}")
    if simulated.failure is None and not simulated.changes:
        yield line("  moves", "nothing of the paying address")
    for bound in wanted.bounds:
        yield line("  agreed", bound_words(bound, catalogue))
    if not wanted.bounds:
        yield line("  bounds", "none: whatever it does is agreed to")


def _amount(asset: AssetId, units: int, catalogue: Catalogue) -> str:
    words = in_units(asset, units, catalogue)
    exact = f"{units} base units of {asset}"
    return exact if words == exact else f"{words} ({exact})"
