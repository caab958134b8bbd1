"""One line in the log and one figure for each request: what was asked by whom, and how it went.

The line names the route, not the path, and never the query: addresses, references and cursors are
nobody's business who reads logs. Bodies and headers are never logged.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final

import structlog
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

UNKNOWN: Final = "unknown"
"""Route or method where there is none: what strangers send must not become labels."""
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

log = structlog.get_logger()


class RequestFigures:
    """Of one process, since it started."""

    def __init__(self) -> None:
        self._templates: dict[object, str] | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "custody_http_requests",
            "Requests that were answered by this process.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "custody_http_request_seconds",
            "How long this process took to answer.",
            ["method", "route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def template(self, scope: Scope) -> str:
        """`/v1/transfers/{transfer_id}`, once the request has found its route."""
        if self._templates is None:
            every = iter_route_contexts(scope["app"].routes)
            self._templates = {each.endpoint: str(each.path) for each in every}
        return self._templates.get(scope.get("endpoint"), UNKNOWN)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class Watched:
    """One request under way. `status`: what was answered, 500 until something is: an exception that
    nobody foresaw is answered outside."""

    def __init__(self, scope: Scope, figures: RequestFigures) -> None:
        self._scope = scope
        self._figures = figures
        self._began = perf_counter()
        self.status = 500

    def end(self) -> None:
        """Tell it. The id of the request and of its API key are bound to the log's context."""
        seconds = perf_counter() - self._began
        method = self._scope["method"] if self._scope["method"] in _METHODS else UNKNOWN
        route = self._figures.template(self._scope)
        self._figures.count(method, route, self.status, seconds)
        words: dict[str, Any] = {
            "method": method,
            "route": route,
            "status": self.status,
            "ms": round(seconds * 1000, 1),
        }
        (log.error if self.status >= 500 else log.info)("request", **words)
