"""Which routes there are: the one list, for the application and for its description."""

from __future__ import annotations

from fastapi import APIRouter

from api import health, metrics
from api.v1 import (
    addresses,
    alarms,
    approvals,
    assets,
    audit,
    balances,
    clients,
    deposits,
    estimates,
    events,
    exports,
    fees,
    freezes,
    networks,
    transfers,
    vaults,
)


def routes() -> APIRouter:
    """All routes, those of /v1 and those without a key."""
    v1 = APIRouter(prefix="/v1")
    for module in (
        networks,
        fees,
        assets,
        clients,
        vaults,
        addresses,
        balances,
        events,
        deposits,
        transfers,
        estimates,
        approvals,
        alarms,
        freezes,
        exports,
        audit,
    ):
        v1.include_router(module.router)
    every = APIRouter()
    every.include_router(v1)
    every.include_router(health.router)
    every.include_router(metrics.router)
    return every
