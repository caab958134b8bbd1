"""What rules look at: a transfer's facts, and what other transfers took before it. Pure.

What a transfer takes out of a vault is its payments plus its greatest fee: a fee paid to an
accomplice who mines is money gone like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from chains.model import Address, AssetId, NetworkId, Payment
from chains.networks import all_networks
from signer.policy.document import WindowLimit
from signer.wire import Action, MalformedMessage, Mandate


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at. `fee_max` is in base units of `native`, the network's own asset."""

    client: str
    vault: str
    network: NetworkId
    native: AssetId
    action: Action
    initiator: str
    outputs: tuple[Payment, ...]
    fee_max: int
    requested_at: datetime
    expires_at: datetime

    @property
    def totals(self) -> dict[AssetId, int]:
        """What is paid in all, by asset, without the fee."""
        totals: dict[AssetId, int] = {}
        for output in self.outputs:
            totals[output.asset] = totals.get(output.asset, 0) + output.amount
        return totals


class Window(NamedTuple):
    """Names one rolling sum: what left `vault` in the last `seconds`, in `asset`, to `destination`
    or (None) to anybody, fees included."""

    vault: str
    asset: AssetId
    destination: Address | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a window holds already: base units, and how many transfers paid the asset."""

    amount: int
    count: int


def facts_of(mandate: Mandate) -> Facts:
    """Raises MalformedMessage for a network that does not exist."""
    network = all_networks().get(mandate.network)
    if network is None:
        raise MalformedMessage("unknown network")
    return Facts(
        client=mandate.client,
        vault=mandate.vault,
        network=mandate.network,
        native=network.native.id,
        action=mandate.action,
        initiator=mandate.initiator,
        outputs=mandate.outputs,
        fee_max=mandate.fee_max,
        requested_at=mandate.requested_at,
        expires_at=mandate.expires_at,
    )


def windows_of(limit: WindowLimit, facts: Facts) -> Iterator[tuple[Window, Usage]]:
    """The sums that `limit` looks at, with what this transfer would add to each."""
    paid = [output for output in facts.outputs if output.asset == limit.asset]
    fee = facts.fee_max if limit.asset == facts.native else 0
    if not limit.per_destination:
        if paid or fee:
            window = Window(facts.vault, limit.asset, None, limit.seconds)
            total = sum(output.amount for output in paid) + fee
            yield window, Usage(total, 1 if paid else 0)
        return
    for destination in dict.fromkeys(output.address for output in paid):
        window = Window(facts.vault, limit.asset, destination, limit.seconds)
        total = sum(output.amount for output in paid if output.address == destination)
        yield window, Usage(total, 1)


class Spend(NamedTuple):
    """One thing that leaves a vault with a transfer. `destination` is None for the fee."""

    transfer: str
    vault: str
    asset: AssetId
    destination: Address | None
    amount: int
    at: datetime

    def fits(self, window: Window) -> bool:
        """Whether `window` counts it, its age aside."""
        return (
            self.vault == window.vault
            and self.asset == window.asset
            and window.destination in (None, self.destination)
        )


def spends_of(facts: Facts, transfer: str, at: datetime) -> tuple[Spend, ...]:
    """What a transfer signed at `at` adds to the windows after it."""
    paid: dict[tuple[AssetId, Address], int] = {}
    for output in facts.outputs:
        key = output.asset, output.address
        paid[key] = paid.get(key, 0) + output.amount
    payments = tuple(
        Spend(transfer, facts.vault, asset, address, total, at)
        for (asset, address), total in paid.items()
    )
    return (*payments, Spend(transfer, facts.vault, facts.native, None, facts.fee_max, at))


def usage_of(spends: Iterable[Spend], window: Window, now: datetime) -> Usage:
    """What `window` holds at `now`: everything younger than its length."""
    after = now - timedelta(seconds=window.seconds)
    inside = [spend for spend in spends if spend.at > after and spend.fits(window)]
    paying = {spend.transfer for spend in inside if spend.destination is not None}
    return Usage(sum(spend.amount for spend in inside), len(paying))
