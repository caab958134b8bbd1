"""Pays what people agreed to: one transaction for each transfer that is approved. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chains.costs import Costs
from chains.effects import Pay
from chains.model import Address, NetworkId
from custody.transactions.outcomes import Later
from signer.agreement import Purpose


@dataclass(frozen=True, slots=True)
class Waiting:
    """An approved transfer that nothing was built for, as it is now. `version`: of the terms that
    were agreed; `effects`, `costs_max`, `source_path`, `source_address`, `expires_at` are theirs.
    `account`: the vault's. `frozen`: nothing may leave the vault. `not_yet`: what the policy says
    to wait for."""

    transfer: str
    version: int
    network: NetworkId
    vault: str
    account: int
    source_path: str
    source_address: Address | None
    effects: tuple[Pay, ...]
    costs_max: Costs
    expires_at: datetime
    frozen: bool
    not_yet: Later | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction to build: for which transfers, what it does and the most that it may cost.
    `replaces`: the transaction whose place it takes. What it takes for itself, coins or a nonce, is
    the adapter's to choose, because only a node knows what is free."""

    purpose: Purpose
    transfers: tuple[Waiting, ...]
    effects: tuple[Pay, ...]
    costs_max: Costs
    replaces: str | None = None

    @property
    def first(self) -> Waiting:
        """Network, vault and source are the same for all."""
        return self.transfers[0]


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why nothing is built for a transfer yet."""

    transfer: str
    later: Later


def plan(waiting: Iterable[Waiting], now: datetime) -> Sequence[Plan | NotYet]:
    """What to build, in the order given, or why not yet."""
    return [_plan(each, now) for each in waiting]


def _plan(each: Waiting, now: datetime) -> Plan | NotYet:
    if each.frozen:
        return NotYet(each.transfer, Later("vault_frozen"))
    if each.expires_at <= now:
        return NotYet(each.transfer, Later("expired"))
    if each.not_yet is not None:
        return NotYet(each.transfer, each.not_yet)
    return Plan(Purpose.PAY, (each,), each.effects, each.costs_max)
