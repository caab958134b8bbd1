"""The services of one process, wired from the connections that `bootstrap` opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chains.families import CODECS, Codecs
from custody.approvals.service import Approvals
from custody.audit.bundling import Bundling
from custody.bootstrap import Custody
from custody.feeds.waiting import FeedWatch
from custody.journal.watch import JournalWatch
from custody.ledger.service import Ledger
from custody.log.bundles import BundleLog
from custody.log.reading import LogReader
from custody.payouts.service import PayoutFiles
from custody.policies.source import PolicySource
from custody.provider.asks import Asks
from custody.quarantine.service import Desk
from custody.reconcile.service import Reconciliation
from custody.reconcile.unfreezing import Unfreezing
from custody.transfers.duplicates import Duplicates
from custody.transfers.renewal import Renewal
from custody.transfers.service import Transfers
from custody.transfers.versions import Versions
from custody.vaults.service import Vaults


@dataclass(frozen=True, slots=True)
class Services:
    """What the API and the workers call."""

    custody: Custody
    ledger: Ledger
    policies: PolicySource
    vaults: Vaults
    transfers: Transfers
    versions: Versions
    renewal: Renewal
    approvals: Approvals
    reconciliation: Reconciliation
    unfreezing: Unfreezing
    journal: JournalWatch
    feed: FeedWatch
    payout_files: PayoutFiles
    held: Desk
    bundling: Bundling
    log: LogReader
    asks: Asks


def make_services(
    custody: Custody, wake: Callable[[], None] = lambda: None, *, families: Codecs = CODECS
) -> Services:
    """`wake`: told that there is work, where there are workers to wake. `families`: also those
    without a node here, to say whose an address is."""
    ledger = Ledger(custody.clock)
    reconciliation = Reconciliation(
        custody.database, ledger, custody.networks, custody.adapters, custody.clock
    )
    policies = PolicySource(custody.signer)
    log = LogReader(custody.database, custody.settings.log_origin)
    logging = BundleLog(custody.database, log, len(custody.settings.log_witnesses))
    approvals = Approvals(
        database=custody.database,
        ledger=ledger,
        policies=policies,
        clock=custody.clock,
        wake=wake,
    )
    transfers = Transfers(
        database=custody.database,
        ledger=ledger,
        policies=policies,
        codecs=custody.codecs,
        adapters=custody.adapters,
        catalogue=custody.catalogue,
        families=families,
        clock=custody.clock,
        lifetime=custody.settings.transfer_lifetime,
        duplicates=Duplicates(custody.settings.duplicate_window),
        wake=wake,
    )
    return Services(
        custody=custody,
        ledger=ledger,
        policies=policies,
        vaults=Vaults(custody.database, custody.signer, custody.codecs, custody.clock),
        transfers=transfers,
        versions=Versions(
            database=custody.database,
            ledger=ledger,
            policies=policies,
            clock=custody.clock,
            wake=wake,
        ),
        renewal=Renewal(
            database=custody.database,
            ledger=ledger,
            policies=policies,
            clock=custody.clock,
            wake=wake,
        ),
        journal=JournalWatch(custody.database, custody.signer, custody.clock),
        feed=FeedWatch(custody.database),
        payout_files=PayoutFiles(custody.database, custody.clock, wake),
        approvals=approvals,
        asks=Asks(
            database=custody.database,
            transfers=transfers,
            approvals=approvals,
            clock=custody.clock,
            lifetime=custody.settings.rpc_lifetime,
        ),
        reconciliation=reconciliation,
        held=Desk(
            ledger=ledger,
            catalogue=custody.catalogue,
            minimums=custody.minimums,
            four_eyes=custody.settings.quarantine_four_eyes,
        ),
        bundling=Bundling(custody.database, custody.signer, custody.catalogue, logging),
        log=log,
        unfreezing=Unfreezing(custody.database, ledger, reconciliation, custody.clock),
    )
