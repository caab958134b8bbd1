"""Compares one network with the ledger: every few minutes, and when somebody asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import structlog

from chains.networks import Network
from custody.db.leases import Leases
from custody.db.session import Database
from custody.reconcile import report_repository as reports
from custody.reconcile.report import Cause, Wanted
from custody.reconcile.service import Reconciliation

ASKED_S: Final = 2.0
"""How often is looked for reports that somebody asked for."""

log = structlog.get_logger()


class ReconcileWorker:
    """One for each network and process: a slow one makes no other wait."""

    def __init__(
        self,
        database: Database,
        leases: Leases,
        reconciliation: Reconciliation,
        network: Network,
        interval_s: float,
    ) -> None:
        self._database = database
        self._leases = leases
        self._reconciliation = reconciliation
        self._network = network
        self._interval_s = interval_s
        self._due_clock: float | None = None
        """Kept over failures: a report that can't be made must not put the others off."""

    async def run(self) -> None:
        clock = asyncio.get_running_loop()
        if self._due_clock is None:
            self._due_clock = clock.time() + self._interval_s
        while True:
            await asyncio.sleep(max(0.0, min(ASKED_S, self._due_clock - clock.time())))
            if clock.time() >= self._due_clock:
                self._due_clock = clock.time() + self._interval_s
                await self._compare(Wanted(Cause.INTERVAL))
            await self.make_asked()

    async def make_asked(self) -> None:
        """The oldest report that somebody waits for. Whoever died over one left it open."""
        async with self._database.look() as look:
            row = await reports.asked(look, self._network.id)
        if row is not None:
            await self._compare(Wanted(Cause.ASKED, row.asked_by, row.vault_id, row.id))

    async def _compare(self, wanted: Wanted) -> None:
        async with self._leases.hold(f"reconcile:{self._network.id}") as lease:
            if lease is not None:
                report, lines = await self._reconciliation.check_network(self._network, wanted)
                counts = Counter(line.verdict.value for line in lines)
                log.info(
                    "reconciled",
                    network=self._network.id,
                    report=report,
                    lines=len(lines),
                    **counts,
                )
