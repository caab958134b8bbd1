"""Why a boundary of a worker is none of a payment's, for each that is not: who dies there leaves
nothing of a payment half done. What has no reason here, a payment has to meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tests.kills.worker import NODE, SIGNER

_LEASE: Final = "a lease's own commit: another leads within seconds"
_TOLD: Final = "a figure or an alarm for people"
REASONS: Final = {
    "commit workers.workers.": _LEASE,
    "commit workers.network.NetworkWorker.follow": _LEASE,
    "commit workers.feeds.": _LEASE,
    "commit workers.coins.": _LEASE,
    "commit workers.gas.": _LEASE,
    "commit workers.moves.": _LEASE,
    "commit workers.payouts.": _LEASE,
    "commit workers.refills.": _LEASE,
    "commit workers.reconciling.": _LEASE,
    "commit workers.sweeps.": _LEASE,
    "commit workers.clocks.": _TOLD,
    "commit workers.nodewatch.": _TOLD,
    "commit workers.signerwatch.": _TOLD,
    "commit workers.cataloguewatch.": _TOLD,
    "commit following.reporting.": _TOLD,
    "commit journal.checkpoints.": "the signer's log is compared, whoever is paid",
    "commit reconcile.": "a comparison, whoever is paid",
    "commit restraints.": "what issuers let nobody move is asked by a clock",
    "commit feeds.": "numbers are given again by whoever leads next, in the same order",
    "commit workers.outbox.Outbox.renew": "only while a step takes longer than its claim stands",
    "commit transfers.renewal.": "only after a new policy",
    "commit transactions.doubts.": "only while blocks of its life were not read",
    "signer policy": "asked by a clock; a payment goes by what was told last",
    "signer consider": "only where somebody approves",
    "node statuses": "what became of it is read from our own blocks; comparisons ask",
    "node prices": "asked for clients who look at fees",
}


def reason(label: str) -> str | None:
    """None: a payment has to meet it."""
    what = label.partition(" ")[2]
    return next((why for start, why in REASONS.items() if what.startswith(start)), None)


def never_met(labels: Iterable[str]) -> Iterator[str]:
    """Questions that are trapped and that nobody has asked."""
    met = set(labels)
    for kind, names in (("node", NODE), ("signer", SIGNER)):
        yield from (f"{kind} {name}" for name in names if f"before {kind} {name}" not in met)
