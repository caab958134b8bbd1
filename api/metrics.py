"""Figures for Prometheus, read from the database when they are asked for.

So they are the same whichever process is asked, and a process that only works (`custody worker`)
needs no port. With a key, because they tell of the inside: Prometheus sends one by
`authorization: {credentials_file: …}`.
"""

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from api.auth import Reader, check_of_the_house
from api.context import ServicesDependency
from custody.alarms.codes import AlarmCode
from custody.alarms.repository import open_counts
from custody.vaults.repository import count_frozen

router = APIRouter()


class _Read(Collector):
    """Figures that were read already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(caller: Reader, services: ServicesDependency) -> Response:
    """Every code has its line, also while no alarm of it is open. Needs a key that is bound to no
    client."""
    check_of_the_house(caller)
    async with services.custody.database.read() as session:
        counts = await open_counts(session)
        frozen = await count_frozen(session)
    alarms = GaugeMetricFamily("custody_alarms_open", "Alarms that are open.", labels=["code"])
    for code in AlarmCode:
        alarms.add_metric([code.value], counts.get(code, 0))
    vaults = GaugeMetricFamily("custody_vaults_frozen", "Vaults that nothing leaves.", value=frozen)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read([alarms, vaults]))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
