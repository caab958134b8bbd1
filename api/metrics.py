"""Figures for Prometheus, read from the database when they are asked for.

So they are the same whichever process is asked, and a process that only works (`custody worker`)
needs no port. Of the requests each process tells its own. With a key, because they tell of the
inside: Prometheus sends one by `authorization: {credentials_file: …}`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from time import perf_counter

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from api.auth import Reader, check_of_the_house
from api.context import NodesDependency, ServicesDependency
from api.following import stall_now, statuses
from api.nodes import NodeMonitor, NodeState
from chains.model import InternalCredits, NetworkId
from custody.alarms.codes import AlarmCode
from custody.alarms.repository import open_counts
from custody.audit.proof_repository import oldest as proofs_wanted
from custody.db.reconcile_tables import ReconciliationRow
from custody.following.progress import FollowStatus
from custody.reconcile.report import Verdict
from custody.reconcile.report_repository import newest
from custody.services import Services
from custody.transfers.repository import open_by_state
from custody.transfers.state import TERMINAL, State
from custody.vaults.repository import count_frozen
from custody.workers.repository import backlog
from signer.client import SignerError

router = APIRouter()


class _Read(Collector):
    """Figures that were read already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(
    request: Request, caller: Reader, services: ServicesDependency, nodes: NodesDependency
) -> Response:
    """Every code has its line, also while no alarm of it is open. Needs a key that is bound to no
    client."""
    check_of_the_house(caller)
    async with services.custody.database.read() as session:
        counts = await open_counts(session)
        frozen = await count_frozen(session)
        followed = await statuses(session)
        waiting = await backlog(session)
        underway = await open_by_state(session)
        compared = await newest(session, services.custody.networks)
        unproven = await proofs_wanted(session)
    alarms = GaugeMetricFamily("custody_alarms_open", "Alarms that are open.", labels=["code"])
    for code in AlarmCode:
        alarms.add_metric([code.value], counts.get(code, 0))
    vaults = GaugeMetricFamily("custody_vaults_frozen", "Vaults that nothing leaves.", value=frozen)
    families = [
        alarms,
        vaults,
        *_followers(services, followed),
        *_waiting(
            services,
            waiting,
            ("custody_outbox_rows", "Signatures and broadcasts to do."),
            ("custody_outbox_oldest_seconds", "How long the oldest of them waits; 0 for none."),
        ),
        *_underway(services, underway),
        *_compared(services, compared),
        *_waiting(
            services,
            unproven,
            ("custody_proofs_wanted", "Final transactions without a proof."),
            ("custody_proofs_oldest_seconds", "How long the oldest of them is final; 0 for none."),
        ),
        *await _peers(services, nodes),
    ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(families))
    text = generate_latest(registry) + generate_latest(request.app.state.requests.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _waiting(
    services: Services,
    found: Mapping[str, tuple[int, datetime]],
    number: tuple[str, str],
    age: tuple[str, str],
) -> Iterator[GaugeMetricFamily]:
    """What workers have to do on each network that is served here: how many, and how long the
    oldest waits. `number`, `age`: name and words of each figure."""
    rows = GaugeMetricFamily(*number, labels=["network"])
    oldest = GaugeMetricFamily(*age, labels=["network"])
    now = services.custody.clock()
    for network in services.custody.networks.values():
        waiting, since = found.get(network.id, (0, now))
        rows.add_metric([network.alias], waiting)
        oldest.add_metric([network.alias], max(0.0, (now - since).total_seconds()))
    yield from (rows, oldest)


def _underway(
    services: Services, found: Mapping[tuple[str, str], tuple[int, datetime]]
) -> Iterator[GaugeMetricFamily]:
    """Transfers that have not ended, by state."""
    names = ["network", "state"]
    rows = GaugeMetricFamily("custody_transfers_open", "Transfers in this state.", labels=names)
    oldest = GaugeMetricFamily(
        "custody_transfers_oldest_seconds",
        "How long ago the oldest of them was asked for; 0 for none.",
        labels=names,
    )
    now = services.custody.clock()
    for network in services.custody.networks.values():
        for state in (each for each in State if each not in TERMINAL | {State.REQUESTED}):
            number, since = found.get((network.id, state), (0, now))
            rows.add_metric([network.alias, state], number)
            oldest.add_metric([network.alias, state], max(0.0, (now - since).total_seconds()))
    yield from (rows, oldest)


def _compared(
    services: Services, found: Mapping[NetworkId, ReconciliationRow]
) -> Iterator[GaugeMetricFamily]:
    """Of each network whose ledger was compared with its chain."""
    age = GaugeMetricFamily(
        "custody_reconciliation_age_seconds",
        "How long ago all vaults were compared with the chain last.",
        labels=["network"],
    )
    balances = GaugeMetricFamily(
        "custody_reconciliation_balances",
        "What that comparison found, by verdict.",
        labels=["network", "verdict"],
    )
    now = services.custody.clock()
    for network in services.custody.networks.values():
        row = found.get(network.id)
        if row is not None and row.ended_at is not None:
            age.add_metric([network.alias], max(0.0, (now - row.ended_at).total_seconds()))
            for verdict in Verdict:
                balances.add_metric([network.alias, verdict], getattr(row, verdict) or 0)
    yield from (age, balances)


async def _peers(services: Services, nodes: NodeMonitor) -> Iterable[GaugeMetricFamily]:
    """Whether those answer on whom we depend."""
    signer = GaugeMetricFamily("custody_signer_up", "1 while the signer answers.")
    unlocked = GaugeMetricFamily("custody_signer_unlocked", "1 while it can sign.")
    latency = GaugeMetricFamily(
        "custody_signer_answer_seconds", "How long the signer took to answer just now."
    )
    began = perf_counter()
    try:
        status = await services.custody.signer.status()
    except SignerError:
        signer.add_metric([], 0)
        unlocked.add_metric([], 0)
    else:
        latency.add_metric([], perf_counter() - began)
        signer.add_metric([], 1)
        unlocked.add_metric([], int(not status.locked))
    reachable = GaugeMetricFamily(
        "custody_node_up", "1 while the network's node answers.", labels=["network"]
    )
    age = GaugeMetricFamily(
        "custody_node_answer_age_seconds", "How old its last answer is.", labels=["network"]
    )
    views, now = await nodes.views(), services.custody.clock()
    for network in services.custody.networks.values():
        view = views[network.id]
        reachable.add_metric([network.alias], int(view.state is NodeState.REACHABLE))
        if view.answered_at is not None:
            age.add_metric([network.alias], (now - view.answered_at).total_seconds())
    return signer, unlocked, latency, reachable, age


def _followers(
    services: Services, followed: Mapping[NetworkId, FollowStatus]
) -> Iterator[GaugeMetricFamily]:
    """Of each network that is served here. A network that nobody has followed yet is stalled and
    has no other figure."""

    def gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"custody_follower_{name}", words, labels=["network", *labels])

    blocks = gauge("blocks_behind", "Blocks that the node has and we have not applied.")
    seconds = gauge("seconds_behind", "Seconds since we last stood at the node's tip.")
    stalled = gauge("stalled", "1 while there is no progress.")
    internal = gauge("internal_credits", "1 for whether what contracts pay is seen.", "state")
    now = services.custody.clock()
    for network in services.custody.networks.values():
        status = followed.get(network.id)
        stalled.add_metric([network.alias], int(stall_now(status, network, now) is not None))
        if status is None:
            continue
        for family, figure in (
            (blocks, status.blocks_behind),
            (seconds, status.seconds_behind(now)),
        ):
            if figure is not None:
                family.add_metric([network.alias], figure)
        for state in InternalCredits:
            internal.add_metric([network.alias, state], int(status.internal_credits is state))
    yield from (blocks, seconds, stalled, internal)
