"""Which routes there are: the one list, for the application and for its description."""

from __future__ import annotations

from fastapi import APIRouter

from api import health, log, metrics
from api.rpc import http, script, socket
from api.v1 import (
    addresses,
    alarms,
    allowances,
    approvals,
    assets,
    audit,
    balances,
    calls,
    clients,
    coin_moves,
    contract_stops,
    deposits,
    entries,
    estimates,
    events,
    evidence,
    exports,
    fee_caps,
    fees,
    foreign_debits,
    freezes,
    gas,
    logged,
    messages,
    networks,
    pauses,
    payout_files,
    quarantine_rules,
    reconciliations,
    refills,
    rpc_tokens,
    sweeps,
    transfers,
    unlisted,
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
        entries,
        events,
        deposits,
        quarantine_rules,
        foreign_debits,
        unlisted,
        transfers,
        messages,
        calls,
        allowances,
        payout_files,
        estimates,
        approvals,
        alarms,
        freezes,
        reconciliations,
        fee_caps,
        gas,
        sweeps,
        coin_moves,
        refills,
        pauses,
        contract_stops,
        exports,
        audit,
        evidence,
        logged,
        rpc_tokens,
        http,
        script,
        socket,
    ):
        v1.include_router(module.router)
    every = APIRouter()
    every.include_router(v1)
    every.include_router(health.router)
    every.include_router(metrics.router)
    every.include_router(log.router)
    return every
